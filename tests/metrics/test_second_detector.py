"""R peaks of a second detector (neurokit2, where it is installed) are the ones that we find."""

import warnings

import numpy as np
import pytest

from synthgan.datasets import make_ecg
from synthgan.io.records import read_records
from synthgan.records.beats import find_beats
from tests.conftest import SHARED_DATA

EDGE_S, NEAR_S = 0.5, 0.05


def agreement(windows, fs_hz):
    """Shares of our beats that the other detector finds, and of its beats that we find."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        neurokit2 = pytest.importorskip(
            "neurokit2", reason="neurokit2 is absent: pip install 'synthgan[test-detectors]'"
        )
    found = np.zeros((2, 2))
    for x in windows:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of neurokit2
            cleaned = neurokit2.ecg_clean(x, sampling_rate=int(fs_hz))
            peaks = neurokit2.ecg_peaks(cleaned, sampling_rate=int(fs_hz))[1]["ECG_R_Peaks"]
        sides = [find_beats(x[None], fs_hz).sample / fs_hz, np.asarray(peaks) / fs_hz]
        for i, (ours, theirs) in enumerate((sides, sides[::-1])):
            # A detector that adapts needs what is before and after a beat.
            inner = ours[(ours > EDGE_S) & (ours < len(x) / fs_hz - EDGE_S)]
            near = np.abs(inner[:, None] - theirs[None]).min(axis=1, initial=np.inf) <= NEAR_S
            found[i] += near.sum(), len(near)
    assert (found[:, 1] > 0).all()
    return found[:, 0] / found[:, 1]


def test_simulated_beats():
    assert (agreement(make_ecg(10, n_samples=5000, fs_hz=500, random_state=0), 500) > 0.99).all()


def test_real_beats():
    folder = SHARED_DATA / "ecg" / "ptbdb_lead_i"
    if not folder.exists():
        pytest.skip(f"{folder} is absent: the real recordings are not part of the package")
    real = [x.values[0, :20_000] for x in read_records(folder, "i")[::4]]
    assert (agreement(real, 1000) > 0.99).all()
