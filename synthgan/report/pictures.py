"""Matplotlib figures as images that are embedded in an HTML page."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

__all__ = ["Picture", "raster_picture", "vector_picture"]


@dataclass(frozen=True)
class Picture:
    """An embedded image.

    Parameters
    ----------
    source : str
        Data URI of the image.
    alt : str
        Alternative text.
    caption : str, default=""
        Text below the image.
    """

    source: str
    alt: str
    caption: str = ""


def vector_picture(figure: Figure, alt: str, caption: str = "") -> Picture:
    """Draw a figure as SVG without a date, so that equal reports give equal files."""
    return _embedded(figure, "svg+xml", {"Date": None, "Creator": None}, alt, caption)


def raster_picture(figure: Figure, alt: str, caption: str = "") -> Picture:
    """Draw a figure as PNG; for figures with many lines, whose SVG would be too large."""
    return _embedded(figure, "png", {"Software": None}, alt, caption)


def _embedded(
    figure: Figure, kind: str, metadata: dict[str, Any], alt: str, caption: str
) -> Picture:
    buffer = io.BytesIO()
    figure.dpi = 150
    with warnings.catch_warnings():
        # Text of an SVG stays text, and browsers have glyphs that matplotlib's font lacks.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        # savefig would draw figures with a layout twice.
        if kind == "png":
            FigureCanvasAgg(figure).print_png(buffer, metadata=metadata)
        else:
            FigureCanvasSVG(figure).print_svg(buffer, metadata=metadata)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return Picture(f"data:image/{kind};base64,{encoded}", alt, caption)
