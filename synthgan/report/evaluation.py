"""All measures of a fake in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from synthgan.exceptions import DataError, ParameterError
from synthgan.kinds import Kind, all_kinds, find_kind
from synthgan.metrics import Score
from synthgan.metrics.people import code_people
from synthgan.metrics.tables import draw_generator
from synthgan.records.signals import SignalWindows
from synthgan.report.people import split_people
from synthgan.report.report import Report

__all__ = ["evaluate", "measure_names"]

SECTIONS = ("fidelity", "usefulness", "privacy")
_WANT_TARGET = ("tstr", "importance_agreement")
_JUDGED_UNSEEN = ("importance_agreement", "global_utility")


_COUNT_PEOPLE = ("c2st", "c2st_linear")  # and those of privacy,
_COUNT_RECORDS = ("authenticity",)  # but these


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
    chosen = _find_kind(kind, real)
    if fs_hz is None and isinstance(real, SignalWindows):
        fs_hz = real.fs_hz
    _check_sections(sections)
    (real, fake, holdout), people = split_people(groups, real, fake, holdout)
    given = {"real": real, "fake": fake, "holdout": holdout}
    records = chosen.check_records(given, target, fs_hz)
    code_people({name: len(x) for name, x in records.items()}, *people)
    begun = time.perf_counter()
    measures = chosen.measures()
    tasks = [
        (section, name)
        for section in SECTIONS
        if section in sections
        for name in measures.get(section, {})
        if target is not None or name not in _WANT_TARGET
    ]
    seed = _seed(random_state)
    words = {"target": target, "random_state": seed, **chosen.measure_options(fs_hz)}
    taken = Parallel(n_jobs=n_jobs)(
        delayed(_take)(
            measures[section][name],
            section,
            name,
            records,
            people,
            words,
            name in chosen.optional_measures,
        )
        for section, name in tasks
    )
    scores: dict[str, dict[str, Score]] = {section: {} for section in SECTIONS}
    for (section, name), score in zip(tasks, taken, strict=True):
        scores[section][name] = score
    settings = {
        "kind": chosen.name,
        "target": target,
        "fs_hz": fs_hz,
        "random_state": seed,
        "seconds": round(time.perf_counter() - begun, 1),
    }
    return Report(scores, records, settings, model, show_real, people[0])


def measure_names() -> list[str]:
    """Names of all measures that a report may hold."""
    sections = (section for kind in all_kinds().values() for section in kind.measures().values())
    return sorted({name for section in sections for name in section})


def _take(
    measure: Callable[..., Score],
    section: str,
    name: str,
    records: dict[str, Any],
    people: tuple[Any, Any],
    words: dict[str, Any],
    is_optional: bool,
) -> Score:
    real, holdout = records["real"], records.get("holdout")
    if holdout is not None and (section == "fidelity" or name in _JUDGED_UNSEEN):
        real, holdout, people = holdout, real, people[::-1]
    is_private = section == "privacy" and name not in _COUNT_RECORDS
    if is_private or name in _COUNT_PEOPLE:
        words = {**words, "groups": people[0], "holdout_groups": people[1]}
    try:
        return measure(real, records["fake"], holdout=holdout, **words)
    except (DataError, ParameterError) as error:
        if not is_optional:
            raise
        # Not every signal has beats, nor is every window long enough for them.
        detail = pd.DataFrame({"value": []}, dtype=float)
        return Score(name.replace("_", " "), float("nan"), True, detail, note=str(error))


def _find_kind(kind: str, real: Any) -> Kind:
    if kind != "auto":
        return find_kind(kind)
    taking = (one for one in all_kinds().values() if one.takes(real))
    return next(taking, find_kind("table"))


def _check_sections(sections: Sequence[str]) -> None:
    strange = [s for s in sections if s not in SECTIONS] if not isinstance(sections, str) else True
    if strange or not sections:
        raise ParameterError(
            f"sections={sections!r} is not allowed; give a list of some of {list(SECTIONS)}."
        )


def _seed(random_state: Any) -> int:
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(draw_generator(random_state).integers(2**31 - 1))
