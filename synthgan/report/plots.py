"""Figures of the thesis: grids, box-plots, binary counts; each returns a matplotlib Figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

__all__ = ["plot_binary_counts", "plot_boxes", "plot_grids"]


def plot_grids(grids: Mapping[int, np.ndarray], figure: Figure | None = None) -> Figure:
    """Draw generated grids over the epochs, one column of pictures an epoch (Fig. 6.14).

    Parameters
    ----------
    grids : mapping of int to ndarray of shape (n, height, width)
        Cells 0..255; ``grids_`` of a `SampleGrid` callback.
    figure : Figure or None, default=None

    Returns
    -------
    figure : Figure
    """
    n_high = max(len(drawn) for drawn in grids.values())
    figure = figure or Figure()
    figure.set_size_inches(0.8 * len(grids), 0.8 * n_high + 0.3)
    axes = figure.subplots(n_high, len(grids), squeeze=False)
    for column, (epoch, drawn) in zip(axes.T, grids.items(), strict=True):
        column[0].set_title(str(epoch), fontsize=8)
        for ax, grid in zip(column, drawn, strict=False):
            ax.imshow(grid, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        for ax in column:
            ax.set_axis_off()
    figure.tight_layout(pad=0.2)
    return figure


def plot_boxes(
    tables: Mapping[str, pd.DataFrame], columns: list[str], figure: Figure | None = None
) -> Figure:
    """Draw box-plots of continuous columns, one box a table (Fig. 6.15).

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Label to table, the real one first.
    columns : list of str
    figure : Figure or None, default=None

    Returns
    -------
    figure : Figure
    """
    figure = figure or Figure()
    figure.set_size_inches(2.2 * len(columns), 3)
    axes = figure.subplots(1, len(columns), squeeze=False)[0]
    for ax, name in zip(axes, columns, strict=True):
        values = [table[name].dropna().to_numpy(dtype=float) for table in tables.values()]
        ax.boxplot(values, widths=0.6, flierprops={"markersize": 2})
        ax.set_xticks(range(1, len(values) + 1), list(tables), rotation=60, fontsize=8, ha="right")
        ax.set_title(name, fontsize=9)
        ax.tick_params(axis="y", labelsize=7)
    figure.tight_layout()
    return figure


def plot_binary_counts(
    tables: Mapping[str, pd.DataFrame], columns: list[str], figure: Figure | None = None
) -> Figure:
    """Draw how many rows have a 1 in each binary column, one bar a table (Fig. 6.16).

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Label to table; tables of other lengths are shown as shares of their rows.
    columns : list of str
    figure : Figure or None, default=None

    Returns
    -------
    figure : Figure
    """
    figure = figure or Figure()
    figure.set_size_inches(0.6 * len(columns) + 1.5, 3.4)
    ax = figure.subplots()
    height = 0.8 / len(tables)
    for i, (label, table) in enumerate(tables.items()):
        shares = [100 * float((table[name] == 1).mean()) for name in columns]
        ax.bar(np.arange(len(columns)) + i * height, shares, height, label=label)
    middle = np.arange(len(columns)) + 0.4 - height / 2
    ax.set_xticks(middle, columns, rotation=60, fontsize=8, ha="right")
    ax.set(ylabel="rows with 1 (%)", yscale="log")
    ax.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure
