"""Decode an image file to pixels: upright, on white, grey or colour, resized."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from math import ceil
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from synthgan.exceptions import DataError

if TYPE_CHECKING:
    from PIL import Image as Images

__all__ = ["MODES", "MOST_PIXELS", "decode", "explain"]

MODES = {"grey": "L", "rgb": "RGB"}
MOST_PIXELS = 2**27
_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "GIF", "TIFF", "WEBP")
_LARGE, _one_large = 2**24, threading.Lock()  # pixels; larger images are decoded one at a time
_ORIENTATION = 0x0112  # EXIF tag
_DRAFT = 2  # a JPEG is read at this multiple of the size or more


def decode(
    file: BinaryIO, size: tuple[int, int] | None, color: str, crop: bool
) -> np.ndarray:  # (height, width) or (height, width, 3), uint8
    """Read the first picture of an image file.

    Raises
    ------
    DataError
        More than `MOST_PIXELS` pixels, or an unsupported pixel format.
    Exception
        Any exception of Pillow on broken files: see `explain`.
    """
    from PIL import Image

    mode = MODES[color]
    with Image.open(file, formats=_FORMATS) as image:
        n_pixels = image.width * image.height
        if n_pixels > MOST_PIXELS:
            raise DataError(_too_large())
        with _one_large if n_pixels > _LARGE else nullcontext():
            if image.format in ("JPEG", "MPO"):
                _draft(image, mode, size)
            image.load()
            upright = _turn(_to_mode(image, mode), _orientation(image))
            return np.asarray(_fit(upright, size, crop))


def explain(error: Exception) -> str:
    """Return a short reason why an image could not be read."""
    from PIL import Image, UnidentifiedImageError

    text = " ".join(str(error).split())
    if isinstance(error, DataError):
        return text
    if isinstance(error, Image.DecompressionBombError):
        return _too_large()
    if isinstance(error, UnidentifiedImageError):
        return "not an image of a known format"
    if isinstance(error, EOFError) or "truncated" in text.casefold():
        return "truncated"
    return text[:100] or type(error).__name__


def _too_large() -> str:
    return f"more pixels than the limit of {MOST_PIXELS}"


def _draft(image: Images.Image, mode: str, size: tuple[int, int] | None) -> None:
    """Let the JPEG decoder drop colour and shrink by 2, 4 or 8, which is faster."""
    if size is not None:
        height, width = size if _orientation(image) < 5 else size[::-1]
        image.draft(mode, (_DRAFT * width, _DRAFT * height))
    elif mode == "L":
        image.draft(mode, None)


def _orientation(image: Images.Image) -> int:
    if image.format == "TIFF":  # Pillow applies the orientation of these itself
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # ignore broken EXIF data
        return 1


def _to_mode(image: Images.Image, mode: str) -> Images.Image:
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        cells = np.asarray(image).astype(np.uint32)
        if "transparency" in image.info:
            cells[cells == image.info["transparency"]] = 65535
        return Image.fromarray(((cells * 255 + 32767) // 65535).astype(np.uint8)).convert(mode)
    if image.mode in ("I", "F"):
        raise DataError("32 bits per pixel; 8 and 16 are supported")
    if image.mode[-1] in "Aa" or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert(mode)


def _turn(image: Images.Image, orientation: int) -> Images.Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _fit(image: Images.Image, size: tuple[int, int] | None, crop: bool) -> Images.Image:
    from PIL.Image import Resampling

    if size is None:
        return image
    height, width = size
    if not crop:
        return image.resize((width, height), Resampling.BICUBIC)
    scale = min(image.width / width, image.height / height)
    wide, high = min(scale * width, image.width), min(scale * height, image.height)
    left, top = int((image.width - wide) / 2), int((image.height - high) / 2)
    # With the box alone, interpolation would use pixels outside of it.
    piece = image.crop((left, top, left + ceil(wide), top + ceil(high)))
    return piece.resize((width, height), Resampling.BICUBIC, (0, 0, wide, high))
