"""Usefulness of synthetic heart beats among people: healthy or infarction, folds by patient.

``python examples/benchmarks/signal_usefulness.py ../shared/data/ecg/ptbdb_lead_i
../shared/data/ecg/ptbdb_index.csv --models models/`` cuts windows of lead I, and makes four folds
of patients with as many infarctions each. For each fold, a model is fitted to the windows of the
other patients and saved (or loaded, if ``--models`` has it). Five classifiers learn from real
windows, from as many synthetic windows of each class, and from both. They are tested on the
patients of the fold (`new_people_tstr`).

The index has the columns lead_i_record, patient and diagnosis.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from synthgan import SignalGANSynthesizer, load
from synthgan.io.records import read_records
from synthgan.io.windows import windows
from synthgan.metrics.signals import new_people_tstr

LABELS = ("Healthy control", "Myocardial infarction")


def read(folder: Path, index: Path):
    """Return the windows of both classes, and the patient of each."""
    patients = pd.read_csv(index).set_index("lead_i_record")["patient"]
    real = windows(read_records(folder, "i", patients=patients), n_samples=2025)
    kept = real[np.flatnonzero(real.info["diagnosis"].isin(LABELS))]
    return kept, kept.info["patient"].to_numpy().astype(str)


def folds_of(people: np.ndarray, diagnoses: pd.Series, n_folds: int) -> np.ndarray:
    """Return the fold of each window; the patients of each class are dealt out in random order."""
    rng = np.random.default_rng(0)
    fold = {}
    for label in LABELS:
        order = rng.permutation(np.unique(people[diagnoses == label]))
        fold |= {person: i % n_folds for i, person in enumerate(order)}
    return np.array([fold[person] for person in people])


def fitted(told, x: np.ndarray, y: pd.Series, people: np.ndarray, fold: int):
    """Return the model of the patients outside a fold, fitted or loaded."""
    path = told.models / f"ecg_labels_{fold}.synthgan"
    if path.exists():
        return load(path)
    model = SignalGANSynthesizer(
        fs_hz=1000.0, max_steps=told.steps, max_time=told.time, random_state=0
    ).fit(x, y, groups=people)
    model.save(path)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("index", type=Path)
    parser.add_argument("--models", type=Path, default=Path())
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--steps", type=int, help="of each fit; default: those of the recipe")
    parser.add_argument("--time", help="of each fit, such as 15min")
    told = parser.parse_args()
    torch.set_num_threads(1)
    real, people = read(told.folder, told.index)
    x, y = real.values[:, 0], real.info["diagnosis"].reset_index(drop=True)
    folds = folds_of(people, y, told.folds)
    details = []
    for fold in range(told.folds):
        is_test = folds == fold
        known = y[~is_test].reset_index(drop=True)
        model = fitted(told, x[~is_test], known, people[~is_test], fold)
        counts = known.value_counts()
        fake = [
            model.sample(n, conditions={"diagnosis": name}, random_state=fold)
            for name, n in counts.items()
        ]
        score = new_people_tstr(
            x[~is_test], np.concatenate(fake), fs_hz=1000.0, real_labels=known,
            fake_labels=np.repeat(counts.index, counts), holdout=x[is_test],
            holdout_labels=y[is_test], groups=people[~is_test], holdout_groups=people[is_test],
            random_state=0,
        )  # fmt: skip
        print(f"fold {fold}, {model.n_steps_} steps: {score}", flush=True)
        print(score.detail.round(3).to_string(), flush=True)
        details.append(score.detail)
    mean = sum(details) / len(details)
    mean.loc["mean"] = mean.mean()
    mean["ratio"] = mean["value"] / mean["real"]
    print(f"mean of {told.folds} folds, balanced accuracy\n{mean.round(3).to_string()}")


if __name__ == "__main__":
    main()
