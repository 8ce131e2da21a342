"""Tables in parts, which are read batch by batch, as often as is needed."""

from __future__ import annotations

import glob
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError, ParameterError
from synthgan.scale.reading import Batch, columns_of, read_batches, to_pandas

__all__ = ["LargeTable", "is_large_table"]

_SUFFIXES = (
    ".parquet", ".pq", ".feather", ".arrow", ".csv", ".csv.gz", ".tsv", ".tsv.gz",
)  # fmt: skip
_MAGIC = "*?["
_log = logging.getLogger(__name__)


class LargeTable:
    """A table that need not fit into memory; `TabularGANSynthesizer.fit` reads it in passes.

    Parameters
    ----------
    data : str, path, list of these, pyarrow.dataset.Dataset or callable
        A file, a folder of files, a pattern such as ``"data/*.parquet"``, or several files:
        Parquet, Feather, or CSV in UTF-8 with a header and decimal points. Or a function that
        returns a new iterator of tables (pandas, polars or pyarrow) at each call.
    cache_dir : str, path or None, default=None
        An existing folder for the encoded table while `fit` runs, about 4 bytes a cell; None: that
        of temporary files.
    batch_rows : int, default=131072
        Rows that are in memory at a time, where the parts allow that.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import LargeTable
    >>> table = LargeTable(lambda: (pd.DataFrame({"x": [i, i]}) for i in range(3)))
    >>> [len(frame) for frame in table.frames("an example")]
    [2, 2, 2]
    """

    def __init__(self, data: Any, cache_dir: Any = None, batch_rows: int = 2**17) -> None:
        self.data = data
        self.cache_dir = cache_dir
        self.batch_rows = batch_rows

    def frames(self, what: str) -> Iterator[pd.DataFrame]:
        """Read all rows as DataFrames of the same columns; `what` names the pass in the log.

        Raises
        ------
        DataError
            A part that cannot be read, or that has other columns or types than the first.
        """
        begun, n_rows = time.perf_counter(), 0
        for batch, done in self._batches():
            frame = to_pandas(batch.table)
            n_rows += len(frame)
            seconds = time.perf_counter() - begun
            left = "" if not done else f", {seconds * (1 - done) / done:.0f} s left"
            _log.info("%s: %d rows, %.0f rows/s%s", what, n_rows, n_rows / seconds, left)
            yield frame

    def draw(self, n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, int]:
        """Draw rows at random, without replacement, in their order; return how many there are.

        Raises
        ------
        DataError
            As `frames`; or there are no rows.
        """
        kept: list[tuple[np.ndarray, pd.DataFrame]] = []
        n_rows, limit = 0, 1.0
        for batch, _ in self._batches():
            keys = rng.random(batch.n_rows)
            places = np.flatnonzero(keys <= limit)
            n_rows += batch.n_rows
            if len(places):
                kept.append((keys[places], to_pandas(batch.take(places))))
            if sum(len(some) for some, _ in kept) > 2 * n:
                kept, limit = (
                    [_of_lowest(kept, n)],
                    np.partition(np.concatenate([some for some, _ in kept]), n - 1)[n - 1],
                )
        if not n_rows:
            raise DataError(f"{self._name} has no rows.")
        return _of_lowest(kept, n)[1], n_rows

    def _batches(self) -> Iterator[tuple[Batch, float]]:
        """Read all batches, each with the share of the parts that is read with it."""
        first: tuple[str, dict[Any, str]] | None = None
        parts = self._parts()
        for i, (name, read) in enumerate(parts, 1):
            for batch in read():
                columns = columns_of(batch.table)
                if first is None:
                    first = (name, columns)
                _check_columns(first, (name, columns))
                yield batch.select(list(first[1])), i / len(parts) if len(parts) > 1 else 0.0

    @property
    def _name(self) -> str:
        is_path = isinstance(self.data, str | os.PathLike)
        return repr(str(self.data)) if is_path else "the table"

    def _parts(self) -> list[tuple[str, Callable[[], Iterator[Batch]]]]:
        """Return the name of each part, and what reads it."""
        data, n = self.data, self.batch_rows
        if callable(data):
            return [("the table", lambda: map(Batch, data()))]
        if hasattr(data, "get_fragments"):
            return [
                (str(getattr(part, "path", "the table")), _reader(part, data.schema, n))
                for part in data.get_fragments()
            ]
        paths = self.paths()
        return [(str(path), _file_reader(path, n)) for path in paths]

    def paths(self) -> list[Path]:
        """Return the files of the table, sorted by name.

        Raises
        ------
        DataError
            There are none.
        ParameterError
            The data are neither files, nor a data set, nor a function.
        """
        data = self.data
        given = list(data) if isinstance(data, list | tuple) else [data]
        if not given or not all(isinstance(one, str | os.PathLike) for one in given):
            advice = "give a path, a list of paths, a pyarrow Dataset, or a function that returns"
            raise ParameterError(f"data={data!r} is not allowed; {advice} an iterator of tables.")
        return [path for one in given for path in _files_at(one)]


