"""Images on the command line: reading files and arrays, training and writing."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

from synthgan.io.escaping import printable
from synthgan.kinds.options import estimator_arguments, unique_names, write_array

__all__ = ["OPTIONS", "add_fit_options", "fit", "write"]

OPTIONS = ("size", "color", "crop", "on_error")


def add_fit_options(images: Any) -> None:
    """Add options of ``synthgan fit``."""
    images.add_argument(
        "--size",
        type=_read_size,
        metavar="HxW",
        help="height and width after resizing, such as 275x400 or 64 (default: no resizing)",
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


def fit(parsed: argparse.Namespace) -> tuple[Any, str]:
    """Fit a model; return it and a short description of its data."""
    from synthgan.io.images import read_images
    from synthgan.io.tables import read_array
    from synthgan.synthesizers.image import ImageGANSynthesizer

    condition_on = unique_names(parsed.condition_on)
    path, *others = parsed.data
    is_array = any(name.endswith(".npy") for name in parsed.data)
    options = {name: getattr(parsed, name) for name in OPTIONS}
    given = {name: value for name, value in options.items() if value is not None}
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


def _read_size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text.casefold())
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size; give a size such as 275x400 or 64"
        )
    return int(found[1]), int(found[2] or found[1])


def write(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    """Write images; return the plural noun for them."""
    import numpy as np

    from synthgan.io.images import ImageStack, save_images

    if parsed.out.endswith(".npy"):
        write_array(fake, parsed.out)
        return "images"
    if not isinstance(fake, ImageStack):
        grids = model.encoder_.transform(fake)
        levels = grids if grids.ndim == 3 else np.moveaxis(grids, 1, 3)
        fake = ImageStack(np.ascontiguousarray(levels))
    save_images(fake, parsed.out, overwrite=parsed.overwrite, csv_safe=parsed.csv_safe)
    return "images"
