"""The choice among families: the features for boosted trees, and which are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synthgan.families.coding import FamilyCoding
from synthgan.families.summaries import family_features, n_family_features
from synthgan.privacy import Support
from synthgan.refine.critic import Critic

__all__ = ["choose_families", "describe_families", "fit_family_critic", "read_family_critic"]

_PENALTY = 25.0  # of a family without rows, in log-odds
_NOTHING = -1e9  # a feature that cannot be measured

Codings = Sequence[FamilyCoding]


def describe_families(
    codings: Codings,
    tables: Sequence[pd.DataFrame],
    clock: np.ndarray,
    owners: np.ndarray,
    n_families: int,
) -> np.ndarray:
    """Return features of families, shape (n_families, n_features).

    Parameters
    ----------
    codings : sequence of FamilyCoding
    tables : sequence of DataFrame of shape (n_rows, n_columns)
        A table for each coding: columns as they are learnt, and as they are given.
    clock : ndarray of shape (n_rows,)
    owners : ndarray of int of shape (n_rows,), ascending
    n_families : int
    """
    parts = [
        family_features(coding, coding.read(table), clock, owners, n_families)
        for coding, table in zip(codings, tables, strict=True)
    ]
    return np.nan_to_num(np.hstack(parts), nan=_NOTHING)


def fit_family_critic(
    real: np.ndarray, fake: np.ndarray, known: np.ndarray, support: Support
) -> Critic:
    """Learn to distinguish real families from generated ones of the same parents.

    Parameters
    ----------
    real : ndarray of shape (n, n_features)
    fake : ndarray of shape (n_versions * n, n_features)
    known : ndarray of shape (n, n_known)
        What is known before the first row.
    support : Support
        Of the real families.
    """
    given = np.tile(known, (len(fake) // len(real), 1))
    return Critic.fit((real, known), (fake, given), _itself, 0, support=support)


def read_family_critic(
    arrays: dict[str, np.ndarray], codings: Codings, n_known: int
) -> Critic | None:
    """Read a critic from an archive; None without arrays."""
    n_features = sum(map(n_family_features, codings))
    return Critic.from_arrays(arrays, _itself, n_features, n_known) if arrays else None


def choose_families(
    critic: Critic,
    seen: np.ndarray,
    known: np.ndarray,
    owners: np.ndarray,
    planned: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose one of the versions of each family, one that has all its rows if there is any.

    Parameters
    ----------
    critic : Critic
    seen : ndarray of shape (n_versions * n, n_features)
    known : ndarray of shape (n, n_known)
    owners : ndarray of int of shape (n_rows,)
        Rows of all versions.
    planned : ndarray of shape (n,)
        Numbers of rows; a version has fewer where there was no time for them.
    rng : Generator

    Returns
    -------
    kept, owners : ndarray of int of shape (n_kept,)
        The rows that are kept, and their families, ascending.
    """
    new = np.full(len(seen), -1)
    wanted = np.tile(planned, len(seen) // max(1, len(planned)))
    missing = wanted - np.bincount(owners, minlength=len(seen))
    penalty = _PENALTY * missing / np.maximum(wanted, 1)
    new[critic.choose(seen, known, rng, penalty)] = np.arange(len(known))
    kept = np.flatnonzero(new[owners] >= 0)
    kept = kept[np.argsort(new[owners[kept]], kind="stable")]
    return kept, new[owners[kept]]


def _itself(features: np.ndarray) -> np.ndarray:
    return features
