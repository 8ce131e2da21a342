"""What the measures of privacy say, in plain words: a question, its answer, and an interval.

Each attack is told as what somebody who has the synthetic records wants to know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from synthgan.metrics import Score
from synthgan.metrics.privacy.attacks import ARMS, too_few_to_tell
from synthgan.report.summary import ATTACKS, CLOSEST_RECORD, MEMBERSHIP, REIDENTIFICATION

__all__ = ["ask"]

_COPIES = ("exact_copies", "signal_exact_copies", "image_exact_copies", "identical_families")
_NEAR = ("near_copies", "signal_near_copies", "image_near_copies")
_QUESTIONS = {
    **dict.fromkeys(MEMBERSHIP, "Can somebody tell who was in the training data?"),
    **dict.fromkeys(_COPIES, "Are training records copied?"),
    **dict.fromkeys(_NEAR, "Are there almost exact copies?"),
    **dict.fromkeys(
        CLOSEST_RECORD, "Are synthetic records nearer to training records than to other ones?"
    ),
    **dict.fromkeys(REIDENTIFICATION, "Does a synthetic record point to one training person?"),
    "singling_out_univariate": "Does one value point to one training person?",
    "singling_out": "Does a combination of values point to one training person?",
    "linkability": "Can two tables about the same people be linked?",
    "attribute_inference": "Can a secret of a training person be guessed from the rest?",
}
_AUC_ENDS = (0.3, 1.0)  # of the drawn scale; chance is 0.5


def ask(
    scores: Mapping[str, Score], note: Callable[[Score], str] = attrgetter("note")
) -> list[dict[str, Any]]:
    """Return the questions about privacy that were measured, with their answers.

    Parameters
    ----------
    scores : mapping of str to Score
        The scores of privacy by name of the measure.
    note : callable
        Returns the note of a score, which says why there is no figure.

    Returns
    -------
    questions : list of dict
        ``question``, ``answer``, and ``track``: positions of ``value``, ``low``, ``high`` and
        ``chance`` in per cent of a line, and ``alt``, its text; None if there is no interval.
    """
    asked = []
    for name, question in _QUESTIONS.items():
        if name not in scores:
            continue
        score = scores[name]
        known = not math.isnan(score.value)
        answer = _answer(name, score) if known else f"No verdict. {note(score)}".rstrip()
        asked.append({"question": question, "answer": answer, "track": _track(name, score)})
    return asked


def _answer(name: str, score: Score) -> str:
    if name in ATTACKS:
        return _of_attack(score)
    if name in MEMBERSHIP:
        return _of_membership(score)
    share = f"{_share(score.value)} of the synthetic records"
    interval = _within(score, _share)
    usual = score.ceiling
    if name in CLOSEST_RECORD:
        verdict = _yes_or_no(score)
        chance = "" if usual is None else f"; without a leak {_share(usual)} would be"
        return f"{verdict} {share} are{interval}{chance}."
    if name in REIDENTIFICATION:
        chance = "" if usual is None else f"; without a leak {_share(usual)} would"
        return f"{_yes_or_no(score)} {share} do{interval}{chance}."
    others = "" if usual is None else f"; of other real records, {_share(usual)} are"
    return f"{share} are{interval}{others}."


def _of_membership(score: Score) -> str:
    found = round(100 * score.value)
    interval = _within(score, lambda x: str(round(100 * x)))
    text = (
        "Shown one training record and one other real record, the attack names the training "
        f"record in {found} of 100 cases{interval}; guessing gives 50."
    )
    if score.interval is None:
        return text
    if score.interval[0] > (score.ceiling or 0.5):
        return f"{'Yes.' if score.value >= 0.6 else 'To a small degree.'} {text}"
    return f"{'Too few records to tell.' if too_few_to_tell(score.interval) else 'No.'} {text}"


def _of_attack(score: Score) -> str:
    rates = {
        arm: row["rate"]
        for arm, row in score.detail.loc[score.detail.index.isin(ARMS)].iterrows()
        if not math.isnan(row["rate"])
    }
    low = 0.0 if score.interval is None else score.interval[0]
    text = "Yes, for some." if low > 0 else "No sign of it."
    if {"main", "control"} <= set(rates):
        text += (
            f" The attack succeeds on {_share(rates['main'])} of the training records and on "
            f"{_share(rates['control'])} of other real records."
        )
    return f"{text} The risk is {_share(score.value)}{_within(score, _share)}."


def _yes_or_no(score: Score) -> str:
    if score.interval is None or score.ceiling is None:
        return ""
    return "Yes:" if score.interval[0] > score.ceiling else "No:"


def _share(x: float) -> str:
    return f"{100 * x:.1f} %"


def _within(score: Score, text: Any) -> str:
    if score.interval is None or any(map(math.isnan, score.interval)):
        return ""
    low, high = map(text, score.interval)
    return f" (95 % interval {low} to {high})"


def _track(name: str, score: Score) -> dict[str, Any] | None:
    """Return the positions of a figure and its interval on a line."""
    if score.interval is None or any(map(math.isnan, (score.value, *score.interval))):
        return None
    begin, end = _AUC_ENDS if name in MEMBERSHIP else (0.0, 1.0)
    chance = 0.0 if name in ATTACKS else score.ceiling
    if chance is not None and math.isnan(chance):
        chance = None

    def place(x: float) -> float:
        return round(3 + 94 * min(1.0, max(0.0, (x - begin) / (end - begin))), 1)

    low, high = score.interval
    alt = f"{score.value:.3f}, 95 % interval {low:.3f} to {high:.3f}"
    alt += "" if chance is None else f"; without a leak {chance:.3f}"
    return {
        "value": place(score.value),
        "low": place(low),
        "high": place(high),
        "chance": None if chance is None else place(chance),
        "alt": alt,
    }
