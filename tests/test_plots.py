import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from synthgan.report import (
    plot_binary_counts,
    plot_boxes,
    plot_columns,
    plot_grids,
    plot_history,
)


def test_columns_of_every_kind(clinic, tmp_path):
    figure = plot_columns(clinic, clinic.sample(frac=1, random_state=0))
    assert len(figure.axes) == clinic.shape[1]
    assert [ax.get_title() for ax in figure.axes] == list(clinic.columns)
    figure.savefig(tmp_path / "columns.png")


def test_a_column_shows_both_tables():
    real = pd.DataFrame({"g": ["a"] * 3 + ["b"]})
    (ax,) = plot_columns(real, pd.DataFrame({"g": ["b"] * 4})).axes
    assert [bar.get_height() for bar in ax.patches] == [0.75, 0.25, 0.0, 1.0]


def test_thesis_figures(clinic):
    history = pd.DataFrame(
        {"epoch": [1, 2], "discriminator_loss": [1.0, 0.5], "generator_loss": [0.2, 0.3]}
    )
    (ax,) = plot_history(history).axes
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1.0, 0.5], [0.2, 0.3]]
    grids = {1: np.zeros((3, 7, 7)), 5: np.zeros((3, 7, 7))}
    assert len(plot_grids(grids).axes) == 6
    tables = {"real": clinic, "fake": clinic}
    assert len(plot_boxes(tables, ["age", "bmi"]).axes) == 2
    (ax,) = plot_binary_counts(tables, ["smoker", "diabetic"]).axes
    assert ax.patches[0].get_height() == pytest.approx(100 * clinic["smoker"].mean())


def test_drawing_into_a_figure_of_ones_own(clinic):
    figure = Figure()
    assert plot_columns(clinic[["age"]], clinic[["age"]], figure) is figure
