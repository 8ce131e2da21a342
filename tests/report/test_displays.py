import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from synthgan.exceptions import ParameterError
from synthgan.io.escaping import printable
from synthgan.metrics import c2st
from synthgan.report import ColumnDisplay, CorrelationDisplay, HistoryDisplay, ScoreDisplay

pytestmark = pytest.mark.usefixtures("few_trees")

MATHS = ["$", "a$b$", "$\\frac", "\\frac", "_", "_x", "{", "%", "^", "$x_{$", "ward"]
ODD = [*MATHS, "a\x1b[2Jb", "c\u202ed", "e\nf"]


def test_columns_of_every_kind(clinic, tmp_path):
    fake = clinic.sample(frac=1, random_state=0)
    for name in clinic.columns:
        display = ColumnDisplay.from_frames(clinic, fake, name)
        assert display.plot() is display
        assert display.ax_.get_title() == name
        assert display.shares.sum(axis=1) == pytest.approx([1, 1])
        display.figure_.savefig(tmp_path / f"{name}.png")


def test_bars_are_shares_of_levels():
    real = pd.DataFrame({"g": ["a"] * 15 + ["b"] * 5})
    fake = pd.DataFrame({"g": ["b", "b", "c", None]})
    display = ColumnDisplay.from_frames(real, fake, "g").plot()
    assert display.labels == ["a", "b", "others"]
    assert [bar.get_height() for bar in display.ax_.patches] == [0.75, 0.25, 0, 0, 0.5, 0.5]
    many = pd.DataFrame({"g": [f"level {i}" for i in range(40)] * 5})
    assert len(ColumnDisplay.from_frames(many, many, "g").labels) == 13


def test_labels_of_few_rows_are_counted_as_others():
    real = pd.DataFrame({"g": ["a"] * 20 + ["b"] * 5 + ["Bombay"] * 4 + [None]})
    display = ColumnDisplay.from_frames(real, real, "g")
    assert display.labels == ["a", "b", "others"]
    assert display.shares[0] == pytest.approx([20 / 30, 5 / 30, 5 / 30])
    numbers = pd.DataFrame({"n": [1.0] * 10 + [2.0] * 9 + [98765.0]})
    assert ColumnDisplay.from_frames(numbers, numbers, "n").labels == ["1.0", "2.0", "others"]
    # Five rows of one person count as one person.
    people = [*range(20), *[20] * 5, *range(21, 26)]
    assert ColumnDisplay.from_frames(real, real, "g", groups=people).labels == ["a", "others"]
    few = pd.DataFrame({"g": ["a"] * 20 + ["b"] * 9 + ["Bombay"]})
    assert ColumnDisplay.from_frames(few, few, "g").labels == ["a", "b", "others"]
    assert ColumnDisplay.from_frames(few, few, "g", show_real=False).labels == ["a", "others"]
    with pytest.raises(ParameterError, match="groups has 3 values; give one for each of the 30"):
        ColumnDisplay.from_frames(real, real, "g", groups=[1, 2, 3])


@pytest.mark.parametrize("outlier", [101.0, 98765432.10])
@pytest.mark.parametrize("n", [19, 99, 999])
def test_histogram_does_not_depend_on_outliers(n, outlier):
    rng = np.random.default_rng(n)
    usual = rng.normal(50, 10, n)
    fake = pd.DataFrame({"x": rng.normal(50, 10, 100)})
    one, other = (
        ColumnDisplay.from_frames(pd.DataFrame({"x": [*usual, last]}), fake, "x")
        for last in (100.0, outlier)
    )
    assert one.edges.tolist() == other.edges.tolist()
    assert one.boxes == other.boxes
    assert one.shares.tolist() == other.shares.tolist()
    # Neither edges nor box plots show values of single rows.
    drawn = [*one.edges, *(x for key, x in one.boxes[0].items() if key != "side")]
    assert not set(drawn) & set(usual)


def test_few_rows_have_no_histogram_and_few_gaps_no_share():
    values = np.arange(30, dtype=float)
    fake = pd.DataFrame({"x": values})
    few = pd.DataFrame({"x": [*values[:14], *[np.nan] * 4]})
    display = ColumnDisplay.from_frames(few, fake, "x").plot()
    assert display.ax_.get_xlabel() == "missing: fewer than 5 real, 0.0% synthetic"
    of_three = [*[0] * 6, *[1] * 5, *[2] * 7]
    display = ColumnDisplay.from_frames(few, fake, "x", groups=of_three).plot()
    assert display.shares[0].sum() == 0
    assert [box["side"] for box in display.boxes] == [1]


