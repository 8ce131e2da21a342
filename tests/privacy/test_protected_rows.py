"""Only mechanisms read rows, few of each person, and every reading is in the ledger."""

import numpy as np
import pandas as pd
import pytest

from synthgan import FCN, DifferentialPrivacy, TabularGANSynthesizer
from synthgan.privacy.differential import Ledger
from synthgan.privacy.protected_rows import ProtectedRows
from synthgan.synthesizers import private_table

FRAME = pd.DataFrame({"a": [0, 1, 1, 2, 0, 1], "b": [0, 0, 1, 1, 1, 1], "label": list("xxyxyy")})
RHO = 1e9  # next to no noise


def rows_of(frame=FRAME, people=None, max_rows=1):
    ledger = Ledger(1e5, 0.5, 100 * RHO, 0.1)
    return ProtectedRows(frame, ledger, None if people is None else np.array(people), max_rows)


def codes(frame):
    return frame[["a", "b"]].to_numpy()


class Lent:
    """Rows that can be looked at while a mechanism has them, and never else."""

    n_looks = 0

    def __init__(self, owner, frame):
        self.owner, self.frame = owner, frame

    def look(self):
        assert self.owner.is_open, "rows are read outside of a mechanism"
        Lent.n_looks += 1
        return self.frame

    def __getattr__(self, name):
        return getattr(self.look(), name)

    def __getitem__(self, name):
        return self.look()[name]

    def __len__(self):
        return len(self.look())


class GuardedRows(ProtectedRows):
    def __init__(self, *args):
        super().__init__(*args)
        self._rows = Lent(self, self._rows)


def test_a_fit_reads_no_row_outside_of_a_mechanism(monkeypatch, clinic):
    monkeypatch.setattr(private_table, "ProtectedRows", GuardedRows)
    monkeypatch.setattr(Lent, "n_looks", 0)
    frame = clinic[["age", "sex", "bmi", "ward", "diabetic", "admitted"]]
    model = TabularGANSynthesizer(
        network=FCN(width=4, depth=0), max_steps=2, condition_on="any",
        privacy=DifferentialPrivacy(epsilon=100.0, delta=1e-4),
    )  # fmt: skip
    model.fit(frame, clinic["outcome"])
    assert Lent.n_looks > len(model.privacy_.releases)
    guarded = GuardedRows(FRAME, model.privacy_)
    for look in (len, lambda rows: rows["a"], lambda rows: rows.shape):
        with pytest.raises(AssertionError, match="outside of a mechanism"):
            look(guarded._rows)


def test_rows_are_closed_after_an_error():
    rows = rows_of()

    def fail(frame):
        assert rows.is_open
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        rows.histogram("a", fail, 3, RHO)
    assert not rows.is_open
    assert [one.what for one in rows.ledger.releases] == ["a"]  # it counts as spent


def test_tables_are_exact_counts_without_noise():
    rows = rows_of()
    (a, b, ab), scales = rows.marginals("tables", codes, (3, 2), [(0,), (1,), (0, 1)], RHO)
    # All costs add up to rho; those of larger tables are larger, by the power 2 / 3.
    assert (1 / (2 * scales**2)).sum() == pytest.approx(RHO)
    assert scales[1] / scales == pytest.approx(np.array([1.5, 1, 3]) ** (1 / 3))
    assert rows.ledger.releases[-1].scale == pytest.approx(scales[2])
    assert a.tolist() == [2, 3, 1]
    assert b.tolist() == [2, 4]
    assert ab.tolist() == [[1, 1], [1, 2], [0, 1]]
    histogram, _ = rows.histogram("a", lambda f: np.where(f["a"] == 1, -1, f["a"]), 3, RHO)
    assert histogram.tolist() == [2, 0, 1]  # -1 is no cell
    assert rows.labels("labels", "label", RHO, 0.01) == {"x": 3, "y": 3}
    released = [(one.what, one.n_numbers, one.rho) for one in rows.ledger.releases]
    assert released == [("tables", 11, RHO), ("a", 3, RHO), ("labels", 2, RHO)]
    assert rows.ledger.spent_delta == 0.01


def test_the_noise_grows_with_tables_and_rows_of_a_person():
    few, many = (
        rows_of(FRAME, range(6), n).marginals("t", codes, (3, 2), [(0,)] * k, RHO)[1]
        for n, k in ((1, 1), (3, 4))
    )
    assert many == pytest.approx([6 * few[0]] * 4)


def test_the_most_dependent_tables_are_chosen():
    rng = np.random.default_rng(0)
    x, free = rng.integers(0, 2, (2, 400))
    rows = rows_of(pd.DataFrame({"x": x, "free": free, "same": x}))
    cliques, half = [(0, 1), (0, 2), (1, 2)], np.array([0.5, 0.5])

    def chosen(handicaps, n):
        return rows.most_dependent(
            "pairs", lambda f: f.to_numpy(), [half] * 3, 400.0, cliques, handicaps, n, RHO
        ).tolist()

    assert chosen(np.zeros(3), 1) == [1]
    assert chosen(np.array([0.0, 1e4, 1e5]), 2) == [0, 1]
    assert rows.ledger.spent_rho == 2 * RHO


@pytest.mark.parametrize("max_rows", [1, 2, 5])
def test_so_many_rows_of_a_person_are_kept(max_rows):
    people = np.repeat([3, 1, 7, 2], [4, 1, 2, 9])
    frame = pd.DataFrame({"person": people, "row": np.arange(16)})
    rows = rows_of(frame, people, max_rows)
    kept = rows._rows
    assert kept.index.tolist() == list(range(len(kept)))
    assert kept["person"].value_counts().to_dict() == {
        person: min(n, max_rows) for person, n in ((3, 4), (1, 1), (7, 2), (2, 9))
    }
    assert kept["row"].is_unique
    assert rows.empty.equals(frame.iloc[:0])


def test_which_rows_of_a_person_are_kept_is_random():
    frame = pd.DataFrame({"row": np.arange(10)})
    seen = set()
    for _ in range(200):
        np.random.seed(0)
        seen |= set(rows_of(frame, [0] * 10, 1)._rows["row"])
    assert seen == set(range(10))  # but for a probability of 1e-8


def test_what_the_budget_does_not_cover_reads_nothing():
    rows = rows_of()

    def never(frame):
        raise AssertionError

    with pytest.raises(RuntimeError, match="the privacy budget does not cover a:"):
        rows.histogram("a", never, 3, 101 * RHO)
    with pytest.raises(RuntimeError, match="the privacy budget does not cover names"):
        rows.labels("names", "label", RHO, 0.2)
    assert rows.ledger.releases == []
