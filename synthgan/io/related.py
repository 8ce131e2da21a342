"""Related tables in files: a folder with one file a table, and relations in JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthgan.exceptions import ArchiveError, DataError, ParameterError
from synthgan.io.links import check_inside
from synthgan.io.metadata import check_version, read_columns, read_json, read_keys
from synthgan.io.tables import Dialect, TableFile, check_suffix, read_file, write_table
from synthgan.io.tables.binary import BY_SUFFIX
from synthgan.records.related import Relation
from synthgan.records.tables import to_frame
from synthgan.state import fields
from synthgan.state.files import drafting_folder, keep_mode, write_atomically

__all__ = [
    "holds_tables",
    "read_relations",
    "read_table_files",
    "read_tables",
    "write_relations",
    "write_tables",
]

_TEXTS = (".csv", ".tsv", ".tab", ".psv", ".txt")
_SUFFIXES = (*_TEXTS, *BY_SUFFIX, ".dta", ".xpt", ".sas7bdat")
_PACKED = (".gz", ".bz2", ".xz", ".zip")
_NO_TABLES = ("readme", "license", "licence")


def read_tables(folder: Any, *, follow_links: bool = False) -> dict[str, pd.DataFrame]:
    """Read all tables of a folder; the name of a file is that of its table.

    Parameters
    ----------
    folder : str or path
        Folder with a file for each table, of the formats of `synthgan.read_table`, such as
        ``patients.csv``, ``visits.csv.gz`` and ``labs.parquet``. Other files, hidden files and
        subfolders are not read.
    follow_links : bool, default=False
        Also read links that lead out of the folder.

    Returns
    -------
    tables : dict of str to DataFrame
        In the order of their names.

    Raises
    ------
    DataError
        No such folder, no tables in it, two files of the same table, or a file that cannot be
        read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from synthgan.datasets import make_hospital
    >>> with TemporaryDirectory() as folder:
    ...     files = write_tables(folder, make_hospital(20, random_state=0))
    ...     [*read_tables(folder)]
    ['measurements', 'patients', 'prescriptions', 'stays']
    """
    files = read_table_files(folder, follow_links=follow_links)
    return {name: file.table for name, file in files.items()}


def read_table_files(
    folder: Any,
    *,
    follow_links: bool = False,
    dtypes: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, TableFile]:
    """Read tables as `read_tables`, each with its dialect; `dtypes` of columns by table."""
    dtypes = {} if dtypes is None else dtypes
    found = _find_tables(folder)
    for path in found.values():
        check_inside(path, folder, follow_links)
    return {name: read_file(path, dtype=dtypes.get(name)) for name, path in found.items()}


def holds_tables(folder: Any) -> bool:
    """Return whether a path is a folder with a file that is named as a table."""
    path = Path(folder)
    return path.is_dir() and any(_table_name(file) for file in path.iterdir() if file.is_file())


def _find_tables(folder: Any) -> dict[str, Path]:
    """Return the files with tables in a folder, by the name of the table.

    Raises
    ------
    DataError
        No such folder, no tables in it, or two files of the same table.
    """
    try:
        paths = sorted(path for path in Path(folder).iterdir() if path.is_file())
    except OSError as error:
        raise DataError(f"{str(folder)!r} cannot be read: {error.strerror or error}.") from error
    found: dict[str, Path] = {}
    for path in paths:
        name = _table_name(path)
        if name in found:
            raise DataError(
                f"{str(folder)!r} holds table {name!r} twice, as {found[name].name!r} and "
                f"{path.name!r}; remove one."
            )
        if name:
            found[name] = path
    if not found:
        raise DataError(
            f"{str(folder)!r} holds no tables; give a folder with one file for each, such as "
            "patients.csv."
        )
    return found


def _table_name(path: Path) -> str:
    """Return the name of the table in a file; empty: it has none."""
    name = path.name
    if name.casefold().endswith(_PACKED):
        name = name.rpartition(".")[0]
        if not name.casefold().endswith(_TEXTS):
            return ""
    stem, _, suffix = name.rpartition(".")
    is_table = f".{suffix}".casefold() in _SUFFIXES and not stem.startswith(".")
    return stem if is_table and stem.casefold() not in _NO_TABLES else ""


def write_tables(
    folder: Any,
    tables: Mapping[str, Any],
    *,
    suffix: str = ".csv",
    dialects: Mapping[str, Dialect | None] | None = None,
    safe: bool = False,
    overwrite: bool = False,
) -> list[Path]:
    """Write a file for each table into a folder; all files are written, or none.

    Parameters
    ----------
    folder : str or path
        Created if absent.
    tables : mapping of str to table
        As `synthgan.RelationalGANSynthesizer.sample` returns it.
    suffix : str, default=".csv"
        Format, as of `synthgan.write_table`.
    dialects : mapping of str to Dialect, or None, default=None
        Of text, by table, see `synthgan.write_table`.
    safe : bool, default=False
        Escape text for spreadsheets, see `synthgan.write_table`.
    overwrite : bool, default=False
        Replace tables of the same name; other files of the folder stay.

    Returns
    -------
    paths : list of Path
        The files.

    Raises
    ------
    DataError
        No tables, names that are no file names, tables that are there already, or a folder that
        cannot be written.
    """
    folder = Path(folder)
    if not tables:
        raise DataError("there are no tables to write; give one or more.")
    names = {name: f"{name}{suffix}" for name in tables}
    for name, file in names.items():
        if _table_name(Path(file)) != name or not name or {"/", "\\"} & set(file):
            raise DataError(
                f"table {name!r} cannot be written as {file!r}; rename it, or give a suffix such "
                "as .csv or .parquet."
            )
        check_suffix(file)
    if len({name.casefold() for name in names}) < len(names):
        raise DataError(f"tables {list(names)!r} have names that differ in case only; rename one.")
    old = _tables_there(folder, names, overwrite)
    target = folder.resolve()
    try:
        with drafting_folder(target) as drafts:
            for name, table in tables.items():
                _write_draft(
                    to_frame(table)[0],
                    drafts / names[name],
                    folder,
                    (dialects or {}).get(name),
                    safe,
                )
            if target.exists():
                _move(drafts, target, list(names.values()), old)
            else:
                drafts.rename(target)
    except OSError as error:
        raise DataError(f"{str(folder)!r} cannot be written: {error.strerror or error}.") from error
    return [folder / name for name in names.values()]


def _write_draft(
    frame: pd.DataFrame, draft: Path, folder: Path, dialect: Dialect | None, safe: bool
) -> None:
    try:
        write_table(frame, draft, dialect, safe=safe)
    except DataError as error:
        message = error.args[0].replace(str(draft.parent), str(folder))
        raise DataError(message) from error


def _tables_there(folder: Path, names: Mapping[str, str], overwrite: bool) -> list[Path]:
    """Return the files that hold tables of these names already."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{str(folder)!r} is a file; give a folder.")
    files = sorted(folder.iterdir()) if folder.exists() else []
    there = {path: _table_name(path) for path in files if path.is_file()}
    held = [path for path, name in there.items() if name]
    if held and not overwrite:
        raise DataError(
            f"folder {str(folder)!r} holds tables already, {held[0].name!r} first; give another "
            "folder, or overwrite=True (--overwrite)."
        )
    return [path for path, name in there.items() if name in names]


