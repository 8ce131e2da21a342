"""Identifiers that are personal data of nobody."""

import sys

import numpy as np
import pandas as pd
import pytest

from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.identifiers import Identifier
from synthgan.exceptions import ArchiveError, DataError, DataWarning, ParameterError

R = np.random.default_rng(0)
PEOPLE = pd.DataFrame(
    {
        "name": [f"{a} {b}" for a, b in zip(R.choice(["Ana", "Eva"], 60), range(60), strict=True)],
        "mail": [f"person{i}@hospital.org" for i in range(60)],
    }
)


@pytest.mark.parametrize(
    ("kind", "locale", "pattern"),
    [
        ("email", None, r"\S+@example\.(com|org|net)"),
        ("name", "es_ES", r"[\w. '-]+"),
        ("address", "de_DE", r".+, \d{5} .+"),
        ("postcode", "nl_NL", r"\d{4}\s?[A-Z]{2}"),
        ("iban", "de_DE", r"DE\d{20}"),
    ],
)
def test_fakes_of_a_locale(kind, locale, pattern):
    pytest.importorskip("faker", reason="personal data need the extra synthgan[pii]")
    constraint = Identifier("mail", pii=kind, locale=locale).fit(PEOPLE)
    again = Identifier.from_dict(constraint.to_dict())
    assert "person" not in str(constraint.to_dict())
    table = pd.DataFrame(index=range(300))
    made = again.restore(table, np.random.default_rng(0))["mail"]
    assert made.str.fullmatch(pattern).all()
    assert made.is_unique
    assert made.equals(constraint.restore(table, np.random.default_rng(0))["mail"])
    assert not made.isin(PEOPLE["mail"]).any()


def test_what_is_no_kind_or_locale_is_refused():
    with pytest.raises(ParameterError, match=r"pii='mail' of Identifier\('mail'\) is not allowed"):
        Identifier("mail", pii="mail").fit(PEOPLE)
    pytest.importorskip("faker", reason="personal data need the extra synthgan[pii]")
    with pytest.raises(ParameterError, match="locale='xx' of Identifier is unknown to faker"):
        Identifier("mail", pii="email", locale="xx").fit(PEOPLE)
    with pytest.raises(DataError, match="Identifier needs strings"):
        Identifier("x", pii="email").fit(pd.DataFrame({"x": [0.5]}))
    record = Identifier("mail", pii="email").fit(PEOPLE).to_dict()
    record["parameters"]["pii"] = "seed_instance"
    with pytest.raises(ArchiveError, match="pii='seed_instance'"):
        Identifier.from_dict(record)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faker", None)
    monkeypatch.setitem(sys.modules, "faker.config", None)
    with pytest.raises(ParameterError, match=r"pip install 'synthgan\[pii\]'"):
        Identifier("mail", pii="email").fit(PEOPLE)


def test_personal_data_are_announced():
    for name, kind in {"name": "name", "mail": "email"}.items():
        with pytest.warns(DataWarning, match=f"'{name}' identifies rows: .* pii='{kind}'"):
            ConstraintSet(min_support=5).fit(PEOPLE[[name]])


def test_archives_without_kinds_of_personal_data_load():
    record = Identifier("mail").fit(PEOPLE).to_dict()
    record["parameters"] = {"column": "mail"}
    record["learnt"] = {"schema_": record["learnt"]["schema_"], "parts_": [["hex", 4, 9]]}
    made = Identifier.from_dict(record).restore(PEOPLE[["name"]], R)["mail"]
    assert made.str.fullmatch("[0-9a-f]{4,9}").all()
