"""Bins of numbers: a number stays in its bin, wherever its place in there."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synthgan.encoding.groups import OFF, ON
from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.cells import ColumnCells
from synthgan.encoding.tables.codecs import QuantileCell
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.exceptions import ArchiveError, DataError


@st.composite
def codecs(draw, widths=(0.0, 0.5, 1.0, 20.0)):
    """Draw pieces that touch or have gaps between them, some of them atoms, joined to bins."""
    n = draw(st.integers(1, 12))
    widths = draw(st.lists(st.sampled_from(widths), min_size=n, max_size=n))
    gaps = draw(st.lists(st.sampled_from([0.0, 1.0, 300.0]), min_size=n, max_size=n))
    # An atom is no end of another piece.
    is_atom = np.array(widths) == 0
    gaps = np.maximum(gaps, 0.5 * (is_atom | np.append(False, is_atom[:-1])))
    start = draw(st.integers(-1000, 1000)) + np.cumsum(gaps + np.append(0.0, widths[:-1]))
    parts = np.array(draw(st.lists(st.integers(1, 50), min_size=n, max_size=n)))
    edges = np.append(np.append(0.0, np.cumsum(parts) / parts.sum())[:-1], 1.0)
    table = QuantileTable(edges, start, start + widths)
    inner = sorted(draw(st.sets(st.integers(1, n - 1), max_size=6))) if n > 1 else []
    return BinnedNumbers(QuantileCell(table), (0.0, *edges[inner].tolist(), 1.0))


shares = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


@given(codecs(), shares)
def test_what_is_decoded_lies_in_the_bin_of_the_number(codec, level):
    x = codec.inner.decode((OFF + (ON - OFF) * level)[:, None])
    cells, half_width = codec.encode(x)
    assert half_width is None
    assert cells.shape == (len(x), codec.n_cells)
    back = codec.decode(cells)
    low, high = codec.limits
    assert ((low <= back) & (back <= high)).all()
    bins = codec.bin_of(x)
    assert (codec.bin_of(back) == bins).all()
    if codec.bins is not None:
        assert (codec.bins.decode(cells[:, :-1]) == bins).all()


@given(codecs(), st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=5))
def test_wherever_the_place_the_bin_stays(codec, place):
    assert (codec.bin_of(each_bin_at(codec, place)) == bins_of(codec, place)).all()


TWELVE = np.arange(12.0)
OF_TWELVE = QuantileTable(np.arange(13) / 12, TWELVE, TWELVE)


@given(codecs(widths=(0.0,)))
@example(BinnedNumbers(QuantileCell(OF_TWELVE), (0.0, 1 / 12, 0.25, 1.0)))
def test_a_place_at_the_very_end_of_a_bin_of_single_numbers_is_in_it(codec):
    assert (codec.bin_of(each_bin_at(codec, [0.0, 1.0])) == bins_of(codec, [0.0, 1.0])).all()


def bins_of(codec, place):
    return np.repeat(np.arange(len(codec.borders) - 1), len(place))


def each_bin_at(codec, place):
    """Return the numbers at some places of each bin."""
    at, bins = bins_of(codec, place), codec.bins
    cells = OFF + (ON - OFF) * np.tile(place, len(codec.borders) - 1)[:, None]
    return codec.decode(cells if bins is None else np.hstack([bins.encode(at)[0], cells]))


@given(codecs())
def test_a_place_that_is_uniform_gives_the_learnt_distribution(codec):
    level = (np.arange(400) + 0.5) / 400
    x = codec.inner.decode((OFF + (ON - OFF) * level)[:, None])
    at = np.searchsorted(codec.borders, level, "right") - 1
    low, width = np.array(codec.borders)[at], np.diff(codec.borders)[at]
    place = OFF + (ON - OFF) * ((level - low) / width)[:, None]
    cells = place if codec.bins is None else np.hstack([codec.bins.encode(at)[0], place])
    assert np.allclose(codec.decode(cells), x, atol=1e-5)


@given(codecs())
def test_the_middle_is_the_median(codec):
    (middle,) = codec.decode(codec.middle()[None])
    # Both values are medians if as many numbers are above as below.
    low, high = codec.inner.decode((OFF + ON) / 2 + np.array([[-1e-6], [1e-6]]))
    assert low - 1e-6 <= middle <= high + 1e-6


@given(codecs(), st.integers(0, 99))
def test_numbers_are_drawn_of_the_distribution(codec, seed):
    low, high = codec.limits
    drawn = codec.draw(50, np.random.default_rng(seed))
    assert ((low <= drawn) & (drawn <= high)).all()
    some = codec.draw(20, np.random.default_rng(seed), None, (low, (low + high) / 2))
    assert (some <= (low + high) / 2).all()
    with pytest.raises(DataError, match="no value"):
        codec.draw(1, np.random.default_rng(seed), None, (high + 1, high + 2))


@given(codecs(), st.booleans())
def test_cells_survive_their_archive(codec, nullable):
    column = Column("x", kind="continuous", dtype="float64")
    cells = ColumnCells(column, codec, nullable)
    record, arrays = cells.to_state()
    back = ColumnCells.from_state(column, json.loads(json.dumps(record)), arrays)
    assert back.codec.borders == codec.borders
    for ours, theirs in zip(back.codec.inner.table, codec.inner.table, strict=True):
        assert np.array_equal(ours, theirs)
    n = codec.n_cells
    assert back.names == [
        *(f"x:bin{i}" for i in range(n - 1)),
        "x:place",
        *["x:present"] * nullable,
    ]
    assert [part.kind for part in codec.groups][-1] == "uniform"


def known(borders, inner=None):
    table = QuantileTable(np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    codec = BinnedNumbers(QuantileCell(table), (0.0, 0.5, 1.0)).to_dict()
    table = dict(codec["inner"]["table"]._asdict())
    record = {**codec, "borders": borders, "inner": {**codec["inner"], "table": table}}
    return record if inner is None else {**record, "inner": inner}


@pytest.mark.parametrize(
    "borders", [[0.0], [0.0, 0.5], [0.1, 1.0], [0.0, 0.7, 0.3, 1.0], [0.0, 0.5, 0.5, 1.0]]
)
def test_bins_of_a_file_fill_0_to_1(borders):
    assert BinnedNumbers.from_dict(known([0.0, 0.5, 1.0])).borders == (0.0, 0.5, 1.0)
    with pytest.raises(ArchiveError, match="codec BinnedNumbers has bins that do not fill 0 to 1"):
        BinnedNumbers.from_dict(known(borders))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (known([0.0, "half", 1.0]), "codec BinnedNumbers has borders="),
        (known([0.0, 2.0, 1.0]), "codec BinnedNumbers has borders="),
        (known([0.0, 1.0], {"name": "Constant", "levels": []}), "inner codec is 'Constant'"),
        ({"name": "BinnedNumbers", "borders": [0.0, 1.0]}, "codec BinnedNumbers lacks"),
    ],
)
def test_other_records_are_refused(record, message):
    with pytest.raises(ArchiveError, match=message):
        BinnedNumbers.from_dict(record)


def test_only_a_column_of_numbers_has_bins():
    record, arrays = ColumnCells(
        Column("x", kind="continuous", dtype="float64"),
        BinnedNumbers.from_dict(known([0.0, 0.5, 1.0])),
        False,
    ).to_state()
    with pytest.raises(ArchiveError, match="a string column cannot have the codec BinnedNumbers"):
        ColumnCells.from_state(Column("x", kind="string", dtype="str"), record, arrays)
