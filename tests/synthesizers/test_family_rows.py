"""Rows of families that are drawn again."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from synthgan.synthesizers import family_rows


class Ranks:
    """Labels "long" and "short", half of the rows each."""

    read = staticmethod(lambda context: np.zeros((len(context), 0)))
    draw = staticmethod(lambda n, rng: rng.random((n, 1)))

    @staticmethod
    def restore(made, known, drawn):
        return made.assign(stay=np.where(drawn[:, 0] < 0.5, "long", "short"))


def draw(monkeypatch, n, never=(), fits=1.0):
    """Return rows of families; a long stay fits at some tries only."""
    monkeypatch.setattr(family_rows, "copy_rows", lambda model, table, state, some: table)
    rng = np.random.default_rng(0)

    def time_left(some, steps, ends):
        return np.zeros(len(some)), rng.random(len(some)) < fits

    def nothing(some, *_):
        return np.zeros(len(some), dtype=bool)

    state = SimpleNamespace(
        clock=np.zeros(n), before=None, is_open=False,
        repeats=nothing, overruns=nothing, next=time_left,
    )  # fmt: skip
    model = SimpleNamespace(
        encode_context=lambda context: np.zeros((len(context), 1)), ranks_=Ranks(),
        encoder_=SimpleNamespace(decode=lambda grids: pd.DataFrame({"cost": grids})),
        sample_grids=lambda n, seed, given: np.random.default_rng(seed).random(n),
        timeline_=SimpleNamespace(name=None), without_order=lambda table: table,
        coding_=SimpleNamespace(unmark=lambda table, *_: table, read=lambda table: table),
        lasts=lambda table: np.zeros(len(table)), pace_=SimpleNamespace(counted=None),
        exclusions_=SimpleNamespace(broken=lambda table, known: table["stay"].isin(never)),
    )  # fmt: skip
    context = pd.DataFrame({"known": np.zeros(n)})
    rng_of_draws = np.random.default_rng(1)
    return family_rows.draw_rows(model, state, np.arange(n), context, rng_of_draws)[0]


def test_labels_stay_where_only_time_is_too_short(monkeypatch):
    at_once, later = (draw(monkeypatch, 1000, fits=share) for share in (1.0, 0.4))
    assert (at_once["stay"] == "long").mean() == pytest.approx(0.5, abs=0.05)
    assert later["stay"].equals(at_once["stay"])
    assert (later["cost"] != at_once["cost"]).mean() == pytest.approx(0.6, abs=0.05)


def test_labels_that_never_occur_are_drawn_again(monkeypatch):
    rows = draw(monkeypatch, 1000, never=["long"])
    assert (rows["stay"] == "long").mean() == pytest.approx(0.5**5, abs=0.02)
