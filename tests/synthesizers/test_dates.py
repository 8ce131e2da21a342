"""Dates, times and amounts on a lattice, learnt by a whole model."""

import numpy as np
import pandas as pd
import pytest

from synthgan import TabularGANSynthesizer, load

N = 600
pytestmark = pytest.mark.filterwarnings("ignore::synthgan.exceptions.SynthganWarning")


@pytest.fixture(scope="module")
def visits():
    rng = np.random.default_rng(0)
    days = pd.DatetimeIndex(rng.choice(pd.bdate_range("2022-01-03", "2023-12-29"), N))
    seen = days + pd.to_timedelta(15 * rng.integers(9 * 4, 17 * 4 + 1, N), unit="min")
    noon = pd.Timestamp("2020-01-01 12:00") + pd.to_timedelta(rng.integers(0, 900, N), unit="D")
    return pd.DataFrame(
        {
            "seen": seen,
            "written": seen.strftime("%d/%m/%Y %H:%M"),
            "noon": noon,
            "paid": 500 * np.rint(rng.lognormal(4, 1, N)).astype(int),
            "x": rng.normal(size=N),
        }
    ).assign(seen=lambda frame: frame["seen"].where(frame["x"] < 1))


@pytest.fixture(scope="module")
def model(visits):
    parameters = {"max_steps": 30, "condition_on": "any", "constraints": [], "random_state": 0}
    return TabularGANSynthesizer(**parameters).fit(visits)


def is_open(dates):
    return (dates.dt.day_of_week < 5) & dates.dt.hour.between(9, 17) & (dates.dt.minute % 15 == 0)


def test_generated_dates_and_amounts_lie_on_their_lattices(model, visits):
    fake = model.sample(2000)
    assert fake.dtypes.equals(visits.dtypes)
    assert 0.05 < fake["seen"].isna().mean() < 0.3
    assert is_open(fake["seen"].dropna()).all()
    assert is_open(pd.to_datetime(fake["written"], format="%d/%m/%Y %H:%M")).all()
    assert (fake["noon"].dt.hour == 12).all()
    assert (fake["paid"] % 500 == 0).all()


def test_a_model_of_split_dates_is_saved(model, tmp_path):
    model.save(tmp_path / "m.synthgan")
    again = load(tmp_path / "m.synthgan")
    assert again.sample(50, random_state=1).equals(model.sample(50, random_state=1))


@pytest.mark.parametrize(
    "wanted",
    [
        {"seen": ("2022-03-01", "2022-03-10")},
        {"seen": "2022-03-01 10:15"},
        {"seen": ["2022-03-01 10:15", "2023-03-01 16:45"]},
        {"seen": ("2022-03-01 09:00", "2022-03-01 10:00"), "paid": (20_000, 40_000)},
        {"written": ("01/03/2022 00:00", "10/03/2022 23:59")},
    ],
)
def test_conditions_on_parts_of_dates(model, wanted):
    fake = model.sample(20, conditions=wanted)
    name = next(iter(wanted))
    dates = pd.to_datetime(fake[name], dayfirst=name == "written")
    texts = wanted[name] if isinstance(wanted[name], tuple | list) else [wanted[name]]
    ends = pd.to_datetime(list(texts), dayfirst=name == "written")
    assert dates.between(ends[0], ends[-1]).all()
    assert is_open(dates).all()
    assert len(fake) == 20
