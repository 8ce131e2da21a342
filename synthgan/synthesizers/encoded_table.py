"""Where an encoded table lies while it is learnt: a new folder, or one that is kept for later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import synthgan
from synthgan.exceptions import ArchiveError, DataError, ParameterError
from synthgan.gan.training.ranks import find_ranks
from synthgan.scale.grid_file import grid_folder
from synthgan.scale.large_table import LargeTable
from synthgan.scale.partitions import are_partitions
from synthgan.state.archive import Archive, read_archive, write_archive

__all__ = ["Encoded", "encoded_table"]

_NAME, _RECORD = "synthgan-cache", "table.synthgan"
_PRIVATE = 0o700

Encoded = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]  # counts, record and arrays


@contextmanager
def encoded_table(
    table: LargeTable, parameters: dict[str, Any], encode: Callable[[Path], Encoded]
) -> Iterator[tuple[Path, Archive | None]]:
    """Yield the folder of an encoded table, and its record if it was kept from an earlier fit.

    Parameters
    ----------
    table : LargeTable
    parameters : dict of str to str
        What else decides how rows are encoded.
    encode : callable
        Encodes the table into a folder, and returns what has to be known to read it again.

    Raises
    ------
    DataError
        A kept folder is of other data or parameters, or damaged; it is left as it is.
    ParameterError
        A table that is to be kept has no files, or there is no place for it; several processes
        that train together would each write it.
    """
    if not table.keep:
        with grid_folder(table.cache_dir) as folder:
            encode(folder)
            yield folder, None
        return
    if table.cache_dir is None:
        raise ParameterError("keep=True needs cache_dir, the folder where the table is kept.")
    key = {"version": synthgan.__version__, "files": _files(table), **parameters}
    path, found = Path(table.cache_dir) / _NAME, None
    if path.exists():
        found = _read(path, key)
    elif (n_ranks := find_ranks().size) > 1:
        raise ParameterError(
            f"keep=True is for one process, and {n_ranks} would write to {str(path)!r}; keep the "
            "table by a fit of one process first, or leave keep out."
        )
    else:
        with grid_folder(table.cache_dir) as folder:
            made = folder / _NAME
            made.mkdir(_PRIVATE)
            counts, record, arrays = encode(made)
            write_archive(made / _RECORD, {"key": key, **counts}, record, {}, arrays)
            made.replace(path)
    yield path, found


def _files(table: LargeTable) -> list[list[Any]]:
    if callable(table.data) or hasattr(table.data, "get_fragments") or are_partitions(table.data):
        raise ParameterError(
            "keep=True is for files, whose changes can be seen: give paths, or leave keep out."
        )
    stats = [(str(path.resolve()), path.stat()) for path in table.paths()]
    return [[path, stat.st_size, stat.st_mtime_ns] for path, stat in stats]


def _read(path: Path, key: dict[str, Any]) -> Archive:
    advice = "delete it, or give another cache_dir."
    try:
        found = read_archive(path / _RECORD)
    except ArchiveError as error:
        raise DataError(f"{str(path)!r} holds no encoded table ({error}); {advice}") from error
    kept = found.manifest.get("key")
    names = [*key] if not isinstance(kept, dict) else [n for n in key if kept.get(n) != key[n]]
    if names:
        raise DataError(
            f"{str(path)!r} holds a table that was encoded from other data or with other "
            f"parameters ({', '.join(names)}); {advice}"
        )
    return found