def test_bars_for_five_people_or_more():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=300)})
    fine = ColumnDisplay.from_frames(real, real, "x")
    counts = np.rint(300 * fine.shares[0])
    assert ((counts > 0) & (counts < 5)).any()
    display = ColumnDisplay.from_frames(real, real, "x", show_real=False).plot()
    counts = np.rint(300 * display.shares[0])
    assert counts.sum() == 300
    assert not ((counts > 0) & (counts < 5)).any()
    assert display.edges[[0, -1]].tolist() == fine.edges[[0, -1]].tolist()
    # The height of a merged bin is its share per narrow bin.
    heights = display.ax_.patches[0].get_data().values
    assert heights * np.diff(display.edges) == pytest.approx(
        display.shares[0] * np.diff(display.edges).min()
    )


def test_outliers_are_counted_in_the_outermost_bins():
    real = pd.DataFrame({"x": np.r_[np.linspace(0, 1, 999), 1e6]})
    display = ColumnDisplay.from_frames(real, real.assign(x=np.nan), "x").plot()
    assert display.edges[-1] < 2
    assert display.shares[0].sum() == pytest.approx(1)
    assert [box["side"] for box in display.boxes] == [0]
    assert "missing: 0.0% real, 100.0% synthetic" in display.ax_.get_xlabel()


def test_no_such_column(clinic):
    with pytest.raises(ParameterError, match="column='no' is not allowed"):
        ColumnDisplay.from_frames(clinic, clinic, "no")


def test_correlations_of_both_tables():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    real = pd.DataFrame({"x": x, "y": -x, "s": np.where(x > 0, "a", "b")})
    fake = real.assign(y=rng.permutation(x))
    display = CorrelationDisplay.from_frames(real, fake).plot()
    assert display.real.loc["x", "y"] == pytest.approx(-1)
    assert abs(display.fake.loc["x", "y"]) < 0.2
    assert [ax.get_title() for ax in display.axes_] == ["real", "synthetic", "synthetic - real"]
    np.testing.assert_allclose(display.axes_[2].images[0].get_array(), display.fake - display.real)


def test_history_with_and_without_fidelity():
    history = pd.DataFrame(
        {"epoch": [1, 2], "discriminator_loss": [1.0, 0.5], "generator_loss": [0.2, 0.3]}
    )
    display = HistoryDisplay(history).plot()
    (ax,) = display.axes_
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1.0, 0.5], [0.2, 0.3]]
    private = HistoryDisplay(pd.DataFrame({"epoch": [1, 2], "marginal_loss": [3.0, 1.0]})).plot()
    assert [line.get_label() for line in private.axes_[0].lines] == ["marginal"]
    display = HistoryDisplay(history.assign(fidelity=[np.nan, 0.8])).plot()
    assert display.axes_[1].lines[0].get_ydata().tolist() == [0.8]


def test_the_largest_parts_come_first(clinic):
    score = c2st(clinic, clinic.assign(age=clinic["age"] + 40), random_state=0)
    display = ScoreDisplay.from_score(score, most=3).plot()
    assert display.values.index[0] == "age"
    assert len(display.ax_.patches) == 3


def shown(figure):
    """Draw a figure and return all its texts."""
    figure.savefig(io.BytesIO(), format="svg")
    return {text.get_text() for text in figure.findobj(Text)}


def test_control_characters_are_escaped():
    assert {printable(name) for name in ODD[-3:]} == {"a\\x1b[2Jb", "c\\u202ed", "e\\nf"}


@pytest.mark.parametrize("odd", [MATHS, ODD[-4:]], ids=["mathematics", "controls"])
def test_names_and_labels_are_drawn_unchanged(odd):
    wanted = {printable(name) for name in odd}
    levels = pd.DataFrame({"$a_{$": odd * 5})
    display = ColumnDisplay.from_frames(levels, levels, "$a_{$").plot()
    assert wanted | {"$a_{$"} <= shown(display.figure_)
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.normal(size=(40, len(odd))), columns=odd)
    for name in odd:
        assert printable(name) in shown(
            ColumnDisplay.from_frames(numbers, numbers, name).plot().figure_
        )
    assert wanted <= shown(CorrelationDisplay.from_frames(numbers, numbers).plot().figure_)
    score = c2st(numbers, numbers + 1, random_state=0)
    assert wanted <= shown(ScoreDisplay.from_score(score).plot().figure_)
