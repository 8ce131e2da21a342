"""The summary of a report: one figure and its meaning for each section."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from synthgan.metrics import Score
from synthgan.metrics.privacy.attacks import too_few_to_tell
from synthgan.metrics.score import plain
from synthgan.report.levels import (
    TOO_FEW,
    in_brief,
    level_of_fidelity,
    level_of_privacy,
    level_of_usefulness,
)

__all__ = ["TITLES", "Finding", "better", "is_two_sided", "shown_figure", "summarise"]

TITLES = {"fidelity": "Faithful?", "usefulness": "Useful?", "privacy": "Private?"}

C2ST = ("c2st", "signal_c2st", "image_c2st", "family_c2st")
ATTACKS = ("singling_out_univariate", "singling_out", "linkability", "attribute_inference")
MEMBERSHIP = (
    "membership_inference",
    "signal_membership_inference",
    "image_membership_inference",
    "family_membership_inference",
)
CLOSEST_RECORD = (
    "closest_record",
    "signal_closest_record",
    "image_closest_record",
    "closest_family",
)
REIDENTIFICATION = ("signal_reidentification", "image_reidentification")

NEW_PEOPLE = "new_people_detection"
_CLEARLY_CLOSER = 0.6  # share of synthetic records; below it the report says "slightly closer"

Scores = dict[str, dict[str, Score]]


@dataclass(frozen=True)
class Finding:
    """One finding of the summary.

    Parameters
    ----------
    title : str
        The question, such as ``"Private?"``.
    figure : str
        The short answer, such as ``"no leak found"``.
    meaning : str
        Explanation of the figure in one or more sentences.
    name : str, default=""
        Name of the measure that gives the figure; empty if there is none.
    level : {"good", "fair", "poor", "unknown"}, default="unknown"
        How good the figure is; see `synthgan.report.levels`.
    brief : str, default=""
        The level in words, without a full stop.
    """

    title: str
    figure: str
    meaning: str
    name: str = ""
    level: str = "unknown"
    brief: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {key: plain(value) for key, value in vars(self).items()}


def summarise(scores: Scores, floor: str, guarantee: Any = None) -> list[Finding]:
    """Summarise scores in one finding for each section that was measured.

    Parameters
    ----------
    scores : dict of str to dict of str to Score
        Scores by section and by name of the measure.
    floor : str
        What the floor of the fidelity measures is computed from, such as ``"shuffled columns"``.
    guarantee : Ledger or None, default=None
        The differential privacy of the model.

    Returns
    -------
    findings : list of Finding
    """
    findings_of = {
        "fidelity": lambda x: _faithful(x, floor),
        "usefulness": _useful,
        "privacy": _private,
    }
    findings = {
        name: _with_level(name, describe(scores[name]), scores[name])
        for name, describe in findings_of.items()
        if scores.get(name)
    }
    if guarantee is not None and "privacy" in findings:
        own = findings["privacy"]
        findings["privacy"] = replace(own, meaning=f"The model is {guarantee}. {own.meaning}")
    return list(findings.values())


def _with_level(section: str, finding: Finding, scores: dict[str, Score]) -> Finding:
    """Judge a finding by its measure."""
    score = scores.get(finding.name)
    if section == "privacy":
        level = level_of_privacy(finding.figure, _membership_score(scores))
    elif section == "usefulness":
        level = level_of_usefulness(score)
    else:
        level = level_of_fidelity(score)
    return replace(finding, level=level, brief=in_brief(section, level, finding.figure))


def shown_figure(x: float | None) -> str:
    """Return a figure as text; empty for None and numbers that are not finite."""
    return "" if x is None or not math.isfinite(x) else f"{x:.3f}"


def is_two_sided(name: str) -> bool:
    """Return whether a measure is best at 0.5, and worse on either side."""
    return name == NEW_PEOPLE


def better(name: str, score: Score) -> str:
    """Return which values of a measure are better, in one or two words."""
    if is_two_sided(name):
        return "near 0.5"
    return "higher" if score.higher_is_better else "lower"


def _faithful(scores: dict[str, Score], floor: str) -> Finding:
    name = next((name for name in C2ST if name in scores), "")
    score = scores.get(name)
    if score is None or math.isnan(score.value):
        return Finding("Faithful?", "not judged", "There are too few records for a classifier.")
    meaning = (
        "Given one real and one synthetic record, a classifier (boosted trees) identifies the real "
        f"one in {round(100 * score.value)} of 100 cases; chance is 50."
    )
    references = []
    if score.ceiling is not None:
        references.append(f"{round(100 * score.ceiling)} for other real records")
    else:
        meaning += " No holdout was given: real records are those that a model may have learnt."
    if score.floor is not None:
        references.append(f"{round(100 * score.floor)} for {floor}")
    if references:
        meaning += f" For comparison, it is {' and '.join(references)}."
    people = scores.get(NEW_PEOPLE)
    if people is not None and not math.isnan(people.value):
        meaning += (
            " A classifier that has learnt from other people ranks a window of a new person above "
            f"a synthetic one in {round(100 * people.value)} of 100 cases: 50 is like a new "
            "person, fewer like the people of the real windows, more unlike any person."
        )
    return Finding("Faithful?", f"{score.value:.2f} AUC", meaning, name)


def _useful(scores: dict[str, Score]) -> Finding:
    score = scores.get("tstr")
    if score is not None and score.ceiling:
        unit = "R2" if "R2" in score.name else "AUC"
        meaning = (
            f"Models trained on synthetic records reach an {unit} of {score.value:.3f} on unseen "
            f"real records. Models trained on real records reach {score.ceiling:.3f}."
        )
        return Finding("Useful?", f"{score.value / score.ceiling:.0%}", meaning, "tstr")
    score = scores.get("global_utility")
    if score is None or math.isnan(score.value):
        meaning = "No target column was given, or the real records do not allow a prediction."
        return Finding("Useful?", "not judged", meaning)
    meaning = (
        "Each column is predicted from the other columns. Models trained on synthetic records "
        "reach this share of the performance of models trained on real records."
    )
    return Finding("Useful?", f"{score.value:.0%}", meaning, "global_utility")


def _private(scores: dict[str, Score]) -> Finding:
    attacks = {name: scores[name] for name in ATTACKS if name in scores}
    risks = {name: score for name, score in attacks.items() if not math.isnan(score.value)}
    if risks:
        return _from_attacks(scores, risks)
    return _from_membership(scores)


def _from_attacks(scores: dict[str, Score], risks: dict[str, Score]) -> Finding:
    """Describe privacy by the attack whose risk has the highest lower bound."""
    lows = {name: score.interval[0] if score.interval else 0.0 for name, score in risks.items()}
    name = max(risks, key=lambda one: (lows[one], risks[one].value))
    worst = risks[name]
    low, high = worst.interval or (0.0, 1.0)
    interval = f"95 % interval {_percent(low, 1)} to {_percent(high, 1)}"
    member = _membership_score(scores)
    above_chance = _sentences_above_chance(scores, (*MEMBERSHIP, *CLOSEST_RECORD))
    too_few = member is not None and bool(too_few_to_tell(member.interval))
    if low > 0:
        figure = f"{worst.value:.1%} risk"
        sentences = [
            f"The strongest of {len(risks)} attacks is {worst.name}.",
            f"It succeeds on {_percent(worst.value, 1)} ({interval}) of the records on which it "
            "would fail if they were not training records.",
        ]
    else:
        figure = "possible leak" if above_chance else TOO_FEW if too_few else "no leak found"
        is_member_found = member is not None and _is_above_chance(member)
        sentences = [
            f"No {'other ' if is_member_found else ''}attack succeeded beyond chance.",
            f"The highest risk is {_percent(worst.value, 1)} ({interval}), for {worst.name}.",
        ]
        if is_member_found:
            return Finding("Private?", figure, " ".join(above_chance + sentences), name)
    sentences += above_chance
    if not above_chance and too_few and member is not None:
        sentences.append(_membership_sentence(member))
    return Finding("Private?", figure, " ".join(sentences), name)


def _from_membership(scores: dict[str, Score]) -> Finding:
    """Describe privacy by membership inference, if no other attack has a risk."""
    member = _membership_score(scores)
    others = _sentences_above_chance(scores, (*CLOSEST_RECORD, *REIDENTIFICATION))
    if member is None or member.interval is None:
        if others:
            return Finding("Private?", "possible leak", " ".join(others))
        meaning = (
            "Privacy cannot be judged without a holdout, that is, real records that were not used "
            "for training."
        )
        return Finding("Private?", "no verdict", meaning)
    name = next(name for name in MEMBERSHIP if name in scores)
    if others or _is_above_chance(member):
        figure = f"{member.value:.2f} AUC"
    else:
        figure = TOO_FEW if too_few_to_tell(member.interval) else "no leak found"
    return Finding("Private?", figure, " ".join([_membership_sentence(member), *others]), name)


def _membership_score(scores: dict[str, Score]) -> Score | None:
    return next((scores[name] for name in MEMBERSHIP if name in scores), None)


def _sentences_above_chance(scores: dict[str, Score], names: tuple[str, ...]) -> list[str]:
    """Describe each of the named measures that is above chance."""
    return [
        _describe(name, scores[name])
        for name in names
        if name in scores and _is_above_chance(scores[name])
    ]


def _describe(name: str, score: Score) -> str:
    """Describe a privacy measure that is above chance in one sentence."""
    if name in MEMBERSHIP:
        return _membership_sentence(score)
    value, chance = _percent(score.value), _percent(score.ceiling or 0.0)
    if name in CLOSEST_RECORD:
        slightly = "slightly " if score.value < _CLEARLY_CLOSER else ""
        return (
            f"Synthetic records are {slightly}closer to training records than to unseen records "
            f"({value}; chance is {chance})."
        )
    same = "" if score.floor is None else f"; {_percent(score.floor)} of those people's own records"
    return (
        f"{value} of the synthetic records point to one training person (chance is {chance}{same})."
    )


def _membership_sentence(member: Score) -> str:
    low, high = member.interval or (0.0, 1.0)
    return (
        "Membership inference distinguishes training records from unseen records with an AUC of "
        f"{member.value:.2f} (95 % interval {low:.2f} to {high:.2f}; chance is 0.50)."
    )


def _is_above_chance(score: Score) -> bool:
    return (
        score.interval is not None
        and score.ceiling is not None
        and score.interval[0] > score.ceiling
    )


def _percent(share: float, n_digits: int = 0) -> str:
    return f"{100 * share:.{n_digits}f} %"
