"""Measures of profiles."""

from synthgan.metrics import c2st, near_copies

MEASURES = {"fidelity": {"c2st": c2st}, "usefulness": {}, "privacy": {"near_copies": near_copies}}


def draw(report):
    return {}
