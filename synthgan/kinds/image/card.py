"""Model cards of images."""

from __future__ import annotations

from typing import Any

from synthgan.io.escaping import escape_code
from synthgan.synthesizers.card import container_name, describe_labels, label_values

__all__ = ["describe", "holds"]


def describe(model: Any) -> list[str]:
    """Describe the output of the model."""
    height, width, n_channels = model.image_shape_
    colour = "grey" if n_channels == 1 else "colour"
    container = model.encoder_.container_
    return [
        f"- {colour} images of {height} x {width}, as {container_name(container.kind)} of "
        f"{escape_code(container.dtype)}",
        *describe_labels(model),
    ]


def holds(model: Any) -> str:
    """Describe which values of training records are in the model file."""
    scale = "limits of the pixels, which may be their lowest and highest value"
    return f"{scale}{label_values(model)}"
