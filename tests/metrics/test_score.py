import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.exceptions import DataError
from synthgan.metrics import Score, column_shapes, pair_trends
from tests.frames import frames

MEASURES = [column_shapes, pair_trends]


@pytest.mark.parametrize("measure", MEASURES)
@given(frames(min_rows=1, max_rows=30))
def test_a_table_is_like_itself(measure, frame):
    score = measure(frame, frame)
    assert isinstance(score, Score)
    assert score.higher_is_better
    if len(score.detail):
        assert score.value == pytest.approx(1.0)
        assert score.value == pytest.approx(score.detail["value"].mean())
    else:
        assert np.isnan(score.value)


@pytest.mark.parametrize("measure", MEASURES)
@given(frames(min_rows=4, max_rows=30), st.randoms(use_true_random=False))
def test_bounded_and_blind_to_order(measure, frame, random):
    rows = [random.randrange(len(frame)) for _ in range(len(frame))]
    columns = random.sample(list(frame.columns), len(frame.columns))
    fake = frame.iloc[rows]
    score = measure(frame, fake)
    if len(score.detail):
        assert 0 <= score.value <= 1 + 1e-9
        assert score.detail["value"].between(-1e-9, 1 + 1e-9).all()
    shuffled = measure(frame.iloc[::-1][columns], fake.iloc[::-1])
    assert shuffled.value == pytest.approx(score.value, nan_ok=True)


@pytest.fixture(scope="module")
def linked():
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    return pd.DataFrame(
        {"x": x, "y": x + 0.3 * rng.normal(size=4000), "high": x > 0.5, "noise": rng.random(4000)}
    )


def test_shuffled_columns_keep_shapes_and_lose_trends(linked):
    rng = np.random.default_rng(1)
    shuffled = linked.apply(lambda column: rng.permutation(column))
    assert column_shapes(linked, shuffled).value == pytest.approx(1.0)
    detail = pair_trends(linked, shuffled).detail.set_index(["first", "second"])["value"]
    assert detail["x", "y"] == pytest.approx(0.52, abs=0.03)
    assert detail["x", "high"] < 0.7
    assert detail["x", "noise"] > 0.97


def test_worse_fakes_score_lower(linked):
    rng = np.random.default_rng(1)
    noisy = [linked.assign(x=linked["x"] + s * rng.normal(size=4000)) for s in (0, 0.3, 1, 3)]
    for measure in MEASURES:
        values = [measure(linked, fake).value for fake in noisy]
        assert values == sorted(values, reverse=True)
        assert values[0] - values[-1] > 0.05


def test_renaming_levels_changes_nothing(linked):
    rng = np.random.default_rng(1)
    real = linked.assign(sex=rng.choice(["f", "m"], 4000))
    fake = linked.assign(sex=rng.choice(["f", "m"], 4000, p=[0.7, 0.3]))
    names = {"f": "zebra", "m": "ant"}
    for measure in MEASURES:
        renamed = measure(
            real.assign(sex=real["sex"].map(names)), fake.assign(sex=fake["sex"].map(names))
        )
        assert renamed.value == pytest.approx(measure(real, fake).value)


def test_shared_edges_see_a_shift():
    # Edges of each table's own would call these the same.
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=2000), "g": rng.random(2000) < 0.5})
    fake = real.assign(x=real["x"] * 10 + 50)
    assert pair_trends(real, fake).value < 0.3


def test_missing_values_count():
    real = pd.DataFrame({"x": np.arange(100.0), "s": ["a"] * 100})
    gaps = real.assign(x=real["x"].where(real["x"] % 2 == 0), s=["a", None] * 50)
    detail = column_shapes(real, gaps).detail["value"]
    assert detail["x"] == pytest.approx(0.5, abs=0.03)
    assert detail["s"] == pytest.approx(0.5)
    nothing = real.assign(x=np.nan)
    assert column_shapes(real, nothing).detail["value"]["x"] == 0


def test_levels_of_one_side_only():
    real, fake = pd.DataFrame({"s": ["a", "b"]}), pd.DataFrame({"s": ["c", "c"]})
    assert column_shapes(real, fake).value == 0
    ints, floats = pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [1.0, 2.0]})
    assert column_shapes(ints, floats).value == 1
    assert column_shapes(ints, ints.astype("Int64")).value == 1


def test_bad_input(linked):
    with pytest.raises(DataError, match=r"lacks the columns \['high', 'noise'\]"):
        column_shapes(linked, linked[["x", "y"]])
    with pytest.raises(DataError, match="the fake table has no rows"):
        pair_trends(linked, linked[:0])


MEASURES_ALONE = """
import importlib, pkgutil, sys, synthgan.metrics
for module in pkgutil.walk_packages(synthgan.metrics.__path__, "synthgan.metrics."):
    importlib.import_module(module.name)
import synthgan.report
sys.exit(any(name == "torch" or name.startswith("synthgan.gan") for name in sys.modules))
"""


def test_measures_load_neither_torch_nor_the_gan():
    assert subprocess.run([sys.executable, "-c", MEASURES_ALONE], check=False).returncode == 0
