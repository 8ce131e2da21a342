"""Whatever a DataFrame holds is learnt and saved, or refused by name."""

import contextlib
import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import TabularGANSynthesizer
from synthgan.exceptions import SynthganError
from tests.frames import frames


def refusal(model, frame):
    """Fit and sample; return the error's text if the table is refused, as one may be."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fake = model.fit(frame).sample(2)
    except (SynthganError, ValueError, TypeError) as error:
        return str(error)
    assert list(fake.columns) == list(frame.columns)
    assert len(fake) == 2
    # What is learnt can be saved, or its warning came before training.
    with tempfile.TemporaryDirectory() as folder:
        try:
            model.save(f"{folder}/m")
        except SynthganError:
            assert any("can be used, but not saved" in str(one.message) for one in caught)
    return None


OF_THE_WHOLE = ("too few rows", "no columns", "occur more than once", "string names")


def names_what_is_wrong(text, frame):
    naming = ("column {!r}", "column names must be strings or numbers; got {!r}")
    of_a_column = any(words.format(name) in text for words in naming for name in frame.columns)
    return of_a_column or any(words in text for words in OF_THE_WHOLE)


@settings(max_examples=30)
@given(frames(min_rows=2, max_rows=30), st.sampled_from([None, "any"]))
@pytest.mark.filterwarnings("ignore::synthgan.exceptions.SynthganWarning")
def test_any_table_is_learnt_or_refused_by_name(frame, told):
    model = TabularGANSynthesizer(condition_on=told, max_steps=1, random_state=0)
    text = refusal(model, frame)
    assert text is None or names_what_is_wrong(text, frame)


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.tuples(st.integers(0, 2)),
    st.lists(st.integers(0, 2), max_size=2),
    st.just(pd.NA),
    st.just(pd.Period("2020-01")),
    st.just(pd.Interval(0, 1)),
    st.just(object()),
)
ODD_NAMES = st.one_of(
    st.text(max_size=3),
    st.integers(0, 5),
    st.floats(0, 1),
    st.booleans(),
    st.none(),
    st.dates(),
    st.tuples(st.text(max_size=1)),
)
ODD_DTYPES = (None, "category", "string", "boolean", "Int64", "UInt64", "float32", "datetime64[s]")


@st.composite
def odd_frames(draw):
    """Draw a table of anything: mixed types in a column, names of any type, twice the same."""
    n_rows = draw(st.integers(0, 12))
    names = draw(st.lists(ODD_NAMES, max_size=3))
    columns = []
    for _ in names:
        pool = draw(st.lists(ODD, min_size=1, max_size=3))
        picks = draw(st.lists(st.sampled_from(pool), min_size=n_rows, max_size=n_rows))
        values = np.empty(n_rows, dtype=object)
        values[:] = picks
        column = pd.Series(values)
        dtype = draw(st.sampled_from(ODD_DTYPES))
        with contextlib.suppress(Exception):  # what pandas cannot convert stays an object
            column = column.infer_objects() if dtype is None else column.astype(dtype)
        columns.append(column)
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(n_rows))
    frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    return frame


@settings(max_examples=40)
@given(odd_frames())
@pytest.mark.filterwarnings("ignore::synthgan.exceptions.SynthganWarning")
def test_any_odd_table_is_learnt_or_refused_by_name(frame):
    text = refusal(TabularGANSynthesizer(max_steps=1, random_state=0), frame)
    assert text is None or names_what_is_wrong(text, frame)
