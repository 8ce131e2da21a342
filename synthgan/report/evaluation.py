"""All measures of synthetic records in one call."""

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
from synthgan.randomness import draw_generator
from synthgan.report.people import split_people
from synthgan.report.report import Report

__all__ = ["evaluate", "measure_names"]

SECTIONS = ("fidelity", "usefulness", "privacy")
_NEED_TARGET = ("tstr", "importance_agreement")
_COMPARED_WITH_HOLDOUT = ("importance_agreement", "global_utility")  # and fidelity
# Privacy measures take groups, except those in _WITHOUT_GROUPS; other measures do not, except
# those in _WITH_GROUPS.
_WITH_GROUPS = ("c2st", "c2st_linear", "new_people_detection")
_WITHOUT_GROUPS = ("authenticity",)


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
    relations: Any = None,
    model: Any = None,
    show_real: bool = True,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> Report:
    """Measure the fidelity, usefulness and privacy of synthetic records.

    Parameters
    ----------
    real : DataFrame or array
        The training records of the generator: a table of shape (n_rows, n_columns), signal windows
        in mV of shape (n_windows, n_samples) or (n_windows, n_leads, n_samples), or images of
        shape (n, height, width) or (n, height, width, channels) with values from 0 to 255.
        SignalWindows and an ImageStack are also accepted. Related tables are a dict of tables.
    fake : DataFrame or array
        The synthetic records, in the same form as `real`.
    holdout : DataFrame, array or None, default=None
        Real records of the same population that were not used for training. Fidelity is then
        measured against them instead of `real`, so that copies of training records have no
        advantage. They also give the ceiling. Without them, privacy cannot be judged.
    target : object, default=None
        Name of the column that models predict. With None, measures that need a target are skipped.
    kind : {"auto", "table", "signal", "image", "relational"}, default="auto"
        Kind of the records. With ``"auto"``, a dict is related tables; a DataFrame or an array of
        fewer than 100 columns is a table; a wider array or an array of three dimensions is signals;
        an array of type uint8 with three dimensions, or any array with more, is images.
    fs_hz : float or None, default=None
        Sampling rate of signals. Not needed for SignalWindows.
    sections : sequence of {"fidelity", "usefulness", "privacy"}, default=all three
        Sections to measure.
    groups : object, default=None
        Person, or other group, of each record, if a person can have several records. Attacks then
        count persons instead of records, and the folds of `c2st`, `c2st_linear` and
        `new_people_detection` keep the records of a person together. Either the name of a column of
        the tables, which is not measured; or an array-like of shape (n,) for the real records; or a
        tuple of two array-likes, for the real records and the holdout. With None, each record is a
        separate person, except that SignalWindows and an ImageStack use the column ``patient`` of
        their ``info``, or else ``record``. For related tables it must be None: a person is a row of
        a topmost table.
    relations : sequence of Relation, "auto" or None, default=None
        Relations between related tables, such as ``relations_`` of the model. ``"auto"`` or None:
        those that names and values of the real tables allow; they are announced.
    model : fitted synthesizer or None, default=None
        Model whose training history and parameters are added to the report, without its seed.
    show_real : bool, default=True
        If False, the written report contains no real records (windows, beats, images) and no
        figure of single real rows. The first paragraph of the report states whether it contains
        real records. Labels of fewer than 5 real rows, or people, are pooled in both cases.
    random_state : int, RandomState instance, Generator or None, default=0
        Random state of every measure.
    n_jobs : int or None, default=None
        Number of measures that run in parallel processes, as in joblib.

    Returns
    -------
    report : Report

    Raises
    ------
    DataError
        If a table has no rows or lacks columns, or if `groups` has the wrong length.
    ParameterError
        If `kind` or a section is unknown, if `target` or `groups` is not a column, if signals
        have no `fs_hz`, or if no relations of related tables are given or found.

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
    _check_sections(sections)
    own = chosen.measure_options(real, fs_hz)
    given = chosen.relate({"real": real, "fake": fake, "holdout": holdout}, relations, groups)
    sets, people = split_people(groups, *(given.get(name) for name in ("real", "fake", "holdout")))
    given = dict(zip(("real", "fake", "holdout"), sets, strict=True))
    records = chosen.check_records(given, target)
    code_people({name: len(x) for name, x in records.items()}, *people)
    start = time.perf_counter()
    measures = chosen.measures()
    tasks = [
        (section, name)
        for section in SECTIONS
        if section in sections
        for name in measures.get(section, {})
        if target is not None or name not in _NEED_TARGET
    ]
    options = {"target": target, "random_state": (seed := _seed(random_state)), **own}
    measured = Parallel(n_jobs=n_jobs)(
        delayed(_measure)(
            measures[section][name],
            section,
            name,
            records,
            people,
            options,
            name in chosen.optional_measures,
        )
        for section, name in tasks
    )
    scores: dict[str, dict[str, Score]] = {section: {} for section in SECTIONS}
    for (section, name), score in zip(tasks, measured, strict=True):
        scores[section][name] = score
    settings = {
        "kind": chosen.name,
        "target": target,
        "fs_hz": own.get("fs_hz"),
        "random_state": seed,
        "seconds": round(time.perf_counter() - start, 1),
    }
    return Report(scores, records, settings, model, show_real, people[0])


def measure_names() -> list[str]:
    """Return the names of all measures of all kinds."""
    sections = (section for kind in all_kinds().values() for section in kind.measures().values())
    return sorted({name for section in sections for name in section})


def _measure(
    measure: Callable[..., Score],
    section: str,
    name: str,
    records: dict[str, Any],
    people: tuple[Any, Any],
    options: dict[str, Any],
    is_optional: bool,
) -> Score:
    real, holdout = records["real"], records.get("holdout")
    if holdout is not None and (section == "fidelity" or name in _COMPARED_WITH_HOLDOUT):
        real, holdout, people = holdout, real, people[::-1]
    is_grouped = section == "privacy" and name not in _WITHOUT_GROUPS
    if (is_grouped or name in _WITH_GROUPS) and any(whose is not None for whose in people):
        options = {**options, "groups": people[0], "holdout_groups": people[1]}
    try:
        return measure(real, records["fake"], holdout=holdout, **options)
    except (DataError, ParameterError) as error:
        if not is_optional:
            raise
        # Some signals have no beats, and some windows are too short for them.
        detail = pd.DataFrame({"value": []}, dtype=float)
        return Score(name.replace("_", " "), float("nan"), True, detail, note=str(error))


def _find_kind(kind: str, real: Any) -> Kind:
    if kind != "auto":
        return find_kind(kind)
    return next(one for one in all_kinds().values() if one.takes(real))


def _check_sections(sections: Sequence[str]) -> None:
    is_known = not isinstance(sections, str) and all(s in SECTIONS for s in sections)
    if not is_known or not sections:
        raise ParameterError(
            f"sections={sections!r} is not allowed; give a list of one or more of {list(SECTIONS)}."
        )


def _seed(random_state: Any) -> int:
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(draw_generator(random_state).integers(2**31 - 1))