def _files_at(given: Any) -> list[Path]:
    path = Path(given)
    if path.is_dir():
        inside = [one for one in path.iterdir() if not one.name.startswith((".", "_"))]
        found = [one for one in inside if one.name.casefold().endswith(_SUFFIXES)]
        what = "is a folder without"
    elif not path.exists() and any(mark in str(given) for mark in _MAGIC):
        found = [Path(one) for one in glob.glob(str(given)) if Path(one).is_file()]
        what = "matches no"
    else:
        if not path.exists():
            raise DataError(f"{str(given)!r} cannot be read: No such file.")
        return [path]
    if not found:
        raise DataError(f"{str(given)!r} {what} Parquet, Feather or CSV file.")
    return sorted(found)


def _reader(part: Any, schema: Any, n: int) -> Callable[[], Iterator[Batch]]:
    def read() -> Iterator[Batch]:
        import pyarrow

        for batch in part.to_batches(schema=schema, batch_size=n):
            yield Batch(pyarrow.Table.from_batches([batch]))

    return read


def _file_reader(path: Path, n: int) -> Callable[[], Iterator[Batch]]:
    return lambda: read_batches(path, n)


def _check_columns(first: tuple[str, dict[Any, str]], part: tuple[str, dict[Any, str]]) -> None:
    """Refuse a part that has other columns or types than the first one."""
    (first_name, ours), (name, theirs) = first, part
    lacks, more = [x for x in ours if x not in theirs], [x for x in theirs if x not in ours]
    differ = [f"lacks columns {lacks!r}"] if lacks else []
    differ += [f"has further columns {more!r}"] if more else []
    if differ:
        raise DataError(
            f"{name!r} {' and '.join(differ)}, unlike {first_name!r}; all parts must have the same "
            "columns."
        )
    for column, kind in ours.items():
        if theirs[column] != kind:
            raise DataError(
                f"column {column!r} is {theirs[column]} in {name!r} and {kind} in {first_name!r}; "
                "convert it to one type."
            )


def _of_lowest(
    kept: Sequence[tuple[np.ndarray, pd.DataFrame]], n: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the rows of the `n` lowest keys, in their order."""
    keys = np.concatenate([some for some, _ in kept])
    frame = pd.concat([frame for _, frame in kept], ignore_index=True)
    if len(keys) <= n:
        return keys, frame
    places = np.sort(np.argpartition(keys, n - 1)[:n])
    return keys[places], frame.iloc[places].reset_index(drop=True)


def is_large_table(X: Any) -> bool:
    """Return whether a table is given by where it is, not by its rows."""
    is_source = isinstance(X, str | os.PathLike | LargeTable) or hasattr(X, "get_fragments")
    are_paths = (
        isinstance(X, list | tuple)
        and bool(X)
        and all(isinstance(one, str | os.PathLike) for one in X)
    )
    return bool(is_source or are_paths or (callable(X) and not hasattr(X, "shape")))
