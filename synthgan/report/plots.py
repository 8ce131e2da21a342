"""Plots of tables, grids and training runs; every function returns a matplotlib Figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.api import types

__all__ = ["plot_binary_counts", "plot_boxes", "plot_columns", "plot_grids", "plot_history"]

_REAL, _FAKE = "#30638e", "#d1495b"
_MOST_LEVELS = 12
_N_BINS = 30


def plot_columns(real: pd.DataFrame, fake: pd.DataFrame, figure: Figure | None = None) -> Figure:
    """Draw the distribution of every column, real beside fake.

    Parameters
    ----------
    real, fake : DataFrame
    figure : Figure or None, default=None
        Where to draw; None makes one.

    Returns
    -------
    figure : Figure
    """
    n_wide = min(4, len(real.columns))
    n_high = math.ceil(len(real.columns) / n_wide)
    figure = figure or Figure()
    figure.set_size_inches(3.4 * n_wide, 2.4 * n_high)
    axes = figure.subplots(n_high, n_wide, squeeze=False).ravel()
    for ax, name in zip(axes, real.columns, strict=False):
        _draw_column(ax, real[name], fake[name])
        ax.set_title(str(name), fontsize=9)
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[len(real.columns) :]:
        ax.remove()
    axes[0].legend(fontsize=8, frameon=False)
    figure.tight_layout()
    return figure


def plot_history(history: pd.DataFrame, figure: Figure | None = None) -> Figure:
    """Draw both losses over the epochs (thesis Fig. 6.13).

    Parameters
    ----------
    history : DataFrame
        ``history_`` of a fitted synthesizer.
    figure : Figure or None, default=None

    Returns
    -------
    figure : Figure
    """
    figure = figure or Figure()
    figure.set_size_inches(6, 3)
    ax = figure.subplots()
    ax.plot(history["epoch"], history["discriminator_loss"], color=_REAL, label="discriminator")
    ax.plot(history["epoch"], history["generator_loss"], color=_FAKE, label="generator")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return figure


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


def _draw_column(ax: Axes, real: pd.Series, fake: pd.Series) -> None:
    dtype = real.dtype
    is_time = types.is_datetime64_any_dtype(dtype)
    on_a_scale = is_time or (types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype))
    if not on_a_scale or real.nunique() <= _MOST_LEVELS:
        _draw_levels(ax, real, fake)
        return
    values = []
    for series in (real, fake):
        series = series.dropna()
        if is_time:
            values.append(pd.DatetimeIndex(series).tz_localize(None).to_numpy("datetime64[s]"))
        else:
            values.append(series.to_numpy(dtype=float))
    if is_time:
        edges: Any = pd.date_range(values[0].min(), values[0].max(), _N_BINS + 1).to_numpy()
    else:
        edges = np.histogram_bin_edges(values[0], bins=_N_BINS)
    for array, label, color in zip(values, ("real", "fake"), (_REAL, _FAKE), strict=True):
        counts = np.histogram(array.astype(edges.dtype), bins=edges)[0] / max(len(array), 1)
        ax.stairs(counts, edges, label=label, color=color, fill=label == "real", alpha=0.8)
    if is_time:
        ax.tick_params(axis="x", rotation=30)


def _draw_levels(ax: Axes, real: pd.Series, fake: pd.Series) -> None:
    shares = [
        series.astype(object).where(series.notna(), "missing").value_counts(normalize=True)
        for series in (real, fake)
    ]
    levels = list(shares[0].index[:_MOST_LEVELS])
    for i, (share, label) in enumerate(zip(shares, ("real", "fake"), strict=True)):
        heights = [float(share.get(level, 0.0)) for level in levels]
        color = _REAL if label == "real" else _FAKE
        ax.bar(np.arange(len(levels)) + 0.4 * i, heights, 0.4, label=label, color=color)
    names = [str(level)[:12] for level in levels]
    ax.set_xticks(np.arange(len(levels)) + 0.2, names, rotation=40, ha="right")
