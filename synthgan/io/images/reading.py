"""Read sets of image files into one array; check sizes, and report unreadable files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from functools import partial
from math import prod
from numbers import Integral
from typing import Any

import numpy as np

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.images.caching import Allocate, Faults, check_cache, fingerprint, read_through
from synthgan.io.images.decoding import (
    MODES,
    MOST_PIXELS,
    WHITE,
    Depth,
    decode,
    explain,
    measure,
    see_depth,
)
from synthgan.io.images.files import ImageFiles
from synthgan.io.images.finding import find_images
from synthgan.io.images.foreign import HEAD_BYTES, describe_foreign, foreign_format
from synthgan.io.images.threads import in_threads
from synthgan.records.images import ImageStack
from synthgan.records.pixels import allocate_pixels, white_level

__all__ = ["check_size", "read_images"]

_N_NAMED, _N_MEASURED = 3, 16
_CLEARLY = 1.25  # ratio of the sides of an image that is not nearly square
_DIM = 2**14 - 1  # brightest pixel of 16 bits that is warned of
Read = Callable[[int], "np.ndarray | str"]  # for a row: its pixels, or the reason of failure


def read_images(
    source: Any,
    *,
    size: int | tuple[int, int] | None = None,
    color: str = "grey",
    crop: bool = False,
    on_error: str = "raise",
    cache: Any = None,
    progress: bool = False,
    follow_links: bool = False,
    levels: int | str = WHITE,
) -> ImageStack:
    """Read a set of images: a zip archive, a folder, or files.

    Parameters
    ----------
    source : str, path, list of them, or DataFrame
        A zip archive (read in place), a folder (with subfolders), an image file, or a list of
        files. The column "path" of a DataFrame, or its only column, has paths of files; its other
        columns become columns of ``info``. Relative paths start at the current folder.
    size : int, (height, width) or None, default=None
        Size of the returned images; an int is the side of a square. None is the size of the files,
        which must be equal.
    color : {"grey", "rgb"}, default="grey"
        Grey, or red, green and blue.
    crop : bool, default=False
        True first crops images to the aspect ratio of `size`, around the centre; False stretches
        them.
    on_error : {"raise", "skip"}, default="raise"
        Action if images cannot be read; "skip" leaves them out and warns.
    cache : str, path or None, default=None
        A ``.npy`` file to store the pixels. Later calls with the same files (names, sizes, and
        times or checksums), size, color and crop read them from there.
    progress : bool, default=False
        Whether to show a progress bar.
    follow_links : bool, default=False
        Whether images of a folder may be links that lead out of it. Links within it, and links to
        the folder itself, are followed in any case; so are files that are given by their names.
    levels : int or {"auto"}, default=65535
        White of images of 16 bits, such as 4095 of 12-bit scanners; brighter pixels become white.
        ``"auto"``: the white of the fewest bits, 8, 10, 12, 14 or 16, that hold all pixels of the
        set.

    Returns
    -------
    stack : ImageStack
        With the columns path and folder (the last folder of the path, "" if none) in ``info``.
        Paths are as given, or relative to the archive or folder, in natural order, 2 before 10.
        More than 256 MiB of pixels are a memmap of a temporary file, which is deleted with the
        stack.

    Raises
    ------
    DataError
        No such file, no images, images that cannot be read or differ in size, too little room on
        the disk, a link that leads out of the folder, or an archive that is damaged or refused.
    ParameterError
        A parameter has a value that is not allowed.

    Warns
    -----
    DataWarning
        Images were left out; the message has their count and the first names.

    Notes
    -----
    Formats are PNG, JPEG, BMP, TIFF, GIF, WebP and PBM, PGM, PPM; of several pictures in a file the
    first is read. In archives and folders, files with these suffixes are read, except hidden ones
    and ``__MACOSX``; the columns of an ``info.csv`` as `save_images` writes it become columns of
    ``info``. Other files of an archive, and pictures of other formats in a folder, are counted in a
    warning. Images are rotated by their EXIF data, put on white where transparent, 16-bit grey
    scaled from 0..`levels` to 0..255, and resized by bicubic interpolation. Colour profiles are not
    applied. Images of more than 2**27 pixels cannot be read.

    Archives are not extracted to disk. An archive is refused if a member has an absolute name, or a
    name with "..", a backslash or a drive, is a link, or occurs twice, if an image has more than
    256 MiB or inflates to more than 8 MiB and 1000 times its size, or if there are more than 10
    million members.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from synthgan.io.images import save_images
    >>> path = f"{tempfile.mkdtemp()}/drawn.zip"
    >>> names = save_images(np.zeros((12, 28, 20), dtype=np.uint8), path)
    >>> stack = read_images(path, size=14)
    >>> stack
    ImageStack(12 grey images of 14 x 14)
    >>> stack.info["path"][0]
    'image-0000001.png'
    """
    shape = check_size(size)
    for name, value, allowed in (
        ("color", color, tuple(MODES)),
        ("crop", crop, (False, True)),
        ("on_error", on_error, ("raise", "skip")),
        ("follow_links", follow_links, (False, True)),
        ("levels", levels, ("auto", levels if _is_white(levels) else WHITE)),
    ):
        if value not in allowed:
            raise ParameterError(f"{name}={value!r} is not allowed; choose one of {allowed!r}.")
    kept = check_cache(cache)
    with find_images(source, bool(follow_links)) as files:
        if shape is not None and not crop:
            _check_turned(files, shape)
        white = _find_white(files) if levels == "auto" else int(levels)
        depth = Depth(white)
        read = partial(_read, files, size=shape, color=color, crop=bool(crop), depth=depth)
        fill = partial(_fill, read, files.names, on_error, progress)
        if kept is None:
            values, faults = fill(allocate_pixels)
        else:
            mark = fingerprint(files.marks(), shape, color, bool(crop), white)
            values, faults = read_through(kept, mark, fill)
    _check_faults(faults, files.names, on_error)
    sentences = [
        f"Left out {_count(faults, files.names)} that cannot be read: {_list(faults, files.names)}."
    ] if faults else []  # fmt: skip
    if files.left_out:
        sentences.append(
            f"Left out {describe_foreign(files.left_out)}: they are no images to read."
        )
    if levels == WHITE and depth.brightest is not None and depth.brightest <= _DIM:
        sentences.append(
            f"The brightest pixel of the images of 16 bits is {depth.brightest} of {WHITE}, so "
            f"that {depth.brightest * 255 // WHITE + 1} grey levels are left; give "
            "read_images(..., levels='auto') (--levels auto), or "
            f"levels={white_level(depth.brightest)}."
        )
    if sentences:
        warnings.warn(" ".join(sentences), DataWarning, stacklevel=2)
    return ImageStack(values, files.info.drop(index=list(faults)))


def check_size(size: Any) -> tuple[int, int] | None:
    """Check a size; return height and width."""
    if size is None:
        return None
    given = size if isinstance(size, (tuple, list)) else (size, size)
    sides = [int(x) for x in given if isinstance(x, Integral) and not isinstance(x, bool)]
    if len(sides) != 2 or len(given) != 2 or min(sides) < 1 or prod(sides) > MOST_PIXELS:
        raise ParameterError(
            f"size={size!r} is not allowed; give whole numbers (height, width) >= 1, of "
            f"{MOST_PIXELS} pixels at most, one such number, or None."
        )
    return sides[0], sides[1]


def _is_white(levels: Any) -> bool:
    is_whole = isinstance(levels, Integral) and not isinstance(levels, bool)
    return is_whole and 1 <= int(levels) <= WHITE


def _find_white(files: ImageFiles) -> int:
    """Return the white of the fewest bits that hold all pixels of images of 16 bits."""
    depth = Depth()

    def see(i: int) -> None:
        with suppress(Exception), files.open(i) as file:  # faults are reported on reading
            see_depth(file, depth)

    with closing(in_threads(see, len(files.names))) as seen:
        for _ in seen:
            pass
    return WHITE if depth.brightest is None else white_level(depth.brightest)


def _check_turned(files: ImageFiles, size: tuple[int, int]) -> None:
    """Refuse a size that would turn all images from landscape to portrait, or the reverse."""
    sizes = []
    for i in range(min(_N_MEASURED, len(files.names))):
        with suppress(Exception), files.open(i) as file:  # faults are reported on reading
            sizes.append(measure(file))
    if sizes and all(_is_turned(*each, *size) for each in sizes):
        was, will = ("landscape", "portrait") if size[0] > size[1] else ("portrait", "landscape")
        raise ParameterError(
            f"size={size!r} is (height, width) and would turn images of {sizes[0][0]} x "
            f"{sizes[0][1]} (height x width) from {was} to {will}; give size={size[::-1]!r}, or "
            "crop=True (--crop)."
        )


def _is_turned(height: int, width: int, new_height: int, new_width: int) -> bool:
    """Return whether one size is clearly upright and the other clearly not."""
    was, will = height / width, new_height / new_width
    return max(was, will) >= _CLEARLY and min(was, will) <= 1 / _CLEARLY


def _read(
    files: ImageFiles,
    i: int,
    *,
    size: tuple[int, int] | None,
    color: str,
    crop: bool,
    depth: Depth,
) -> np.ndarray | str:
    head = b""
    try:
        with files.open(i) as file:
            head = file.read(HEAD_BYTES)
            file.seek(0)
            return decode(file, size, color, crop, depth)
    except Exception as error:  # Pillow raises many exceptions on broken files
        known = foreign_format(files.names[i], head)
        if known is None or isinstance(error, DataError):
            return explain(error)
        return f"{known}, which is not read: convert it to PNG or TIFF"


def _fill(
    read: Read, names: list[str], on_error: str, progress: bool, allocate: Allocate
) -> tuple[np.ndarray, Faults]:
    """Read all images into one array; its rows are the readable images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of Pillow about limits that are checked here
        first, example = _first_readable(read, names)
        values = allocate((len(names), *example.shape))
        faults: Faults = {}
        with closing(in_threads(partial(_put, read, values), len(names))) as outcomes:
            for i, outcome in enumerate(_bar(outcomes, len(names)) if progress else outcomes):
                if isinstance(outcome, tuple):
                    raise DataError(_misfit(names[i], outcome, names[first], example.shape))
                if outcome is not None:
                    faults[i] = outcome
    _check_faults(faults, names, on_error)
    if faults:
        good = [i for i in range(len(names)) if i not in faults]
        for row, i in enumerate(good):
            values[row] = values[i]
        values = values[: len(good)]
    return values, faults


