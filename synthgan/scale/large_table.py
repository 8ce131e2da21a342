"""Tables in parts, which are read batch by batch, as often as is needed."""

from __future__ import annotations

import glob
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs

from synthgan.exceptions import DataError, ParameterError
from synthgan.scale.partitions import are_partitions, run_partitions
from synthgan.scale.reading import Batch, columns_of, to_pandas
from synthgan.scale.units import (
    FilePart,
    FragmentPart,
    FunctionPart,
    Part,
    in_units,
    read_parts,
)

__all__ = ["LargeTable", "is_large_table"]

_SUFFIXES = (
    ".parquet", ".pq", ".feather", ".arrow", ".csv", ".csv.gz", ".tsv", ".tsv.gz",
)  # fmt: skip
_MAGIC = "*?["
_log = logging.getLogger(__name__)

R = TypeVar("R")
Work = Callable[[Iterator[Batch], int], R]
Keyed = tuple[np.ndarray, pd.DataFrame]


class LargeTable:
    """A table that need not fit into memory; `TabularGANSynthesizer.fit` reads it in passes.

    Parameters
    ----------
    data : str, path, list of these, pyarrow.dataset.Dataset, dask.dataframe.DataFrame or callable
        A file, a folder of files, a pattern such as ``"data/*.parquet"``, or several files:
        Parquet, Feather, or CSV in UTF-8 with a header and decimal points. Or a function that
        returns a new iterator of tables (pandas, polars or pyarrow) at each call.
    cache_dir : str, path or None, default=None
        An existing folder for the encoded table while `fit` runs, about 4 bytes a cell; None: that
        of temporary files.
    batch_rows : int, default=131072
        Rows that a process has in memory at a time, where the parts allow that.
    n_jobs : int, default=-1
        Processes that read files, as in joblib: -1 is one for each processor. Results do not
        depend on it.
    keep : bool, default=False
        Whether the encoded table stays in `cache_dir` for further fits of the same files.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import LargeTable
    >>> table = LargeTable(lambda: (pd.DataFrame({"x": [i, i]}) for i in range(3)))
    >>> [len(frame) for frame in table.frames("an example")]
    [2, 2, 2]
    """

    def __init__(
        self,
        data: Any,
        cache_dir: Any = None,
        batch_rows: int = 2**17,
        n_jobs: int | None = -1,
        keep: bool = False,
    ) -> None:
        self.data = data
        self.cache_dir = cache_dir
        self.batch_rows = batch_rows
        self.n_jobs = n_jobs
        self.keep = keep

    def frames(self, what: str) -> Iterator[pd.DataFrame]:
        """Read all rows as DataFrames of the same columns; `what` names the pass in the log.

        Raises
        ------
        DataError
            A part that cannot be read, or that has other columns or types than the first.
        """
        for batch in _Progress(what).follow(read_parts(self._parts(), None)):
            yield to_pandas(batch.table)

    def run(self, what: str, work: Work[R], in_one: bool = False) -> Iterator[R]:
        """Let processes work on units of the table; return what they make, in order.

        Parameters
        ----------
        what : str
            Name of the pass in the log.
        work : callable
            Called with an iterator of the batches of a unit, and the number of the unit. Processes
            get a copy of it.
        in_one : bool, default=False
            Whether the work is for one process.

        Raises
        ------
        DataError
            As `frames`.
        """
        progress = _Progress(what)
        if are_partitions(self.data):
            for i, (n_rows, result) in enumerate(run_partitions(self.data, work), 1):
                progress.note(n_rows, i / self.data.npartitions)
                yield result
            return
        units = in_units(self._parts())
        n_jobs = 1 if in_one or len(units) < 2 else min(effective_n_jobs(self.n_jobs), len(units))
        first = None
        if len(units) > 1:
            every = (part for unit in units for part in unit)
            first = next(((p.name, columns_of(b.table)) for p in every for b in p.read()), None)
        if n_jobs == 1:
            for i, unit in enumerate(units):
                batches = progress.follow(read_parts(unit, first), i / len(units), len(units))
                yield work(batches, i)
            return
        tasks = (delayed(_run_unit)(work, unit, first, i) for i, unit in enumerate(units))
        done = Parallel(n_jobs=n_jobs, return_as="generator")(tasks)
        for i, (n_rows, result) in enumerate(done, 1):
            progress.note(n_rows, i / len(units))
            yield result

    def draw(self, n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, list[int]]:
        """Draw rows at random, without replacement, in their order; return how many units have.

        Raises
        ------
        DataError
            As `frames`; or there are no rows.
        """
        draw = _Draw(n, int(rng.integers(2**63)))
        kept: list[Keyed] = []
        counts = []
        for n_rows, some in self.run("drawing a sample", draw):
            counts.append(n_rows)
            kept += some
            # Units that are not read yet keep no more than may be drawn.
            draw.limit, kept = _lowest(kept, n)
        if not sum(counts):
            raise DataError(f"{self._name} has no rows.")
        return pd.concat([frame for _, frame in kept], ignore_index=True), counts

    @property
    def _name(self) -> str:
        is_path = isinstance(self.data, str | os.PathLike)
        return repr(str(self.data)) if is_path else "the table"

    def _parts(self) -> list[Part]:
        """Return what is read one after the other."""
        data, n = self.data, self.batch_rows
        if callable(data):
            return [FunctionPart(data)]
        if hasattr(data, "get_fragments"):
            return [FragmentPart(part, data.schema, n) for part in data.get_fragments()]
        return [FilePart(path, n, path.stat().st_size) for path in self.paths()]

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


