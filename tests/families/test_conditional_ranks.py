"""Rows as ranks among what is possible in them."""

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import ArchiveError
from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.privacy import Support


def make(n=1200, seed=0):
    """Return rows that follow from what is known: doses by age, lengths of stay by diagnosis."""
    rng = np.random.default_rng(seed)
    known = pd.DataFrame(
        {"parent: age": rng.uniform(20, 90, n), "parent: sex": rng.choice(["f", "m"], n)}
    )
    old = known["parent: age"].to_numpy() > 60
    diagnosis = np.where(rng.random(n) < np.where(old, 0.8, 0.1), "hip", "flu")
    days = rng.gamma(4, np.where(diagnosis == "hip", 3.0, 0.7))
    rows = pd.DataFrame(
        {
            "diagnosis": diagnosis,
            "days": pd.to_timedelta(np.rint(days * 1440), unit="min"),
            "cost": np.round((900 + 600 * days) * np.exp(0.1 * rng.normal(size=n)), 2),
            "drugs": pd.array(rng.poisson(1 + 2 * old), dtype="Int64"),
            "noise": rng.normal(size=n),
            "ward": pd.Categorical(np.where(diagnosis == "hip", "surgery", "general")),
            "urgent": pd.array(rng.random(n) < np.where(old, 0.9, 0.2), dtype="boolean"),
        }
    )
    rows.loc[::9, "cost"] = np.nan
    rows.loc[::7, "urgent"] = pd.NA
    return rows, known


@pytest.fixture(scope="module")
def fitted():
    rows, known = make()
    return rows, known, *ConditionalRanks.fit(rows, known, Support(5, np.arange(len(rows))))


def test_only_what_is_predicted_becomes_ranks(fitted):
    rows, _, made, ranks = fitted
    assert set(made.columns) >= {"diagnosis", "days", "cost", "ward", "urgent", "drugs"}
    assert "noise" not in made.columns
    assert ranks["noise"].equals(rows["noise"])


def test_ranks_are_even_whatever_is_known(fitted):
    _rows, known, made, ranks = fitted
    old = (known["parent: age"] > 60).to_numpy()
    for name in made.columns:
        values = ranks[name].dropna()
        assert values.between(0, 1).all()
        for some in (old, ~old):
            assert abs(ranks[name][some].mean() - 0.5) < 0.05, name


def restored(made, ranks, known):
    """Return the rows of ranks, those of labels among them."""
    return made.restore(made.learnt(ranks), made.read(known), ranks[list(made.drawn)].to_numpy())


def test_round_trip(fitted):
    rows, known, made, ranks = fitted
    again = restored(made, ranks, known)[list(rows)]
    kinds = rows.dtypes.replace({rows["ward"].dtype: np.dtype(object)})  # categories follow later
    assert [str(kind) for kind in again.dtypes] == [str(kind) for kind in kinds]
    for name in ("diagnosis", "ward", "urgent"):
        assert again[name].astype(object).equals(rows[name].astype(object))
    assert (again["drugs"] == rows["drugs"]).mean() > 0.9
    assert (again["drugs"] - rows["drugs"]).abs().max() <= 4  # at the ends of what is possible
    assert again["cost"].isna().equals(rows["cost"].isna())
    assert (again["cost"] / rows["cost"] - 1).abs().quantile(0.95) < 0.02
    assert (again["days"] / rows["days"] - 1).abs().quantile(0.95) < 0.05


def test_even_ranks_give_rows_like_the_learnt_ones(fitted):
    rows, _, made, ranks = fitted
    _, known = make(seed=1)
    rng = np.random.default_rng(0)
    drawn = pd.DataFrame({name: rng.random(len(known)) for name in ranks})
    drawn["noise"] = rng.normal(size=len(known))
    got = restored(made, drawn, known)
    old, was_old = (table["parent: age"] > 60 for table in (known, fitted[1]))
    assert (got["diagnosis"] == "hip")[old].mean() == pytest.approx(0.8, abs=0.06)
    assert (got["diagnosis"] == "hip")[~old].mean() == pytest.approx(0.1, abs=0.05)
    assert ((got["diagnosis"] == "hip") == (got["ward"] == "surgery")).mean() > 0.98
    for diagnosis in ("hip", "flu"):
        wanted = rows["days"][rows["diagnosis"] == diagnosis].mean()
        assert got["days"][got["diagnosis"] == diagnosis].mean() / wanted == pytest.approx(
            1, abs=0.1
        )
    days = got["days"] / pd.Timedelta(days=1)
    factor = np.log(got["cost"] / (900 + 600 * days))
    assert factor.std() < 0.2
    assert got["urgent"].isna().mean() == pytest.approx(1 / 7, abs=0.03)
    assert got["urgent"].fillna(False)[old].mean() > got["urgent"].fillna(False)[~old].mean() + 0.3
    assert got["drugs"][old].mean() - got["drugs"][~old].mean() == pytest.approx(2, abs=0.4)
    assert was_old.any()


def test_no_number_of_a_person_is_stored(fitted):
    rows, _, made, _ = fitted
    stored = np.concatenate([array.ravel() for array in made.to_state()[1].values()])
    assert np.isin(rows["cost"].dropna(), stored).sum() <= 2  # a mean may be one by chance


