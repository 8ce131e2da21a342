"""What gives synthetic records away, in words: columns, pairs and features that differ most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from synthgan.metrics import Score
from synthgan.report.summary import C2ST, shown_figure

__all__ = ["count_found", "describe_giveaways", "worst_pairs"]

_LEAST_IMPORTANCE = 0.01  # decrease of the AUC; below it, a column is of no use to the classifier
_LEAST_AUC = 0.55  # of a classifier that has one family of features
_MOST_NAMES = 3
_MOST_PAIRS = 8
# Measures of tables, and of related tables.
_COLUMNS = ("column_shapes", "table_shapes")
_PAIRS = ("pair_trends", "cross_table_trends")

Bars = list[dict[str, Any]]


def describe_giveaways(scores: Mapping[str, Score]) -> list[str]:
    """Describe the largest differences between real and synthetic records, one in a sentence.

    Parameters
    ----------
    scores : mapping of str to Score
        The scores of fidelity by name of the measure.

    Returns
    -------
    sentences : list of str
        They name columns, tables and features, and contain no value of a record.
    """
    classifier = next((scores[name] for name in C2ST if name in scores), None)
    sentences = [] if classifier is None else [_of_classifier(classifier)]
    sentences += [
        _of_worst(scores, _COLUMNS, "The distribution that differs most is that of"),
        _of_worst(scores, _PAIRS, "The pair that differs most is"),
        _of_intervals(scores),
    ]
    return [sentence for sentence in sentences if sentence]


def count_found(scores: Mapping[str, Score], floor: str) -> Bars:
    """Return the bars of a classifier: in how many of 100 cases it finds the real record.

    Parameters
    ----------
    scores : mapping of str to Score
        The scores of fidelity.
    floor : str
        What the floor is computed from.

    Returns
    -------
    bars : list of dict
        ``name``, ``share`` (the length in per cent of the longest possible bar), ``shown`` and
        ``class``. Empty if nothing was measured.
    """
    score = next((scores[name] for name in C2ST if name in scores), None)
    if score is None or math.isnan(score.value):
        return []
    sides = {
        ("guessing", ""): 0.5,
        ("other real records", "real"): score.ceiling,
        ("synthetic records", "fake"): score.value,
        (floor, ""): score.floor,
    }
    return [
        {"name": name, "class": kind, "share": round(80 * value, 1), "shown": round(100 * value)}
        for (name, kind), value in sides.items()
        if value is not None and math.isfinite(value)
    ]


def worst_pairs(scores: Mapping[str, Score], show_real: bool) -> list[dict[str, str]]:
    """Return the pairs of columns whose association differs most.

    Parameters
    ----------
    scores : mapping of str to Score
        The scores of fidelity; without ``correlations`` there are no pairs.
    show_real : bool
        Whether to give the coefficient of the real records.

    Returns
    -------
    pairs : list of dict
        ``name``, ``measure``, ``real`` (empty if it is not shown), ``fake`` and ``difference``.
    """
    score = scores.get("correlations")
    if score is None or not {"first", "second", "real", "fake"} <= set(score.detail.columns):
        return []
    detail = score.detail.dropna(subset=["value"])
    worst = detail.sort_values("value", ascending=False, kind="stable")[:_MOST_PAIRS]
    return [
        {
            "name": f"{row.first} and {row.second}",
            "measure": str(row.measure),
            "real": f"{row.real:.2f}" if show_real else "",
            "fake": f"{row.fake:.2f}",
            "difference": f"{row.value:.2f}",
        }
        for row in worst.itertuples()
    ]


def _of_classifier(score: Score) -> str:
    if "value" not in score.detail or not len(score.detail) or math.isnan(score.value):
        return ""
    values = score.detail["value"].dropna().sort_values(ascending=False, kind="stable")
    if score.detail.index.name == "column":
        used = values[values >= _LEAST_IMPORTANCE][:_MOST_NAMES]
        if not len(used):
            return "The classifier relies on no single column."
        return f"The classifier relies most on {_join(used.index)}."
    if len(values) == 1:  # the classifier itself
        return ""
    told = values[values >= _LEAST_AUC][:_MOST_NAMES]
    if not len(told):
        return "No part of the records by itself tells synthetic from real ones."
    parts = [f"{_named(name)} (AUC {value:.2f})" for name, value in told.items()]
    return f"A classifier with one part of the records only does best with {_join(parts)}."


def _of_worst(scores: Mapping[str, Score], names: tuple[str, str], subject: str) -> str:
    """Return a sentence on the column, or the pair, that differs most."""
    score = next((scores[name] for name in names if name in scores), None)
    if score is None or not len(score.detail):
        return ""
    name, value = _worst(score.detail)
    mean = shown_figure(score.ceiling)
    usual = f"; the mean of other real records is {mean}" if mean else ""
    return f"{subject} {name} (similarity {value:.3f}{usual})."


def _of_intervals(scores: Mapping[str, Score]) -> str:
    score = scores.get("intervals")
    if score is None or not len(score.detail) or score.detail["value"].isna().all():
        return ""
    name, value = _worst(score.detail)
    return f"Of the intervals and heights of heart beats, the {name} agrees least ({value:.2f})."


def _worst(detail: pd.DataFrame) -> tuple[str, float]:
    """Return the name and the value of the row with the lowest value."""
    at = int(detail["value"].fillna(float("inf")).to_numpy().argmin())
    row = detail.iloc[at]
    if {"first", "second"} <= set(detail.columns):
        name = f"{row['first']} with {row['second']}"
    elif {"table", "column"} <= set(detail.columns):
        name = f"{row['column']} in {row['table']}"
    else:
        name = _named(detail.index[at])
    return name, float(row["value"])


def _named(name: Any) -> str:
    return ", ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _join(names: Any) -> str:
    """Join names as in a sentence."""
    *first, last = map(_named, names)
    return f"{', '.join(first)} and {last}" if first else last
