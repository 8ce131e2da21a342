"""Samples that are never held as a whole: batches, and folders of parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import effective_n_jobs
from sklearn.utils.validation import check_is_fitted

from synthgan.exceptions import ParameterError
from synthgan.io.tables import Dialect, write_table
from synthgan.records.tables import to_frame
from synthgan.scale.lots import Lot, in_batches
from synthgan.scale.parts import FORMATS, check_new_folder, part_name, write_parts
from synthgan.synthesizers.saved_model import SavedModel
from synthgan.synthesizers.table_rows import as_given, draw_lot, lots_of_sample

__all__ = ["LargeSamples"]

_ARCHIVE = "model.synthgan"


class LargeSamples:
    """Methods of a synthesizer of tables that generate any number of rows in bounded memory."""

    def sample_batches(
        self: Any, n: int, batch_rows: int = 100_000, random_state: Any = None
    ) -> Iterator[Any]:
        """Generate rows in batches; together they are the rows of `sample`.

        Parameters
        ----------
        n : int
            How many rows in all.
        batch_rows : int, default=100_000
            Rows of a batch; the last one may have fewer. Rows do not depend on it.
        random_state : int, RandomState instance or None, default=None
            As in `sample`.

        Yields
        ------
        X : as given to `fit`

        Raises
        ------
        ParameterError
            A number that is not allowed.
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from synthgan import TabularGANSynthesizer
        >>> from synthgan.datasets import make_clinic
        >>> clinic = make_clinic(200, random_state=0)
        >>> model = TabularGANSynthesizer(epochs=2, random_state=0).fit(clinic)
        >>> [len(batch) for batch in model.sample_batches(50, batch_rows=20)]
        [20, 20, 10]
        """
        lots = lots_of_sample(self, n, random_state)
        if not isinstance(batch_rows, Integral) or batch_rows < 1:
            raise ParameterError(f"batch_rows={batch_rows!r} is not allowed; give 1 or more.")
        frames = (draw_lot(self, lot) for lot in lots)
        return (as_given(self, frame) for frame in in_batches(frames, int(batch_rows)))

    def sample_rows(self: Any, first: int, stop: int, n: int, random_state: Any = None) -> Any:
        """Generate some rows of a sample, as a cluster's workers need them.

        Parameters
        ----------
        first, stop : int
            From the row with the number `first` to that before `stop`. The lots of 131 072 rows or
            fewer to which they belong are made.
        n : int
            How many rows the sample has in all.
        random_state : int, RandomState instance or None, default=None
            As in `sample`: give an integer, so that all rows are of the same sample.

        Returns
        -------
        X : as given to `fit`
            These rows of ``sample(n)``; a DataFrame has their numbers as its index.

        Raises
        ------
        ParameterError
            Numbers that are not allowed.
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from synthgan import TabularGANSynthesizer
        >>> from synthgan.datasets import make_clinic
        >>> clinic = make_clinic(200, random_state=0)
        >>> model = TabularGANSynthesizer(epochs=2, random_state=0).fit(clinic)
        >>> model.sample_rows(7, 9, 20).equals(model.sample(20).iloc[7:9])
        True
        """
        lots = lots_of_sample(self, n, random_state)
        if not 0 <= first <= stop <= n:
            raise ParameterError(
                f"first={first!r} and stop={stop!r} are not allowed; give 0 <= first <= stop <= n, "
                f"which is {n}."
            )
        own = [lot for lot in lots if lot.first < stop and first < lot.first + lot.n] or lots[:1]
        frame = pd.concat([draw_lot(self, lot) for lot in own])
        frame = frame[(frame.index >= first) & (frame.index < stop)]
        made = as_given(self, frame.reset_index(drop=True))
        return made.set_axis(frame.index) if isinstance(made, pd.DataFrame) else made

    def sample_to(
        self: Any,
        path: Any,
        n: int,
        n_jobs: int | None = None,
        random_state: Any = None,
        format: str = "parquet",
        dialect: Dialect | None = None,
        safe: bool = False,
    ) -> int:
        """Write rows as a folder of files, which appears when all are complete.

        Parameters
        ----------
        path : str or path
            A new folder, or an empty one.
        n : int
            How many rows in all.
        n_jobs : int or None, default=None
            Processes, as in joblib; files do not depend on it.
        random_state : int, RandomState instance or None, default=None
            As in `sample`, whose rows these are.
        format : {"parquet", "feather", "csv", "csv.gz"}, default="parquet"
            Of the files ``part-00000.parquet`` and so on.
        dialect, safe : as in `synthgan.io.tables.write_table`
            Of text.

        Returns
        -------
        n : int
            Rows that were written.

        Raises
        ------
        DataError
            There are files at the path, or it cannot be written: then nothing is.
        ParameterError
            A number or format that is not allowed.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        if format not in FORMATS:
            raise ParameterError(f"format={format!r} is not allowed; give one of {[*FORMATS]}.")
        check_new_folder(path)
        lots = lots_of_sample(self, n, random_state)
        is_alone = effective_n_jobs(n_jobs) == 1 or len(lots) == 1

        def maker(folder: Path) -> _PartWriter:
            model = self if is_alone else folder.parent / _ARCHIVE
            if not is_alone:
                self.save(model)
            return _PartWriter(model, tuple(lots), folder, format, dialect, safe)

        return write_parts(path, len(lots), maker, 1 if is_alone else n_jobs)


@dataclass(frozen=True)
class _PartWriter:
    """Writes the part of a lot; a process that is not the model's own loads its archive."""

    model: Any
    lots: tuple[Lot, ...]
    folder: Path
    format: str
    dialect: Dialect | None
    safe: bool

    def __call__(self, number: int) -> int:
        model = _loaded(self.model) if isinstance(self.model, Path) else self.model
        frame = draw_lot(model, self.lots[number]).reset_index(drop=True)
        table = _with_types(to_frame(as_given(model, frame))[0])
        write_table(
            table, self.folder / part_name(number, self.format), self.dialect, safe=self.safe
        )
        return len(table)


@lru_cache(maxsize=1)
def _loaded(path: Path) -> Any:
    return SavedModel.load(path)


def _with_types(table: pd.DataFrame) -> pd.DataFrame:
    """Give columns of objects that are all missing in a part the type of text."""
    empty = [name for name in table if table[name].dtype == object and table[name].isna().all()]
    return table.astype(dict.fromkeys(empty, "string")) if empty else table
