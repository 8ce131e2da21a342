import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from torch.utils.data import DataLoader

from synthgan import FCN, SampledRows, TabularGANSynthesizer
from synthgan.datasets import make_clinic
from synthgan.exceptions import DataError, ParameterError


@pytest.fixture(scope="module")
def model():
    clinic = make_clinic(60, random_state=0)[["age", "sex", "bmi"]]
    return TabularGANSynthesizer(network=FCN(width=4, depth=1), max_steps=2, candidates=1).fit(
        clinic
    )


def numbers(table):
    return table[["age", "bmi"]]


def rows_of(model, n_rows=50, **options):
    options = {"lot_size": 16, "transform": numbers, "random_state": 3, **options}
    return SampledRows(model, n_rows, **options)


@pytest.fixture(scope="module")
def expected(model):
    rows = rows_of(model)
    return torch.stack([rows[i] for i in range(50)])


def test_a_row_depends_on_seed_and_place_alone(model, expected):
    again = rows_of(model)
    order = np.random.default_rng(0).permutation(50)
    assert torch.equal(torch.stack([again[i] for i in order]), expected[order])
    assert torch.equal(rows_of(model, 20)[19], expected[19])
    assert torch.equal(again[-1], expected[-1])
    assert not torch.equal(rows_of(model, random_state=4)[0], expected[0])
    assert len(expected.unique(dim=0)) > 40  # lots differ
    with pytest.raises(IndexError, match="record 50 of 50"):
        again[50]


@pytest.mark.parametrize("n_workers", [0, 2])
def test_workers_give_the_same_rows(model, expected, n_workers):
    loader = DataLoader(rows_of(model), batch_size=8, num_workers=n_workers)
    assert torch.equal(torch.cat(list(loader)), expected)


def test_only_lots_that_are_asked_for_are_drawn(model):
    calls = []

    class Watched:
        def sample(self, n, random_state):
            calls.append(n)
            return model.sample(n, random_state=random_state)

    rows = rows_of(Watched(), 10**9)
    assert not calls
    assert len(rows) == 10**9
    rows[999_999_999], rows[999_999_998]
    assert calls == [16]


def test_targets_and_types(model, expected):
    x, y = rows_of(model, target="bmi", transform=lambda table: table[["age"]])[0]
    assert torch.equal(torch.stack([x[0], y]), expected[0])
    x, y = rows_of(model, target="age", transform=lambda table: table[["bmi"]])[0]
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    table = pl.DataFrame({"a": [1, 2, 3] * 10, "b": [0.5, 1.5] * 15})
    small = clone(model).fit(table)
    assert SampledRows(small, 5, random_state=0)[0].shape == (2,)
    array = clone(model).fit(table.to_numpy())
    assert SampledRows(array, 5, random_state=0)[0].shape == (2,)


def test_what_cannot_be_read_is_named(model):
    with pytest.raises(DataError, match=r"columns \['sex'\] hold no numbers"):
        SampledRows(model, 5)[0]
    with pytest.raises(DataError, match="target='height' is no column"):
        rows_of(model, target="height")[0]
    with pytest.raises(DataError, match="transform returned 3 records of 16"):
        rows_of(model, transform=lambda table: numbers(table).head(3))[0]
    with pytest.raises(DataError, match="records are of type"):
        rows_of(model, transform=lambda table: pd.Series(["a"] * len(table)))[0]
    with pytest.raises(ParameterError, match="lot_size=0 is not allowed"):
        SampledRows(model, 5, lot_size=0)
    with pytest.raises(ParameterError, match=r"n_rows=2\.5 is not allowed"):
        SampledRows(model, 2.5)
