"""Metadata of SDV in JSON files: keys, relationships and types of columns, as plain data.

What is made of them is decided elsewhere: relations in `synthgan.io.related`, parameters of a
synthesizer in `synthgan.synthesizers.metadata`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synthgan.exceptions import ArchiveError, DataError
from synthgan.state import fields

__all__ = [
    "COMMON_TYPES",
    "PERSONAL_TYPES",
    "check_version",
    "read_columns",
    "read_json",
    "read_keys",
    "read_table_metadata",
]

VERSIONS = ("V1", "SINGLE_TABLE_V1", "MULTI_TABLE_V1")
COMMON_TYPES = ("numerical", "categorical", "boolean", "datetime", "id", "unknown")
PERSONAL_TYPES = (
    "address", "administrative_unit", "bban", "city", "company", "country", "country_code",
    "credit_card_number", "date_of_birth", "email", "first_name", "iban", "ipv4_address",
    "ipv6_address", "job", "last_name", "latitude", "license_plate", "longitude", "mac_address",
    "name", "phone_number", "postcode", "prefix", "secondary_address", "ssn", "state",
    "state_abbr", "street_address", "street_name", "suffix", "swift11", "swift8", "url",
    "user_agent_string", "user_name", "vin",
)  # fmt: skip
_NUMBERS = ("Float", *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)))
_names = fields.list_of(fields.name)


def read_json(path: Any) -> Any:
    """Read a JSON file.

    Raises
    ------
    DataError
        No such file, or no JSON.
    """
    name = repr(str(path))
    try:
        return json.loads(Path(path).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}.") from error
    except (UnicodeError, ValueError, RecursionError) as error:
        raise DataError(f"{name} is not a JSON file: {error}.") from error


def read_columns(value: Any) -> tuple[Any, ...]:
    """Check for a column, or a list of columns."""
    if not isinstance(value, list | tuple):
        return (fields.name(value),)
    return _names(value)


def check_version(content: dict[str, Any]) -> None:
    """Raise an error unless a file has a version that is read, or none."""
    version = content.get("METADATA_SPEC_VERSION", VERSIONS[0])
    if version not in VERSIONS:
        raise ArchiveError(
            f"METADATA_SPEC_VERSION={fields.brief(version)} is not read; save it with SDV 1 or "
            f"later, as one of {list(VERSIONS)}"
        )


def read_keys(table: Any, name: str) -> dict[str, Any]:
    """Read what the metadata of a table say of keys."""
    if not isinstance(table, dict):
        raise ArchiveError(f"table {name!r} is {fields.brief(table)}, where an object is expected")
    checks = {
        "primary_key": read_columns,
        "sequence_key": read_columns,
        "sequence_index": fields.name,
    }
    return fields.read_fields(
        {field: table.get(field) for field in checks},
        f"table {name!r}",
        **{field: fields.optional(check) for field, check in checks.items()},
    )


def read_table_metadata(content: Any, table: str | None) -> dict[str, Any]:
    """Read the metadata of one table, of a file for one or for several.

    Parameters
    ----------
    content : object
        From `read_json`.
    table : str or None
        Which of several tables.

    Returns
    -------
    metadata : dict
        Keys as `read_keys` reads them, ``alternate_keys``, and ``columns`` by name, each with
        ``sdtype``, ``pii``, ``datetime_format``, ``computer_representation`` and ``order``.

    Raises
    ------
    ArchiveError
        It is none, of another version, or has several tables of which none is named.
    """
    if not isinstance(content, dict) or not isinstance(
        content.get("tables", content.get("columns")), dict
    ):
        raise ArchiveError(
            f"it is {fields.brief(content)}, where SDV metadata with 'tables' or 'columns' is "
            "expected"
        )
    check_version(content)
    tables = content.get("tables", {table: content})
    if table is None and len(tables) != 1:
        raise ArchiveError(
            f"it describes the tables {fields.brief(list(tables))}; give table= the name of one, "
            "or read related tables with relations"
        )
    name = next(iter(tables)) if table is None else table
    if name not in tables:
        raise ArchiveError(f"it has no table {name!r}; its tables are {fields.brief(list(tables))}")
    found = tables[name]
    keys = read_keys(found, "table" if name is None else name)
    columns = found.get("columns")
    if not isinstance(columns, dict) or not columns:
        raise ArchiveError(f"columns={fields.brief(columns)} is no object of columns")
    read = {column: _read_column(spec, column) for column, spec in columns.items()}
    others = found.get("alternate_keys") or []
    if not isinstance(others, list):
        raise ArchiveError(f"alternate_keys={fields.brief(others)} is not a list")
    try:
        several = [key for one in others for key in read_columns(one)]
    except ValueError as error:
        wrong = f"alternate_keys={fields.brief(others)} holds what is not {error}"
        raise ArchiveError(wrong) from None
    named = [*(keys["primary_key"] or ()), *(keys["sequence_key"] or ()), *several]
    named += [] if keys["sequence_index"] is None else [keys["sequence_index"]]
    for key in named:
        if key not in read:
            raise ArchiveError(
                f"key {key!r} is not among its columns, which are {fields.brief(list(read))}"
            )
    return {**keys, "alternate_keys": tuple(several), "columns": read}


def _read_column(spec: Any, name: str) -> dict[str, Any]:
    """Read the type of a column; fields that say nothing of it are passed over."""
    what = f"column {name!r}"
    if not isinstance(spec, dict):
        raise ArchiveError(f"{what} is {fields.brief(spec)}, where an object is expected")
    sdtype = spec.get("sdtype")
    if sdtype not in (*COMMON_TYPES, *PERSONAL_TYPES):
        raise ArchiveError(
            f"{what} has sdtype={fields.brief(sdtype)}, which is not known; give one of "
            f"{list(COMMON_TYPES)}, or of personal data, such as 'name' or 'email'"
        )
    checks = {
        "pii": fields.flag,
        "datetime_format": fields.text,
        "computer_representation": fields.one_of(*_NUMBERS),
        "order": fields.list_of(fields.scalar),
    }
    read = fields.read_fields(
        {field: spec.get(field) for field in checks},
        what,
        **{field: fields.optional(check) for field, check in checks.items()},
    )
    return {"sdtype": sdtype, **read}
