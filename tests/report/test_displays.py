import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import ParameterError
from synthgan.metrics import c2st
from synthgan.report import ColumnDisplay, CorrelationDisplay, HistoryDisplay, ScoreDisplay


def test_columns_of_every_kind(clinic, tmp_path):
    fake = clinic.sample(frac=1, random_state=0)
    for name in clinic.columns:
        display = ColumnDisplay.from_frames(clinic, fake, name)
        assert display.plot() is display
        assert display.ax_.get_title() == name
        assert display.shares.sum(axis=1) == pytest.approx([1, 1])
        display.figure_.savefig(tmp_path / f"{name}.png")


def test_bars_are_shares_of_levels():
    real, fake = pd.DataFrame({"g": ["a"] * 3 + ["b"]}), pd.DataFrame({"g": ["b", "b", "c", None]})
    display = ColumnDisplay.from_frames(real, fake, "g").plot()
    assert display.labels == ["a", "b", "others"]
    assert [bar.get_height() for bar in display.ax_.patches] == [0.75, 0.25, 0, 0, 0.5, 0.5]
    many = pd.DataFrame({"g": [f"level {i}" for i in range(40)]})
    assert len(ColumnDisplay.from_frames(many, many, "g").labels) == 13


def test_histograms_keep_what_is_far_out():
    real = pd.DataFrame({"x": np.r_[np.linspace(0, 1, 999), 1e6]})
    display = ColumnDisplay.from_frames(real, real.assign(x=np.nan), "x").plot()
    assert display.edges[-1] < 2
    assert display.shares[0].sum() == pytest.approx(1)
    assert len(display.boxes) == 1
    assert "missing 0.0% real, 100.0% fake" in display.ax_.get_xlabel()


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
    assert [ax.get_title() for ax in display.axes_] == ["real", "fake", "fake - real"]
    np.testing.assert_allclose(display.axes_[2].images[0].get_array(), display.fake - display.real)


def test_history_with_and_without_fidelity():
    history = pd.DataFrame(
        {"epoch": [1, 2], "discriminator_loss": [1.0, 0.5], "generator_loss": [0.2, 0.3]}
    )
    display = HistoryDisplay(history).plot()
    (ax,) = display.axes_
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1.0, 0.5], [0.2, 0.3]]
    display = HistoryDisplay(history.assign(fidelity=[np.nan, 0.8])).plot()
    assert display.axes_[1].lines[0].get_ydata().tolist() == [0.8]


def test_the_largest_parts_come_first(clinic):
    score = c2st(clinic, clinic.assign(age=clinic["age"] + 40), random_state=0)
    display = ScoreDisplay.from_score(score, most=3).plot()
    assert display.values.index[0] == "age"
    assert len(display.ax_.patches) == 3
