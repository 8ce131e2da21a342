"""Simulated hearts, and a tiny model that was told of them."""

import numpy as np
import pandas as pd
import pytest

from synthgan.datasets import make_ecg
from synthgan.io.windows import SignalWindows
from tests.signal.quick import FS_HZ, N_SAMPLES, quick


@pytest.fixture(scope="module")
def ecgs():
    # Fast hearts: the noise of a generator that has learnt nothing yet often looks like them.
    rates = (90, 220)
    return make_ecg(40, n_samples=N_SAMPLES, fs_hz=FS_HZ, heart_rate_bpm=rates, random_state=0)


@pytest.fixture(scope="module")
def records(ecgs):
    """Windows as read from records, with labels."""
    rng = np.random.default_rng(0)
    info = pd.DataFrame(
        {
            "patient": [f"patient{i:03d}" for i in range(40)],
            "diagnosis": np.repeat(["healthy", "infarction"], 20),
            "age": rng.integers(30, 90, 40) + 0.5,
        }
    )
    return SignalWindows(ecgs[:, None].astype(np.float32), FS_HZ, "i", "mV", info)


@pytest.fixture(scope="module")
def model(records):
    """Told diagnosis, age and heart rate."""
    return quick(condition_on=("diagnosis", "age", "heart_rate_bpm")).fit(records)
