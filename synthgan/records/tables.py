"""Containers of tables: every supported type becomes a DataFrame, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from synthgan.exceptions import ArchiveError, DataError
from synthgan.records.columns import arrow_type, check_spelled, plain_column, restore_column
from synthgan.state import fields
from synthgan.state.stored import Stored

__all__ = [
    "Container",
    "check_names",
    "count_axes",
    "numpy_dtype",
    "plain_conditions",
    "plain_table",
    "read_table",
    "to_frame",
]

_LIBRARIES = ("polars", "pyarrow")
_WIDEST = 256  # maximum characters of a fixed-width text dtype
_ENUM = "enum"  # of polars, among the types of a table
_NULLABLE_INTEGERS = [
    dtype()
    for dtype in (
        pd.Int8Dtype, pd.Int16Dtype, pd.Int32Dtype, pd.Int64Dtype,
        pd.UInt8Dtype, pd.UInt16Dtype, pd.UInt32Dtype, pd.UInt64Dtype,
    )
]  # fmt: skip


@dataclass(frozen=True)
class Container(Stored):
    """The container type of a table, with properties that a DataFrame does not have.

    Parameters
    ----------
    kind : {"pandas", "array", "polars", "pyarrow"}
        Library of the container.
    dtype : str or None
        dtype of an array; None otherwise.
    index : {"range", "integer", "string"}
        Kind of the row labels; `restore` makes new labels of that kind and never uses the old
        ones, which may identify a person.
    index_name, columns_name : str or None
        Names of the index and of the columns' index.
    arrow_fields : tuple of (str, str, bool)
        For a polars or pyarrow table: name of each column, its type as pyarrow writes it, and
        whether it may have missing values.
    arrow_metadata : tuple of (str, str)
        Not used: archives of format 1 may hold other metadata of the columns.
    uncommon : tuple of (int, str)
        Place and type of the columns that `plain_column` reads as another type.
    """

    _record_name = "container"

    kind: Annotated[str, fields.one_of("pandas", "array", *_LIBRARIES)] = "pandas"
    dtype: str | None = None
    index: Annotated[str, fields.one_of("range", "integer", "string")] = "range"
    index_name: str | None = None
    columns_name: str | None = None
    arrow_fields: tuple[tuple[str, str, bool], ...] = ()
    arrow_metadata: tuple[tuple[str, str], ...] = ()
    uncommon: tuple[tuple[Annotated[int, fields.whole(0)], str], ...] = field(
        default=(), metadata={"sparse": True}
    )

    def _check_record(self) -> None:
        for _, spelled in self.uncommon:
            check_spelled(spelled)
        if (self.dtype is None) != (self.kind != "array"):
            raise ArchiveError(f"container of kind {self.kind!r} has dtype {self.dtype}")
        if self.dtype is not None:
            numpy_dtype(self.dtype, "biufOMmUS")

    def restore(self, frame: pd.DataFrame) -> Any:
        """Put the rows of `frame` into a container of this kind."""
        if self.kind == "array":
            return _array(frame, np.dtype(self.dtype))
        if self.uncommon:
            columns, types = [frame[name] for name in frame.columns], dict(self.uncommon)
            columns = [restore_column(x, types[i]) if i in types else x for i, x in
                       enumerate(columns)]  # fmt: skip
            frame = _joined(columns, frame)
        if self.kind in _LIBRARIES:
            return self._restore_arrow(frame)
        frame = frame.set_axis(self._labels(len(frame)), axis=0)
        # A list of tuples gives a MultiIndex.
        names = list(frame.columns)
        # Next to numbers, None would become NaN.
        dtype = object if None in names else None
        return frame.set_axis(pd.Index(names, dtype=dtype, name=self.columns_name), axis=1)

    def _restore_arrow(self, frame: pd.DataFrame) -> Any:
        import pyarrow

        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        enums = [name for name, spelled, _ in self.arrow_fields if spelled == _ENUM]
        if self.arrow_fields:
            types = {name: (spelled, is_null) for name, spelled, is_null in self.arrow_fields}
            columns = [
                pyarrow.field(
                    one.name,
                    one.type if one.name in enums else arrow_type(types[one.name][0]),
                    types[one.name][1],
                )
                for one in table.schema
            ]
            table = table.cast(pyarrow.schema(columns))
        if self.kind == "pyarrow":
            return table
        import polars

        made = polars.from_arrow(table)
        levels = {name: polars.Enum(frame[name].cat.categories.tolist()) for name in enums}
        return made.cast(levels) if levels else made  # type: ignore[arg-type]

    def _labels(self, n: int) -> pd.Index:
        if self.index == "integer":
            return pd.Index(np.arange(n), name=self.index_name)
        if self.index == "string":
            return pd.Index([str(i) for i in range(n)], name=self.index_name)
        return pd.RangeIndex(n, name=self.index_name)


def _array(frame: pd.DataFrame, dtype: np.dtype) -> np.ndarray:
    """Convert to an array; long text dtypes get the width of the values.

    A single training value may have made the dtype wide, and an archive may hold any width.
    """
    is_long = dtype.kind in "US" and dtype.itemsize > np.dtype(f"{dtype.kind}{_WIDEST}").itemsize
    return frame.to_numpy(dtype=dtype.kind if is_long else dtype)


def numpy_dtype(spelled: str, kinds: str) -> np.dtype:
    """Parse a numpy dtype from an archive.

    Raises
    ------
    ArchiveError
        The dtype is not of the given kinds.
    """
    try:
        dtype = np.dtype(spelled) if re.fullmatch(r"[<>|=]?\w{1,12}(\[\w+\])?", spelled) else None
    except (TypeError, ValueError):
        dtype = None
    if dtype is None or dtype.kind not in kinds:
        raise ArchiveError(f"container has the invalid dtype={fields.brief(spelled)}")
    return dtype


def _index_kind(index: pd.Index) -> str:
    if isinstance(index, pd.RangeIndex):
        return "range"
    if isinstance(index, pd.MultiIndex):
        return "range"
    if pd.api.types.is_integer_dtype(index.dtype):
        return "integer"
    return "string" if index.inferred_type == "string" else "range"


def _pandas_from_arrow() -> Any:
    """Return the reader of Arrow streams that pandas has from version 3 on, or None."""
    return getattr(pd.DataFrame, "from_arrow", None)


def _library(X: Any) -> str | None:
    """Name the library of a polars or pyarrow table."""
    top = type(X).__module__.partition(".")[0]
    if top == "polars" and hasattr(X, "collect"):
        raise DataError("a polars LazyFrame has no rows yet; give its collect().")
    is_table = (hasattr(X, "to_arrow") and hasattr(X, "columns")) or type(X).__name__ == "Table"
    return top if top in _LIBRARIES and is_table else None


def _signed(column: Any) -> Any:
    """Convert the codes of a dictionary column to signed integers."""
    import pyarrow

    found = pyarrow.dictionary(pyarrow.int32(), column.type.value_type, column.type.ordered)
    return pyarrow.chunked_array([chunk.cast(found) for chunk in column.chunks], found)


def _to_arrow(X: Any) -> Any:
    """Return a polars table as one of pyarrow.

    Raises
    ------
    DataError
        A column of a type that Arrow does not have.
    """
    import pyarrow

    try:
        return X.to_arrow()
    except (pyarrow.ArrowException, ValueError, TypeError) as error:
        odd = [(name, dtype) for name, dtype in X.schema.items() if "128" in str(dtype)]
        which = f"column {odd[0][0]!r} has dtype {odd[0][1]}" if odd else "the table"
        raise DataError(
            f"{which} cannot be read by pyarrow ({error}): cast it to a type of 64 bits."
        ) from None


def _read_arrow(X: Any, library: str) -> tuple[pd.DataFrame, Container]:
    import pyarrow

    table = _to_arrow(X) if library == "polars" else X
    schema = table.schema
    for i, column in enumerate(table.columns):
        if pyarrow.types.is_dictionary(column.type):  # pandas refuses unsigned codes
            table = table.set_column(i, table.column_names[i], _signed(column))
    nullable = {getattr(pyarrow, str(dtype).lower())(): dtype for dtype in _NULLABLE_INTEGERS}
    frame = table.to_pandas(date_as_object=False, types_mapper=nullable.get)
    # Types only: metadata may hold personal data, such as rare levels, or `attrs`.
    types = {one.name: str(one.type) for one in schema}
    if library == "polars":
        types |= {name: _ENUM for name, dtype in X.schema.items() if str(dtype).startswith("Enum")}
    spelled = tuple((one.name, types[one.name], one.nullable) for one in schema)
    frame.attrs = {}
    return frame, Container(library, arrow_fields=spelled)


def _joined(columns: list[pd.Series], like: pd.DataFrame) -> pd.DataFrame:
    """Combine columns into a table with the labels of another."""
    frame = pd.DataFrame(dict(enumerate(columns)), index=like.index, copy=False)
    return frame.set_axis(like.columns, axis=1)


def plain_table(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[tuple[int, str], ...]]:
    """Read columns of uncommon types as others; see `plain_column`.

    Returns
    -------
    frame : DataFrame
        The same object if there are none.
    uncommon : tuple of (int, str)
        Place and type of these columns.
    """
    is_odd = [x.kind == "O" or isinstance(x, pd.ArrowDtype) for x in frame.dtypes]
    if not any(is_odd):
        return frame, ()
    columns, uncommon = [frame.iloc[:, i] for i in range(frame.shape[1])], []
    for i, series in enumerate(columns):
        columns[i], spelled = plain_column(series) if is_odd[i] else (series, None)
        if spelled is not None:
            uncommon.append((i, spelled))
    return (_joined(columns, frame) if uncommon else frame), tuple(uncommon)


def plain_conditions(conditions: Any) -> Any:
    """Read conditions in a polars or pyarrow table as a DataFrame; others stay as they are."""
    return conditions if _library(conditions) is None else to_frame(conditions)[0]


def check_names(names: Sequence[Any]) -> None:
    """Refuse column names that JSON cannot represent.

    Raises
    ------
    ArchiveError
        A name is not a string or a number.
    """
    odd = [name for name in names if not isinstance(name, str | int | float)]
    if odd:
        raise ArchiveError(
            f"column name {odd[0]!r} cannot be saved; strings and numbers can: rename it."
        )


def count_axes(X: Any) -> int | None:
    """Return the number of axes of an array or of nested lists; None if unknown."""
    return np.ndim(X) if isinstance(X, list | tuple) else getattr(X, "ndim", None)


def to_frame(X: Any) -> tuple[pd.DataFrame, Container]:
    """Read a table of any supported container as a DataFrame.

    Parameters
    ----------
    X : DataFrame, array-like of shape (n_rows, n_columns), or a table of another library
        polars and pyarrow tables, and other tables that support the Arrow PyCapsule or the
        dataframe protocol (these are restored as DataFrames).
        Columns of an array are numbered from 0.

    Returns
    -------
    frame : DataFrame
        The same rows, columns of uncommon types as others; `X` itself when it is a DataFrame
        without such columns.
    container : Container
        Converts generated rows to the type of `X`.

    Raises
    ------
    DataError
        Duplicate column names.
    ValueError, TypeError
        Not two-dimensional, no rows, no columns, or complex, sparse or infinite values in an array.
    """
    if type(X).__name__ == "Series":
        raise DataError("X is a Series, which has one axis; give a table: X.to_frame().")
    if np.ma.is_masked(X):
        raise DataError("X is a masked array; give NaN where values are missing: X.filled(np.nan).")
    if isinstance(X, pd.DataFrame):
        frame = X
        names = [None if i.name is None else str(i.name) for i in (frame.index, frame.columns)]
        container = Container("pandas", None, _index_kind(frame.index), names[0], names[1])
    elif (library := _library(X)) is not None:
        frame, container = _read_arrow(X, library)
    elif hasattr(X, "__arrow_c_stream__") and (from_arrow := _pandas_from_arrow()) is not None:
        container = Container()
        frame = from_arrow(X)
    elif hasattr(X, "__dataframe__"):
        container = Container()
        frame = pd.api.interchange.from_dataframe(X)
    else:
        array = check_array(X, dtype="numeric", ensure_all_finite="allow-nan", input_name="X")
        container = Container(kind="array", dtype=array.dtype.str)
        frame = pd.DataFrame(array)
    duplicated = frame.columns[frame.columns.duplicated()].unique()
    if len(duplicated):
        raise DataError(
            f"column names {list(duplicated)!r} occur more than once; names must be unique: "
            "rename or drop the duplicates."
        )
    flags = [name for name in frame.columns if isinstance(name, bool | np.bool_)]
    if flags:
        raise DataError(
            f"column names must be strings or numbers; got {flags[0]!r}: rename the column."
        )
    frame, uncommon = plain_table(frame)
    return frame, replace(container, uncommon=uncommon) if uncommon else container


def read_table(
    estimator: Any, X: Any, *, reset: bool, min_rows: int = 1
) -> tuple[pd.DataFrame, Container]:
    """Read a table for an estimator: `to_frame` with scikit-learn's checks of names and sizes.

    Parameters
    ----------
    estimator : BaseEstimator
        Its ``columns_``, ``n_features_in_`` and ``feature_names_in_`` are set, or compared.
    X : as `to_frame`
    reset : bool
        True in fit, False later.
    min_rows : int, default=1
        Minimum number of rows.

    Raises
    ------
    DataError
        Too few rows, or no columns.
    ValueError
        The columns differ from fit.
    """
    frame, container = to_frame(X)
    if reset and not frame.shape[1]:
        raise DataError("the table has no columns (0 feature(s)); at least one is required.")
    if reset and len(frame) < min_rows:
        raise DataError(
            f"the table has too few rows (n_samples={len(frame)}, {len(frame)} sample(s)); "
            f"at least {min_rows} is required."
        )
    checked = frame.to_numpy() if container.kind == "array" else frame
    validate_data(estimator, checked, reset=reset, skip_check_array=True)
    if reset:
        estimator.columns_ = frame.columns.tolist()
    elif frame.columns.tolist() != estimator.columns_:
        # One of the tables is an array: columns are matched by position, as in scikit-learn.
        frame = frame.set_axis(pd.Index(estimator.columns_), axis=1)
    return frame, container
