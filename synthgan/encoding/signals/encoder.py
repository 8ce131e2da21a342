"""SignalEncoder: windows of a signal to small grey images and back."""

from __future__ import annotations

import math
import warnings
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from synthgan.encoding import scaling
from synthgan.encoding.groups import NULL, ON, CellGroup
from synthgan.encoding.record_encoder import RecordEncoder
from synthgan.encoding.signals import whitening
from synthgan.encoding.signals.band import HighBand, find_band
from synthgan.encoding.signals.containers import SignalContainer, read_signals
from synthgan.encoding.signals.leads import independent_leads
from synthgan.encoding.signals.stationarity import is_stationary
from synthgan.encoding.signals.tones import find_tones
from synthgan.exceptions import ArchiveError, OutlierWarning, ParameterError
from synthgan.privacy import run_means
from synthgan.records.signals import SignalWindows
from synthgan.state import fields

__all__ = ["SignalEncoder"]

_MIDDLE = (NULL + ON) / 2
# Limits of windows in an archive.
_MOST_LEADS, _MOST_SAMPLES, _MOST_TONES = 2**12, 2**22, 64
_BELOW_EDGE = 0.95  # of the band: up to where the networks are given tones


class SignalEncoder(RecordEncoder):
    """Turn each window of a signal into a small square image, and images back into windows.

    Samples fill the image row by row, left to right: the "Z" path of thesis Table 6.3. The rest of
    the last row is NULL. Each lead is a channel. Leads that are linear combinations of others
    (Einthoven's relations) are not stored; decoding computes them.

    Parameters
    ----------
    scaling : {"whiten", "minmax"}, default="whiten"
        What a cell holds. ``"whiten"``: the window with a flatter spectrum and unit variance,
        ``127.5 + 127.5 * x``, real numbers, possibly outside 0..255; decoding is exact.
        ``"minmax"``: grey levels 0..255 (thesis Eq. 6.2).
    exponent : float, default=0.5
        For ``"whiten"``: amplitudes are divided by this power of their mean at each frequency; 0
        keeps the spectrum, 1 makes it flat.
    limits : {"minmax"}, float or (float, float), default="minmax"
        For ``"minmax"``, the values of the levels 0 and 255: learnt; the quantiles q and 1 - q of
        each lead for a float q; or fixed, such as -2 and 2 mV in the thesis. Samples outside are
        clipped, and a warning counts them.
    band : {"auto"} or float, default=1.0
        For ``"whiten"``: share of the frequencies that cells hold, from the lowest; the rest is
        noise, which synthetic windows get as loud as real ones, and `inverse_transform` leaves out.
        ``"auto"``: a quarter, a third or half, if what is left out is never higher than 5 % of a
        window's height in nine windows of ten, and 400 cells or more are left; else all.

    Attributes
    ----------
    grid_shape_ : tuple of int
        (side, side), or (n_leads_stored, side, side) if there are several.
    n_samples_ : int
    n_cells_ : int
        Cells that hold a window of a lead: as many as samples, or fewer with a `band`.
    n_leads_ : int
        All leads, including those that are not stored.
    cell_groups_ : list of CellGroup
        A group of all samples, and a group of the NULL cells if there are any.
    is_stationary_ : bool
        Whether windows are stationary, like segments of longer recordings.
    tones_ : tuple of float
        Frequencies of steady tones that many windows hold, such as mains hum, in cycles per window.
    limits_ : ndarray of shape (n_leads_stored, 2)
        Values of the lowest and the highest grey level; only with ``scaling="minmax"``.
    step_ : ndarray of shape (n_leads_stored,)
        Width of one grey level: the largest error of a decoded sample within the limits.
    n_features_in_ : int
        Samples per window.

    References
    ----------
    E. Piacentino, Generative Adversarial Network based Machine for Fake Data Generation, master
    thesis, UPC Barcelona, 2019, chapter 6.

    Examples
    --------
    >>> import numpy as np
    >>> from synthgan import SignalEncoder
    >>> windows = np.sin(np.arange(20).reshape(2, 10))
    >>> encoder = SignalEncoder(scaling="minmax", limits=(-2, 2)).fit(windows)
    >>> encoder.transform(windows)[0]
    array([[127, 181, 185, 136],
           [ 79,  66, 109, 169],
           [190, 153,   0,   0],
           [  0,   0,   0,   0]], dtype=uint8)
    >>> bool(abs(encoder.inverse_transform(encoder.transform(windows)) - windows).max() < 4 / 255)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        "scaling": [StrOptions({"whiten", "minmax"})],
        "exponent": [Interval(Real, 0, 1, closed="both")],
        "limits": [StrOptions({"minmax"}), float, int, tuple, list],
        "band": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self,
        scaling: str = "whiten",
        exponent: float = 0.5,
        limits: Any = "minmax",
        band: Any = 1.0,
    ) -> None:
        self.scaling = scaling
        self.exponent = exponent
        self.limits = limits
        self.band = band

    @property
    def is_quantised(self) -> bool:
        """Whether cells are grey levels."""
        return self.scaling == "minmax"

    def fit(self, X: Any, y: Any = None) -> SignalEncoder:
        """Learn the scale of each lead.

        Parameters
        ----------
        X : SignalWindows, or array-like of shape (n, n_samples) or (n, n_leads, n_samples)
        y : Ignored

        Returns
        -------
        self : SignalEncoder

        Raises
        ------
        DataError, ValueError
            No windows, or values that are not finite numbers.
        ParameterError
            `limits` or `band` are given with a scaling that has none, or are invalid.
        """
        self._validate_params()
        if self.is_quantised and self.band != 1.0:
            raise ParameterError(
                f"band={self.band!r} needs scaling='whiten'; leave band=1.0 with 'minmax'."
            )
        if not (self.is_quantised or isinstance(self.limits, str)):
            raise ParameterError(
                f"limits={self.limits!r} need scaling='minmax'; scaling='whiten' has none: leave "
                "limits='minmax'."
            )
        values, self.container_ = read_signals(self, X, reset=True)
        kept, self.matrix_ = independent_leads(values, self.container_.leads)
        self.kept_ = np.array(kept)
        n_samples = self.n_cells_ = int(values.shape[2])
        self.high_band_: HighBand | None = None
        stored = values[:, kept]
        aligned = X.aligned if isinstance(X, SignalWindows) else None
        self.is_stationary_ = is_stationary(stored, aligned)
        self.tones_ = find_tones(stored)
        if self.is_quantised:
            self.limits_ = np.array(
                [scaling.learn_limits(stored[:, i].ravel(), self.limits) for i in range(len(kept))]
            )
        else:
            heights = np.sort(stored.mean(axis=2), axis=0)
            first = np.zeros(1, dtype=np.int64)
            self.means_ = np.array([run_means(lead, first)[0] for lead in heights.T])
            centred = whitening.limit_window_power(stored - self.means_[:, None])
            self.n_cells_ = self._count_band(stored)
            self.gains_ = whitening.fit_gains(centred, self.exponent, self.n_cells_)
            if self.n_cells_ < n_samples:
                self.high_band_ = HighBand.fit(stored, self.n_cells_)
        self._place_cells()
        return self

    def _count_band(self, stored: np.ndarray) -> int:
        if isinstance(self.band, str):
            return find_band(stored)
        return max(1, round(self.band * stored.shape[2]))

    def _read(self, X: Any) -> np.ndarray:
        return read_signals(self, X, reset=False)[0]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode an array (n, n_leads, n_samples)."""
        n, stored = len(values), values[:, self.kept_]
        if self.is_quantised:
            cells = self._levels(stored)
        else:
            x = whitening.whiten(stored - self.means_[:, None], self.gains_)
            cells = (_MIDDLE + _MIDDLE * x).astype(np.float32)
        side = self.grid_shape_[-1]
        padded = np.full((n, len(self.kept_), side * side), NULL, dtype=cells.dtype)
        padded[:, :, : self.n_cells_] = cells
        return padded.reshape(n, *self.grid_shape_)

    def decode(self, grids: np.ndarray) -> np.ndarray:
        """Decode grids ``(n, *grid_shape_)`` to an array (n, n_leads, n_samples)."""
        return self.complete(self.decode_paths(self.paths(grids)))

    def paths(self, grids: np.ndarray) -> np.ndarray:
        """Return the cells of grids in order of time, ``(n, n_leads_stored, n_cells_)``."""
        paths = grids.reshape(len(grids), len(self.kept_), self.grid_shape_[-1] ** 2)
        return paths[:, :, : self.n_cells_]

    def count_cells(self, n_samples: int) -> int:
        """Return the cells of a recording of so many samples."""
        return max(1, round(n_samples * self.n_cells_ / self.n_samples_))

    def decode_paths(
        self,
        cells: np.ndarray,
        n_samples: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """Decode cells to the stored leads.

        Parameters
        ----------
        cells : ndarray of shape (n, n_leads_stored, count_cells(n_samples))
        n_samples : int or None, default=None
            Samples of a recording; None: as many as windows have.
        rng : Generator or None, default=None
            Draws the noise above the band; None: there is none.

        Returns
        -------
        stored : ndarray of shape (n, n_leads_stored, n_samples)
        """
        n_samples = self.n_samples_ if n_samples is None else n_samples
        cells = cells.astype(np.float64)
        if self.is_quantised:
            pairs = zip(self.limits_, cells.swapaxes(0, 1), strict=True)
            return np.stack(
                [
                    scaling.from_levels(lead, low, high, lowest_cell=NULL)
                    for (low, high), lead in pairs
                ],
                axis=1,
            )
        gains = whitening.gains_for(self.gains_, cells.shape[2])
        extend = None
        if self.high_band_ is not None:
            extend = partial(self.high_band_.extend, n_samples=n_samples, rng=rng)
        x = (cells - _MIDDLE) / _MIDDLE
        return whitening.unwhiten(x, gains, extend) + self.means_[:, None]

    def complete(self, stored: np.ndarray) -> np.ndarray:
        """Compute all leads from the stored leads."""
        return np.einsum("ls,nst->nlt", self.matrix_, stored)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name every cell of the flattened grid: lead and sample, or null."""
        check_is_fitted(self)
        size = self.grid_shape_[-1] ** 2
        names = [f"lead{i}:" if self.n_leads_ > 1 else "" for i in self.kept_]
        inner = [f"sample{t}" if t < self.n_cells_ else f"null{t}" for t in range(size)]
        return np.array([lead + cell for lead in names for cell in inner], dtype=object)

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what was learnt as JSON-ready plain data and arrays."""
        check_is_fitted(self)
        record = {
            "container": self.container_.to_dict(),
            "n_leads": self.n_leads_,
            "n_samples": self.n_samples_,
            "n_cells": self.n_cells_,
            "is_stationary": self.is_stationary_,
            "tones": list(self.tones_),
        }
        arrays = {"kept": self.kept_, "matrix": self.matrix_}
        if self.is_quantised:
            return record, {**arrays, "limits": self.limits_}
        above = {} if self.high_band_ is None else self.high_band_.to_arrays()
        return record, {**arrays, "means": self.means_, "gains": self.gains_, **above}

    def from_state(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> SignalEncoder:
        """Restore the output of `to_state`; the parameters must be the same.

        Raises
        ------
        ArchiveError, ParameterError
            An invalid record, or tables or parameters that do not match it.
        """
        self._validate_params()
        if isinstance(record, dict):  # earlier versions had a cell for each sample
            record = {"n_cells": record.get("n_samples"), **record}
        read = fields.read_fields(
            record,
            "encoder",
            container=SignalContainer.from_dict,
            n_leads=fields.whole(1, _MOST_LEADS),
            n_samples=fields.whole(1, _MOST_SAMPLES),
            n_cells=fields.whole(1, _MOST_SAMPLES),
            is_stationary=fields.flag,
            tones=fields.list_of(fields.number(0)),
        )
        self.container_, self.is_stationary_ = read["container"], read["is_stationary"]
        self.n_leads_, self.n_samples_ = read["n_leads"], read["n_samples"]
        self.n_features_in_, self.n_cells_ = self.n_samples_, read["n_cells"]
        if self.n_cells_ > self.n_samples_ or (
            self.is_quantised and self.n_cells_ != self.n_samples_
        ):
            raise ArchiveError("encoder has more cells than samples, or fewer grey levels")
        self.tones_ = tuple(float(cycles) for cycles in read["tones"])
        columns = self.container_.columns
        if columns and all(isinstance(name, str) for name in columns):
            self.feature_names_in_ = np.array(columns, dtype=object)
        n_kept = len(arrays.get("kept", ()))
        scales: dict[str, fields.Check] = {
            "means": fields.array_of(n_kept),
            "gains": fields.array_of(n_kept, self.n_cells_),
        }
        self.high_band_ = None
        if self.n_cells_ < self.n_samples_:
            n_above = self.n_samples_ - self.n_cells_
            self.high_band_ = HighBand.from_arrays(arrays, n_kept, n_above)
            arrays = {name: arrays[name] for name in arrays if name not in HighBand.NAMES}
        if self.is_quantised:
            scales = {"limits": fields.array_of(n_kept, 2)}
        tables = fields.read_arrays(
            arrays,
            "the encoder",
            kept=fields.array_of(None, kinds="i"),
            matrix=fields.array_of(self.n_leads_, n_kept),
            **scales,
        )
        for name, array in tables.items():
            setattr(self, f"{name}_", array)
        self._check_fit(columns)
        self._place_cells()
        return self

    def _check_fit(self, columns: tuple[Any, ...]) -> None:
        """Refuse an archive whose parts are inconsistent."""
        n_stored, container = len(self.kept_), self.container_
        kept_fit = np.array_equal(self.kept_, np.unique(self.kept_)) and n_stored
        kept_fit = kept_fit and self.kept_[0] >= 0 and self.kept_[-1] < self.n_leads_
        if not kept_fit or n_stored * self.n_samples_ > _MOST_SAMPLES:
            raise ArchiveError(
                f"encoder keeps the invalid leads {fields.brief(self.kept_.tolist())}"
            )
        scales_fit = (
            (self.limits_[:, 0] <= self.limits_[:, 1]).all()
            if self.is_quantised
            else (self.gains_ > 0).all()
        )
        if not scales_fit or len(self.tones_) > _MOST_TONES:
            raise ArchiveError("encoder has a scaling of signals that is not invertible")
        named = {"windows": len(container.leads), "table": len(columns)}
        wanted = {"windows": self.n_leads_, "table": self.n_samples_}
        is_flat = container.kind != "table" or self.n_leads_ == 1
        if named.get(container.kind) != wanted.get(container.kind) or not is_flat:
            raise ArchiveError(
                f"encoder has a number of names that does not match its {container.kind}"
            )

    def _levels(self, stored: np.ndarray) -> np.ndarray:
        lows, highs = self.limits_[:, 0, None], self.limits_[:, 1, None]
        n_outside = int(((stored < lows) | (stored > highs)).sum())
        if n_outside:
            warnings.warn(
                f"{n_outside} of {stored.size} samples clipped because they lie outside the "
                "limits; limits_ holds them.",
                OutlierWarning,
                stacklevel=3,
            )
        pairs = zip(self.limits_, stored.swapaxes(0, 1), strict=True)
        return np.stack(
            [scaling.to_levels(lead, low, high, lowest_cell=NULL) for (low, high), lead in pairs],
            axis=1,
        )

    def _place_cells(self) -> None:
        n_stored, side = len(self.kept_), math.isqrt(self.n_cells_ - 1) + 1
        self.grid_shape_ = (side, side) if n_stored == 1 else (n_stored, side, side)
        is_null = np.tile(np.arange(side * side) >= self.n_cells_, n_stored)
        used, unused = np.flatnonzero(~is_null).tolist(), np.flatnonzero(is_null).tolist()
        kind = "stationary" if self.is_stationary_ else "signal"
        # A cosine of the transform has half as many cycles as its number.
        tones = tuple(tone for tone in self.tones_ if 2 * tone < _BELOW_EDGE * self.n_cells_)
        self.cell_groups_ = [CellGroup(kind, tuple(used), lowest_cell=NULL, tones=tones)]
        if unused:
            self.cell_groups_.append(CellGroup("null", tuple(unused)))
        if self.is_quantised:
            self.step_ = (self.limits_[:, 1] - self.limits_[:, 0]) / scaling.TOP_LEVEL
