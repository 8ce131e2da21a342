"""Measures and pictures of related tables in a report."""

from __future__ import annotations

from typing import Any

import pandas as pd

from synthgan.metrics import relational
from synthgan.metrics.relational import ComparedTables
from synthgan.metrics.relational.features import is_number
from synthgan.metrics.relational.keys import number_of_children
from synthgan.report.displays import ColumnDisplay
from synthgan.report.families import TimelineDisplay, TransitionDisplay
from synthgan.report.pictures import Picture, raster_picture, vector_picture
from synthgan.report.pooling import FEWEST, count_people, frequent
from synthgan.report.report import Report
from synthgan.report.table_pictures import draw_columns, draw_correlations, least_similar

__all__ = ["MEASURES", "draw"]

_MOST_TRANSITIONS = 2  # columns of a table whose transitions are drawn
_FIDELITY = (
    relational.key_integrity,
    relational.cardinality,
    relational.family_c2st,
    relational.joined_c2st,
    relational.step_c2st,
    relational.parent_c2st,
    relational.child_c2st,
    relational.cross_table_trends,
    relational.row_autocorrelation,
    relational.table_shapes,
    relational.table_trends,
)
_PRIVACY = (
    relational.family_membership_inference,
    relational.closest_family,
    relational.identical_families,
)
MEASURES = {
    "fidelity": {measure.__name__: measure for measure in _FIDELITY},
    "usefulness": {},
    "privacy": {measure.__name__: measure for measure in _PRIVACY},
}


def draw(report: Report) -> dict[str, list[Picture]]:
    """Draw numbers of rows, timelines, transitions, and each table."""
    real, fake = report.records["real"], report.records["fake"]
    if len(real) < FEWEST and not report.show_real:
        return {}
    pictures: dict[str, list[Picture]] = {
        name: [] for name in ("records", "children", "transitions", "columns", "correlations")
    }
    labels = real.labels()
    for relation, label in labels.items():
        pictures["children"].append(_numbers_of_rows(report, relation, label))
    for relation in real.relations:
        if relation == real.owner(relation.child):
            pictures["records"] += _timelines(report, relation)
            pictures["transitions"] += _transitions(report, relation)
    values = _similarities(report)
    for table, frame in real.frames.items():
        drawn = {column: value for (name, column), value in values.items() if name == table}
        pair = frame, fake.frames[table]
        people = real.people(table)
        pictures["columns"] += draw_columns(*pair, drawn, people, report.show_real, table)
        pictures["correlations"] += draw_correlations(*pair, table)
    return {name: some for name, some in pictures.items() if some}


def _numbers_of_rows(report: Report, relation: Any, label: str) -> Picture:
    real, fake = report.records["real"], report.records["fake"]
    name = f"{relation.child} per row"
    ours, theirs = (
        pd.DataFrame({name: number_of_children(tables, relation)}) for tables in (real, fake)
    )
    people = real.people(str(relation.parent))
    display = ColumnDisplay.from_frames(
        ours, theirs, name, groups=people, show_real=report.show_real
    ).plot()
    alt = f"Number of rows of {relation.child} that belong to a row of {relation.parent}."
    return vector_picture(display.figure_, alt, label)


def _timelines(report: Report, relation: Any) -> list[Picture]:
    display = TimelineDisplay.from_tables(
        report.records["real"], report.records["fake"], relation,
        random_state=0, show_real=report.show_real,
    )  # fmt: skip
    if not display.real and not display.fake:
        return []
    sides = "real people left, synthetic people right" if display.real else "synthetic people"
    alt = f"Rows of {relation.child} of some people, one line each: {sides}."
    return [raster_picture(display.plot().figure_, alt, relation.child)]


def _transitions(report: Report, relation: Any) -> list[Picture]:
    real: ComparedTables = report.records["real"]
    frame, people = real.frames[relation.child], real.people(relation.child)
    pictures: list[Picture] = []
    for column in frame.columns:
        if is_number(frame[column]) or len(pictures) == _MOST_TRANSITIONS:
            continue
        levels = frame[column].astype(object).fillna("missing")
        if len(frequent(count_people(levels, people))) < 2:
            continue
        display = TransitionDisplay.from_tables(
            real, report.records["fake"], relation, column, show_real=report.show_real
        ).plot()
        alt = f"Two heat maps of the label of {column} that follows each label: real, synthetic."
        pictures.append(vector_picture(display.figure_, alt, f"{relation.child}.{column}"))
    return pictures


def _similarities(report: Report) -> dict[tuple[str, Any], float]:
    """Return the similarity of the columns to draw, by table and column; NaN if not measured."""
    frames = report.records["real"].frames
    every = {(table, column): float("nan") for table in frames for column in frames[table].columns}
    score = report.scores.get("fidelity", {}).get("table_shapes")
    if score is not None:
        detail = score.detail
        every |= dict(
            zip(zip(detail["table"], detail["column"], strict=True), detail["value"], strict=True)
        )
    return {name: every[name] for name in least_similar(every)}
