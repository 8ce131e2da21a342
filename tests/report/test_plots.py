import numpy as np
import pytest
from matplotlib.figure import Figure

from synthgan.report import plot_binary_counts, plot_boxes, plot_grids


def test_thesis_figures(clinic):
    grids = {1: np.zeros((3, 7, 7)), 5: np.zeros((3, 7, 7))}
    assert len(plot_grids(grids).axes) == 6
    tables = {"real": clinic, "fake": clinic}
    assert len(plot_boxes(tables, ["age", "bmi"]).axes) == 2
    (ax,) = plot_binary_counts(tables, ["smoker", "diabetic"]).axes
    assert ax.patches[0].get_height() == pytest.approx(100 * clinic["smoker"].mean())


def test_drawing_into_a_figure_of_ones_own(clinic):
    figure = Figure()
    assert plot_boxes({"real": clinic}, ["age"], figure) is figure
