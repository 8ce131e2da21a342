"""Kind: the interface between a kind of records and the rest of the package."""

from __future__ import annotations

import argparse
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from synthgan.exceptions import DataError, ParameterError

__all__ = ["Kind"]

Measures = Mapping[str, Mapping[str, Callable[..., Any]]]


class Kind(ABC):
    """A kind of records, such as tables, signals or images.

    A subclass sets the names and overrides methods where needed. The modules ``card``, ``files``
    and ``report`` of its package contain the implementation. They are imported on first use, so
    that the command line starts quickly.

    Attributes
    ----------
    folder : str
        Package with these modules.
    name, plural : str
        Names in parameters and messages, such as ``"signal"`` and ``"signals"``.
    records : str
        Plural noun for the records of a sample, such as ``"rows"``.
    makes : str
        Noun for the output of a model, in the first sentence of its model card.
    files : str
        Noun for the files that `write` puts in a folder, such as ``"WFDB records"``; empty if it
        writes a single file.
    in_folders : bool
        Whether records are read from folders, which may contain links.
    in_arrays : bool
        Whether records are also read from npy files and written to them.
    any_condition : bool
        Whether ``condition_on="any"`` is allowed.
    fit_options, sample_options : tuple of str
        Command-line options for this kind only, with the names that argparse gives them.
    evaluate_options : tuple of str
        The same of ``synthgan evaluate``.
    optional_measures : tuple of str
        Measures that cannot be computed for some records; their value is then NaN.
    floor : str
        What the floor of the fidelity measures is computed from, such as ``"shuffled columns"``.
    importance_caption : str
        Explanation of the bars that show which columns or features the classifier uses.
    shown, pooled : str
        Clauses of the report's first paragraph: which real records are drawn, and what is drawn
        with ``show_real=False``.
    """

    folder: str
    name: str
    plural: str
    records: str
    makes: str
    files: str = ""
    in_folders: bool = False
    in_arrays: bool = True
    any_condition: bool = False
    fit_options: tuple[str, ...] = ()
    sample_options: tuple[str, ...] = ()
    evaluate_options: tuple[str, ...] = ()
    optional_measures: tuple[str, ...] = ()
    floor = "randomised phases"
    importance_caption = (
        "Each bar is the AUC of a classifier that uses one family of features only; 0.5 is chance."
    )
    shown: str
    pooled: str

    @abstractmethod
    def estimator(self) -> Any:
        """Return the synthesizer class for these records."""

    def measures(self) -> Measures:
        """Return a mapping of section to name to measure, in the order of the report."""
        measures: Measures = self._part("report").MEASURES
        return measures

    def takes(self, records: Any) -> bool:
        """Return whether `evaluate` treats an object as records of this kind."""
        return False

    def relate(self, given: Mapping[str, Any], relations: Any, groups: Any) -> Mapping[str, Any]:
        """Return the sets of records, with their relations where the kind has some.

        Parameters
        ----------
        given : mapping of str to object
            ``real``, ``fake`` and ``holdout``; None for a set that is not given.
        relations, groups : object
            As in `evaluate`.

        Raises
        ------
        ParameterError
            If `relations` is given for another kind.
        """
        if relations is not None:
            raise ParameterError(
                f"relations={relations!r:.60} is not allowed for {self.plural}; leave it out, or "
                "give a dict of tables."
            )
        return given

    def check_records(self, given: Mapping[str, Any], target: Any) -> dict[str, Any]:
        """Check all sets of records before the first measure is computed.

        Parameters
        ----------
        given : mapping of str to object
            ``real``, ``fake`` and ``holdout``; None for a set that is not given.
        target : object
            Column that models predict, or None.

        Returns
        -------
        records : dict of str to ndarray or DataFrame
            The sets that are given.

        Raises
        ------
        DataError
            If a set has no records, or another shape than the real records.
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

    def measure_options(self, records: Any, fs_hz: float | None) -> dict[str, Any]:
        """Return additional keyword arguments for every measure of this kind.

        Parameters
        ----------
        records : object
            The real records, as they are given to `evaluate`.
        fs_hz : float or None
            Sampling rate of signals, if it is given.
        """
        return {}

    def pictures(self, report: Any) -> dict[str, list[Any]]:
        """Return the pictures of a report by gallery.

        The galleries are records, intervals, children, transitions, columns and correlations.
        """
        return dict(self._part("report").draw(report))

    def describe(self, model: Any) -> list[str]:
        """Return the lines of a model card that describe the output of the model."""
        return list(self._part("card").describe(model))

    def holds(self, model: Any) -> str:
        """Describe which values of training records are in the model file."""
        return str(self._part("card").holds(model))

    def recognises(self, path: str) -> bool:
        """Return whether a path on the command line is of this kind."""
        return False

    def read_to_measure(self, path: str, follow_links: bool) -> Any:
        """Read records for ``synthgan evaluate``."""
        raise ValueError(f"{path!r} contains {self.plural}; give them as an npy file.")

    def read_sets(
        self,
        paths: Sequence[str | None],
        parsed: argparse.Namespace,
        read_array: Callable[[str], Any],
    ) -> list[Any]:
        """Read the real, the synthetic and the holdout records for ``synthgan evaluate``.

        Parameters
        ----------
        paths : sequence of str or None
            None of a set that is not given.
        parsed : Namespace
            With `evaluate_options`.
        read_array : callable
            Reads an npy file.
        """
        if self.evaluate_options:
            return list(self._part("files").read_sets(paths, parsed, read_array))

        def read(path: str) -> Any:
            if path.endswith(".npy"):
                return read_array(path)
            return self.read_to_measure(path, parsed.follow_links)

        return [None if path is None else read(path) for path in paths]

    def evaluate_arguments(self, parsed: argparse.Namespace) -> dict[str, Any]:
        """Return arguments of `evaluate` for this kind only."""
        return {}

    def add_fit_options(self, parser: Any) -> None:
        """Add options of ``synthgan fit`` for this kind only."""
        if self.fit_options:
            self._part("files").add_fit_options(parser.add_argument_group(self.plural))

    def add_evaluate_options(self, parser: Any) -> None:  # noqa: B027 (optional)
        """Add options of ``synthgan evaluate`` for this kind only."""

    def add_sample_options(self, parser: Any) -> None:  # noqa: B027 (optional)
        """Add options of ``synthgan sample`` for this kind only."""

    def fit(self, parsed: argparse.Namespace) -> tuple[Any, str]:
        """Fit a model for ``synthgan fit``; return it and a short description of its data."""
        model, description = self._part("files").fit(parsed)
        return model, description

    def sample_arguments(self, parsed: argparse.Namespace) -> dict[str, Any]:
        """Return arguments of `sample` for this kind only."""
        return {}

    def table_of_conditions(self, path: str, model: Any) -> str | None:
        """Return which of several tables a file of conditions is about; None: there is one."""
        return None

    def text_columns(self, model: Any) -> dict[str, str]:
        """Return the columns of conditions that are text, as dtypes for `read_table`."""
        return {}

    def write(self, fake: Any, model: Any, parsed: argparse.Namespace) -> str:
        """Write synthetic records; return the plural noun for them, such as "rows"."""
        return str(self._part("files").write(fake, model, parsed))

    def write_parts(self, model: Any, seed: int, parsed: argparse.Namespace) -> int:
        """Generate a folder of parts for ``synthgan sample --format``; return how many records."""
        raise ValueError(f"--format is for tables, not for {self.plural}.")

    def _part(self, name: str) -> Any:
        return importlib.import_module(f"{self.folder}.{name}")
