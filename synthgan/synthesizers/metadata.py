"""What the metadata of SDV say of a table: types of its columns, identifiers, people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pandas as pd
from pandas.api import types

from synthgan.constraints import Identifier
from synthgan.constraints.personal_data import KINDS
from synthgan.exceptions import ArchiveError, DataError, notice
from synthgan.io.metadata import PERSONAL_TYPES, read_json, read_table_metadata
from synthgan.records.tables import to_frame

__all__ = ["TableMetadata", "read_metadata"]

_TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


@dataclass(frozen=True)
class TableMetadata:
    """Types, identifiers and people of a table, as its metadata declare them.

    Parameters
    ----------
    columns : mapping of str to mapping
        What is declared of each column.
    keys : tuple of str
        Columns whose values identify rows.
    groups : str or None
        The column that identifies people (``sequence_key``), for ``fit(..., groups=)``.
    order : str or None
        The column by which the rows of a person are ordered (``sequence_index``). Single tables
        do not learn it; `synthgan.Relation` of `synthgan.RelationalGANSynthesizer` does.
    """

    columns: Mapping[str, Mapping[str, Any]]
    keys: tuple[str, ...] = ()
    groups: str | None = None
    order: str | None = None

    @property
    def constraints(self) -> list[Any]:
        """Constraints for a synthesizer: `Identifier` of keys and personal data, and "auto"."""
        personal = [name for name in self.columns if self._is_personal(name)]
        kinds = {name: str(self.columns[name]["sdtype"]) for name in personal}
        if find_spec("faker") is None and (named := [n for n in personal if kinds[n] in KINDS]):
            notice(
                f"columns {named!r} get codes of the same pattern, as the package faker is not "
                "installed; pip install 'synthgan[pii]' makes realistic values.",
                "metadata",
                named[0],
            )
            kinds = {}
        found = [
            Identifier(name, pii=kind if (kind := kinds.get(name)) in KINDS else None)
            for name in self.columns
            if name != self.groups
            and (name in personal or name in self.keys or self.columns[name]["sdtype"] == "id")
        ]
        return [*found, "auto"]

    def prepare(self, table: Any) -> pd.DataFrame:
        """Give the columns of a table the declared types.

        Numbers and dates that are text are read, codes of categories become labels.

        Parameters
        ----------
        table : DataFrame, or polars or pyarrow table
            With the columns that the metadata declare, in any order, and no others.

        Returns
        -------
        table : DataFrame
            In its own order of columns; the given one is not changed.

        Raises
        ------
        DataError
            Columns that are missing or not declared, or values that are not of the declared
            type; the message names the column.
        """
        frame = to_frame(table)[0].copy()
        missing = [name for name in self.columns if name not in frame]
        if missing:
            raise DataError(
                f"the metadata declare columns {missing!r}, which the table lacks; its columns "
                f"are {list(frame)!r}."
            )
        others = [name for name in frame if name not in self.columns]
        if others:
            raise DataError(
                f"the table has columns {others!r}, which the metadata do not declare; drop them, "
                "or declare them."
            )
        for name, spec in self.columns.items():
            if self._is_personal(name):
                _check_personal(frame[name], spec)
            elif (convert := _CONVERTERS.get(spec["sdtype"])) is not None:
                frame[name] = convert(frame[name], spec)
        return frame

    def _is_personal(self, name: str) -> bool:
        spec = self.columns[name]
        return spec["sdtype"] in PERSONAL_TYPES and spec["pii"] is not False


def read_metadata(path: Any, table: str | None = None) -> TableMetadata:
    """Read the metadata of SDV for a single table from a JSON file.

    Parameters
    ----------
    path : str or path
        As SDV 1 saves it (versions ``V1`` and ``SINGLE_TABLE_V1``). Of several tables
        (`synthgan.read_relations` reads how they are related), name one.
    table : str or None, default=None
        Name of the table; None: the only one.

    Returns
    -------
    metadata : TableMetadata
        Its ``prepare(table)``, ``constraints`` and ``groups`` are what
        `synthgan.TabularGANSynthesizer` needs.

    Raises
    ------
    DataError
        The file cannot be read, or is no such metadata; the message names the column or field.

    Notes
    -----
    Of each column, ``sdtype``, ``pii``, ``datetime_format``, ``computer_representation`` and
    ``order`` are used. ``regex_format`` is not: patterns of identifiers are learnt from their
    values. A column of personal data with ``"pii": false``, or of sdtype ``unknown``, is learnt
    as what it is found to be.

    References
    ----------
    SDV, Metadata JSON, https://docs.sdv.dev/sdv/concepts/metadata/metadata-json.

    Examples
    --------
    >>> import json
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> columns = {"patient": {"sdtype": "id"}, "age": {"sdtype": "numerical"},
    ...            "seen": {"sdtype": "datetime", "datetime_format": "%d/%m/%Y"}}
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "metadata.json")
    ...     content = {"METADATA_SPEC_VERSION": "SINGLE_TABLE_V1", "columns": columns}
    ...     _ = path.write_text(json.dumps(content))
    ...     metadata = read_metadata(path)
    >>> metadata.constraints
    [Identifier(column='patient'), 'auto']
    >>> table = pd.DataFrame({"patient": ["P-1"], "age": ["41"], "seen": ["02/01/2026"]})
    >>> metadata.prepare(table)
      patient  age       seen
    0     P-1   41 2026-01-02
    """
    content = read_json(path)
    try:
        read = read_table_metadata(content, table)
        groups = read["sequence_key"] or (None,)
        if len(groups) > 1:
            raise ArchiveError(f"sequence_key={list(groups)!r} has several columns; give one")
    except ArchiveError as error:
        message = f"{str(path)!r} holds no metadata of a table: {str(error).rstrip('.')}."
        raise DataError(message) from error
    keys = (*(read["primary_key"] or ()), *read["alternate_keys"])
    return TableMetadata(read["columns"], keys, groups[0], read["sequence_index"])


def _check_personal(column: pd.Series, spec: Mapping[str, Any]) -> None:
    if types.is_float_dtype(column.dtype) or types.is_datetime64_any_dtype(column.dtype):
        raise DataError(
            f"column {column.name!r} of sdtype {spec['sdtype']!r} is of dtype {column.dtype}; "
            'personal data are text or whole numbers: drop it, or declare it with "pii": false.'
        )


def _to_numbers(column: pd.Series, spec: Mapping[str, Any]) -> pd.Series:
    if not types.is_numeric_dtype(column.dtype):
        given, column = column, pd.to_numeric(column, errors="coerce")
        _check_read(given, column, spec)
    stored = spec["computer_representation"]
    if stored not in (None, "Float") and types.is_float_dtype(column.dtype):
        parts = column[column.notna() & (column % 1 != 0)]
        if len(parts):
            raise DataError(
                f"column {column.name!r} has {parts.iloc[0]}, but its computer_representation "
                f"{stored!r} is of whole numbers; declare 'Float'."
            )
        column = column.astype("Int64")
    return column


def _to_dates(column: pd.Series, spec: Mapping[str, Any]) -> pd.Series:
    """Read dates; without a format, `fit` finds the formats of text."""
    form = spec["datetime_format"]
    is_date = types.is_datetime64_any_dtype(column.dtype)
    if is_date or form is None or not (_is_text(column) or types.is_integer_dtype(column.dtype)):
        return column
    dates = pd.to_datetime(column.astype("string"), format=form, errors="coerce")
    _check_read(column, dates, spec)
    return dates


def _to_booleans(column: pd.Series, spec: Mapping[str, Any]) -> pd.Series:
    if types.is_bool_dtype(column.dtype):
        return column
    known = column.astype("string").str.casefold().map(_TRUTH)
    _check_read(column, known, spec)
    return known.astype("boolean")


def _to_labels(column: pd.Series, spec: Mapping[str, Any]) -> pd.Series:
    order = spec["order"]
    if order is not None:
        _check_read(column, column.where(column.isin(order)), spec)
        labels = pd.Categorical(column, order, ordered=True)
        return pd.Series(labels, column.index, name=column.name)
    if isinstance(column.dtype, pd.CategoricalDtype) or types.is_bool_dtype(column.dtype):
        return column
    return column.astype("category")


def _check_read(given: pd.Series, read: pd.Series, spec: Mapping[str, Any]) -> None:
    """Raise an error if a value could not be read as declared."""
    lost = given[read.isna() & given.notna()]
    if len(lost):
        form = spec["datetime_format"] if spec["sdtype"] == "datetime" else None
        how = f" in the format {form!r}" if form else ""
        how += f" in the order {list(spec['order'])!r}" if spec["order"] else ""
        raise DataError(
            f"column {given.name!r} has {lost.iloc[0]!r}, which is not {spec['sdtype']}{how}, as "
            "the metadata declare it; mend the table or the metadata."
        )


def _is_text(column: pd.Series) -> bool:
    return types.is_object_dtype(column.dtype) or types.is_string_dtype(column.dtype)


_CONVERTERS = {
    "numerical": _to_numbers,
    "datetime": _to_dates,
    "boolean": _to_booleans,
    "categorical": _to_labels,
}
