"""Runs that are killed at random moments, and taken up again; a script of its own for tests.

Prints, as JSON, for each kind of run: at which checkpoints those that were killed were taken up
again, and what of their ends is the same as that of a run that was never broken.
"""

import hashlib
import json
import math
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

import synthgan.synthesizers.table_rules
import synthgan.synthesizers.training_run
from synthgan import (
    CNN,
    FCN,
    Checkpoint,
    ImageGANSynthesizer,
    SampleGrid,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_clinic, make_ecg
from synthgan.exceptions import SynthganWarning

MOST_NEW, LONGEST_S = 2, 0.1  # checkpoints that an attempt may add, and how long it lives then


def table(callbacks, max_steps=60, random_state=0):
    """Dropout; and fidelity to held-out rows, by which the best weights are kept."""
    return TabularGANSynthesizer(
        network=FCN(width=(24,), dropout=0.3), max_steps=max_steps, candidates=1,
        callbacks=callbacks, random_state=random_state,
    ).fit(CLINIC)  # fmt: skip


def table_without_seed(callbacks, max_steps=60):
    return table(callbacks, max_steps, None)


def signals(callbacks, max_steps=16):
    """Noise inside of layers, channels last, labels."""
    return SignalGANSynthesizer(
        max_steps=max_steps, batch_size=8, fs_hz=125, callbacks=callbacks, random_state=0
    ).fit(*ECGS)


def images(callbacks, max_steps=24):
    return ImageGANSynthesizer(
        network=CNN(width=8), max_steps=max_steps, batch_size=10, callbacks=callbacks,
        random_state=0,
    ).fit(IMAGES)  # fmt: skip


CLINIC = make_clinic(200, random_state=0)[["age", "sex", "bmi", "ward"]]
ECGS = make_ecg(16, n_samples=60, fs_hz=125, return_y=True, random_state=0)
IMAGES = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
RUNS = (table, table_without_seed, signals, images)


def callbacks(folder):
    return [Checkpoint(folder, every_epochs=2), SampleGrid()]


def describe(model):
    """Hash what was learnt, all but the time it took."""
    weights = hashlib.sha256()
    for name, tensor in model.generator_.state_dict().items():
        weights.update(name.encode() + tensor.contiguous().numpy().tobytes())
    grids = model.callbacks[-1].grids_
    return {
        "weights": weights.hexdigest(),
        "history": model.history_.drop(columns="seconds").to_json(),
        "grids": {epoch: hashlib.sha256(g.tobytes()).hexdigest() for epoch, g in grids.items()},
    }


def newest(folder):
    """Step of the newest checkpoint."""
    return max((int(file.stem[-9:]) for file in folder.glob("checkpoint-*")), default=0)


def attempt(run, folder, n_new=None, seconds=0.0):
    """Run in a child process; the model, where it has not been killed before.

    It is killed some seconds after it has written so many new checkpoints.
    """
    result, last = folder / "result.json", newest(folder)
    child = os.fork()
    if not child:
        try:
            result.write_text(json.dumps(describe(run(callbacks(folder)))))
        finally:
            os._exit(0)
    end = math.inf if n_new != 0 else time.perf_counter() + seconds
    while time.perf_counter() < end:
        ended, _ = os.waitpid(child, os.WNOHANG)
        if ended:
            return json.loads(result.read_text())
        if n_new and newest(folder) > last:
            n_new, last = n_new - 1, newest(folder)
            end = math.inf if n_new else time.perf_counter() + seconds
        time.sleep(0.003)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def kill_and_resume(run, folder, rng, n_kills):
    """Kill one run, or at need several, and compare with one that never was."""
    folder = folder / run.__name__
    (folder / "whole").mkdir(parents=True)
    whole = attempt(run, folder / "whole")
    kills, same = [], []
    while len(kills) < n_kills or not same:
        broken = folder / f"broken {len(same)}"
        broken.mkdir()
        model = None
        while model is None:
            # A single kill comes after a checkpoint.
            n_new = rng.randint(int(n_kills == 1), MOST_NEW) if len(kills) < n_kills else None
            model = attempt(run, broken, n_new, rng.uniform(0, LONGEST_S))
            if model is None:
                kills.append(newest(broken))
        if run is table_without_seed:
            whole = whole_of(run, broken, folder / f"whole {len(same)}")
        same.append([name for name in whole if model[name] == whole[name]])
    return {"kills": kills, "same": same}


def whole_of(run, broken, folder):
    """Run with the seed that a broken run has drawn."""
    seed, draw_seed = Checkpoint(broken).seed(), synthgan.synthesizers.training_run.draw_seed
    folder.mkdir()
    synthgan.synthesizers.training_run.draw_seed = lambda random_state: seed
    whole = attempt(run, folder)
    synthgan.synthesizers.training_run.draw_seed = draw_seed
    return whole


def main(folder, seed, n_kills, *names):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", SynthganWarning)
    synthgan.synthesizers.table_rules._FEWEST_HELD_OUT = 5
    rng = random.Random(int(seed))  # noqa: S311
    runs = [run for run in RUNS if run.__name__ in names]
    for run in runs:
        run((), max_steps=2)  # children begin with everything imported
    folder, n_kills = Path(folder), int(n_kills)  # of each kind of run
    results = {run.__name__: kill_and_resume(run, folder, rng, n_kills) for run in runs}
    print(json.dumps(results))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
