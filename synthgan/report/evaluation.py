"""All measures of a fake in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from synthgan import metrics
from synthgan.exceptions import DataError, ParameterError
from synthgan.io.images import ImageStack
from synthgan.metrics import Score, images, signals
from synthgan.metrics.people import code_people
from synthgan.metrics.tables import draw_generator, read_tables
from synthgan.records.signals import SignalWindows
from synthgan.report.people import split_people
from synthgan.report.report import Report

__all__ = ["evaluate", "measure_names"]

SECTIONS = ("fidelity", "usefulness", "privacy")
_FEWEST_SAMPLES = 100  # an array with so many columns or more is taken for signal windows

Measure = Callable[..., Score]

_TABLE_FIDELITY = (
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
)
_TABLE_USEFULNESS = (metrics.tstr, metrics.importance_agreement, metrics.global_utility)
_TABLE_PRIVACY = (
    metrics.singling_out,
    metrics.linkability,
    metrics.attribute_inference,
    metrics.membership_inference,
    metrics.exact_copies,
    metrics.near_copies,
    metrics.closest_record,
    metrics.neighbour_ratio,
    metrics.authenticity,
)
_SIGNAL_FIDELITY = (
    signals.signal_c2st,
    signals.amplitudes,
    signals.spectrum,
    signals.autocorrelation,
    signals.heart_rates,
    signals.beat_counts,
    signals.r_amplitudes,
    signals.qrs,
    signals.qt_intervals,
    signals.beat_variability,
    signals.dtw,
    signals.signal_mmd,
    signals.signal_precision,
    signals.signal_coverage,
)
_IMAGE_FIDELITY = (
    images.image_c2st,
    images.pixel_statistics,
    images.image_spectrum,
    images.image_precision,
    images.image_recall,
    images.image_density,
    images.image_coverage,
    images.frechet_distance,
)
_SIGNAL_PRIVACY = (
    signals.signal_membership_inference,
    signals.signal_reidentification,
    signals.signal_exact_copies,
    signals.signal_near_copies,
    signals.signal_closest_record,
    signals.signal_neighbour_ratio,
)
_IMAGE_PRIVACY = (
    metrics.image_membership_inference,
    metrics.image_reidentification,
    metrics.image_exact_copies,
    metrics.image_near_copies,
    metrics.image_closest_record,
    metrics.image_neighbour_ratio,
)


def _named(*measures: Measure) -> dict[str, Measure]:
    return {measure.__name__: measure for measure in measures}


# Kind of records, section, name of the measure; in the order of the report.
MEASURES: dict[str, dict[str, dict[str, Measure]]] = {
    "table": {
        "fidelity": _named(*_TABLE_FIDELITY),
        "usefulness": _named(*_TABLE_USEFULNESS),
        "privacy": {
            "singling_out_univariate": partial(metrics.singling_out, mode="univariate"),
            **_named(*_TABLE_PRIVACY),
        },
    },
    "signal": {
        "fidelity": _named(*_SIGNAL_FIDELITY),
        "usefulness": {},
        "privacy": _named(*_SIGNAL_PRIVACY),
    },
    "image": {
        "fidelity": _named(*_IMAGE_FIDELITY),
        "usefulness": {},
        "privacy": _named(*_IMAGE_PRIVACY),
    },
}
_OF_BEATS = (
    "heart_rates", "beat_counts", "r_amplitudes", "qrs", "qt_intervals", "beat_variability"
)  # fmt: skip
_WANT_TARGET = ("tstr", "importance_agreement")
_JUDGED_UNSEEN = ("importance_agreement", "global_utility")


_NO_PEOPLE = ("authenticity",)
_KNOW_PEOPLE = {"c2st", "c2st_linear"} | {
    name for kind in MEASURES.values() for name in kind["privacy"] if name not in _NO_PEOPLE
}


def evaluate(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    kind: str = "auto",
    fs_hz: float | None = None,
    sections: Sequence[str] = SECTIONS,
    groups: Any = None,
    model: Any = None,
    show_real: bool = True,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> Report:
    """Measure how faithful, useful and private a fake is.

    Parameters
    ----------
    real : DataFrame or array
        The records that the generator learnt. A table of shape (n_rows, n_columns), signal windows
        in mV of shape (n_windows, n_samples) or (n_windows, n_leads, n_samples), or images of
        shape (n, height, width) or (n, height, width, channels), 0..255; also SignalWindows and
        an ImageStack.
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
        Sampling rate of signals; SignalWindows bring their own.
    sections : sequence of {"fidelity", "usefulness", "privacy"}
        Which measures to take; all by default.
    groups : object, default=None
        Who each record belongs to: a person may have several, and then every attack counts
        persons, and `c2st` and `c2st_linear` learn and judge by other persons. The name of a column
        of tables, which is not measured; or an array-like of shape (n,), one entry for each real
        record; or a tuple of two, for the real records and the holdout. None: each record is a
        person of its own, but for SignalWindows, whose ``info`` has a column ``patient``.
    model : fitted synthesizer or None, default=None
        Its training history and parameters join the report; its seed does not.
    show_real : bool, default=True
        False leaves out of what the report writes each real record (windows, beats, images), and
        what is drawn of single ones; its header says which of both it is. Labels of fewer than 5
        real rows, or people, are pooled in either.
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
        Tables without rows, columns missing, groups that are not one for each record.
    ParameterError
        An unknown kind or section, a target or groups that are no column, signals without `fs_hz`.

    Examples
    --------
    >>> from synthgan.datasets import make_clinic
    >>> clinic = make_clinic(300, random_state=0)
    >>> report = evaluate(clinic[:150], clinic[150:], sections=["fidelity"])
    >>> report["pair_trends"].higher_is_better
    True
    """
    for name, given in (("real", real), ("fake", fake)):
        if given is None:
            raise DataError(f"{name}=None is not allowed; give records.")
    kind = _find_kind(kind, real)
    if fs_hz is None and isinstance(real, SignalWindows):
        fs_hz = real.fs_hz
    _check_sections(sections)
    (real, fake, holdout), people = split_people(groups, real, fake, holdout)
    records = _read(kind, real, fake, holdout, target, fs_hz)
    code_people({name: len(x) for name, x in records.items()}, *people)
    begun = time.perf_counter()
    tasks = [
        (section, name)
        for section in SECTIONS
        if section in sections
        for name in MEASURES[kind][section]
        if target is not None or name not in _WANT_TARGET
    ]
    seed = _seed(random_state)
    taken = Parallel(n_jobs=n_jobs)(
        delayed(_take)(kind, section, name, records, people, target, fs_hz, seed)
        for section, name in tasks
    )
    scores: dict[str, dict[str, Score]] = {section: {} for section in SECTIONS}
    for (section, name), score in zip(tasks, taken, strict=True):
        scores[section][name] = score
    settings = {
        "kind": kind,
        "target": target,
        "fs_hz": fs_hz,
        "random_state": seed,
        "seconds": round(time.perf_counter() - begun, 1),
    }
    return Report(scores, records, settings, model, show_real, people[0])


def measure_names() -> list[str]:
    """Names of all measures that a report may hold."""
    sections = (section for kind in MEASURES.values() for section in kind.values())
    return sorted({name for section in sections for name in section})


def _take(
    kind: str,
    section: str,
    name: str,
    records: dict[str, Any],
    people: tuple[Any, Any],
    target: Any,
    fs_hz: float | None,
    seed: int,
) -> Score:
    measure = MEASURES[kind][section][name]
    real, holdout = records["real"], records.get("holdout")
    if holdout is not None and (section == "fidelity" or name in _JUDGED_UNSEEN):
        real, holdout, people = holdout, real, people[::-1]
    more = {"fs_hz": fs_hz} if kind == "signal" else {}
    if name in _KNOW_PEOPLE:
        more |= {"groups": people[0], "holdout_groups": people[1]}
    words = {"holdout": holdout, "target": target, "random_state": seed, **more}
    try:
        return measure(real, records["fake"], **words)
    except (DataError, ParameterError) as error:
        if name not in _OF_BEATS:
            raise
        # Not every signal has beats, nor every window is long enough for what follows one.
        detail = pd.DataFrame({"value": []}, dtype=float)
        return Score(name.replace("_", " "), float("nan"), True, detail, note=str(error))


def _find_kind(kind: str, real: Any) -> str:
    if kind in MEASURES:
        return kind
    if kind != "auto":
        raise ParameterError(f"kind={kind!r} is not allowed; give one of {['auto', *MEASURES]}.")
    if isinstance(real, SignalWindows | ImageStack):
        return "signal" if isinstance(real, SignalWindows) else "image"
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
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(draw_generator(random_state).integers(2**31 - 1))
