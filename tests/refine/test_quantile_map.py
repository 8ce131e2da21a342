"""Numbers of a generator are mapped to the quantiles of real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgan import TabularGANSynthesizer, load
from synthgan.exceptions import ArchiveError
from synthgan.privacy import Support
from synthgan.refine.quantile_map import QuantileMap


def narrow(n: int, seed: int) -> np.ndarray:
    """Shares that rarely come near 0 or 1, of two columns."""
    return np.random.default_rng(seed).beta([2.0, 3.0], 2.0, (n, 2))


def test_mapped_shares_have_the_real_quantiles() -> None:
    real = np.random.default_rng(0).random((5000, 2))
    fitted = QuantileMap.fit(real, narrow(20_000, 1))
    other = narrow(20_000, 2)
    made = fitted(torch.from_numpy(other)).numpy()
    at = [0.001, 0.003, 0.01, 0.1, 0.5, 0.9, 0.99, 0.997, 0.999]
    assert np.quantile(made, at, axis=0) == pytest.approx(np.quantile(real, at, axis=0), abs=0.015)
    assert (other > 0.997).mean() < 0.0005
    assert (made > 0.997).mean() == pytest.approx(0.003, abs=0.0015)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(0, 3))
def test_the_map_ascends_and_stays_within_0_and_1(values: list[float], seed: int) -> None:
    fitted = QuantileMap.fit(np.round(narrow(200, seed), 1), narrow(300, seed + 9))
    x = np.sort(values)
    made = fitted(torch.from_numpy(np.column_stack([x, x]))).numpy()
    assert (np.diff(made, axis=0) >= -1e-9).all()
    assert ((made >= 0) & (made <= 1)).all()


def test_columns_of_too_few_values_stay_as_they_are() -> None:
    real = narrow(200, 0)
    real[:180, 0] = np.nan
    fitted = QuantileMap.fit(real, narrow(200, 1))
    x = torch.linspace(0, 1, 9, dtype=torch.float64)[:, None].repeat(1, 2)
    assert torch.allclose(fitted(x)[:, 0], x[:, 0], atol=1e-6)
    assert not torch.allclose(fitted(x)[:, 1], x[:, 1])


def test_no_knot_is_of_few_people() -> None:
    real, people = narrow(300, 0)[:, :1], np.arange(300) // 30
    fitted = QuantileMap.fit(real, narrow(300, 1)[:, :1], Support(20, people))
    assert fitted.to.tolist() == [[0, 1]]
    fitted = QuantileMap.fit(real, narrow(300, 1)[:, :1], Support(20))
    assert fitted.to.shape == (1, 17)
    assert not np.isin(fitted.to[0, 1:-1], real).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {**a, "at": a["at"][:, ::-1]}, "do not ascend from 0 to 1"),
        (lambda a: {**a, "to": a["to"][:, :-1]}, "inconsistent sizes"),
        (lambda a: {"at": a["at"]}, "the quantiles"),
        (lambda a: {**a, "to": a["to"] * np.nan}, "the quantiles"),
    ],
)
def test_broken_archives_are_refused(change, message) -> None:
    arrays = QuantileMap.fit(narrow(200, 0), narrow(200, 1)).to_arrays()
    with pytest.raises(ArchiveError, match=message):
        QuantileMap.from_arrays(change(arrays), 2)


def test_samples_reach_the_tails_also_from_a_file(tmp_path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.lognormal(size=900), "y": rng.normal(size=900)})
    model = TabularGANSynthesizer(random_state=0, max_steps=30).fit(frame)
    assert model.quantile_map_ is not None
    sample = model.sample(900, random_state=1)
    top = frame.quantile(0.98)
    assert ((sample > top).mean() > 0.008).all()
    model.save(tmp_path / "m.synthgan")
    again = load(tmp_path / "m.synthgan")
    assert again.sample(900, random_state=1).equals(sample)
    plain = model.set_params(candidates=1).fit(frame)
    assert plain.quantile_map_ is None
