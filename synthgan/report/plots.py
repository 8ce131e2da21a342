"""Figures of the thesis: grids, box-plots, binary counts; each returns a matplotlib Figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthgan.io.escaping import printable
from synthgan.report.displays import VERBATIM

__all__ = ["plot_binary_counts", "plot_boxes", "plot_grids"]


def plot_grids(
    grids: Mapping[int, np.ndarray], figure: Figure | None = None, n_wide: int = 1
) -> Figure:
    """Draw generated grids over the epochs, one sheet of images per epoch (Fig. 6.4, 6.14).

    Parameters
    ----------
    grids : mapping of int to ndarray of shape (n, height, width) or (n, channels, height, width)
        Epoch to generated grids, with cells from 0 to 255; ``grids_`` of a `SampleGrid` callback.
    figure : Figure or None, default=None
        Figure to draw on; None creates one.
    n_wide : int, default=1
        Images side by side in a sheet; 3 gives the 3 x 3 sheets of the thesis from nine grids.

    Returns
    -------
    figure : Figure
    """
    n_high = -(-max(len(drawn) for drawn in grids.values()) // n_wide)
    figure = figure or Figure()
    figure.set_size_inches(0.8 * n_wide * len(grids), 0.8 * n_high + 0.3)
    axes = figure.subplots(1, len(grids), squeeze=False)[0]
    for ax, (epoch, drawn) in zip(axes, grids.items(), strict=True):
        ax.set_title(str(epoch), fontsize=8)
        ax.imshow(_sheet(drawn, n_wide), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set_axis_off()
    figure.tight_layout(pad=0.2)
    return figure


def _sheet(grids: np.ndarray, n_wide: int) -> np.ndarray:
    """Arrange grids in rows and columns, separated by white lines."""
    images = np.rint(grids).astype(np.uint8)
    images = images[..., None] if images.ndim == 3 else np.moveaxis(images, 1, 3)
    gap = max(1, max(images.shape[1:3]) // 16)
    padded = np.pad(images, ((0, -len(images) % n_wide), (0, gap), (0, gap), (0, 0)),
                    constant_values=255)  # fmt: skip
    padded[len(images) :] = 255
    rows = padded.reshape(-1, n_wide, *padded.shape[1:]).transpose(0, 2, 1, 3, 4)
    sheet = rows.reshape(rows.shape[0] * rows.shape[1], -1, rows.shape[4])[:-gap, :-gap]
    return sheet[..., 0] if sheet.shape[2] == 1 else sheet


def plot_boxes(
    tables: Mapping[str, pd.DataFrame],
    columns: list[str],
    figure: Figure | None = None,
    *,
    show_outliers: bool = True,
) -> Figure:
    """Draw box plots of continuous columns, one box per table (Fig. 6.15).

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Label to table; the real table first.
    columns : list of str
        Names of the columns.
    figure : Figure or None, default=None
        Figure to draw on; None creates one.
    show_outliers : bool, default=True
        True, as in the thesis: whiskers end at the last row within 1.5 interquartile ranges, and
        each row outside is drawn as a point, so single rows are shown. False: whiskers end at the
        5 % and 95 % quantiles, and no points are drawn.

    Returns
    -------
    figure : Figure
    """
    figure = figure or Figure()
    reach: Any = 1.5 if show_outliers else (5, 95)
    figure.set_size_inches(2.2 * len(columns), 3)
    axes = figure.subplots(1, len(columns), squeeze=False)[0]
    for ax, name in zip(axes, columns, strict=True):
        values = [table[name].dropna().to_numpy(dtype=float) for table in tables.values()]
        points = {"markersize": 2}
        ax.boxplot(values, widths=0.6, whis=reach, showfliers=show_outliers, flierprops=points)
        labels = [printable(label) for label in tables]
        at = range(1, len(values) + 1)
        ax.set_xticks(at, labels, rotation=60, fontsize=8, ha="right", **VERBATIM)
        ax.set_title(printable(name), fontsize=9, **VERBATIM)
        ax.tick_params(axis="y", labelsize=7)
    figure.tight_layout()
    return figure


def plot_binary_counts(
    tables: Mapping[str, pd.DataFrame], columns: list[str], figure: Figure | None = None
) -> Figure:
    """Draw the share of rows with a 1 in each binary column, one bar per table (Fig. 6.16).

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Label to table. Bars are percentages, so tables of different lengths are comparable.
    columns : list of str
        Names of the binary columns.
    figure : Figure or None, default=None
        Figure to draw on; None creates one.

    Returns
    -------
    figure : Figure
    """
    figure = figure or Figure()
    figure.set_size_inches(0.6 * len(columns) + 1.5, 3.4)
    ax = figure.subplots()
    height = 0.8 / len(tables)
    bars = []
    for i, table in enumerate(tables.values()):
        shares = [100 * float((table[name] == 1).mean()) for name in columns]
        bars.append(ax.bar(np.arange(len(columns)) + i * height, shares, height))
    middle = np.arange(len(columns)) + 0.4 - height / 2
    names = [printable(name) for name in columns]
    ax.set_xticks(middle, names, rotation=60, fontsize=8, ha="right", **VERBATIM)
    ax.set(ylabel="rows with 1 (%)", yscale="log")
    legend = ax.legend(bars, [str(i) for i in range(len(bars))], frameon=False, fontsize=8)
    for text, label in zip(legend.get_texts(), tables, strict=True):
        text.set(text=printable(label), **VERBATIM)
    figure.tight_layout()
    return figure
