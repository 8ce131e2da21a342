"""Tables whose columns cannot be compared are refused by every measure, by name."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest

from synthgan import metrics
from synthgan.exceptions import DataError
from synthgan.metrics.tables import check_tables

pytestmark = pytest.mark.usefixtures("few_trees")

RNG = np.random.default_rng(0)
N = 60
OTHERS = ("image_", "Score", "make_scorer")
MEASURES = [
    name
    for name in metrics.__all__
    if callable(getattr(metrics, name)) and not name.startswith(OTHERS)
]


def table():
    return pd.DataFrame(
        {"x": RNG.normal(size=N), "k": RNG.integers(0, 5, N), "s": RNG.choice(["a", "b"], N)}
    )


REAL, FAKE, HOLDOUT = table(), table(), table()


def call(name, real, fake, holdout=HOLDOUT):
    measure = getattr(metrics, name)
    given = {"holdout": holdout, "target": "s", "secret": "s"}
    takes = inspect.signature(measure).parameters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return measure(real, fake, **{key: x for key, x in given.items() if key in takes})


def infinite(frame, sign=1):
    return frame.assign(x=np.where(np.arange(N) == 3, sign * np.inf, frame["x"]))


@pytest.mark.parametrize("name", MEASURES)
def test_infinite_numbers(name):
    with pytest.raises(DataError, match="column 'x' of the fake table holds 1 infinite value"):
        call(name, REAL, infinite(FAKE))
    with pytest.raises(DataError, match="column 'x' of the real table holds 1 infinite value"):
        call(name, infinite(REAL, -1), FAKE)


@pytest.mark.parametrize("name", MEASURES)
def test_numbers_beside_the_same_numbers_as_text(name):
    message = "'k' holds numbers in the real table and text in the fake table; one kind is needed"
    with pytest.raises(DataError, match=message):
        call(name, REAL.assign(k=5), FAKE.assign(k="5"))
    message = "'k' holds text in the real table and numbers in the fake table"
    with pytest.raises(DataError, match=message):
        call(name, REAL.assign(k=REAL["k"].astype(str)), FAKE)


SAME = {
    "booleans as numbers": (REAL["k"] > 2, (FAKE["k"] > 2).astype(int)),
    "floats": (REAL["k"], FAKE["k"].astype(float)),
    "objects": (REAL["k"], FAKE["k"].astype(object)),
    "categories": (REAL["k"].astype("category"), FAKE["k"]),
    "text": (REAL["s"].astype(object), FAKE["s"].astype("category")),
    "nothing": (REAL["k"], pd.Series([None] * N, dtype=object)),
}
OTHER = {
    "booleans as text": (REAL["k"] > 2, (FAKE["k"] > 2).astype(str)),
    "categories": (REAL["k"].astype("category"), FAKE["k"].astype(str).astype("category")),
    "dates": (pd.to_datetime(REAL["k"]), pd.to_datetime(FAKE["k"]).astype(str)),
    "durations": (pd.to_timedelta(REAL["k"]), FAKE["k"]),
}


@pytest.mark.parametrize("name", SAME)
def test_one_kind_in_several_dtypes(name):
    real, fake = SAME[name]
    assert check_tables(real=real.to_frame("v"), fake=fake.to_frame("v"))


@pytest.mark.parametrize("name", OTHER)
def test_several_kinds(name):
    real, fake = OTHER[name]
    with pytest.raises(
        DataError, match=r"column 'v' holds .* in the real table and .* in the fake"
    ):
        check_tables(real=real.to_frame("v"), fake=fake.to_frame("v"))
