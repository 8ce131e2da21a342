"""A guarantee and its ledger: what may be spent, and what was."""

import json

import pandas as pd
import pytest

from synthgan import FCN, DifferentialPrivacy, TabularGANSynthesizer
from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.privacy.differential import Ledger, Release
from synthgan.privacy.mechanisms import epsilon_of


def release(rho, delta=0.0, what="rows"):
    return Release(what, "discrete Gaussian", 3, 2.5, rho, delta)


@pytest.mark.parametrize(
    ("given", "missing"), [({"delta": 1e-6}, "epsilon"), ({"epsilon": 1.0}, "delta")]
)
def test_nothing_is_chosen_by_default(given, missing):
    message = f"DifferentialPrivacy has {missing}=None; give a number: privacy is never chosen"
    with pytest.raises(ParameterError, match=message):
        DifferentialPrivacy(**given).ledger()


@pytest.mark.parametrize(
    ("name", "value"),
    [("epsilon", 0), ("epsilon", -1.0), ("delta", 0), ("delta", 1.0), ("max_rows", 0),
     ("public", ["sex"])],
)  # fmt: skip
def test_values_that_guarantee_nothing_are_refused(name, value):
    privacy = DifferentialPrivacy(**{"epsilon": 1.0, "delta": 1e-6, name: value})
    with pytest.raises(ValueError, match=f"'{name}' parameter of DifferentialPrivacy"):
        privacy.ledger()


def test_costs_add_up():
    ledger = DifferentialPrivacy(2.0, 1e-5).ledger()
    assert ledger.left == ledger.rho
    assert ledger.spent_epsilon == 0.0
    half, tenth = ledger.rho / 2, ledger.delta_of_labels / 10
    ledger.enter(release(half))
    ledger.enter(release(half / 2, tenth))
    assert ledger.spent_rho == pytest.approx(1.5 * half)
    assert ledger.left == pytest.approx(half / 2)
    assert ledger.spent_delta == pytest.approx(tenth)
    assert ledger.spent_epsilon == epsilon_of(ledger.spent_rho, 1e-5 - ledger.spent_delta)
    ledger.enter(release(half / 2, 9 * tenth))
    assert ledger.left == pytest.approx(0, abs=1e-12)
    assert ledger.spent_epsilon == pytest.approx(2.0, rel=1e-4)
    assert ledger.spent_epsilon <= 2.0 * (1 + 1e-6)


@pytest.mark.parametrize("what", ["rho", "delta"])
def test_more_than_the_budget_is_refused_and_not_written_down(what):
    ledger = DifferentialPrivacy(1.0, 1e-6).ledger()
    ledger.enter(release(ledger.rho / 2, ledger.delta_of_labels / 2))
    too_much = {"rho": ledger.rho / 2, "delta": ledger.delta_of_labels / 2}
    too_much[what] *= 1.001
    message = f"the privacy budget does not cover pairs: it costs rho={too_much['rho']:.3g} and"
    with pytest.raises(RuntimeError, match=message):
        ledger.enter(release(**too_much, what="pairs"))
    assert len(ledger.releases) == 1


def test_a_ledger_survives_its_record():
    ledger = DifferentialPrivacy(3.0, 1e-6, unit="patient").ledger()
    ledger.enter(release(0.01))
    ledger.enter(release(0.02, 1e-8, "labels of column 'ward'"))
    record = json.loads(json.dumps(ledger.to_dict()))
    assert Ledger.from_dict(record) == ledger
    for broken in ({**record, "delta": 2}, {**record, "rho": -1}, {**record, "releases": [{}]}):
        with pytest.raises(ArchiveError, match=r"ledger|release"):
            Ledger.from_dict(broken)


def test_a_ledger_names_the_guarantee():
    assert str(DifferentialPrivacy(3.0, 1e-6).ledger()) == (
        "(3, 1e-06)-differentially private, unit: rows"
    )
    with_unit = DifferentialPrivacy(0.5, 1e-9, unit="patient").ledger()
    assert str(with_unit).endswith("unit: the rows of one 'patient'")


def test_a_fit_spends_all_and_no_more(table):
    privacy = DifferentialPrivacy(epsilon=2.0, delta=1e-4, public={"age": (0, 120)})
    given = pd.concat([table[["age", "sex", "ward"]]] * 4, ignore_index=True)
    model = TabularGANSynthesizer(network=FCN(width=4, depth=0), max_steps=1, privacy=privacy)
    ledger = model.fit(given).privacy_
    assert 1.9 < ledger.spent_epsilon <= 2.0
    assert 0 < ledger.spent_delta <= ledger.delta_of_labels == 1e-5
    names = [one.what for one in ledger.releases]
    assert names[0] == "rows"
    assert names[-2:] == ["pairs of columns", "dependent pairs again"]
    assert "labels of column 'ward'" in names
    assert privacy.epsilon == 2.0  # the parameter stays as it is
