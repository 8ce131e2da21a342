"""Small models of tables, whether two are the same, and runs that break off."""

from io import BytesIO

import joblib
import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

from synthgan import FCN, Callback, TabularGANSynthesizer
from synthgan.records.signals import Recording

TINY = FCN(width=(16,), dropout=0.3)
# Small data that every synthesizer accepts.
GOOD = pd.DataFrame({"x": [1.0, 2.0, 3.0] * 5, "y": ["a", "b", "a"] * 5})
WAVES = np.sin(np.arange(30 * 50).reshape(30, 50))
PIXELS = (np.arange(30 * 64).reshape(30, 8, 8) * 7 % 256).astype(np.uint8)


def recording(**fields):
    values = np.sin(np.arange(100.0)).reshape(1, 100)
    good = {"name": "a", "values": values, "fs_hz": 100.0, "leads": ("i",), "units": ("mV",)}
    return Recording(**{**good, "labels": {}, "patient": "p", **fields})


def quick(callbacks=None, **parameters):
    defaults = {
        "network": TINY, "epochs": 20, "batch_size": 50, "candidates": 1, "random_state": 0,
    }  # fmt: skip
    return TabularGANSynthesizer(**{**defaults, **parameters}, callbacks=callbacks)


def weights_of(model):
    return b"".join(
        t.contiguous().numpy().tobytes() for t in model.generator_.state_dict().values()
    )


def assert_same(model, other):
    assert weights_of(model) == weights_of(other)
    ours, theirs = (m.history_.drop(columns="seconds") for m in (model, other))
    assert_frame_equal(ours, theirs)


def freeze(model):
    frozen = BytesIO()
    joblib.dump(model, frozen)
    return frozen.getvalue()


def thaw(frozen):
    return joblib.load(BytesIO(frozen))


class BrokenError(Exception):
    pass


class Break(Callback):
    """Break off at a step, as if the process were killed."""

    def __init__(self, step):
        self.step = step

    def on_log(self, run):
        if run.state.step >= self.step:
            raise BrokenError
