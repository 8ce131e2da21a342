"""The result of `evaluate`: scores as data, as text and as one self-contained HTML page."""

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
from synthgan.report.sizes import size_of
from synthgan.report.summary import TITLES, Finding, better, shown_figure, summarise
from synthgan.state.files import PRIVATE, write_atomically

__all__ = ["Report"]

_LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy")
# Notes that give the number of a real row.
_ROW_NUMBER = re.compile(r"\bReal row \d+")


@dataclass(repr=False)
class Report:
    """Measures of synthetic records, as returned by `evaluate`.

    Parameters
    ----------
    scores : dict of str to dict of str to Score
        Scores by section and by name of the measure.
    records : dict of str to DataFrame, ndarray or ComparedTables
        ``real``, ``fake`` and, if given, ``holdout``. They are used for the figures and are never
        written as data.
    settings : dict
        Settings of the measures, such as ``kind`` and ``target``.
    model : fitted synthesizer or None, default=None
        Its training history and parameters are added to the page.
    show_real : bool, default=True
        Whether the written report may show single real records; see `evaluate`.
    groups : array-like of shape (n_rows,) or None, default=None
        Person of each real row. Minimum counts in the figures are then people instead of rows.

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
        raise KeyError(f"{name!r} was not measured; measured are {self.names}.")

    @property
    def names(self) -> list[str]:
        """Names of all measures in the report."""
        return [name for section in self.scores.values() for name in section]

    def __repr__(self) -> str:
        lines = [f"{finding.title} {finding.figure}" for finding in self.summary()]
        return "\n".join(["Report", *lines])

    def summary(self) -> list[Finding]:
        """Return one finding for each section: fidelity, usefulness and privacy.

        Returns
        -------
        findings : list of Finding
            Each has a ``title``, a ``figure`` and its ``meaning``.
        """
        guarantee = getattr(self.model, "privacy_", None)
        return summarise(self.scores, find_kind(self.settings["kind"]).floor, guarantee)

    def contents(self) -> str:
        """Return the statement of whether the HTML page shows real records."""
        kind = find_kind(self.settings["kind"])
        if self.show_real:
            return (
                f"This report contains real records: {kind.shown}. Share it only with people who "
                "may see the real data, or create it with show_real=False (--no-real)."
            )
        pooled = kind.pooled if self.groups is None else kind.pooled.replace("rows", "people")
        return (
            f"This report contains no real records: {pooled}. Its figures are computed from real "
            "records."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per measure.

        Returns
        -------
        frame : DataFrame
            Index ``measure``; columns ``section``, ``value``, ``low`` and ``high`` (95 % interval),
            ``ceiling``, ``floor``, ``higher_is_better`` and ``note``.
        """
        columns = [
            "section",
            "value",
            "low",
            "high",
            "ceiling",
            "floor",
            "higher_is_better",
            "note",
        ]
        rows = {
            name: (
                section, score.value, *(score.interval or (float("nan"), float("nan"))),
                score.ceiling, score.floor, score.higher_is_better, self.note(score),
            )
            for section, scores in self.scores.items()
            for name, score in scores.items()
        }  # fmt: skip
        return pd.DataFrame.from_dict(rows, "index", columns=columns).rename_axis("measure")

    def to_dict(self) -> dict[str, Any]:
        """Return scores, summary, settings and versions as plain data.

        Returns
        -------
        data : dict
            Contains no complete record. If ``show_real`` is True, details of scores can contain
            values of single real rows, such as a quartile, and ``contains_real_records`` is True.
            If it is False, details do not contain the columns of real records.
        """
        return {
            "contains_real_records": self.show_real,
            "summary": [finding.to_dict() for finding in self.summary()],
            "scores": {
                section: {name: self._plain(score) for name, score in scores.items()}
                for section, scores in self.scores.items()
            },
            "records": {name: size_of(x) for name, x in self.records.items()},
            "settings": {name: plain(value) for name, value in self.settings.items()},
            "versions": versions(),
        }

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return `to_dict` as JSON.

        Parameters
        ----------
        path : str, path or None, default=None
            File to write; if writing fails, an existing file is not changed.

        Returns
        -------
        text : str
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        return self._written(escape_json(text), path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return summary and scores as Markdown.

        Parameters
        ----------
        path : str, path or None, default=None
            File to write; if writing fails, an existing file is not changed.

        Returns
        -------
        text : str
        """
        contents = "This text contains no real records. Its figures are computed from real records."
        if self.show_real:
            contents += " The same report as HTML or JSON contains real records."
        lines = ["# Real and synthetic records", "", contents, ""]
        for finding in self.summary():
            texts = (finding.title, finding.figure, finding.meaning)
            lines += ["**{} {}** {}".format(*map(escape_markdown, texts)), ""]
        for section, scores in self.scores.items():
            if not scores:
                continue
            lines += [f"## {TITLES[section]}", ""]
            lines += ["| measure | value | ceiling | floor | better | note |"]
            lines += ["|---|---|---|---|---|---|"]
            for key, score in scores.items():
                figures = (shown_figure(x) for x in (score.value, score.ceiling, score.floor))
                name, note = map(escape_markdown, (score.name, self.note(score)))
                lines.append(f"| {name} | {' | '.join(figures)} | {better(key, score)} | {note} |")
            lines.append("")
        return self._written("\n".join(lines), path)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return one self-contained HTML page, without scripts and network access.

        Parameters
        ----------
        path : str, path or None, default=None
            File to write. A new file is readable by its owner only, because the page can show
            real records.

        Returns
        -------
        page : str

        Raises
        ------
        OSError
            If the file cannot be written; an existing file is not changed.
        """
        return self._written(render(self, versions()), path)

    def _repr_html_(self) -> str:
        """Show the summary in a notebook."""
        findings = [[f.title, f.figure, f.meaning] for f in self.summary()]
        safe = [[html.escape(printable(text)) for text in texts] for texts in findings]
        items = "".join("<li><b>{} {}</b> {}</li>".format(*texts) for texts in safe)
        table = self.to_frame().round(3)
        return f"<ul>{items}</ul>{table.assign(note=table['note'].map(printable)).to_html()}"

    def note(self, score: Score) -> str:
        """Return the note of a score, without numbers of real rows if ``show_real`` is False."""
        return score.note if self.show_real else _ROW_NUMBER.sub("A real row", score.note)

    def _plain(self, score: Score) -> dict[str, Any]:
        """Return a score as plain data, without real columns if ``show_real`` is False."""
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
    """Return the versions of synthgan, Python and the main libraries."""
    own = {"synthgan": __version__, "python": platform.python_version()}
    return {**own, **{name: version(name) for name in _LIBRARIES}}