def _first_readable(read: Read, names: list[str]) -> tuple[int, np.ndarray]:
    faults: Faults = {}
    for i in range(len(names)):
        pixels = read(i)
        if isinstance(pixels, np.ndarray):
            return i, pixels
        faults[i] = pixels
    raise DataError(f"none of {len(names)} images can be read: {_list(faults, names)}.")


def _put(read: Read, values: np.ndarray, i: int) -> str | tuple[int, int] | None:
    """Read an image into its row; return the reason of failure, or a size that differs."""
    pixels = read(i)
    if isinstance(pixels, str):
        return pixels
    if pixels.shape != values.shape[1:]:
        return pixels.shape[0], pixels.shape[1]
    values[i] = pixels
    return None


def _bar(outcomes: Iterable[Any], n: int) -> Iterable[Any]:
    from tqdm.auto import tqdm

    return tqdm(outcomes, total=n, desc="read", unit="image")


def _misfit(name: str, shape: tuple[int, ...], first: str, fitting: tuple[int, ...]) -> str:
    return (
        f"images differ in size: {name!r} is {shape[0]} x {shape[1]} (height x width), {first!r} "
        f"is {fitting[0]} x {fitting[1]}; give size, for example size={fitting[:2]!r}."
    )


def _check_faults(faults: Faults, names: list[str], on_error: str) -> None:
    if faults and on_error == "raise":
        raise DataError(
            f"{_count(faults, names)} cannot be read: {_list(faults, names)}; repair them or leave "
            "them out, or give on_error='skip'."
        )


def _count(faults: Faults, names: list[str]) -> str:
    return f"{len(faults)} of {len(names)} images"


def _list(faults: Faults, names: list[str]) -> str:
    named = [f"{names[i]!r} ({faults[i]})" for i in sorted(faults)[:_N_NAMED]]
    more = [f"and {len(faults) - len(named)} more"] if len(faults) > len(named) else []
    return ", ".join([*named, *more])
