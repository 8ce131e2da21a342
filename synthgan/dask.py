"""Dask: learn the partitions of a DataFrame where they lie, and generate partitions lazily.

It needs ``pip install 'synthgan[dask]'``, and works with any cluster of a `distributed.Client`.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from synthgan.asking.conditions import count_rows
from synthgan.exceptions import DataError, ParameterError
from synthgan.randomness import draw_seed
from synthgan.scale.large_table import LargeTable
from synthgan.scale.partitions import are_partitions
from synthgan.synthesizers.saved_model import SavedModel
from synthgan.synthesizers.table_rows import lots_of_model

__all__ = ["fit", "sample"]

_ROWS_OF_META = 1000


def fit(model: Any, data: Any, cache_dir: Any = None) -> Any:
    """Fit a synthesizer to a Dask DataFrame.

    Partitions are counted and encoded by the workers, and encoded rows (about 4 bytes a cell) come
    to this machine, which trains.

    Parameters
    ----------
    model : TabularGANSynthesizer
    data : dask.dataframe.DataFrame
        Read three times: persist it if that takes long.
    cache_dir : str, path or None, default=None
        As in `LargeTable`.

    Returns
    -------
    model : TabularGANSynthesizer
        Fitted; the same as of the partitions' rows in files.

    Raises
    ------
    ParameterError
        `data` is no Dask DataFrame.
    """
    if not are_partitions(data):
        raise ParameterError(
            f"data={type(data).__name__} is no Dask DataFrame; give what it is made of to fit."
        )
    return model.fit(LargeTable(data, cache_dir=cache_dir))


def sample(model: Any, n: int, npartitions: int | None = None, random_state: Any = None) -> Any:
    """Generate rows as a lazy Dask DataFrame: those of ``model.sample(n)``.

    Parameters
    ----------
    model : TabularGANSynthesizer
        Fitted to a table of pandas, Dask or files; its archive goes to the workers.
    n : int
        How many rows in all.
    npartitions : int or None, default=None
        None: one for each lot of rows that are made together, 131 072 or fewer. More partitions
        make lots more than once.
    random_state : int, RandomState instance or None, default=None
        As in `sample` of the model.

    Returns
    -------
    rows : dask.dataframe.DataFrame

    Raises
    ------
    DataError
        Dask is missing.
    ParameterError
        A number that is not allowed.
    NotFittedError
        Before `fit`.
    """
    check_is_fitted(model)
    try:
        import dask.dataframe
    except ImportError:
        raise DataError(
            "synthgan.dask needs dask, which is missing: pip install 'synthgan[dask]'."
        ) from None
    n = count_rows(n, None)
    given = model.random_state if random_state is None else random_state
    seed = int(given) if isinstance(given, Integral) else draw_seed(given)
    if npartitions is None:
        ends = [lot.first for lot in lots_of_model(model, n, 0)] + [n]
    elif isinstance(npartitions, Integral) and 0 < npartitions <= max(n, 1):
        ends = np.linspace(0, n, int(npartitions) + 1).round().astype(int).tolist()
    else:
        raise ParameterError(
            f"npartitions={npartitions!r} is not allowed; give a number from 1 to n={n}."
        )
    archive = BytesIO()
    model.save(archive)
    meta = model.sample(min(n, _ROWS_OF_META), random_state=seed).iloc[:0]
    return dask.dataframe.from_map(
        _Rows(archive.getvalue(), n, seed, meta),
        ends[:-1],
        ends[1:],
        meta=meta,
        divisions=[*ends[:-1], max(n - 1, 0)] if n else None,
    )


class _Rows:
    """Makes the rows of a partition from the archive of a model."""

    def __init__(self, archive: bytes, n: int, seed: int, meta: pd.DataFrame) -> None:
        self.archive, self.n, self.seed, self.meta = archive, n, seed, meta

    def __call__(self, first: int, stop: int) -> pd.DataFrame:
        rows: pd.DataFrame = _loaded(self.archive).sample_rows(first, stop, self.n, self.seed)
        return rows.astype(self.meta.dtypes.to_dict())


@lru_cache(maxsize=1)
def _loaded(archive: bytes) -> Any:
    return SavedModel.load(BytesIO(archive))
