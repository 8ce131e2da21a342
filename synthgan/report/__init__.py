"""Pictures of what was learnt."""

from synthgan.report.plots import (
    plot_binary_counts,
    plot_boxes,
    plot_columns,
    plot_grids,
    plot_history,
)

__all__ = ["plot_binary_counts", "plot_boxes", "plot_columns", "plot_grids", "plot_history"]
