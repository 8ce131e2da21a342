import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.refine.grain import grain_power, noise_factor


def test_outlines_have_little_grain_and_noise_has_its_own():
    down, across = np.mgrid[:64, :64] / 20
    smooth = 100 + 50 * np.sin(down + 2 * across)
    noise = np.random.default_rng(0).normal(0, 5, (200, 64, 64))
    # The filter's weights squared add up to 36.
    assert grain_power(smooth + noise) == pytest.approx(36 * 25, rel=0.02)
    assert grain_power(smooth) < 1
    assert grain_power(np.full((2, 3, 3, 3), 255, np.uint8)) == 0


@given(st.floats(0, 1e4), st.floats(1, 1e4), st.floats(0.5, 2), st.floats(0.1, 0.9))
def test_the_factor_makes_up_for_what_is_missing(outlines, noise, factor, times):
    powers = (outlines + f**2 * noise for f in (factor, times, 1.0))
    wanted = factor if noise > 0.01 * (outlines + noise) else 1.0
    assert noise_factor(*powers, times) == pytest.approx(wanted, rel=1e-3)


def test_there_are_bounds():
    assert noise_factor(0.0, 10.0, 10.0, 0.5) == 1.0
    assert noise_factor(1000.0, 2.5, 10.0, 0.5) == 2.0
    assert noise_factor(0.0, 2.5, 10.0, 0.5) == 0.5