def _move(drafts: Path, folder: Path, names: Sequence[str], old: Sequence[Path]) -> None:
    """Move drafts into a folder; if that fails, the old files are put back."""
    for name in names:
        keep_mode(drafts / name, folder / name)
    aside = drafts / "old"
    aside.mkdir()
    moved: list[tuple[Path, Path]] = []
    try:
        for path in old:
            path.rename(aside / path.name)
            moved.append((path, aside / path.name))
        for name in names:
            (drafts / name).rename(folder / name)
            moved.append((drafts / name, folder / name))
    except BaseException:
        for before, now in reversed(moved):
            now.rename(before)
        raise


def read_relations(path: Any) -> tuple[Relation, ...]:
    """Read relations from a JSON file.

    Parameters
    ----------
    path : str or path
        Either a list of relations, as `write_relations` writes it::

            [{"child": "visits", "key": "patient_id", "parent": "patients", "order": "date"}]

        with ``order`` and ``parent_key`` optional, a list of columns as ``key`` where it has
        several, and null as ``parent`` where there is no such table. Or the metadata of SDV
        (version V1), of which the primary keys, the relationships, and ``sequence_key`` and
        ``sequence_index`` are read. Of several parents, the one at the end of the longest chain
        owns the rows; otherwise the one that the file names first.

    Returns
    -------
    relations : tuple of Relation

    Raises
    ------
    DataError
        The file cannot be read, or is neither; the message names the field.

    References
    ----------
    SDV, Metadata JSON, https://docs.sdv.dev/sdv/concepts/metadata/metadata-json.
    """
    name = repr(str(path))
    content = read_json(path)
    try:
        if isinstance(content, list):
            return tuple(_relation(one, f"relation {i}") for i, one in enumerate(content, 1))
        return _of_metadata(content)
    except (ArchiveError, ParameterError) as error:
        raise DataError(f"{name} holds no relations: {str(error).rstrip('.')}.") from error


