"""The result of `evaluate`: scores as data, text and one self-contained page."""

from __future__ import annotations

import html
import json
import os
import platform
import re
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from synthgan import __version__
from synthgan.io.escaping import escape_json, escape_markdown, printable
from synthgan.kinds import find_kind
from synthgan.metrics import Score
from synthgan.metrics.score import plain
from synthgan.report.page import render
from synthgan.report.summary import Finding, summarise
from synthgan.state.files import PRIVATE, write_atomically

__all__ = ["Report"]

_LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy")
# Notes that name a real row by its number.
_ROW_NUMBER = re.compile(r"\bReal row \d+")
_TITLES = {"fidelity": "Faithful?", "usefulness": "Useful?", "privacy": "Private?"}


@dataclass(repr=False)
class Report:
    """What was measured of a fake.

    Parameters
    ----------
    scores : dict of str to dict of str to Score
        By section and by name of the measure.
    records : dict of str to DataFrame or ndarray
        ``real``, ``fake`` and perhaps ``holdout``, for the pictures; never written as data.
    settings : dict
        What the measures were told.
    model : fitted synthesizer or None, default=None
    show_real : bool, default=True
        Whether what is written may show single real records; see `evaluate`.
    groups : array-like of shape (n_rows,) or None, default=None
        Whose each real row is: what is pooled stands for so many people.

    Examples
    --------
    >>> from synthgan.datasets import make_clinic
    >>> from synthgan.report import evaluate
    >>> clinic = make_clinic(300, random_state=0)
    >>> report = evaluate(clinic[:150], clinic[150:], sections=["fidelity"])
    >>> report["column_shapes"].name
    'column shapes'
    """

    scores: dict[str, dict[str, Score]]
    records: dict[str, Any]
    settings: dict[str, Any]
    model: Any = None
    show_real: bool = True
    groups: Any = None

    def __getitem__(self, name: str) -> Score:
        """Return the score of a measure by its function's name, such as ``"c2st"``."""
        for section in self.scores.values():
            if name in section:
                return section[name]
        raise KeyError(f"{name!r} was not measured; there are {self.names}.")

    @property
    def names(self) -> list[str]:
        """Names of all measures that were taken."""
        return [name for section in self.scores.values() for name in section]

    def __repr__(self) -> str:
        lines = [f"{finding.title} {finding.figure}" for finding in self.summary()]
        return "\n".join(["Report", *lines])

    def summary(self) -> list[Finding]:
        """Say in three figures, with words, how faithful, useful and private the fake is."""
        return summarise(self.scores)

    def contents(self) -> str:
        """Say in a sentence or two whether the page of HTML shows real records."""
        kind = find_kind(self.settings["kind"])
        if self.show_real:
            return (
                f"This report contains real records: {kind.shown}. Give it only to those who may "
                "see the real data, or make it with show_real=False (--no-real)."
            )
        pooled = kind.pooled if self.groups is None else kind.pooled.replace("rows", "people")
        return (
            f"This report contains no real records: {pooled}. Its figures are computed from real "
            "records."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a measure: section, value, ceiling, floor, interval, direction, note."""
        rows = []
        for section, scores in self.scores.items():
            for name, score in scores.items():
                low, high = score.interval or (float("nan"), float("nan"))
                rows.append(
                    {
                        "measure": name,
                        "section": section,
                        "value": score.value,
                        "low": low,
                        "high": high,
                        "ceiling": score.ceiling,
                        "floor": score.floor,
                        "higher_is_better": score.higher_is_better,
                        "note": self.note(score),
                    }
                )
        columns = ["measure", "section", "value", "low", "high", "ceiling", "floor",
                   "higher_is_better", "note"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).set_index("measure")

    def to_dict(self) -> dict[str, Any]:
        """Return scores, summary, settings and versions as plain data.

        No whole record is in it. With ``show_real``, ``contains_real_records`` is True, as details
        can hold values of single rows: a quartile may be one. Without, details lack the columns of
        the real side.
        """
        return {
            "contains_real_records": self.show_real,
            "summary": [finding.to_dict() for finding in self.summary()],
            "scores": {
                section: {name: self._plain(score) for name, score in scores.items()}
                for section, scores in self.scores.items()
            },
            "records": {name: list(map(int, x.shape)) for name, x in self.records.items()},
            "settings": {name: plain(value) for name, value in self.settings.items()},
            "versions": versions(),
        }

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return `to_dict` as JSON; with a path, also write it there, whole or not at all."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        return self._written(escape_json(text), path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return summary and scores as Markdown; with a path, also write it there."""
        contents = "No real record is in this text; its figures are computed from real records."
        if self.show_real:
            contents += " The same report as HTML or JSON contains real records."
        lines = ["# Real and fake", "", contents, ""]
        for finding in self.summary():
            told = (finding.title, finding.figure, finding.meaning)
            lines += ["**{} {}** {}".format(*map(escape_markdown, told)), ""]
        for section, scores in self.scores.items():
            if not scores:
                continue
            lines += [f"## {_TITLES[section]}", ""]
            lines += ["| measure | value | ceiling | floor | better | note |"]
            lines += ["|---|---|---|---|---|---|"]
            for score in scores.values():
                figures = (_figure(x) for x in (score.value, score.ceiling, score.floor))
                better = "higher" if score.higher_is_better else "lower"
                name, note = map(escape_markdown, (score.name, self.note(score)))
                lines.append(f"| {name} | {' | '.join(figures)} | {better} | {note} |")
            lines.append("")
        return self._written("\n".join(lines), path)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return one page that needs no network and no script; with a path, also write it there.

        The page shows real records: a new file is readable by its owner only.

        Parameters
        ----------
        path : str, path or None, default=None

        Raises
        ------
        OSError
            The file cannot be written; one that was there is as it was.
        """
        return self._written(render(self, versions()), path)

    def _repr_html_(self) -> str:
        """Show the summary in a notebook."""
        told = [[f.title, f.figure, f.meaning] for f in self.summary()]
        safe = [[html.escape(printable(text)) for text in texts] for texts in told]
        items = "".join("<li><b>{} {}</b> {}</li>".format(*texts) for texts in safe)
        table = self.to_frame().round(3)
        return f"<ul>{items}</ul>{table.assign(note=table['note'].map(printable)).to_html()}"

    def note(self, score: Score) -> str:
        """Give a note; which real row it is about only where real records may be shown."""
        return score.note if self.show_real else _ROW_NUMBER.sub("A real row", score.note)

    def _plain(self, score: Score) -> dict[str, Any]:
        """Return a score as plain data, and nothing of the real side where none may be shown."""
        if self.show_real:
            return score.to_dict()
        real = [name for name in score.detail.columns if re.match(r"real\b", str(name))]
        shown = replace(score, detail=score.detail.drop(columns=real), note=self.note(score))
        return shown.to_dict()

    @staticmethod
    def _written(text: str, path: str | os.PathLike[str] | None) -> str:
        if path is not None:
            write_atomically(Path(path), text.encode(), PRIVATE)
        return text


def versions() -> dict[str, str]:
    """Return the versions of what was used."""
    ours = {"synthgan": __version__, "python": platform.python_version()}
    return {**ours, **{name: version(name) for name in _LIBRARIES}}


def _figure(x: float | None) -> str:
    return "" if x is None or x != x else f"{x:.3f}"
