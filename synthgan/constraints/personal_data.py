"""Realistic personal data, such as names, which the package `faker` makes by locale."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

import numpy as np

from synthgan.exceptions import ParameterError

__all__ = ["KINDS", "check_locale", "fake_values", "likely_kind"]

KINDS = (
    "address", "city", "company", "email", "first_name", "iban", "last_name", "name",
    "phone_number", "postcode", "street_address", "user_name",
)  # fmt: skip
_MIN_SHARE = 0.9
_MOST_ROUNDS = 20  # until values are distinct
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_NAMES = {
    "first_name": re.compile(r"(?i)^(first|given|fore)[_\W]?name$"),
    "last_name": re.compile(r"(?i)^((last|family)[_\W]?|sur)name$"),
    "name": re.compile(r"(?i)^((full|patient|customer|client|person)[_\W]?)?name$"),
    "address": re.compile(r"(?i)^(home|full|postal)?[_\W]?address$"),
    "street_address": re.compile(r"(?i)^street([_\W]?address)?$"),
}


def likely_kind(name: Hashable, values: Sequence[str]) -> str | None:
    """Guess the kind of personal data of a column, from its name or its values."""
    if np.mean([bool(_EMAIL.fullmatch(value)) for value in values]) >= _MIN_SHARE:
        return "email"
    return next((kind for kind, words in _NAMES.items() if words.search(str(name))), None)


def check_locale(locale: str | None) -> None:
    """Raise an error if `faker` is not installed, or lacks a locale."""
    try:
        from faker.config import AVAILABLE_LOCALES
    except ImportError:
        raise ParameterError(
            "pii= of Identifier needs the package faker, which is not installed; install it with "
            "pip install 'synthgan[pii]', or leave pii out."
        ) from None
    if locale is not None and locale not in AVAILABLE_LOCALES:
        raise ParameterError(
            f"locale={locale!r} of Identifier is unknown to faker; give one such as 'en_GB', "
            "'de_DE' or 'es_ES'."
        )


def fake_values(kind: str, locale: str | None, n: int, rng: np.random.Generator) -> list[str]:
    """Make personal data of invented people; distinct as far as the locale has enough values."""
    check_locale(locale)
    from faker import Faker

    fake = Faker(locale)
    fake.seed_instance(int(rng.integers(2**32)))
    make = getattr(fake, kind)
    distinct: dict[str, None] = {}
    made: list[str] = []
    for _ in range(_MOST_ROUNDS):
        made = [str(make()).replace("\n", ", ") for _ in range(n - len(distinct))]
        distinct.update(dict.fromkeys(made))
        if len(distinct) == n:
            break
    values = [*distinct, *made[: n - len(distinct)]]
    return [values[i] for i in rng.permutation(n)]
