"""The runs of synthgan demo: what is simulated, trained and written for each kind of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from synthgan.cli.progress import PercentLine
from synthgan.datasets import hospital_relations, make_clinic, make_ecg, make_hospital
from synthgan.report import evaluate

__all__ = ["RUNS", "DemoRun"]

_ADULT = (18, 94)  # years; children are few, and the clinic counts everybody above 98 as 99
_TARGET = "diabetic"
_FS_HZ, _N_SAMPLES = 250, 500
_HOSPITAL = ("patients", "stays")  # all four tables take several minutes


class DemoRun(Protocol):
    """A run of the demo."""

    real_in_words: str

    def train(self, epochs: int | None) -> Any:
        """Fit a model and return as many synthetic records as were learnt."""

    def evaluate(self, fake: Any) -> Any:
        """Return the report."""

    def write(self, fake: Any, out: Path) -> str:
        """Write real and synthetic records to a folder; return their paths as text."""


class _Clinic:
    """Adult patients; diabetes is to be predicted from age, weight and the rest.

    HbA1c, which defines diabetes, is left out: with it there is nothing to learn.
    """

    def __init__(self, n: int | None, seed: int) -> None:
        n = n or 2000
        rows = make_clinic(3 * n, random_state=seed).drop(columns="hba1c")
        rows = rows[rows["age"].between(*_ADULT)].reset_index(drop=True)
        self.real, self.holdout = rows[:n], rows[n : 2 * n].reset_index(drop=True)
        self.seed = seed
        self.real_in_words = f"{n} simulated patients with {rows.shape[1]} columns"

    def train(self, epochs: int | None) -> Any:
        from synthgan.synthesizers.tabular import TabularGANSynthesizer

        self.model = TabularGANSynthesizer(
            **_length(epochs, 50), random_state=self.seed, callbacks=[PercentLine()]
        ).fit(self.real)
        return self.model.sample(len(self.real), random_state=self.seed + 1)

    def evaluate(self, fake: Any) -> Any:
        return evaluate(self.real, fake, holdout=self.holdout, target=_TARGET, model=self.model)

    def write(self, fake: Any, out: Path) -> str:
        from synthgan.io.tables import write_table

        write_table(self.real, out / "real.csv")
        write_table(fake, out / "fake.csv")
        return f"{out / 'fake.csv'} ({len(fake)} synthetic rows), {out / 'real.csv'}"


class _Hospital:
    """Patients and their stays, two related tables."""

    def __init__(self, n: int | None, seed: int) -> None:
        n = n or 400
        self.real, self.holdout = (
            {name: table for name, table in make_hospital(n, one).items() if name in _HOSPITAL}
            for one in (seed, seed + 1)
        )
        self.relations = [one for one in hospital_relations() if one.child in _HOSPITAL]
        self.n, self.seed = n, seed
        stays = len(self.real["stays"])
        self.real_in_words = f"{n} simulated patients and their {stays} stays"

    def train(self, epochs: int | None) -> Any:
        from synthgan.synthesizers.relational import RelationalGANSynthesizer

        self.model = RelationalGANSynthesizer(
            self.relations,
            **_length(epochs, 80),
            random_state=self.seed,
            callbacks=[PercentLine()],
        ).fit(self.real)
        return self.model.sample(self.n, random_state=self.seed + 1)

    def evaluate(self, fake: Any) -> Any:
        return evaluate(
            self.real, fake, holdout=self.holdout, relations=self.relations, model=self.model
        )

    def write(self, fake: Any, out: Path) -> str:
        from synthgan.io.related import write_relations, write_tables

        write_relations(out / "relations.json", self.relations)
        for folder, tables in (("real", self.real), ("fake", fake)):
            write_tables(out / folder, tables, overwrite=True)
        return f"{out / 'fake'} (synthetic tables), {out / 'real'}, {out / 'relations.json'}"


class _Ecg:
    """Windows of two seconds of lead I, each of another simulated patient."""

    def __init__(self, n: int | None, seed: int) -> None:
        n = n or 400
        ecg = make_ecg(2 * n, n_samples=_N_SAMPLES, fs_hz=_FS_HZ, random_state=seed)
        self.real, self.holdout = ecg[:n], ecg[n:]
        self.seed = seed
        self.real_in_words = f"{n} simulated ECG windows of {_N_SAMPLES / _FS_HZ:.0f} s"

    def train(self, epochs: int | None) -> Any:
        from synthgan.records.signals import SignalWindows
        from synthgan.synthesizers.signal import SignalGANSynthesizer

        windows = SignalWindows(self.real[:, None], _FS_HZ, ["i"])
        self.model = SignalGANSynthesizer(
            **_length(epochs, 80, max_steps=700), random_state=self.seed, callbacks=[PercentLine()]
        ).fit(windows)
        return self.model.sample(len(self.real), random_state=self.seed + 1)

    def evaluate(self, fake: Any) -> Any:
        return evaluate(
            self.real, fake.values[:, 0], holdout=self.holdout, fs_hz=_FS_HZ, model=self.model
        )

    def write(self, fake: Any, out: Path) -> str:
        from synthgan.io.records import write_records

        recording = self.model.sample(2, duration_s=10, random_state=self.seed + 2)
        write_records(out / "fake", recording, r_peaks=True, overwrite=True)
        return f"{out / 'fake'} (two synthetic recordings of 10 s, which wfdb reads)"


class _Digits:
    """Handwritten digits of scikit-learn, 8 x 8 pixels, with their labels."""

    def __init__(self, n: int | None, seed: int) -> None:
        from sklearn.datasets import load_digits
        from sklearn.utils import check_random_state

        digits = load_digits()
        n = n or 1000
        if n >= len(digits.images):
            raise ValueError(f"--rows {n} is too many; there are {len(digits.images)} digits.")
        order = check_random_state(seed).permutation(len(digits.images))
        self.real, self.labels = digits.images[order[:n]], digits.target[order[:n]]
        self.holdout = digits.images[order[n : 2 * n]]
        self.seed = seed
        self.real_in_words = f"{n} images of handwritten digits"

    def train(self, epochs: int | None) -> Any:
        from synthgan.synthesizers.image import ImageGANSynthesizer

        self.model = ImageGANSynthesizer(
            network="fcn",
            batch_size=100,
            **_length(epochs, 60, max_steps=4000),
            random_state=self.seed,
            callbacks=[PercentLine()],
        ).fit(self.real, self.labels)
        return self.model.sample(len(self.real), random_state=self.seed + 1)

    def evaluate(self, fake: Any) -> Any:
        real, made, holdout = (_as_bytes(x) for x in (self.real, fake, self.holdout))
        return evaluate(real, made, holdout=holdout, kind="image", model=self.model)

    def write(self, fake: Any, out: Path) -> str:
        import numpy as np

        np.save(out / "fake.npy", _as_bytes(fake))
        return f"{out / 'fake.npy'} ({len(fake)} synthetic images of 8 x 8)"


def _length(epochs: int | None, most_s: int, /, **usual: int) -> Any:
    """Return how long to train: the epochs asked for, or the usual length and at most a time."""
    return {**usual, "max_time": most_s} if epochs is None else {"epochs": epochs}


def _as_bytes(images: Any) -> Any:
    """Return digits of 17 grey levels, 0..16, as images of 0..255."""
    import numpy as np

    return np.rint(np.clip(np.asarray(images, dtype=float), 0, 16) * (255 / 16)).astype(np.uint8)


RUNS: Any = {"table": _Clinic, "relational": _Hospital, "ecg": _Ecg, "image": _Digits}
