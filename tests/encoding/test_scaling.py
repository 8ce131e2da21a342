import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synthgan.encoding.scaling import from_levels, learn_limits, level_step, to_levels
from synthgan.exceptions import ParameterError
from synthgan.synthesizers.recipes import THYROID_LIMITS

floats = st.floats(-1e300, 1e300)


@given(
    st.lists(floats, min_size=2, max_size=30),
    st.sampled_from([0, 1]),
    st.sampled_from(["floor", "round"]),
)
def test_round_trip_is_within_a_step(values, first, rounding):
    values = np.array(values)
    low, high = learn_limits(values)
    assume(high - low > 1e-300)
    levels = to_levels(values, low, high, first, rounding)
    assert levels.min() >= first
    back = from_levels(levels, low, high, first, rounding)
    assert back.min() >= low
    assert back.max() <= high
    step = level_step(low, high, first)
    worst = np.abs(back - values).max()
    assert worst <= step * (1 if rounding == "floor" else 0.5) * (1 + 1e-9) + 1e-300


def test_equation_6_1_and_6_2():
    x = np.array([0.0, 0.25, 0.5, 1.0])
    assert to_levels(x, 0, 1).tolist() == [1, 64, 128, 255]
    assert to_levels(x, 0, 1, lowest_cell=0).tolist() == [0, 63, 127, 255]
    assert to_levels(x, 0, 1, rounding="round").tolist() == [1, 64, 128, 255]
    assert to_levels(np.array([-9.0, 9.0]), 0, 1).tolist() == [1, 255]


def test_table_6_2_is_eq_6_1_rounded():
    # First row of thesis Table 4.1 and the levels that Table 6.2 prints for it.
    row = {"Age": 0.73, "TSH": 0.0006, "T3": 0.015, "TT4": 0.12, "T4U": 0.082, "FTI": 0.146}
    levels = [
        to_levels(np.array([x]), *THYROID_LIMITS[name], rounding="round")[0]
        for name, x in row.items()
    ]
    assert [int(level) for level in levels] == [192, 9, 70, 104, 77, 143]


def test_limits():
    x = np.arange(101.0)
    assert learn_limits(x, 0.01) == (1.0, 99.0)
    assert learn_limits(x, (-2, 2)) == (-2.0, 2.0)
    for wrong in ("max", 0.7, (2, 1), (1, 2, 3), None):
        with pytest.raises(ParameterError, match=r"limits=.* is not allowed"):
            learn_limits(x, wrong)
