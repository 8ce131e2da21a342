"""SampledRows: a PyTorch Dataset of rows, windows or images that a fitted model generates."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from synthgan.exceptions import DataError, ParameterError
from synthgan.randomness import draw_seed

__all__ = ["SampledRows"]


class SampledRows(Dataset):
    """A PyTorch ``Dataset`` of generated records, drawn in lots when they are first asked for.

    Lot k holds records ``k * lot_size`` and on. Its seed follows from `random_state` and k alone,
    so record i is the same in any order, and in any worker of a ``DataLoader``. Lots stay in
    memory once drawn; each worker has its own.

    Parameters
    ----------
    model : fitted synthesizer
        Any with ``sample(n, random_state=...)``.
    n_rows : int
        Length of the data set.
    lot_size : int, default=1024
        Records drawn at once. With workers and no shuffling, a multiple of the batch size spares
        lots that two workers would both draw.
    target : hashable or None, default=None
        Column of the table that is returned apart.
    transform : callable or None, default=None
        Maps a lot, without its target, to an array with one entry per record, such as the
        ``transform`` of a fitted ``ColumnTransformer``. None: the columns must be numbers.
    random_state : int, RandomState instance or None, default=None
        Read once, when the data set is made.

    Raises
    ------
    ParameterError
        A size that is no whole number of 1 or more.
    DataError
        When a record is read: no such target, columns that are no numbers, or a `transform` that
        changes the number of records.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from synthgan import SampledRows, TabularGANSynthesizer
    >>> from synthgan.datasets import make_clinic
    >>> clinic = make_clinic(200, random_state=0)[["age", "bmi", "cholesterol"]]
    >>> model = TabularGANSynthesizer(epochs=2, random_state=0).fit(clinic)
    >>> rows = SampledRows(model, 100, target="cholesterol", random_state=0)
    >>> x, y = next(iter(DataLoader(rows, batch_size=20)))
    >>> x.shape, y.shape
    (torch.Size([20, 2]), torch.Size([20]))
    """

    def __init__(
        self,
        model: Any,
        n_rows: int,
        lot_size: int = 1024,
        target: Hashable | None = None,
        transform: Callable[[Any], Any] | None = None,
        random_state: Any = None,
    ) -> None:
        for name, value in (("n_rows", n_rows), ("lot_size", lot_size)):
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise ParameterError(f"{name}={value!r} is not allowed; give 1 or more.")
        self.model, self.n_rows, self.lot_size = model, int(n_rows), int(lot_size)
        self.target, self.transform = target, transform
        self.seed = draw_seed(random_state)
        self._lots: dict[int, tuple[Tensor, ...]] = {}

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, index: int) -> Any:
        """Return record `index`: a tensor, or with a target a pair of tensors."""
        if not -self.n_rows <= index < self.n_rows:
            raise IndexError(f"record {index} of {self.n_rows} does not exist.")
        lot, row = divmod(index % self.n_rows, self.lot_size)
        if lot not in self._lots:
            self._lots[lot] = self._draw(lot)
        parts = tuple(part[row] for part in self._lots[lot])
        return parts[0] if len(parts) == 1 else parts

    def _draw(self, lot: int) -> tuple[Tensor, ...]:
        """Draw a lot: the records, then the target if there is one."""
        # A lot is drawn in full, so that its records do not depend on the length of the data set.
        seed = int(np.random.SeedSequence([self.seed, lot]).generate_state(1)[0] >> 1)
        records = self.model.sample(self.lot_size, random_state=seed)
        if self.target is None:
            return (self._tensor(records),)
        if self.target not in getattr(records, "columns", ()):
            raise DataError(f"target={self.target!r} is no column of the records.")
        y = _numbers(pd.DataFrame({self.target: records[self.target]}))[:, 0]
        rest = [name for name in records.columns if name != self.target]
        return self._tensor(records[rest]), torch.from_numpy(y)

    def _tensor(self, records: Any) -> Tensor:
        made = self.transform(records) if self.transform is not None else records
        made = made.toarray() if hasattr(made, "toarray") else made  # of sparse one-hot columns
        array = _numbers(made)
        if len(array) != self.lot_size:
            raise DataError(
                f"transform returned {len(array)} records of {self.lot_size}; return one each."
            )
        return torch.from_numpy(array)


def _numbers(records: Any) -> np.ndarray:
    """Return records as float32, which PyTorch learns from; class codes as int64.

    Raises
    ------
    DataError
        Columns that are no numbers; the message names them.
    """
    if not hasattr(records, "columns"):
        array = np.asarray(records)
        if array.dtype.kind not in "biuf":
            raise DataError(f"records are of type {array.dtype}; give a transform to numbers.")
        return np.array(array, dtype=np.float32)
    frame = pd.DataFrame({name: np.asarray(records[name]) for name in records.columns})
    odd = [name for name in frame if frame[name].dtype.kind not in "biuf"]
    if odd:
        raise DataError(
            f"columns {odd!r} hold no numbers; give transform=, such as the transform of a fitted "
            "ColumnTransformer, or leave them out."
        )
    whole = all(dtype.kind in "biu" for dtype in frame.dtypes)
    kind = np.int64 if whole and frame.shape[1] == 1 else np.float32
    return np.array(frame.to_numpy(), dtype=kind)