def test_labels_of_too_few_people_are_not_stored():
    rows, known = make(600)
    people = np.arange(600)
    rows.loc[:19, "diagnosis"] = "rare"
    rows["ward"] = rows["ward"].cat.add_categories("rarest")
    rows.loc[:3, "ward"] = "rarest"
    rows.loc[:3, "cost"] = 1e9
    people[:20] = 0
    made, _ranks = ConditionalRanks.fit(rows, known, Support(5, people))
    assert "rare" not in str(made.to_state()[0])
    assert "diagnosis" not in made.columns  # 3 % of the rows would lose their label
    assert "ward" in made.columns
    moments = made.columns["cost"].moments
    assert moments[0] < 20_000  # the sum tells nothing of the largest value


def test_calibrated_ranks(fitted):
    rows, known, made, ranks = fitted
    skewed = ranks.copy()
    for name in set(made.columns) - set(made.drawn):
        skewed[name] = ranks[name] ** 2
    made.calibrate(skewed)
    again = restored(made, skewed, known)
    assert (again["diagnosis"] == rows["diagnosis"]).mean() > 0.97
    assert (again["cost"] / rows["cost"] - 1).abs().median() < 0.02
    made.calibrate(skewed.iloc[:100])  # too few
    assert not made.knots


def test_archives(fitted):
    rows, known, made, ranks = fitted
    made.calibrate(ranks)
    record, arrays = made.to_state()
    again = ConditionalRanks.from_state(record, arrays, list(known), list(rows))
    pd.testing.assert_frame_equal(restored(again, ranks, known), restored(made, ranks, known))
    with pytest.raises(ArchiveError, match="other columns"):
        ConditionalRanks.from_state(record, arrays, ["other"], list(rows))
    with pytest.raises(ArchiveError, match="unknown array"):
        ConditionalRanks.from_state(
            record, {**arrays, "99.knots": rows["noise"]}, list(known), list(rows)
        )
    key = next(key for key in arrays if key.endswith("quantiles"))
    with pytest.raises(ArchiveError, match="not ascending"):
        ConditionalRanks.from_state(record, {**arrays, key: -arrays[key]}, list(known), list(rows))
    made.calibrate(ranks.iloc[:1])


def test_no_rows_and_nothing_known():
    rows, known = make(30)
    made, ranks = ConditionalRanks.fit(rows, known.iloc[:, :0], Support(5, np.arange(30)))
    assert not made.columns
    assert ranks.equals(rows)
    none = restored(made, ranks.iloc[:0], known.iloc[:0, :0])
    assert len(none) == 0


def test_many_people_need_none():
    rows, known = make(1300)
    made, ranks = ConditionalRanks.fit(rows, known, Support(5, np.arange(1300)))
    assert not made.columns
    assert ranks is rows
    again = ConditionalRanks.from_state(*made.to_state(), list(known), list(rows))
    assert restored(again, rows, known).equals(rows)


def test_rows_that_decide_nothing_do_not_count():
    rows, known = make()
    rng = np.random.default_rng(1)
    decides = rng.random(len(rows)) < 0.6
    # The others have the diagnoses of other rows, as where a row copies the one before it.
    rows.loc[~decides, "diagnosis"] = rng.permutation(rows["diagnosis"])[: (~decides).sum()]
    support = Support(5, np.arange(len(rows)))
    old = known["parent: age"].to_numpy() > 60

    def hips(**parameters):
        made, ranks = ConditionalRanks.fit(rows, known, support, **parameters)
        is_hip = restored(made, ranks.assign(diagnosis=rng.random(len(rows))), known)["diagnosis"]
        is_hip = is_hip == "hip"
        return is_hip[old].mean() - is_hip[~old].mean()

    truth = (rows["diagnosis"] == "hip")[decides & old].mean()
    truth -= (rows["diagnosis"] == "hip")[decides & ~old].mean()
    assert abs(hips(decided={"diagnosis": decides}) - truth) < 0.08
    assert hips() < truth - 0.15  # what the others have is taken for a share
    made, ranks = ConditionalRanks.fit(rows, known, support, decided={"diagnosis": decides})
    assert ranks["diagnosis"].between(0, 1).all()
    assert abs(ranks["diagnosis"][~decides & old].mean() - 0.5) < 0.06
    drawn = ranks.assign(cost=np.where(decides, 0.25, 0.75))
    made.calibrate(drawn, {"cost": decides})
    assert made.knots["cost"][0].max() == 0.25


def test_labels_are_drawn_and_not_learnt(fitted):
    rows, known, made, ranks = fitted
    assert {"diagnosis", "ward", "urgent"} <= set(made.drawn)
    learnt = made.learnt(ranks)
    assert {*learnt} == {*rows} - {*made.drawn}
    rng = np.random.default_rng(0)
    one, other = (made.restore(learnt, made.read(known), made.draw(len(rows), rng)) for _ in "ab")
    assert not one["diagnosis"].equals(other["diagnosis"])
    assert (one["diagnosis"] == "hip").mean() == pytest.approx(
        (rows["diagnosis"] == "hip").mean(), abs=0.04
    )
    assert ((one["diagnosis"] == "hip") == (one["ward"] == "surgery")).mean() > 0.98
    labels = rows[["diagnosis", "ward"]]
    alone, ranks = ConditionalRanks.fit(labels, known, Support(5, np.arange(len(rows))))
    assert set(alone.drawn) == {*labels}
    assert {*alone.learnt(ranks)} == {*labels}  # a generator needs something to learn
    assert not set(made.drawn) & set(made.knots)
    record, arrays = made.to_state()
    for drawn in (["cost"], ["other"], ["noise"]):
        with pytest.raises(ArchiveError, match="other columns"):
            ConditionalRanks.from_state({**record, "drawn": drawn}, arrays, list(known), list(rows))
    older = {name: part for name, part in record.items() if name != "drawn"}
    assert ConditionalRanks.from_state(older, arrays, list(known), list(rows)).drawn == ()
