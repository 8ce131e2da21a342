"""Kind: what the rest of the package may ask about a kind of records."""

from __future__ import annotations

import argparse
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from synthgan.exceptions import DataError

__all__ = ["Kind"]

Measures = Mapping[str, Mapping[str, Callable[..., Any]]]


class Kind(ABC):
    """A kind of records, such as tables, signals or images.

    A subclass sets the names and overrides what it needs. The modules ``card``, ``files`` and
    ``report`` of its folder do the work; they are imported when they are asked, so that the command
    line starts quickly.

    Attributes
    ----------
    folder : str
        Package of those modules.
    name, plural : str
        ``"signal"``, ``"signals"``: in parameters and messages.
    records : str
        What a sample is made of, such as ``"rows"``.
    makes : str
        The same, as the first sentence of a model card says it.
    files : str
        What `write` puts into a folder, such as ``"WFDB records"``; empty: it writes one file.
    in_folders : bool
        Whether records are read from folders, which may hold links.
    fit_options, sample_options : tuple of str
        Command-line options that are for this kind only, as argparse names them.
    optional_measures : tuple of str
        Measures that some records do not allow; their value is then NaN.
    giveaway, shown, pooled : str
        Sentences of the report: below the picture of what tells synthetic records from real ones;
        what a report with real records draws; what one without real records draws.
    """

    folder: str
    name: str
    plural: str
    records: str
    makes: str
    files: str = ""
    in_folders: bool = False
    fit_options: tuple[str, ...] = ()
    sample_options: tuple[str, ...] = ()
    optional_measures: tuple[str, ...] = ()
    giveaway = "Bars: the AUC that each family of features reaches by itself."
    shown: str
    pooled: str

    @abstractmethod
    def estimator(self) -> Any:
        """Return the class that learns such records."""

    def measures(self) -> Measures:
        """Return section to name to measure, in the order of the report."""
        measures: Measures = self._part("report").MEASURES
        return measures

    def takes(self, records: Any) -> bool:
        """Tell whether `evaluate` takes an object for records of this kind."""
        return False

    def check_records(
        self, given: Mapping[str, Any], target: Any, fs_hz: float | None
    ) -> dict[str, Any]:
        """Check all sets of records before the first measure is taken.

        Parameters
        ----------
        given : mapping of str to object
            ``real``, ``fake`` and ``holdout``, which may be None.
        target : object
            Column that models are to predict, or None.
        fs_hz : float or None

        Returns
        -------
        records : dict of str to ndarray or DataFrame
            Those that are not None.

        Raises
        ------
        DataError
            Sets without records, or of different shapes.
        """
        arrays = {name: np.asarray(x) for name, x in given.items() if x is not None}
        shape = arrays["real"].shape[1:]
        for name, array in arrays.items():
            if not len(array) or array.shape[1:] != shape:
                raise DataError(
                    f"{name} has the shape {array.shape}; give (n, {', '.join(map(str, shape))}) "
                    "with n of 1 or more, as of the real records."
                )
        return arrays

    def measure_options(self, fs_hz: float | None) -> dict[str, Any]:
        """Return what every measure of this kind is given beside records."""
        return {}

    def pictures(self, report: Any) -> dict[str, list[Any]]:
        """Draw records for a report: name of the place in the page to pictures."""
        return dict(self._part("report").draw(report))

    def describe(self, model: Any) -> list[str]:
        """Return the lines of a model card that say what the model makes."""
        return list(self._part("card").describe(model))

    def holds(self, model: Any) -> str:
        """Say which values of training records the model's file holds."""
        return str(self._part("card").holds(model))

    def recognises(self, path: str) -> bool:
        """Tell whether a path on the command line is of this kind."""
        return False

    def read_to_measure(self, path: str, follow_links: bool) -> Any:
        """Read records for ``synthgan evaluate``."""
        raise ValueError(f"{path!r} holds {self.plural}; give them as an npy file.")

    def add_fit_options(self, parser: Any) -> None:
        """Add options of ``synthgan fit`` that are for this kind only."""
        self._part("files").add_fit_options(parser.add_argument_group(self.plural))

    def add_sample_options(self, parser: Any) -> None:  # noqa: B027 (many have none)
        """Add options of ``synthgan sample`` that are for this kind only."""

    def fit(self, parsed: argparse.Namespace) -> tuple[Any, str]:
        """Learn what ``synthgan fit`` names; return the model, and in words what was learnt."""
        model, what = self._part("files").fit(parsed)
        return model, what

    def sample_arguments(self, parsed: argparse.Namespace) -> dict[str, Any]:
        """Return arguments of `sample` that are for this kind only."""
        return {}

    def write(self, fake: Any, model: Any, parsed: argparse.Namespace) -> str:
        """Write what ``synthgan sample`` made; return what the files hold, such as "rows"."""
        return str(self._part("files").write(fake, model, parsed))

    def _part(self, name: str) -> Any:
        return importlib.import_module(f"{self.folder}.{name}")
