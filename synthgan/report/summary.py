"""Three plain figures, and what they mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from synthgan.metrics import Score
from synthgan.metrics.privacy.attacks import too_few_to_tell
from synthgan.metrics.score import plain

__all__ = ["Finding", "summarise"]

C2ST = ("c2st", "signal_c2st", "image_c2st")
TOO_FEW = "too few records to tell"
ATTACKS = ("singling_out_univariate", "singling_out", "linkability", "attribute_inference")

MEMBERSHIP = ("membership_inference", "signal_membership_inference", "image_membership_inference")
LEANINGS = (*MEMBERSHIP, "closest_record", "signal_closest_record", "image_closest_record")
REIDENTIFICATION = ("signal_reidentification", "image_reidentification")

Scores = dict[str, dict[str, Score]]


@dataclass(frozen=True)
class Finding:
    """A figure for people.

    Parameters
    ----------
    title : str
        The question.
    figure : str
        The answer, short.
    meaning : str
        What it says, in a sentence or two.
    name : str
        The measure that it comes from; empty for none.
    """

    title: str
    figure: str
    meaning: str
    name: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {key: plain(value) for key, value in vars(self).items()}


def summarise(scores: Scores) -> list[Finding]:
    """Say how faithful, useful and private a fake is; one finding for each section measured."""
    makers = {"fidelity": _faithful, "usefulness": _useful, "privacy": _private}
    return [makers[section](measured) for section, measured in scores.items() if measured]


def _faithful(scores: dict[str, Score]) -> Finding:
    name = next((name for name in C2ST if name in scores), "")
    score = scores.get(name)
    if score is None or math.isnan(score.value):
        return Finding("Faithful?", "not judged", "There were too few records for a classifier.")
    right = round(100 * score.value)
    told = [
        f"Shown a real and a fake record, boosted trees pick the real one {right} times in 100; "
        "50 is guessing."
    ]
    references = []
    if score.ceiling is not None:
        references.append(f"{round(100 * score.ceiling)} with other real records")
    if score.floor is not None:
        rest = "shuffled columns" if name == "c2st" else "randomised phases"
        references.append(f"{round(100 * score.floor)} with {rest}")
    if references:
        told.append(f"It would be {' and '.join(references)}.")
    return Finding("Faithful?", f"{score.value:.2f} AUC", " ".join(told), name)


def _useful(scores: dict[str, Score]) -> Finding:
    score = scores.get("tstr")
    if score is not None and score.ceiling:
        unit = "R2" if "R2" in score.name else "AUC"
        meaning = (
            f"Models trained on fakes reach {score.value:.3f} {unit} on real records that they "
            f"never saw; trained on real ones, {score.ceiling:.3f}."
        )
        return Finding("Useful?", f"{score.value / score.ceiling:.0%}", meaning, "tstr")
    score = scores.get("global_utility")
    if score is None or math.isnan(score.value):
        return Finding("Useful?", "not judged", "No target was named, or nothing can be learnt.")
    meaning = "Of what real records teach of each column by the others, fakes teach this share."
    return Finding("Useful?", f"{score.value:.0%}", meaning, "global_utility")


def _private(scores: dict[str, Score]) -> Finding:
    attacks = {name: scores[name] for name in ATTACKS if name in scores}
    risks = {name: s for name, s in attacks.items() if not math.isnan(s.value)}
    member = next((scores[name] for name in MEMBERSHIP if name in scores), None)
    too_few = member is not None and bool(too_few_to_tell(member.interval))
    if not risks:
        return _members_told(scores, member, too_few)
    lows = {name: score.interval[0] if score.interval else 0.0 for name, score in risks.items()}
    name = max(risks, key=lambda one: (lows[one], risks[one].value))
    worst = risks[name]
    strongest = f"The strongest of {len(risks)} attacks, {worst.name},"
    low, high = worst.interval or (0.0, 1.0)
    leaning = [scores[one] for one in LEANINGS if one in scores]
    lean = [f"{score.name} {score.value:.2f}" for score in leaning if _is_above_chance(score)]
    if low > 0:
        figure = f"{worst.value:.1%} risk"
        meaning = (
            f"{strongest} succeeds on {worst.value:.1%} (95 % interval {low:.1%} to {high:.1%}) of "
            "the records that it would fail on, had they not been learnt."
        )
    else:
        figure = "possible leak" if lean else TOO_FEW if too_few else "no leak found"
        meaning = (
            f"{strongest} gains {worst.value:.1%} on learnt records; chance explains that, "
            f"but up to {high:.1%} is not excluded."
        )
    if lean:
        meaning += (
            " Fakes are nearer to learnt records than chance explains: "
            f"{', '.join(lean)}, where .50 is chance."
        )
    elif too_few and member is not None:
        meaning += f" {_interval_in_words(member)}"
    return Finding("Private?", figure, meaning, name)


def _members_told(scores: dict[str, Score], member: Score | None, too_few: bool) -> Finding:
    """Judge by membership inference, where no attack has a risk."""
    if member is None or member.interval is None:
        meaning = "There is no verdict on privacy without a holdout: records that were not learnt."
        return Finding("Private?", "no verdict", meaning)
    name = next(name for name in MEMBERSHIP if name in scores)
    found = [
        f"{score.name} {score.value:.2f}, where {score.ceiling:.2f} is chance"
        for one in (*LEANINGS, *REIDENTIFICATION)
        if (score := scores.get(one)) is not None and _is_above_chance(score)
    ]
    if found:
        low, high = member.interval
        meaning = (
            f"Fakes are nearer to who was learnt than chance explains: {'; '.join(found)}. "
            f"Membership inference has a 95 % interval of {low:.2f} to {high:.2f}."
        )
        return Finding("Private?", f"{member.value:.2f} AUC", meaning, name)
    figure = TOO_FEW if too_few else "no leak found"
    return Finding("Private?", figure, _interval_in_words(member), name)


def _interval_in_words(member: Score) -> str:
    low, high = member.interval or (0.0, 1.0)
    return (
        f"Membership inference tells who was learnt with an AUC of {member.value:.2f}, where .50 "
        f"is chance; its 95 % interval is {low:.2f} to {high:.2f}."
    )


def _is_above_chance(score: Score) -> bool:
    return (
        score.interval is not None
        and score.ceiling is not None
        and score.interval[0] > score.ceiling
    )
