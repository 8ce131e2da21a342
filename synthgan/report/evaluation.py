"""All measures of a fake in one call."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from synthgan import metrics
from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics import Score
from synthgan.metrics.tables import read_tables
from synthgan.report.report import Report

__all__ = ["evaluate", "measure_names"]

SECTIONS = ("fidelity", "usefulness", "privacy")
_FEWEST_SAMPLES = 100  # an array with so many columns or more is taken for signal windows

Measure = Callable[..., Score]

MEASURES: dict[str, dict[str, tuple[Measure, ...]]] = {
    "table": {
        "fidelity": (
            metrics.c2st,
            metrics.c2st_linear,
            metrics.column_shapes,
            metrics.kolmogorov_smirnov,
            metrics.total_variation,
            metrics.wasserstein,
            metrics.jensen_shannon,
            metrics.quartiles,
            metrics.missing_shares,
            metrics.range_coverage,
            metrics.category_coverage,
            metrics.pair_trends,
            metrics.correlations,
            metrics.mutual_information,
            metrics.mmd,
            metrics.precision,
            metrics.recall,
            metrics.density,
            metrics.coverage,
            metrics.alpha_precision,
            metrics.beta_recall,
        ),
        "usefulness": (metrics.tstr, metrics.importance_agreement, metrics.global_utility),
        "privacy": (),
    },
}
_WANT_TARGET = (metrics.tstr, metrics.importance_agreement)


def evaluate(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    kind: str = "auto",
    fs_hz: float | None = None,
    sections: Sequence[str] = SECTIONS,
    model: Any = None,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> Report:
    """Measure how faithful, useful and private a fake is.

    Parameters
    ----------
    real : DataFrame or array
        The records that the generator learnt. A table of shape (n_rows, n_columns), signal windows
        in mV of shape (n_windows, n_samples) or (n_windows, n_leads, n_samples), or images of
        shape (n, height, width) or (n, height, width, channels), 0..255.
    fake : as `real`
    holdout : as `real`, or None, default=None
        Records of the same population that the generator never saw. They judge fidelity in place
        of `real`, so that copies gain nothing; they give the ceiling; and without them there is no
        verdict on privacy.
    target : object, default=None
        Column that models are to predict; None leaves out the measures that want one.
    kind : {"auto", "table", "signal", "image"}, default="auto"
        ``"auto"``: a DataFrame, or an array of less than 100 columns, is a table; a wider array, or
        one of three dimensions, is signals; uint8 of three or more dimensions is images.
    fs_hz : float or None, default=None
        Sampling rate of signals.
    sections : sequence of {"fidelity", "usefulness", "privacy"}
        Which measures to take; all by default.
    model : fitted synthesizer or None, default=None
        Its training history and parameters join the report.
    random_state : int, RandomState instance, Generator or None, default=0
        Every measure starts from it.
    n_jobs : int or None, default=None
        Measures taken at the same time, each in a process of its own, as joblib counts them.

    Returns
    -------
    report : Report

    Raises
    ------
    DataError
        Tables without rows, or columns missing.
    ParameterError
        An unknown kind or section, a target that is no column, signals without `fs_hz`.

    Examples
    --------
    >>> from synthgan.datasets import make_clinic
    >>> clinic = make_clinic(300, random_state=0)
    >>> report = evaluate(clinic[:150], clinic[150:], sections=["fidelity"])
    >>> report["pair_trends"].higher_is_better
    True
    """
    kind = _find_kind(kind, real)
    _check_sections(sections)
    records = _read(kind, real, fake, holdout, target, fs_hz)
    begun = time.perf_counter()
    tasks = [
        (section, measure)
        for section in SECTIONS
        if section in sections
        for measure in MEASURES[kind][section]
        if target is not None or measure not in _WANT_TARGET
    ]
    seed = _seed(random_state)
    scores = Parallel(n_jobs=n_jobs)(
        delayed(_take)(measure, section, records, target, fs_hz, seed) for section, measure in tasks
    )
    sorted_scores: dict[str, dict[str, Score]] = {section: {} for section in SECTIONS}
    for (section, measure), score in zip(tasks, scores, strict=True):
        sorted_scores[section][measure.__name__] = score
    settings = {
        "kind": kind,
        "target": target,
        "fs_hz": fs_hz,
        "random_state": seed,
        "seconds": round(time.perf_counter() - begun, 1),
    }
    return Report(sorted_scores, records, settings, model)


def measure_names() -> list[str]:
    """Names of all measures that a report may hold."""
    names = (m.__name__ for kind in MEASURES.values() for ms in kind.values() for m in ms)
    return sorted(set(names))


def _take(
    measure: Measure,
    section: str,
    records: dict[str, Any],
    target: Any,
    fs_hz: float | None,
    seed: int,
) -> Score:
    real, holdout = records["real"], records.get("holdout")
    takes_rate = "fs_hz" in inspect.signature(measure).parameters
    more = {"fs_hz": fs_hz} if takes_rate else {}
    if holdout is not None and (section == "fidelity" or measure in _JUDGED_UNSEEN):
        real, holdout = holdout, real
    return measure(real, records["fake"], holdout=holdout, target=target, random_state=seed, **more)


_JUDGED_UNSEEN = (metrics.importance_agreement, metrics.global_utility)


def _find_kind(kind: str, real: Any) -> str:
    if kind in MEASURES:
        return kind
    if kind != "auto":
        raise ParameterError(f"kind={kind!r} is not allowed; give one of {['auto', *MEASURES]}.")
    if not isinstance(real, np.ndarray) or real.ndim < 2:
        return "table"
    if real.ndim == 2:
        return "signal" if real.shape[1] >= _FEWEST_SAMPLES else "table"
    return "image" if real.dtype == np.uint8 or real.ndim > 3 else "signal"


def _check_sections(sections: Sequence[str]) -> None:
    strange = [s for s in sections if s not in SECTIONS] if not isinstance(sections, str) else True
    if strange or not sections:
        raise ParameterError(
            f"sections={sections!r} is not allowed; give a list of some of {list(SECTIONS)}."
        )


def _read(
    kind: str, real: Any, fake: Any, holdout: Any, target: Any, fs_hz: float | None
) -> dict[str, Any]:
    """Check all records before the first measure is taken."""
    given = {"real": real, "fake": fake, "holdout": holdout}
    if kind == "table":
        frames, _ = read_tables(np.random.default_rng(0), 2**62, **given)
        if target is not None and target not in frames["real"].columns:
            raise ParameterError(
                f"target={target!r} is not allowed; name a column of the real table."
            )
        return dict(frames)
    if kind == "signal" and fs_hz is None:
        raise ParameterError("fs_hz=None is not allowed for signals; give their rate in Hz.")
    arrays = {
        name: x.to_numpy() if isinstance(x, pd.DataFrame) else np.asarray(x)
        for name, x in given.items()
        if x is not None
    }
    shape = arrays["real"].shape[1:]
    for name, array in arrays.items():
        if not len(array) or array.shape[1:] != shape:
            raise DataError(
                f"{name} has the shape {array.shape}; give (n, {', '.join(map(str, shape))}) "
                "with n of 1 or more, as of the real records."
            )
    return arrays


def _seed(random_state: Any) -> int:
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(np.random.default_rng(random_state).integers(2**31 - 1))
