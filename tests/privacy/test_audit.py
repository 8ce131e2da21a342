"""Audits of differential privacy: what is not released has no influence, and the noise suffices."""

import copy
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from synthgan import FCN, DifferentialPrivacy, Inequality, TabularGANSynthesizer
from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.private_fitting import (
    check_public,
    fit_private_cells,
    n_codes,
    private_rows,
    read_codes,
)
from synthgan.privacy import mechanisms
from synthgan.privacy.marginals import measure_marginals
from synthgan.privacy.protected_rows import ProtectedRows
from tests.quick import weights_of

pytestmark = pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")
MECHANISMS = ("noisy_counts", "noisy_labels", "choose_largest")


# Non-interference: a model is a function of what was released, and of what is public.


def people(seed, n_rows, shift):
    """Draw a table; tables of two seeds have nothing but names and dtypes in common."""
    rng = np.random.default_rng(seed)
    person = rng.integers(0, n_rows // 2, n_rows)
    number = shift + rng.normal(size=n_rows) * shift
    day = pd.Timestamp("2001-01-01") + pd.to_timedelta(rng.integers(0, 40 * shift, n_rows), "D")
    grade = pd.Categorical.from_codes(rng.integers(0, 3, n_rows), ["low", "mid", "high"])
    frame = pd.DataFrame({
        "patient": person,
        "number": np.where(rng.random(n_rows) < 0.2, np.nan, number),
        "whole": rng.integers(0, 5 * shift, n_rows),
        "day": day,
        "zoned": (day + pd.Timedelta("7h")).tz_localize("Europe/Madrid"),
        "grade": grade,
        "text": rng.choice([f"{seed}a", f"{seed}b", f"{seed}c"], n_rows),
        "flag": pd.array(rng.random(n_rows) < 0.1 * shift, dtype="boolean"),
        "low": rng.integers(0, 9, n_rows),
        "high": rng.integers(3, 9, n_rows),
    })  # fmt: skip
    for i in range(12):  # so many columns that pairs of them are chosen
        frame[f"test {i}"] = rng.random(n_rows) < 0.5
    frame.index = rng.permutation(n_rows) * shift
    return frame, pd.Series(rng.choice([True, False], n_rows), name="target", index=frame.index)


def fit(frame, y, path):
    """Fit a model; return all that is left of it, and what it told."""
    privacy = DifferentialPrivacy(30.0, 1e-4, public={"low": (0, 9)}, unit="patient", max_rows=2)
    model = TabularGANSynthesizer(
        network=FCN(width=4, depth=0), max_steps=3, batch_size=20, condition_on=["flag", "number"],
        constraints=[Inequality("low", "high")], privacy=privacy, random_state=0,
    )  # fmt: skip
    with pytest.warns() as told:
        model.fit(frame, y)
    model.history_["seconds"] = 0.0
    model.save(path)
    record, arrays = model.encoder_.to_state()
    return {
        "weights": weights_of(model),
        "encoder": (record, {name: array.tobytes() for name, array in arrays.items()}),
        "schema": model.schema_.to_dict(),
        "ledger": model.privacy_.to_dict(),
        "history": model.history_.to_dict(),
        "attributes": {k: re.sub("0x[0-9a-f]+", "", repr(v)) for k, v in vars(model).items()},
        "told": [str(warning.message) for warning in told],
        "sample": model.sample(20).to_csv(),
        "file": path.read_bytes(),
    }


def test_rows_act_through_what_is_released_alone(monkeypatch, tmp_path):
    released = []
    for name in MECHANISMS:
        real = getattr(mechanisms, name)

        def record(*args, name=name, real=real):
            released.append((name, len(args[0]), copy.deepcopy(real(*args))))
            return released[-1][2]

        monkeypatch.setattr(mechanisms, name, record)
    left = fit(*people(1, 400, 3), tmp_path / "a.synthgan")
    assert {name for name, _, _ in released} == set(MECHANISMS)
    replayed = iter(released)
    for name in MECHANISMS:

        def replay(values, *args, name=name):
            called, n, output = next(replayed)
            assert called == name
            assert name == "noisy_labels" or len(values) == n
            return copy.deepcopy(output)

        monkeypatch.setattr(mechanisms, name, replay)
    other = fit(*people(2, 250, 7), tmp_path / "b.synthgan")
    assert next(replayed, None) is None
    for what, value in left.items():
        assert other[what] == value, what


# Canary: an attacker who knows all other rows, and all that is released, guesses whether one row
# is in the table. The bound of epsilon is that of Jagielski, Ullman and Oprea (2020), Auditing
# differentially private machine learning, arXiv 2006.07709.

EPSILON, DELTA = 2.0, 0.001
CONFIDENCE = 0.95
OTHERS = pd.DataFrame({"ill": [False, False, True] * 10, "old": [False, True, False] * 10})
EVERYONE = pd.concat([OTHERS, pd.DataFrame({"ill": [True], "old": [True]})], ignore_index=True)
PUBLIC = {name: [False, True] for name in OTHERS}
N_RUNS = 1000


class SpentError(Exception):
    """All is released: what follows is computed from it, and tells an attacker nothing more."""


class Attacked(ProtectedRows):
    """Rows that add up the logarithm of the likelihood ratio of all that is released of them."""

    evidence = 0.0

    def marginals(self, what, read, sizes, cliques, rho):
        codes: list[np.ndarray] = []

        def read_everyone(frame):
            codes.append(read(EVERYONE))
            return codes[0][: len(frame)]  # each row is read by itself

        tables, scales = super().marginals(what, read_everyone, sizes, cliques, rho)
        for clique, noisy, scale in zip(cliques, tables, scales, strict=True):
            *others, own = codes[0][:, list(clique)]
            if min(own) >= 0:
                n_others = (np.array(others) == own).all(axis=1).sum()
                self.evidence += (noisy[tuple(own)] - n_others - 0.5) / scale**2
        if self.ledger.left < 1e-9 * self.ledger.rho:
            raise SpentError
        return tables, scales


def evidence(frame, n_runs):
    """Measure a table many times; return the evidence that the canary is in it."""
    ledger = DifferentialPrivacy(EPSILON, DELTA).ledger()
    frame, found, before = private_rows(frame), [], None
    public = check_public(PUBLIC, frame)
    for _ in range(n_runs):
        rows = Attacked(frame, replace(ledger, releases=[]))
        rows.histogram("rows", lambda f: np.zeros(len(f), dtype=int), 1, 0.01 * ledger.rho)
        cells = fit_private_cells(rows, public, float(len(OTHERS)), 0.15 * ledger.rho)
        if cells != before:  # the same cells give the same codes
            before, codes = cells, read_codes(cells, EVERYONE)
        with pytest.raises(SpentError):
            measure_marginals(
                rows, lambda f, codes=codes: codes[: len(f)], [n_codes(one) for one in cells],
                [isinstance(one.codec, BinnedNumbers) for one in cells],
                [one.nullable for one in cells], None, float(len(OTHERS)),
            )  # fmt: skip
        found.append(rows.evidence)
    return np.array(found)


def epsilon_bound(without, with_it):
    """Return a lower bound of epsilon: a threshold from half of the runs is tried on the others."""
    half = len(without) // 2
    thresholds = np.quantile(with_it[:half], np.linspace(0.02, 0.98, 49))
    best = max(thresholds, key=lambda at: _bound(without[:half], with_it[:half], at))
    return _bound(without[half:], with_it[half:], best)


def _bound(without, with_it, threshold):
    """Return the bound of Clopper and Pearson, at a threshold that was chosen before."""
    error = (1 - CONFIDENCE) / 2  # of each of two shares
    n, false, true = len(without), (without > threshold).sum(), (with_it > threshold).sum()
    most_false = beta.ppf(1 - error, false + 1, n - false) if false < n else 1.0
    least_true = beta.ppf(error, true, n - true + 1) if true else 0.0
    return np.log(max(least_true - DELTA, 1e-300) / most_false)


@pytest.mark.parametrize("n_runs", [N_RUNS // 4, pytest.param(N_RUNS, marks=pytest.mark.slow)])
def test_a_canary_is_no_easier_to_find_than_claimed(n_runs):
    without, with_it = (evidence(table, n_runs) for table in (OTHERS, EVERYONE))
    assert epsilon_bound(without, with_it) < EPSILON
    assert with_it.mean() > without.mean()  # the attack works, and yet finds too little


def test_the_audit_finds_a_build_that_adds_too_little_noise(monkeypatch):
    real = mechanisms.noisy_counts

    def quiet(counts, sensitivity, rho):
        return real(counts, sensitivity, 100 * rho)  # a tenth of the noise

    monkeypatch.setattr(mechanisms, "noisy_counts", quiet)
    without, with_it = (evidence(table, N_RUNS // 10) for table in (OTHERS, EVERYONE))
    assert epsilon_bound(without, with_it) > EPSILON
