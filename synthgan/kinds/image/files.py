"""Images on the command line: reading files and arrays, training and writing."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from synthgan.io.escaping import printable
from synthgan.kinds.options import estimator_arguments, unique_names, write_array

__all__ = ["OPTIONS", "add_fit_options", "fit", "read_sets", "write"]

OPTIONS = ("size", "color", "crop", "on_error", "levels")


def add_fit_options(images: Any) -> None:
    """Add options of commands that read images."""
    images.add_argument(
        "--size",
        type=_read_size,
        metavar="HxW",
        help="height x width, in this order, after resizing, such as 275x400 or 64 (default: no "
        "resizing)",
    )
    images.add_argument("--color", choices=("grey", "rgb"), help="colour mode (default: grey)")
    images.add_argument(
        "--crop", action="store_const", const=True, help="first crop to the aspect ratio of --size"
    )
    images.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        help="what to do with unreadable files: stop, or skip them (default: raise)",
    )
    images.add_argument(
        "--levels",
        type=_read_levels,
        metavar="WHITE",
        help="white of images of 16 bits, such as 4095, or auto (default: 65535)",
    )


def fit(parsed: argparse.Namespace) -> tuple[Any, str]:
    """Fit a model; return it and a short description of its data."""
    from synthgan.io.images import read_images
    from synthgan.io.tables import read_array
    from synthgan.synthesizers.image import ImageGANSynthesizer

    condition_on = unique_names(parsed.condition_on)
    path, *others = parsed.data
    is_array = any(name.endswith(".npy") for name in parsed.data)
    given = _given(parsed)
    if is_array and (others or given):
        raise ValueError(
            f"{path!r} is an npy file; give no other paths and no image options with it."
        )
    progress = sys.stderr.isatty()
    source = parsed.data if others else path
    links = parsed.follow_links
    images = (
        read_array(path)
        if is_array
        else read_images(source, **given, progress=progress, follow_links=links)
    )
    height, width = images.shape[1:3] if is_array else images.shape
    print(printable(f"{path} read: {len(images)} images of {height} x {width}"), flush=True)
    model = ImageGANSynthesizer(**estimator_arguments(parsed, condition_on), verbose=int(progress))
    return model.fit(images, groups=parsed.groups), f"{len(images)} images"


def read_sets(
    paths: Sequence[str | None], parsed: argparse.Namespace, read_array: Callable[[str], Any]
) -> list[Any]:
    """Read images for ``synthgan evaluate``."""
    from synthgan.io.images import read_images

    def read(path: str) -> Any:
        if path.endswith(".npy"):
            return read_array(path)
        return read_images(path, follow_links=parsed.follow_links, **_given(parsed))

    return [None if path is None else read(path) for path in paths]


def _given(parsed: argparse.Namespace) -> dict[str, Any]:
    options = {name: getattr(parsed, name) for name in OPTIONS}
    return {name: value for name, value in options.items() if value is not None}


def _read_levels(text: str) -> int | str:
    if text != "auto" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a level; give auto or 4095, say")
    return text if text == "auto" else int(text)


def _read_size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text.casefold())
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size; give height x width, such as 275x400, or 64"
        )
    return int(found[1]), int(found[2] or found[1])


def write(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    """Write images; return the plural noun for them."""
    import numpy as np

    from synthgan.io.images import ImageStack, save_images

    if parsed.out.endswith(".npy"):
        write_array(fake, parsed.out)
        return "images"
    limits: Any = "auto"
    if not isinstance(fake, ImageStack):
        limits = _limits(model.encoder_)
        shape = model.image_shape_
        pixels = np.asarray(fake, dtype=np.float64).reshape(len(fake), *shape)
        fake = pixels[..., 0] if shape[2] == 1 else pixels
        print(f"black and white are {limits[0]:g} and {limits[1]:g}")
    save_images(
        fake, parsed.out, limits=limits, overwrite=parsed.overwrite, csv_safe=parsed.csv_safe
    )
    return "images"


def _limits(encoder: Any) -> tuple[float, float]:
    """Return black and white of the images learnt: given, declared by their dtype, or measured."""
    import numpy as np

    from synthgan.records.pixels import declared_range

    low, high = encoder.limits_
    declared = declared_range(np.dtype(encoder.container_.dtype), low, high)
    if not isinstance(encoder.limits, str) or declared is None:
        return (low, high) if low < high else (low, low + 1)
    return declared
