"""Which rows are equal, and which are drawn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan.metrics.privacy.predicates import Predicates, to_ranks
from synthgan.metrics.privacy.rows import draw_rows, row_keys
from synthgan.metrics.tables import encode
from tests.frames import frames

PLAIN = ["decimal", "small int", "bool", "object", "category", "day", "Int64"]


def same(a, b):
    """Tell whether two columns of one value each are equal as rows."""
    ours, theirs = row_keys(pd.DataFrame({"x": a}), pd.DataFrame({"x": b}))
    return bool(ours[0] == theirs[0])


# --- equal rows


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (pd.Series([1]), pd.Series([1.0]), True),
        (pd.Series([1], dtype="Int64"), pd.Series([True]), True),
        (pd.Series([1]), pd.Series(["1"]), False),
        (pd.Series([0.0]), pd.Series([-0.0]), True),
        (pd.Series([0.1], dtype="float32"), pd.Series([0.1]), True),
        (pd.Series([0.1]), pd.Series([0.1000001]), False),
        (pd.Series(["a"]), pd.Series(["a"], dtype="category"), True),
        (pd.Series(["a"], dtype="string"), pd.Series(pd.Categorical(["a"], ["b", "a"])), True),
        (pd.Series([None], dtype=object), pd.Series([np.nan]), True),
        (pd.Series([pd.NA], dtype="Int64"), pd.Series([np.nan]), True),
        (pd.Series([None], dtype=object), pd.Series(["None"]), False),
        (pd.Series(pd.to_datetime(["2024-05-01"])), pd.Series([pd.Timestamp("2024-05-01")]), True),
    ],
)
def test_equal_cells(a, b, equal):
    assert same(a, b) is equal
    # the same on a scale: a column of many values
    if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
        many = pd.Series(np.arange(1.0, 30.0))
        ours = pd.DataFrame({"x": pd.concat([many, a.astype("float64")], ignore_index=True)})
        if a.dtype == np.float32:
            ours = ours.astype("float32")
        theirs = pd.DataFrame({"x": b})
        keys = row_keys(ours, theirs)
        assert bool(keys[0][-1] == keys[1][0]) is equal


@given(frames(min_rows=2, max_rows=20, kinds=PLAIN), st.randoms(use_true_random=False))
def test_keys_are_equal_where_rows_are(frame, random):
    rows = [random.randrange(len(frame)) for _ in range(len(frame))]
    keys, others = row_keys(frame, frame.iloc[rows])
    np.testing.assert_array_equal(keys[rows], others)
    assert len(np.unique(keys)) == len(frame.astype(object).drop_duplicates())


def test_columns_are_distinguished():
    ours, theirs = row_keys(pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"a": [2], "b": [1]}))
    assert ours[0] != theirs[0]


# --- rows that are drawn


@pytest.fixture
def numbers():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=3000), "s": rng.choice(list("abc"), 3000)})


def draw(most, **tables):
    rng = np.random.default_rng(0)
    return draw_rows(rng, dict.fromkeys(("real", "fake", "holdout"), most), **tables)


def test_of_a_row_and_its_copy_both_are_drawn(numbers):
    rng = np.random.default_rng(1)
    other = numbers.assign(x=rng.normal(size=3000))
    rows = draw(
        300, real=numbers, fake=numbers.sample(frac=1, random_state=0).astype({"s": "category"}),
        holdout=other,
    )  # fmt: skip
    np.testing.assert_array_equal(rows.tables["real"], rows.tables["fake"])
    assert rows.note == (
        "Drawn at random: 300 of 3000 real rows, 300 of 3000 fake rows, 300 of 3000 holdout rows."
    )
    real = numbers.iloc[rows.positions["real"]]
    np.testing.assert_array_equal(real["x"], rows.tables["real"][:, rows.columns.index("x")])


def test_nothing_hangs_on_the_order_of_rows_and_columns(numbers):
    turned = numbers.sample(frac=1, random_state=0)[["s", "x"]]
    for most in (300, 5000):
        rows = [draw(most, real=frame, fake=numbers) for frame in (numbers, turned)]
        np.testing.assert_array_equal(rows[0].tables["real"], rows[1].tables["real"])
    assert rows[0].note == ""
    assert not np.array_equal(rows[0].positions["real"], np.arange(3000))


def test_compared_tables_are_cut_to_the_same_rows(numbers):
    rows = draw(5000, real=numbers, fake=numbers[:1000], holdout=numbers[:40])
    assert {name: len(x) for name, x in rows.tables.items()} == {
        "real": 40, "fake": 1000, "holdout": 40,
    }  # fmt: skip
    assert rows.note == "Drawn at random: 40 of 3000 real rows."


@pytest.mark.parametrize("sizes", [(600, 600, 600), (600, 4000, 250), (3000, 400, 600)])
def test_chance_gives_real_and_holdout_as_many_twins_in_the_fake(sizes):
    """Independent rows of a population where many are equal."""
    gaps = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        tables = {
            name: pd.DataFrame({"a": rng.geometric(0.05, n), "b": rng.geometric(0.4, n)})
            for name, n in zip(("real", "fake", "holdout"), sizes, strict=True)
        }
        rows = draw_rows(rng, {"real": 100, "fake": 80, "holdout": 100}, **tables)
        keys = {name: x @ [1, 1000] for name, x in rows.tables.items()}
        shares = [np.isin(keys["fake"], keys[name]).mean() for name in ("real", "holdout")]
        gaps.append(shares[0] - shares[1])
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(len(gaps))


# --- predicates


@settings(max_examples=50)
@given(frames(min_rows=1, max_rows=15), st.integers(0, 2**32))
def test_whom_a_predicate_singles_out(frame, seed):
    rng = np.random.default_rng(seed)
    (table,), is_level = encode(frame)
    ranks, domain = to_ranks({"real": table}, is_level)
    ranks = ranks["real"]
    for i, values in enumerate(domain.values):
        present = ranks[:, i] > 0
        np.testing.assert_array_equal(values[ranks[present, i] - 1], table[present, i])
        assert (np.isnan(table[~present, i]) | (table[~present, i] == 0)).all()
    column = rng.integers(frame.shape[1], size=(30, 2))
    ends = np.sort(rng.integers(0, domain.top.max() + 1, size=(2, 30, 2)), axis=0)
    predicates = Predicates(column, *ends)
    expected = []
    for where, low, high in zip(column, *ends, strict=True):
        holds = np.flatnonzero(((ranks[:, where] >= low) & (ranks[:, where] <= high)).all(axis=1))
        expected.append(holds[0] if len(holds) == 1 else -1)
    np.testing.assert_array_equal(predicates.singled_out(ranks), expected)


def test_singled_out_in_a_large_table():
    ranks = np.concatenate([np.ones(12_000), [2], np.full(500, 3)]).astype(np.int32)[:, None]
    ends = np.array([[1], [2], [3], [4]])
    found = Predicates(np.zeros((4, 1), dtype=int), ends, ends).singled_out(ranks)
    assert found.tolist() == [-1, 12_000, -1, -1]


def test_doubles_are_kept_once():
    three = Predicates(*np.array([[[0, 1], [1, 0], [0, 2]], [[5, 6], [6, 5], [5, 6]]])[[0, 1, 1]])
    joined = Predicates.join([three, three])
    assert joined.column.tolist() == [[0, 1], [0, 2]]
