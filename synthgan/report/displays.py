"""Displays of tables, as in scikit-learn: computed once, drawn on any axes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.api import types

from synthgan.exceptions import ParameterError
from synthgan.io.escaping import printable
from synthgan.metrics import Score
from synthgan.metrics.pairs import association
from synthgan.metrics.tables import check_tables, is_scaled, read_tables, to_numbers
from synthgan.randomness import draw_generator
from synthgan.report.pooling import (
    FEWEST,
    count_people,
    frequent,
    merge_bins,
    pooled_ends,
    pooled_quantiles,
    rounded_out,
)

__all__ = [
    "FAKE",
    "REAL",
    "VERBATIM",
    "ColumnDisplay",
    "CorrelationDisplay",
    "HistoryDisplay",
    "ScoreDisplay",
    "short",
]

# Okabe and Ito's blue and vermilion: distinct for colour-blind readers, and in grey.
REAL, FAKE = "#0072b2", "#d55e00"
# For every text that comes from data: "$" and "\\" are characters, not mathematics.
VERBATIM: dict[str, Any] = {"parse_math": False, "usetex": False}
_MOST_LEVELS = 12
_N_BINS = 30
_TAILS = (0.005, 0.995)  # values outside are drawn in the outermost bins
_MOST_LABELS = 25


@dataclass
class ColumnDisplay:
    """Distribution of one column in real and synthetic records.

    Numbers are drawn as a histogram and box plots, levels as bars. Levels of fewer than 5 real
    rows, and levels that occur only in synthetic rows, are combined in the bar ``others``. The ends
    of a histogram are round numbers with 5 or more real rows at or outside each. The points of a
    box plot are means of 5 or more real rows.

    Parameters
    ----------
    name : str
        Name of the column.
    shares : ndarray of shape (2, n_bins)
        Shares of the real (first row) and synthetic values in each bin or level.
    edges : ndarray of shape (n_bins + 1,) or None
        Edges of the bins; None for levels.
    labels : list of str
        Names of the levels; empty for numbers.
    boxes : list of dict
        Box plots of numbers: ``side`` (0 real, 1 synthetic), the 5 % and 95 % quantiles ``low`` and
        ``high``, the quartiles ``q1`` and ``q3``, and ``median``. Empty for levels. A side with
        fewer than 5 rows has no box plot.
    is_time : bool, default=False
        If True, numbers are nanoseconds since 1970.
    missing : (float, float), default=(0.0, 0.0)
        Shares of missing values, real and synthetic. The real share is NaN if 1 to 4 rows have
        missing values.

    Attributes
    ----------
    ax_, figure_ : Axes, Figure
        Axes and figure of the last call of `plot`.

    Examples
    --------
    >>> from synthgan.datasets import make_clinic
    >>> clinic = make_clinic(200, random_state=0)
    >>> ColumnDisplay.from_frames(clinic[:100], clinic[100:], "age").plot().ax_.get_title()
    'age'
    """

    name: str
    shares: np.ndarray
    edges: np.ndarray | None
    labels: list[str]
    boxes: list[dict[str, Any]]
    is_time: bool = False
    missing: tuple[float, float] = (0.0, 0.0)
    ax_: Axes = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    @classmethod
    def from_frames(
        cls, real: Any, fake: Any, column: Any, *, groups: Any = None, show_real: bool = True
    ) -> ColumnDisplay:
        """Compute the display of one column.

        Parameters
        ----------
        real, fake : DataFrame or array-like of shape (n_rows, n_columns)
            Real and synthetic rows.
        column : object
            Name of the column.
        groups : array-like of shape (n_rows,) or None, default=None
            Person of each real row. Minimum counts are then 5 people instead of 5 rows.
        show_real : bool, default=True
            If False, bins and levels are merged until each has no real row, or 5 or more.

        Returns
        -------
        display : ColumnDisplay

        Raises
        ------
        ParameterError
            If there is no such column, or if the length of `groups` differs from that of `real`.
        """
        frames = check_tables(real=real, fake=fake)
        if column not in frames["real"].columns:
            raise ParameterError(f"column={column!r} is not allowed; name a column of the table.")
        pair = frames["real"][column], frames["fake"][column]
        people = np.arange(len(pair[0])) if groups is None else pd.factorize(np.asarray(groups))[0]
        if len(people) != len(pair[0]):
            raise ParameterError(
                f"groups has {len(people)} values; give one for each of the {len(pair[0])} real "
                "rows."
            )
        if not is_scaled(pair[0]) or pair[0].nunique() <= _MOST_LEVELS:
            counted = None if groups is None else people
            return cls._of_levels(str(column), *pair, counted, show_real)
        return cls._of_numbers(str(column), *pair, people, show_real)

    @classmethod
    def _of_levels(
        cls,
        name: str,
        real: pd.Series,
        fake: pd.Series,
        people: np.ndarray | None,
        show_real: bool,
    ) -> ColumnDisplay:
        present = [s.astype(object).where(s.notna(), "missing") for s in (real, fake)]
        shares_of = [series.value_counts(normalize=True) for series in present]
        levels = frequent(count_people(present[0], people), and_rest=not show_real)
        if all(isinstance(level, (int, float)) for level in levels):
            levels = sorted(levels)
        elif len(levels) > _MOST_LEVELS:
            levels = levels[:_MOST_LEVELS]
        shares = np.array([[float(s.get(level, 0.0)) for level in levels] for s in shares_of])
        labels = [short(level) for level in levels]
        rest = 1 - shares.sum(axis=1)
        if rest.max() > 1e-9:
            shares, labels = np.column_stack([shares, rest]), [*labels, "others"]
        return cls(name, shares, None, labels, [])

    @classmethod
    def _of_numbers(
        cls, name: str, real: pd.Series, fake: pd.Series, people: np.ndarray, show_real: bool
    ) -> ColumnDisplay:
        numbers = [to_numbers(series) for series in (real, fake)]
        gaps = [np.isnan(x) for x in numbers]
        missing = [float(gap.mean()) for gap in gaps]
        if 0 < len(np.unique(people[gaps[0]])) < FEWEST:
            missing[0] = float("nan")
        a, b = (x[~gap] for x, gap in zip(numbers, gaps, strict=True))
        people = people[~gaps[0]]
        if len(np.unique(people)) < FEWEST:
            a, people = a[:0], people[:0]
        ends = []
        if len(a):
            ends.append(rounded_out(*pooled_ends(a, people, _TAILS)))
            a = np.clip(a, *ends[0])  # so that outliers do not affect the means
        if len(b):
            ends.append((float(np.quantile(b, _TAILS[0])), float(np.quantile(b, _TAILS[1]))))
        lows, highs = zip(*(ends or [(0.0, 1.0)]), strict=True)
        edges = np.linspace(*rounded_out(min(lows), max(highs)), _N_BINS + 1)
        inside = [np.clip(x, edges[0], edges[-1]) for x in (a, b)]
        if not show_real:
            edges = merge_bins(edges, inside[0], people)
        shares = np.array([np.histogram(x, edges)[0] / max(len(x), 1) for x in inside])
        people_of_sides = people, np.arange(len(b))
        boxes = [
            {"side": side, **_box(x, people_of_sides[side])}
            for side, x in enumerate((a, b))
            if len(x) >= FEWEST
        ]
        is_time = types.is_datetime64_any_dtype(real.dtype)
        return cls(name, shares, edges, [], boxes, is_time, (missing[0], missing[1]))

    def plot(self, ax: Axes | None = None) -> ColumnDisplay:
        """Draw on `ax`, or on a new figure, and return self."""
        self.ax_ = ax = ax or Figure(figsize=(3.4, 2.4), layout="constrained").subplots()
        self.figure_ = ax.figure  # type: ignore[assignment]
        if self.edges is None:
            self._draw_levels(ax)
        else:
            self._draw_numbers(ax, self.edges)
        ax.set_title(printable(self.name), fontsize=9, **VERBATIM)
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        return self

    def _draw_numbers(self, ax: Axes, edges: np.ndarray) -> None:
        widths = np.diff(edges)
        heights = self.shares * widths.min() / widths
        if self.is_time:
            edges = edges.astype("int64").astype("datetime64[ns]")
        ax.stairs(heights[0], edges, fill=True, color=REAL, alpha=0.45, label="real")
        ax.stairs(heights[1], edges, color=FAKE, linewidth=1.4, label="synthetic")
        top = float(heights.max()) or 1.0
        colors = (REAL, FAKE)
        for side_and_box in self.boxes:
            box = dict(side_and_box)
            i = box.pop("side")
            if self.is_time:
                box = {key: np.datetime64(int(value), "ns") for key, value in box.items()}
            place = -top * (0.1 + 0.12 * i)
            ax.hlines(place, box["low"], box["high"], colors[i], linewidth=1.2)
            ax.hlines(place, box["q1"], box["q3"], colors[i], linewidth=6, alpha=(0.45, 0.8)[i])
            ax.plot([box["median"]], [place], "|", color="black", markersize=7)
        ax.set_ylim(-top * 0.32, top * 1.06)
        ax.set_yticks([])
        if self.is_time:
            ax.tick_params(axis="x", rotation=30)
        if self.missing != (0.0, 0.0):
            real, fake = self.missing
            shown = f"fewer than {FEWEST}" if np.isnan(real) else f"{real:.1%}"
            ax.set_xlabel(f"missing: {shown} real, {fake:.1%} synthetic", fontsize=7)

    def _draw_levels(self, ax: Axes) -> None:
        at = np.arange(len(self.labels))
        ax.bar(at - 0.2, self.shares[0], 0.38, color=REAL, alpha=0.6, label="real")
        ax.bar(
            at + 0.2, self.shares[1], 0.38, label="synthetic",
            facecolor="none", edgecolor=FAKE, linewidth=1.4, hatch="////",
        )  # fmt: skip
        turned = sum(map(len, self.labels)) > 24
        ax.set_xticks(
            at,
            [printable(label) for label in self.labels],
            rotation=35 if turned else 0,
            ha="right" if turned else "center",
            **VERBATIM,
        )
        ax.set_yticks([])


@dataclass
class CorrelationDisplay:
    """Association of all pairs of columns: real, synthetic, and the difference.

    Parameters
    ----------
    real, fake : DataFrame
        Matrices of coefficients, as returned by `synthgan.metrics.pairs.association`.

    Attributes
    ----------
    axes_, figure_ : ndarray of Axes, Figure
        Axes and figure of the last call of `plot`.
    """

    real: pd.DataFrame
    fake: pd.DataFrame
    axes_: np.ndarray = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    @classmethod
    def from_frames(cls, real: Any, fake: Any, random_state: Any = None) -> CorrelationDisplay:
        """Compute both matrices; large tables are sampled first.

        Parameters
        ----------
        real, fake : DataFrame or array-like of shape (n_rows, n_columns)
            Real and synthetic rows.
        random_state : int, RandomState instance, Generator or None, default=None
            Random state of the sample.

        Returns
        -------
        display : CorrelationDisplay
        """
        rng = draw_generator(random_state)
        frames, _ = read_tables(rng, 20_000, real=real, fake=fake)
        return cls(*association(frames["real"], frames["fake"]))

    def plot(self, figure: Figure | None = None) -> CorrelationDisplay:
        """Draw three heat maps on `figure`, or on a new figure, and return self."""
        n = len(self.real)
        side = float(np.clip(0.2 * n, 2.6, 9))
        self.figure_ = figure = figure or Figure(layout="constrained")
        figure.set_size_inches(3 * side, side + 0.6)
        self.axes_ = axes = figure.subplots(1, 3, sharey=True)
        matrices = {
            "real": self.real,
            "synthetic": self.fake,
            "synthetic - real": self.fake - self.real,
        }
        for ax, (title, matrix) in zip(axes, matrices.items(), strict=True):
            # Blue is negative, white is 0, red is positive.
            image = ax.imshow(matrix.to_numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
            ax.set_title(title, fontsize=10)
            if n <= _MOST_LABELS:
                names = [short(name) for name in matrix.columns]
                ax.set_xticks(range(n), names, rotation=90, fontsize=7, **VERBATIM)
                ax.set_yticks(range(n), names, fontsize=7, **VERBATIM)
            else:
                ax.set_xticks([])
                ax.set_yticks([])
        figure.colorbar(image, ax=list(axes), shrink=0.8, aspect=30)
        return self


@dataclass
class HistoryDisplay:
    """Losses, and fidelity if it was measured, over the epochs of a training run.

    Parameters
    ----------
    history : DataFrame
        ``history_`` of a fitted synthesizer.

    Attributes
    ----------
    axes_, figure_ : list of Axes, Figure
        Axes and figure of the last call of `plot`.
    """

    history: pd.DataFrame
    axes_: list[Axes] = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    def plot(self, ax: Axes | None = None) -> HistoryDisplay:
        """Draw on `ax`, or on a new figure, and return self."""
        ax = ax or Figure(figsize=(6.4, 2.8), layout="constrained").subplots()
        self.figure_, self.axes_ = ax.figure, [ax]  # type: ignore[assignment]
        epochs = self.history["epoch"]
        # Those of two networks, or that of a generator without a discriminator.
        losses = [name for name in map(str, self.history) if name.endswith("_loss")]
        for name, colour, style in zip(losses, (REAL, FAKE), ("-", "--"), strict=False):
            label = name.removesuffix("_loss")
            ax.plot(epochs, self.history[name], style, color=colour, label=label)
        ax.set(xlabel="epoch", ylabel="loss")
        ax.spines[["top", "right"]].set_visible(False)
        if "fidelity" in self.history and self.history["fidelity"].notna().any():
            measured = self.history.dropna(subset="fidelity")
            twin = ax.twinx()
            twin.plot(measured["epoch"], measured["fidelity"], "k.-", label="fidelity (right)")
            twin.set_ylabel("fidelity")
            twin.spines[["top", "left"]].set_visible(False)
            self.axes_.append(twin)
        handles = [h for one in self.axes_ for h in one.get_legend_handles_labels()[0]]
        ax.legend(handles=handles, frameon=False, fontsize=8)
        return self


@dataclass
class ScoreDisplay:
    """Details of a score as bars, largest first.

    Parameters
    ----------
    name : str
        Name of the measure.
    values : Series
        Value of each bar.
    ceilings : Series or None, default=None
        Value of other real records for each bar, drawn as a line.

    Attributes
    ----------
    ax_, figure_ : Axes, Figure
        Axes and figure of the last call of `plot`.
    """

    name: str
    values: pd.Series
    ceilings: pd.Series | None = None
    ax_: Axes = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    @classmethod
    def from_score(cls, score: Score, most: int = 12) -> ScoreDisplay:
        """Select the largest values of a score's detail.

        Parameters
        ----------
        score : Score
            Score whose ``detail`` has a column ``value``.
        most : int, default=12
            Maximum number of bars.

        Returns
        -------
        display : ScoreDisplay
        """
        values = score.detail["value"].sort_values(ascending=False)[:most]
        return cls(score.name, values)

    def plot(self, ax: Axes | None = None) -> ScoreDisplay:
        """Draw on `ax`, or on a new figure, and return self."""
        height = 0.6 + 0.24 * len(self.values)
        self.ax_ = ax = ax or Figure(figsize=(5.4, height), layout="constrained").subplots()
        self.figure_ = ax.figure  # type: ignore[assignment]
        at = np.arange(len(self.values))[::-1]
        ax.barh(at, self.values.to_numpy(), color="#555555")
        if self.ceilings is not None:
            ax.vlines(self.ceilings, at - 0.4, at + 0.4, color="#0072b2", linewidth=2.5)
        names = [short(name, 30) for name in self.values.index]
        ax.set_yticks(at, names, fontsize=8, **VERBATIM)
        ax.tick_params(axis="x", labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        return self


def _box(numbers: np.ndarray, people: np.ndarray) -> dict[str, float]:
    points = pooled_quantiles(numbers, people, [0.05, 0.25, 0.5, 0.75, 0.95])
    return dict(zip(("low", "q1", "median", "q3", "high"), points, strict=True))


def short(name: Any, most: int = 14) -> str:
    """Return a name as text of limited length."""
    text = printable(name)
    return text if len(text) <= most else text[: most - 2] + ".."