def _relation(record: Any, what: str) -> Relation:
    record = {"order": None, "parent_key": None, **record} if isinstance(record, dict) else record
    read = fields.read_fields(
        record,
        what,
        child=fields.text,
        key=read_columns,
        parent=fields.optional(fields.text),
        order=fields.optional(fields.name),
        parent_key=fields.optional(read_columns),
    )
    return Relation(**read)


def _of_metadata(content: Any) -> tuple[Relation, ...]:
    """Read the metadata of SDV."""
    if not isinstance(content, dict) or not isinstance(content.get("tables"), dict):
        raise ArchiveError(
            f"it is {fields.brief(content)}, where a list of relations or SDV metadata with "
            "'tables' and 'relationships' is expected"
        )
    check_version(content)
    tables = {name: read_keys(table, name) for name, table in content["tables"].items()}
    relationships = content.get("relationships", [])
    if not isinstance(relationships, list):
        raise ArchiveError(f"relationships={fields.brief(relationships)} is not a list")
    relations = []
    for i, one in enumerate(relationships, 1):
        read = fields.read_fields(
            one,
            f"relationship {i}",
            parent_table_name=fields.one_of(*tables),
            child_table_name=fields.one_of(*tables),
            parent_primary_key=read_columns,
            child_foreign_key=read_columns,
        )
        child, parent = read["child_table_name"], read["parent_table_name"]
        key, known = read["parent_primary_key"], tables[parent]["primary_key"]
        if known is not None and known != key:
            raise ArchiveError(
                f"relationship {i} has parent_primary_key={fields.brief(one['parent_primary_key'])}"
                f", but the primary_key of table {parent!r} is {fields.brief(known)}"
            )
        order = tables[child]["sequence_index"]
        relations.append(Relation(child, read["child_foreign_key"], parent, order, key))
    owned = {one.child for one in relations}
    for name, table in tables.items():
        if table["sequence_key"] is not None and name not in owned:
            order = table["sequence_index"]
            relations.append(Relation(name, table["sequence_key"], None, order))
    height = {name: _height(name, relations) for name in tables}
    relations.sort(key=lambda one: -height.get(str(one.parent), 0))
    return tuple(relations)


def _height(name: str, relations: Sequence[Relation], below: tuple[str, ...] = ()) -> int:
    """Return the length of the longest chain of parents of a table; a cycle ends it."""
    parents = [str(one.parent) for one in relations if one.child == name and one.parent is not None]
    further = [parent for parent in parents if parent not in below]
    return max((1 + _height(parent, relations, (*below, name)) for parent in further), default=0)


def write_relations(path: Any, relations: Sequence[Relation]) -> None:
    """Write relations to a JSON file that `read_relations` reads.

    Parameters
    ----------
    path : str or path
        The file.
    relations : sequence of Relation

    Raises
    ------
    DataError
        The file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from synthgan.datasets import hospital_relations
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "relations.json")
    ...     write_relations(path, hospital_relations())
    ...     print(path.read_text().splitlines()[1])
    ...     read_relations(path) == hospital_relations()
     {"child": "stays", "key": "patient_id", "parent": "patients", "order": "admitted"},
    True
    """
    lines = []
    for one in relations:
        record = {"child": one.child, "key": _plain(one.key), "parent": one.parent}
        if one.order is not None:
            record["order"] = one.order
        if one.parent_key != one.key:
            record["parent_key"] = _plain(one.parent_key)
        lines.append(f" {json.dumps(record)}")
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def _plain(key: Sequence[Any]) -> Any:
    return key[0] if len(key) == 1 else list(key)
