"""Labels from the comments of a header, as public databases write them; reads no files."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["SYNTHETIC", "find_labels", "is_missing"]

SYNTHETIC = "Synthetic signal made by synthgan; no patient was recorded."

_MISSING = {
    *("", "?", "??", "???", "-", "--", ".", "n/a", "na", "nan", "none given", "null", "unknown"),
    *("unk", "not available", "not known", "not recorded", "missing", "undefined", "unspecified"),
}
# Another name for the same thing; a label of that name itself comes first.
_ALSO = {
    "reason for admission": "diagnosis",
    "diagnoses": "diagnosis",
    "dx": "diagnosis",
    "gender": "sex",
}
_KNOWN = r"age|sex|gender|dx|diagnos[ei]s|medications?|patient|height|weight"
_HASHES = re.compile(r"[#\s]*")
_TAG = re.compile(r"<([^<>]*)>[ \t]*:?")
_GAP = re.compile(r"\s{2,}|\t")
_INNER = re.compile(rf"(?:^|(?<=[\s,;]))({_KNOWN}):", re.IGNORECASE)
_BARE = re.compile(
    r"(?:^|(?<=[\s,;]))(?:(age)\s(\d+(?:\.\d+)?)|(sex|gender)\s(males?|females?|[mf])|(patient)\s(\S*\d\S*))"
    r"(?=[\s,;]|$)",
    re.IGNORECASE,
)
_AGE_SEX = re.compile(r"(\d{1,3})\s+([MFmf])(?:\s|$)")


def find_labels(lines: Iterable[str]) -> dict[str, str]:
    """Read labels from the lines of a header, or from its comments with ``#`` in front.

    Parameters
    ----------
    lines : iterable of str
        Lines that do not start with ``#`` are ignored.

    Returns
    -------
    labels : dict of str to str
        Without values that mean missing. "comment" has the comments that have no key, separated by
        semicolons.

    Examples
    --------
    >>> find_labels(["# <age>: 35  <sex>: M  <diagnoses>: ?", "#Asystole"])
    {'age': '35', 'sex': 'M', 'comment': 'Asystole'}
    """
    labels: dict[str, str] = {}
    free: list[str] = []
    for line in lines:
        if line[:1] != "#":
            continue
        hashes = _HASHES.match(line)
        text = line[hashes.end() if hashes else 0 :].strip()
        pairs = _pairs(text)
        if not pairs and text and text != SYNTHETIC and not is_missing(text):
            free.append(text)
        for key, value in pairs:
            if not is_missing(value):
                labels.setdefault(key, value)
    known = {key.casefold() for key in labels}
    for key, value in list(labels.items()):
        other = _ALSO.get(key.casefold())
        if other and other not in known:
            labels[other] = value
            known.add(other)
    if free and "comment" not in known:
        labels["comment"] = "; ".join(free)
    return labels


def is_missing(value: str) -> bool:
    """Return whether a value of a label means that there is none."""
    return value.strip().casefold() in _MISSING


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return the keys and values of a comment; none if it is free text."""
    tags = list(_TAG.finditer(text))
    if tags and tags[0].start() == 0:
        ends = [tag.start() for tag in tags[1:]] + [len(text)]
        return [
            (tag[1].strip(), text[tag.end() : end].strip())
            for tag, end in zip(tags, ends, strict=True)
            if tag[1].strip()
        ]
    found: list[tuple[str, list[str]]] = []
    for piece in _GAP.split(text):
        inner = list(_INNER.finditer(piece, piece.find(":") + 1))
        starts = [match.start() for match in inner] + [len(piece)]
        head = piece[: starts[0]]
        key, colon, value = head.partition(":")
        is_plain = not value or value[0].isspace() or _INNER.match(head)
        is_key = bool(colon and key.strip() and is_plain)
        if is_key:
            found.append((key.strip(), [value.strip()]))
        elif head.strip() and found:  # two blanks inside of a value
            found[-1][1].append(head.strip())
        elif head.strip():
            break
        found += [
            (match[1], [piece[match.end() : end].strip()])
            for match, end in zip(inner, starts[1:], strict=True)
        ]
    if found:
        values = [(key, "  ".join(parts).strip()) for key, parts in found]
        return [(key, value.rstrip(" ,;")) for key, value in values[:-1]] + values[-1:]
    if _BARE.match(text):
        words = (list(filter(None, match.groups())) for match in _BARE.finditer(text))
        return [(key, value) for key, value in words]
    counted = _AGE_SEX.match(text)  # MIT-BIH: age and sex come first
    return [("age", counted[1]), ("sex", counted[2])] if counted else []
