"""The result of `evaluate`: scores as data, text and one self-contained page."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from synthgan import __version__
from synthgan.files import PRIVATE, write_atomically
from synthgan.metrics import Score
from synthgan.metrics.score import plain
from synthgan.report.page import render
from synthgan.report.summary import Finding, summarise

__all__ = ["Report"]

_LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy")
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
                        "note": score.note,
                    }
                )
        columns = ["measure", "section", "value", "low", "high", "ceiling", "floor",
                   "higher_is_better", "note"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).set_index("measure")

    def to_dict(self) -> dict[str, Any]:
        """Return scores, summary, settings and versions as plain data; no record is in it."""
        return {
            "summary": [finding.to_dict() for finding in self.summary()],
            "scores": {
                section: {name: score.to_dict() for name, score in scores.items()}
                for section, scores in self.scores.items()
            },
            "records": {name: list(map(int, x.shape)) for name, x in self.records.items()},
            "settings": {name: plain(value) for name, value in self.settings.items()},
            "versions": versions(),
        }

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return `to_dict` as JSON; with a path, also write it there, whole or not at all."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        return self._written(text, path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return summary and scores as Markdown; with a path, also write it there."""
        lines = ["# Real and fake", ""]
        for finding in self.summary():
            lines += [f"**{finding.title} {finding.figure}** {finding.meaning}", ""]
        for section, scores in self.scores.items():
            if not scores:
                continue
            lines += [f"## {_TITLES[section]}", ""]
            lines += ["| measure | value | ceiling | floor | better | note |"]
            lines += ["|---|---|---|---|---|---|"]
            for score in scores.values():
                figures = (_figure(x) for x in (score.value, score.ceiling, score.floor))
                better = "higher" if score.higher_is_better else "lower"
                lines.append(f"| {score.name} | {' | '.join(figures)} | {better} | {score.note} |")
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
        items = "".join(f"<li><b>{f.title} {f.figure}</b> {f.meaning}</li>" for f in self.summary())
        return f"<ul>{items}</ul>{self.to_frame().round(3).to_html()}"

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
