"""Tables of a trial: drugs that are listed at each visit, and periods of treatment without gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthgan
from synthgan import Relation, RelationalGANSynthesizer

pytestmark = pytest.mark.filterwarnings("ignore::synthgan.exceptions.SynthganWarning")

RELATIONS = [
    Relation("drugs", "id", "people", order="date"),
    Relation("periods", "id", "people", order="begin"),
]
DAY = pd.Timedelta(days=1)


def trial(n: int = 60) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    codes = [f"P{i:03d}" for i in rng.permutation(n)]
    people = pd.DataFrame({"id": codes, "sex": rng.choice(["f", "m"], n)})
    drugs, periods = [], []
    for code in codes:
        begin = pd.Timestamp("2020-01-01") + DAY * int(rng.integers(500))
        date, listed, number = begin, [], 0
        for visit in range(rng.integers(2, 6)):
            listed = [one for one in listed if rng.random() > 0.1]
            for _ in range(rng.integers(1, 4) if visit == 0 else int(rng.random() < 0.3)):
                name = rng.choice(["iron", "aspirin", "calcium", f"rare {rng.integers(1000)}"])
                since = date - DAY * int(rng.integers(1, 2000))
                listed.append((name, round(rng.uniform(1, 90), 1), since))
            for one in listed:
                number += 1
                drugs.append((code, number, f"visit {visit}", date, *one))
            date += DAY * int(rng.integers(5, 9))
        for _ in range(rng.integers(1, 4)):
            end = begin + DAY * int(rng.integers(5, 60))
            periods.append((code, begin, end, rng.choice(["low", "high"])))
            begin = end + DAY
    names = ["id", "number", "visit", "date", "drug", "dose", "since"]
    return {
        "people": people,
        "drugs": pd.DataFrame(drugs, columns=names),
        "periods": pd.DataFrame(periods, columns=["id", "begin", "end", "arm"]),
    }


@pytest.fixture(scope="module")
def model() -> RelationalGANSynthesizer:
    return RelationalGANSynthesizer(RELATIONS, epochs=2, random_state=0).fit(trial())


@pytest.fixture(scope="module")
def drugs(model: RelationalGANSynthesizer) -> pd.DataFrame:
    return model.sample(40, random_state=0)["drugs"]


def test_rows_of_a_time_have_one_visit(drugs: pd.DataFrame) -> None:
    assert (drugs.groupby(["id", "date"])["visit"].nunique() == 1).all()


def test_rows_are_numbered(drugs: pd.DataFrame) -> None:
    for numbers in drugs.groupby("id")["number"].apply(sorted):
        assert numbers == list(range(1, len(numbers) + 1))


def test_drugs_are_listed_again_with_their_doses_and_first_days(drugs: pd.DataFrame) -> None:
    item = ["drug", "dose", "since"]
    times = [set(map(tuple, t[item].to_numpy())) for _, t in drugs.groupby(["id", "date"])]
    owners = [code for (code, _), _ in drugs.groupby(["id", "date"])]
    again = [
        len(now & before)
        for (code, now), (other, before) in zip(
            list(zip(owners, times, strict=True))[1:], zip(owners, times, strict=True), strict=False
        )
        if code == other
    ]
    assert np.mean(again) > 0.5  # no dose is made twice by chance
    copied = drugs[drugs.duplicated(["id", *item])]
    assert (~copied["drug"].isin(["iron", "aspirin", "calcium"])).any()  # rare names, too
    assert (drugs["since"] < drugs["date"]).all()


def test_groups_are_in_the_order_of_the_columns(model: RelationalGANSynthesizer) -> None:
    columns = list(trial()["drugs"])
    for group in model.models_["drugs"].repeats_.groups:
        places = [columns.index(name) for name in group.columns]
        assert places == sorted(places)  # whatever the order of sets in this process


def test_periods_of_treatment_have_no_gaps(model: RelationalGANSynthesizer) -> None:
    periods = model.sample(40, random_state=1)["periods"]
    before = periods.groupby("id")["end"].shift(1)
    later = before.notna()
    assert later.sum() > 20
    assert (periods["begin"] - before)[later].eq(DAY).all()


def test_archives(model: RelationalGANSynthesizer, tmp_path: Path) -> None:
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan").sample(5, random_state=2)
    for name, frame in model.sample(5, random_state=2).items():
        pd.testing.assert_frame_equal(again[name], frame)
