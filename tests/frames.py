"""Strategies: tables of mixed dtypes as people have them."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=0, max_size=6
)
_INT64 = st.integers(-(2**62), 2**62)
_FLOAT = st.floats(-1e300, 1e300)
_DAY_US = 86_400_000_000


def _series(values, missing, dtype):
    return pd.Series(
        [None if gone else v for v, gone in zip(values, missing, strict=True)], dtype=dtype
    )


@st.composite
def columns(draw, n_rows, kinds=None):
    """Draw one column as a Series."""
    kind = draw(st.sampled_from(kinds or list(COLUMN_KINDS)))
    elements, dtype, nullable = COLUMN_KINDS[kind]
    if callable(dtype):
        dtype = draw(dtype())
    pool = draw(st.lists(elements, min_size=1, max_size=max(1, n_rows)))
    picks = draw(st.lists(st.sampled_from(pool), min_size=n_rows, max_size=n_rows))
    gone = st.booleans() if nullable and draw(st.booleans()) else st.just(False)
    missing = draw(st.lists(gone, min_size=n_rows, max_size=n_rows))
    if isinstance(dtype, pd.CategoricalDtype):
        picks = [dtype.categories[hash(str(p)) % len(dtype.categories)] for p in picks]
    return _series(picks, missing, dtype)


@st.composite
def _categories(draw):
    levels = draw(st.lists(_TEXT, min_size=1, max_size=5, unique=True))
    return pd.CategoricalDtype(levels, ordered=draw(st.booleans()))


_TIMES = st.integers(-(2**52), 2**52)
COLUMN_KINDS = {
    "float": (_FLOAT, "float64", True),
    "decimal": (st.integers(-(10**6), 10**6).map(lambda i: i / 100), "float64", True),
    "float32": (st.floats(allow_nan=False, allow_infinity=False, width=32), "float32", True),
    "Float64": (_FLOAT, "Float64", True),
    "int64": (_INT64, "int64", False),
    "small int": (st.integers(-9, 9), "int8", False),
    "Int64": (_INT64, "Int64", True),
    "bool": (st.booleans(), "bool", False),
    "boolean": (st.booleans(), "boolean", True),
    "object": (_TEXT, "object", True),
    "string": (_TEXT, "string", True),
    "category": (_TEXT, lambda: _categories(), True),
    "datetime": (_TIMES.map(lambda t: pd.Timestamp(t, unit="us")), "datetime64[us]", True),
    "nanoseconds": (
        st.integers(0, 2**60).map(lambda t: pd.Timestamp(t, unit="ns")),
        "datetime64[ns]",
        True,
    ),
    "day": (
        st.integers(-9000, 30_000).map(lambda d: pd.Timestamp(d * _DAY_US, unit="us")),
        "datetime64[us]",
        True,
    ),
    "zoned": (
        st.integers(0, 2**50).map(lambda t: pd.Timestamp(t, unit="us", tz="Europe/Madrid")),
        "datetime64[us, Europe/Madrid]",
        True,
    ),
    "timedelta": (_TIMES.map(lambda t: pd.Timedelta(t, unit="us")), "timedelta64[us]", True),
}


@st.composite
def frames(draw, min_rows=1, max_rows=12, max_columns=4, kinds=None):
    """Draw a table with unicode names."""
    n_rows = draw(st.integers(min_rows, max_rows))
    names = draw(st.lists(_TEXT, min_size=1, max_size=max_columns, unique=True))
    index = draw(st.sampled_from(["range", "integer", "string"]))
    frame = pd.DataFrame({name: draw(columns(n_rows, kinds)) for name in names})
    if index == "integer":
        frame.index = pd.Index(np.arange(n_rows) * 3 + 7)
    elif index == "string":
        frame.index = pd.Index([f"person {i}" for i in range(n_rows)])
    return frame