def _run_unit(work: Any, unit: Sequence[Part], first: Any, number: int) -> tuple[int, Any]:
    """Work on a unit, in a process of its own; return its rows, and what is made of them."""
    progress = _Progress("")
    result = work(progress.follow(read_parts(unit, first)), number)
    return progress.n_rows, result


class _Progress:
    """Logs how far a pass is."""

    def __init__(self, what: str) -> None:
        self.what, self.n_rows, self.begun = what, 0, time.perf_counter()

    def follow(
        self, batches: Iterator[tuple[Batch, float]], begun: float = 0.0, n_units: int = 1
    ) -> Iterator[Batch]:
        """Pass batches on, which belong to one of some units."""
        for batch, share in batches:
            self.note(batch.n_rows, begun + share / n_units)
            yield batch

    def note(self, n_rows: int, done: float) -> None:
        """Say that further rows are read, and the share of the table that is."""
        self.n_rows += n_rows
        seconds = time.perf_counter() - self.begun
        left = "" if not done else f", {seconds * (1 - done) / done:.0f} s left"
        _log.info("%s: %d rows, %.0f rows/s%s", self.what, self.n_rows, self.n_rows / seconds, left)


@dataclass
class _Draw:
    """Draws the rows of a unit that have the lowest keys."""

    n: int
    seed: int
    limit: float = 1.0

    def __call__(self, batches: Iterator[Batch], number: int) -> tuple[int, list[Keyed]]:
        rng, n_rows, limit = np.random.default_rng((self.seed, number)), 0, self.limit
        kept: list[Keyed] = []
        for batch in batches:
            keys = rng.random(batch.n_rows)
            places = np.flatnonzero(keys <= limit)
            n_rows += batch.n_rows
            if len(places):
                kept.append((keys[places], to_pandas(batch.take(places))))
            if sum(len(some) for some, _ in kept) > 2 * self.n:
                limit, kept = _lowest(kept, self.n, limit)
        return n_rows, _lowest(kept, self.n)[1]


def _lowest(kept: list[Keyed], n: int, limit: float = 1.0) -> tuple[float, list[Keyed]]:
    """Return the rows of the `n` lowest keys, in their order, and the highest of these keys."""
    if sum(len(some) for some, _ in kept) <= n:
        return limit, kept
    keys = np.concatenate([some for some, _ in kept])
    frame = pd.concat([frame for _, frame in kept], ignore_index=True)
    places = np.sort(np.argpartition(keys, n - 1)[:n])
    keys = keys[places]
    return float(keys.max()), [(keys, frame.iloc[places].reset_index(drop=True))]


def is_large_table(X: Any) -> bool:
    """Return whether a table is given by where it is, not by its rows."""
    is_source = isinstance(X, str | os.PathLike | LargeTable) or hasattr(X, "get_fragments")
    is_source = is_source or are_partitions(X)
    are_paths = (
        isinstance(X, list | tuple)
        and bool(X)
        and all(isinstance(one, str | os.PathLike) for one in X)
    )
    return bool(is_source or are_paths or (callable(X) and not hasattr(X, "shape")))
