"""Displays of related tables: timelines of people, and transitions from label to label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthgan.io.escaping import printable
from synthgan.metrics.relational import ComparedTables
from synthgan.metrics.relational.features import is_number
from synthgan.metrics.tables import to_numbers
from synthgan.randomness import draw_generator
from synthgan.records.related import Relation
from synthgan.report.displays import FAKE, REAL, VERBATIM, short
from synthgan.report.pooling import FEWEST, count_people, frequent

__all__ = ["TimelineDisplay", "TransitionDisplay"]

_MOST_LABELS = 12
_FEWEST_ROWS = 2  # of a person whose timeline is drawn


@dataclass
class TimelineDisplay:
    """Rows of some people in their order: real on the left, synthetic on the right.

    Parameters
    ----------
    real, fake : list of (ndarray, ndarray)
        For each person the order, such as dates, and the values of a number; without a number, the
        person's line in the picture.
    x_name, y_name : str
        Names of both; `y_name` is empty without a number.

    Attributes
    ----------
    axes_, figure_ : ndarray of Axes, Figure
        Axes and figure of the last call of `plot`.
    """

    real: list[tuple[np.ndarray, np.ndarray]]
    fake: list[tuple[np.ndarray, np.ndarray]]
    x_name: str
    y_name: str
    axes_: np.ndarray = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    @classmethod
    def from_tables(
        cls,
        real: ComparedTables,
        fake: ComparedTables,
        relation: Relation,
        column: Any = None,
        n: int = 10,
        random_state: Any = None,
        *,
        show_real: bool = True,
    ) -> TimelineDisplay:
        """Select up to `n` random parents with two or more rows on each side.

        Parameters
        ----------
        real, fake : ComparedTables
            Real and synthetic tables, as returned by `synthgan.metrics.relational.read_sets`.
        relation : Relation
            Relation that owns the rows to draw.
        column : hashable or None, default=None
            Number to draw; None: the first column of numbers, other than dates, the order,
            and whole numbers that each occur once.
        n : int, default=10
            Maximum number of parents per side.
        random_state : int, RandomState instance, Generator or None, default=None
            Random state of the selection.
        show_real : bool, default=True
            If False, no real parent is kept.

        Returns
        -------
        display : TimelineDisplay
        """
        rng = draw_generator(random_state)
        frame = real.frames[relation.child]
        if column is None:
            others = [name for name in frame.columns if name != relation.order]
            numbers = [
                name
                for name in others
                if is_number(frame[name]) and frame[name].dtype.kind not in "mM"
            ]
            # A number of its own for each row names the row, and says nothing over time.
            told = [name for name in numbers if not _names_rows(frame[name])]
            column = next(iter(told or numbers), None)
        sides = [_lines(tables, relation, column, n, rng) for tables in (real, fake)]
        x_name = "row" if relation.order is None else str(relation.order)
        y_name = "" if column is None else str(column)
        return cls(sides[0] if show_real else [], sides[1], x_name, y_name)

    def plot(self, figure: Figure | None = None) -> TimelineDisplay:
        """Draw on `figure`, or on a new figure, and return self."""
        self.figure_ = figure = figure or Figure(layout="constrained")
        sides = [
            (lines, color, name)
            for lines, color, name in (
                (self.real, REAL, "real"),
                (self.fake, FAKE, "synthetic"),
            )
            if lines
        ]
        figure.set_size_inches(10, 3.2)
        axes = figure.subplots(1, max(1, len(sides)), sharex=True, sharey=True, squeeze=False)[0]
        self.axes_ = axes
        for ax, (lines, color, name) in zip(axes, sides, strict=False):
            for x, y in lines:
                ax.plot(x, y, ".-", color=color, linewidth=0.9, markersize=4, alpha=0.7)
            ax.set_title(name, fontsize=10)
            ax.set_xlabel(printable(self.x_name), fontsize=8, **VERBATIM)
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelsize=7)
        if self.y_name:
            axes[0].set_ylabel(printable(self.y_name), fontsize=8, **VERBATIM)
        else:
            axes[0].set_yticks([])
        return self


@dataclass
class TransitionDisplay:
    """Shares of the labels that follow each label within a parent: real and synthetic.

    Labels of fewer than 5 real people, and labels that occur only in synthetic rows, are
    ``others``. A real cell is empty if fewer than 5 people have that transition, and the shares
    are those of the other cells.

    Parameters
    ----------
    name : str
        Name of the column.
    labels : list of str
        Names of the labels.
    real, fake : ndarray of shape (n_labels, n_labels)
        Share of each label (column) among the rows that follow a row with a label (row); NaN where
        nothing is shown.

    Attributes
    ----------
    axes_, figure_ : ndarray of Axes, Figure
        Axes and figure of the last call of `plot`.
    """

    name: str
    labels: list[str]
    real: np.ndarray
    fake: np.ndarray
    axes_: np.ndarray = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    @classmethod
    def from_tables(
        cls,
        real: ComparedTables,
        fake: ComparedTables,
        relation: Relation,
        column: Any,
        *,
        show_real: bool = True,
    ) -> TransitionDisplay:
        """Count the transitions of one column of labels.

        Parameters
        ----------
        real, fake : ComparedTables
            As in `TimelineDisplay.from_tables`.
        relation : Relation
            Relation that owns the rows.
        column : hashable
            Column of labels.
        show_real : bool, default=True
            If False, ``others`` also has no people, or 5 or more.

        Returns
        -------
        display : TransitionDisplay
        """
        values = [
            tables.frames[relation.child][column].astype(object).fillna("missing")
            for tables in (real, fake)
        ]
        counts = count_people(values[0], real.people(relation.child))
        labels = frequent(counts, and_rest=not show_real)[:_MOST_LABELS]
        place = {label: i for i, label in enumerate(labels)}
        codes = [side.map(place).fillna(len(labels)).astype(int).to_numpy() for side in values]
        names = [short(label) for label in labels]
        if any((one == len(labels)).any() for one in codes):
            names.append("others")
        squares = [
            _shares(one, tables, relation, len(names), fewest)
            for one, tables, fewest in zip(codes, (real, fake), (FEWEST, 1), strict=True)
        ]
        return cls(str(column), names, *squares)

    def plot(self, figure: Figure | None = None) -> TransitionDisplay:
        """Draw both heat maps on `figure`, or on a new figure, and return self."""
        n = len(self.labels)
        side = float(np.clip(0.35 * n, 2.2, 5))
        self.figure_ = figure = figure or Figure(layout="constrained")
        figure.set_size_inches(2 * side + 2, side + 1)
        self.axes_ = axes = figure.subplots(1, 2, sharey=True)
        names = [printable(label) for label in self.labels]
        for ax, square, title in zip(
            axes, (self.real, self.fake), ("real", "synthetic"), strict=True
        ):
            image = ax.imshow(square, cmap="Blues", vmin=0, vmax=1)
            ax.set_title(title, fontsize=10)
            ax.set_xticks(range(n), names, rotation=90, fontsize=7, **VERBATIM)
            ax.set_yticks(range(n), names, fontsize=7, **VERBATIM)
            ax.set_xlabel("next", fontsize=8)
        axes[0].set_ylabel(printable(self.name), fontsize=8, **VERBATIM)
        figure.colorbar(image, ax=list(axes), shrink=0.8, aspect=30)
        return self


def _names_rows(column: pd.Series) -> bool:
    """Return whether a column has whole numbers, and each only once."""
    return column.dtype.kind in "iu" and column.is_unique


def _lines(
    tables: ComparedTables, relation: Relation, column: Any, n: int, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return order and values of some parents' rows."""
    rows, frame = tables.rows[relation], tables.frames[relation.child]
    counts = np.bincount(rows[rows >= 0])
    parents = np.flatnonzero(counts >= _FEWEST_ROWS)
    if len(parents) > n:
        parents = np.sort(rng.choice(parents, n, replace=False))
    lines = []
    for i, parent in enumerate(parents):
        at = np.arange(*np.searchsorted(rows[: counts.sum()], [parent, parent + 1]))
        x: Any = np.arange(1, len(at) + 1)
        if relation.order is not None:
            order = frame[relation.order].iloc[at]
            x = order.to_numpy() if order.dtype.kind == "M" else order
            x = to_numbers(order) if order.dtype.kind not in "MO" and is_number(order) else x
        y = np.full(len(at), float(i)) if column is None else to_numbers(frame[column].iloc[at])
        lines.append((np.asarray(x), y))
    return lines


def _shares(
    codes: np.ndarray, tables: ComparedTables, relation: Relation, n: int, fewest: int
) -> np.ndarray:
    """Return the shares of transitions that `fewest` people or more have."""
    rows, people = tables.rows[relation], tables.people(relation.child)
    now = 1 + np.flatnonzero((rows[1:] == rows[:-1]) & (rows[1:] >= 0))
    steps = pd.DataFrame({"cell": codes[now - 1] * n + codes[now], "person": people[now]})
    of_cell = steps.groupby("cell")["person"]
    counts = of_cell.size().where(of_cell.nunique() >= fewest)
    square = counts.reindex(np.arange(n * n)).to_numpy(dtype=float).reshape(n, n)
    totals = np.nansum(square, axis=1, keepdims=True)
    return np.divide(square, totals, out=np.full((n, n), np.nan), where=totals > 0)
