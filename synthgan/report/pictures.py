"""Figures as pictures that stand inside a page of HTML."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

__all__ = ["Picture", "photograph", "vector_picture"]


@dataclass(frozen=True)
class Picture:
    """A drawing in the page.

    Parameters
    ----------
    source : str
        A data URI.
    alt : str
        What it shows, for those who do not see it.
    caption : str
    """

    source: str
    alt: str
    caption: str = ""


def vector_picture(figure: Figure, alt: str, caption: str = "") -> Picture:
    """Draw a figure as SVG, without the date, so that equal reports are equal files."""
    return _embedded(figure, "svg+xml", {"Date": None, "Creator": None}, alt, caption)


def photograph(figure: Figure, alt: str) -> Picture:
    """Draw a figure as PNG: one of thousands of strokes would be millions of letters of SVG."""
    return _embedded(figure, "png", {"Software": None}, alt, "")


def _embedded(
    figure: Figure, kind: str, metadata: dict[str, Any], alt: str, caption: str
) -> Picture:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Text of an SVG stays text, and browsers have letters that matplotlib's font lacks.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        figure.savefig(buffer, format=kind.partition("+")[0], metadata=metadata, dpi=150)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return Picture(f"data:image/{kind};base64,{encoded}", alt, caption)
