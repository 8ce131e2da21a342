import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from synthgan.io.escaping import printable
from synthgan.report import plot_binary_counts, plot_boxes, plot_grids
from tests.report.test_displays import MATHS, ODD, shown


def test_thesis_figures(clinic):
    grids = {1: np.zeros((3, 7, 7)), 5: np.zeros((3, 7, 7))}
    assert len(plot_grids(grids).axes) == 2
    tables = {"real": clinic, "fake": clinic}
    assert len(plot_boxes(tables, ["age", "bmi"]).axes) == 2
    (ax,) = plot_binary_counts(tables, ["smoker", "diabetic"]).axes
    assert ax.patches[0].get_height() == pytest.approx(100 * clinic["smoker"].mean())


def test_drawing_on_a_given_figure(clinic):
    figure = Figure()
    assert plot_boxes({"real": clinic}, ["age"], figure) is figure


def test_sheets_of_grids():
    nine = np.arange(9)[:, None, None] * np.ones((9, 4, 6)) * 20
    (ax,) = plot_grids({1: nine}, n_wide=3).axes
    sheet = np.asarray(ax.images[0].get_array())
    assert sheet.shape == (3 * 4 + 2, 3 * 6 + 2)
    assert (sheet[5, 7], sheet[4, 0], sheet[-1, -1]) == (80, 255, 160)
    colour = np.zeros((4, 3, 4, 6))
    colour[:, 0] = 255
    (ax,) = plot_grids({1: colour}, n_wide=3).axes
    sheet = np.asarray(ax.images[0].get_array())
    assert sheet.shape == (2 * 4 + 1, 3 * 6 + 2, 3)
    assert sheet[0, 0].tolist() == [255, 0, 0]
    assert sheet[-1, -1].tolist() == [255, 255, 255]  # empty place


@pytest.mark.parametrize("odd", [MATHS, ODD[-4:]], ids=["mathematics", "controls"])
def test_names_are_drawn_unchanged(odd):
    zeros_and_ones = np.arange(20)[:, None] % 2 * np.ones(len(odd), dtype=int)
    frame = pd.DataFrame(zeros_and_ones, columns=odd)
    tables = dict.fromkeys(odd, frame)
    wanted = {printable(name) for name in odd}
    for draw in (plot_boxes, plot_binary_counts):
        assert wanted <= shown(draw({"table": frame}, odd))
        assert wanted <= shown(draw(tables, ["ward"]))


def test_boxes_without_single_rows():
    frame = pd.DataFrame({"x": [*np.linspace(0, 1, 99), 98765.0]})
    for show, highest in ((True, 98765.0), (False, 1.0)):
        (ax,) = plot_boxes({"real": frame}, ["x"], show_outliers=show).axes
        drawn = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.lines])
        assert drawn.max() == pytest.approx(highest, rel=0.05)
