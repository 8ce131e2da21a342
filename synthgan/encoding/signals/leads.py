"""Linear relations between the limb leads of an ECG; pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["independent_leads"]

# Einthoven's and Goldberger's relations: weights of the voltages of i and ii.
_DERIVED = {"iii": (-1.0, 1.0), "avr": (-0.5, -0.5), "avl": (1.0, -0.5), "avf": (-0.5, 1.0)}
_MOST_OFF = 0.01  # of the lead's standard deviation


def independent_leads(values: np.ndarray, leads: Sequence[str]) -> tuple[list[int], np.ndarray]:
    """Find the leads from which the others can be computed.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_leads, n_samples)
    leads : sequence of str
        Names, in upper or lower case; empty where they are not known.

    Returns
    -------
    kept : list of int
        Indices of the leads that no relation gives, in order.
    matrix : ndarray of shape (n_leads, len(kept))
        All leads are ``matrix @ values[:, kept]``.

    Notes
    -----
    Where i and ii are recorded, III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2 and
    aVF = II - I / 2. A lead that deviates from its relation by more than a hundredth of its
    standard deviation, for example after separate filtering, counts as independent.

    References
    ----------
    Einthoven, Fahr and de Waart (1913), doi 10.1007/BF01697566. Goldberger (1942),
    doi 10.1016/S0002-8703(42)90293-X.
    """
    index = {name.lower(): i for i, name in enumerate(leads)}
    derived: dict[int, tuple[float, float]] = {}
    if {"i", "ii"} <= index.keys():
        one, two = values[:, index["i"]], values[:, index["ii"]]
        for name, (a, b) in _DERIVED.items():
            if name not in index:
                continue
            lead = values[:, index[name]]
            off = np.sqrt(np.mean((lead - a * one - b * two) ** 2))
            if off <= _MOST_OFF * lead.std():
                derived[index[name]] = (a, b)
    n_leads = values.shape[1]
    kept = [i for i in range(n_leads) if i not in derived]
    matrix = np.zeros((n_leads, len(kept)))
    for column, i in enumerate(kept):
        matrix[i, column] = 1.0
    for i, weights in derived.items():
        matrix[i, [kept.index(index["i"]), kept.index(index["ii"])]] = weights
    return kept, matrix
