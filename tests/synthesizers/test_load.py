"""Much data, and many calls; minutes each. Figures: examples/benchmarks/load.py."""

import gc
import os
import resource
import sys

import numpy as np
import pandas as pd
import pytest

from synthgan import FCN, TabularGANSynthesizer
from synthgan.datasets import make_clinic

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def resident_mib():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def open_files():
    return len(os.listdir("/proc/self/fd"))


def test_a_hundred_thousand_calls_leak_nothing(tmp_path):
    clinic = make_clinic(20, random_state=0)[["age", "sex", "height_cm"]]
    figures = []
    for i in range(1000):
        model = TabularGANSynthesizer(network=FCN(width=8, depth=1), max_steps=1, random_state=i)
        model.fit(clinic)
        model.save(tmp_path / "m")
        for j in range(100):
            model.sample(2, random_state=j)
        if i % 100 == 99:
            figures.append((resident_mib(), open_files()))
    memory, files = zip(*figures[1:], strict=True)
    assert max(files) == min(files)
    assert memory[-1] - memory[0] < 20  # MiB in 80 000 calls


def test_two_thousand_columns(tmp_path):
    rng = np.random.default_rng(0)
    columns = {f"n{i}": rng.normal(i, 1, 5000) for i in range(1000)}
    columns |= {f"k{i}": rng.integers(0, 40, 5000) for i in range(600)}
    columns |= {f"l{i}": rng.choice(["a", "b", "c"], 5000) for i in range(400)}
    wide = pd.DataFrame(columns)
    model = TabularGANSynthesizer(max_steps=3, random_state=0).fit(wide)
    fake = model.sample(500)
    assert fake.dtypes.tolist() == wide.dtypes.tolist()
    assert fake["n7"].between(wide["n7"].min(), wide["n7"].max()).all()
