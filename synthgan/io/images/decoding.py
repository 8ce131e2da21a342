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

__all__ = ["MODES", "MOST_PIXELS", "WHITE", "Depth", "decode", "explain", "measure", "see_depth"]

MODES = {"grey": "L", "rgb": "RGB"}
MOST_PIXELS = 2**27
_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "GIF", "TIFF", "WEBP")
_LARGE, _one_large = 2**24, threading.Lock()  # pixels; larger images are decoded one at a time
_ORIENTATION = 0x0112  # EXIF tag
WHITE = 2**16 - 1  # of 16 bits
_DRAFT = 2  # a JPEG is read at this multiple of the size or more


class Depth:
    """The white of images of 16 bits, and the brightest pixel of those that were read."""

    def __init__(self, white: int = WHITE) -> None:
        self.white = white
        self.brightest: int | None = None
        self._lock = threading.Lock()

    def see(self, cells: np.ndarray) -> None:
        """Note the brightest pixel of an image of 16 bits."""
        highest = int(cells.max())
        with self._lock:
            self.brightest = max(highest, self.brightest or 0)

    def to_bytes(self, cells: np.ndarray) -> np.ndarray:
        """Scale black to white to 0..255."""
        return ((cells.clip(0, self.white) * 255 + self.white // 2) // self.white).astype(np.uint8)


def measure(file: BinaryIO) -> tuple[int, int]:
    """Return height and width of the first picture of a file, as it is shown."""
    from PIL import Image

    with Image.open(file, formats=_FORMATS) as image:
        turned = _orientation(image) >= 5
        return (image.width, image.height) if turned else (image.height, image.width)


def see_depth(file: BinaryIO, depth: Depth) -> None:
    """Note the brightest pixel of an image, if it has 16 bits; its other pixels are not decoded."""
    from PIL import Image

    with Image.open(file, formats=_FORMATS) as image:
        if _is_deep(image) and image.width * image.height <= MOST_PIXELS:
            depth.see(np.asarray(image))


def decode(
    file: BinaryIO, size: tuple[int, int] | None, color: str, crop: bool, depth: Depth
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
            upright = _turn(_to_mode(image, mode, depth), _orientation(image))
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


def _is_deep(image: Images.Image) -> bool:
    """Return whether an image has 16 bits a pixel."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))


def _to_mode(image: Images.Image, mode: str, depth: Depth) -> Images.Image:
    from PIL import Image

    if _is_deep(image):
        cells = np.asarray(image).astype(np.uint32)
        depth.see(cells)
        if "transparency" in image.info:
            cells[cells == image.info["transparency"]] = depth.white
        return Image.fromarray(depth.to_bytes(cells)).convert(mode)
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
