"""Good, fair or poor: the level of each finding of a report, and the verdict in one sentence.

The limits are conventions for a first look. The figures and their intervals are beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from synthgan.metrics import Score
from synthgan.metrics.privacy.attacks import AUC_TO_DETECT

__all__ = [
    "LIMITS",
    "TOO_FEW",
    "in_brief",
    "level_of_fidelity",
    "level_of_privacy",
    "level_of_usefulness",
    "verdict",
]

TOO_FEW = "too few records to tell"
# Excess of the classifier's AUC over that of other real records, up to which a level holds.
LIMITS = {"good": 0.05, "fair": 0.15}
# Share of what real records teach, above chance, from which a level holds.
_LEAST_TAUGHT = {"good": 0.95, "fair": 0.8}
_LEAST_CEILING = 0.6  # AUC; below it, real records do not teach the target either
_CHANCE = {"AUC": 0.5, "R2": 0.0}

_BRIEF = {
    "fidelity": {
        "good": "hard to tell from real records",
        "fair": "similar to real records, with differences that a classifier finds",
        "poor": "easy to tell from real records",
        "unknown": "not judged",
    },
    "usefulness": {
        "good": "models learn nearly as much from them as from real records",
        "fair": "models learn less from them than from real records",
        "poor": "models learn much less from them than from real records",
        "unknown": "not judged, because no target can be learnt from the real records",
    },
    "privacy": {
        "good": "the attacks that were tried do no better than chance",
        "fair": "an attack does somewhat better than chance",
        "poor": "an attack succeeds",
        "unknown": "not judged, because there is no holdout",
    },
}
_CLAUSE = {
    "fidelity": {
        "good": "The synthetic records are hard to tell from real ones",
        "fair": "The synthetic records resemble real ones, but a classifier finds differences",
        "poor": "The synthetic records are easy to tell from real ones",
        "unknown": "Whether the synthetic records are faithful was not judged",
    },
    "usefulness": {
        "good": "Models learn nearly as much from them as from real ones",
        "fair": "Models learn less from them than from real ones",
        "poor": "Models learn much less from them than from real ones",
        "unknown": "Whether they are useful was not judged",
    },
    "privacy": {
        "good": "No attack that was tried does better than chance",
        "fair": "A leak is possible: an attack does somewhat better than chance",
        "poor": "There is a leak: an attack succeeds",
        "unknown": "Whether they are private cannot be said",
    },
}
_SECTIONS = {"Faithful?": "fidelity", "Useful?": "usefulness", "Private?": "privacy"}


def level_of_fidelity(score: Score | None) -> str:
    """Judge the AUC of a classifier by its excess over other real records.

    Parameters
    ----------
    score : Score or None
        A classifier two-sample test; chance is 0.5.

    Returns
    -------
    level : {"good", "fair", "poor", "unknown"}
    """
    if score is None or math.isnan(score.value):
        return "unknown"
    reference = 0.5 if score.ceiling is None or math.isnan(score.ceiling) else score.ceiling
    excess = score.value - max(0.5, reference)
    return next((level for level, limit in LIMITS.items() if excess <= limit), "poor")


def level_of_usefulness(score: Score | None) -> str:
    """Judge what synthetic records teach by what real records teach, both above chance.

    Parameters
    ----------
    score : Score or None
        ``tstr``, or ``global_utility``, which is a share itself.

    Returns
    -------
    level : {"good", "fair", "poor", "unknown"}
        Unknown if models learn next to nothing from real records, with an AUC below 0.6.
    """
    if score is None or math.isnan(score.value):
        return "unknown"
    share = score.value
    if score.name != "global utility" and score.ceiling is not None:
        chance = _CHANCE["R2" if "R2" in score.name else "AUC"]
        if score.ceiling < chance + _LEAST_CEILING - 0.5:
            return "unknown"
        share = (score.value - chance) / (score.ceiling - chance)
    return next((level for level, least in _LEAST_TAUGHT.items() if share >= least), "poor")


def level_of_privacy(figure: str, member: Score | None) -> str:
    """Judge the figure of a finding about privacy.

    Parameters
    ----------
    figure : str
        Such as ``"no leak found"``, ``"possible leak"`` or ``"12.0% risk"``.
    member : Score or None
        Membership inference.

    Returns
    -------
    level : {"good", "fair", "poor", "unknown"}
        Fair if the attack is above chance with an AUC below 0.6.
    """
    if figure == "no leak found":
        return "good"
    if figure in (TOO_FEW, "no verdict"):
        return "unknown"
    is_strong = member is not None and member.value >= AUC_TO_DETECT
    return "poor" if is_strong or figure.endswith("risk") else "fair"


def in_brief(section: str, level: str, figure: str = "") -> str:
    """Return a level in words, without a full stop.

    Examples
    --------
    >>> in_brief("fidelity", "good")
    'hard to tell from real records'
    """
    if section == "privacy" and figure == TOO_FEW:
        return "not judged, because there are too few records"
    return _BRIEF[section][level]


def verdict(levels: Mapping[str, str]) -> str:
    """Return the verdict of a report in one sentence for each finding.

    Parameters
    ----------
    levels : mapping of str to str
        Title of each finding, such as ``"Private?"``, to its level.

    Examples
    --------
    >>> verdict({"Private?": "unknown"})
    'Whether they are private cannot be said.'
    """
    sentences = [_CLAUSE[_SECTIONS[title]][level] for title, level in levels.items()]
    return "".join(f"{sentence}. " for sentence in sentences).rstrip()
