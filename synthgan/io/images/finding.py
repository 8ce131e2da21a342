"""Find images in archives, folders, lists and tables of files; decodes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.images.archives import is_archive, open_archive
from synthgan.io.images.files import ImageFiles, describe
from synthgan.io.images.foreign import HEAD_BYTES, describe_foreign, foreign_format
from synthgan.io.images.labels import INFO, add_labels
from synthgan.io.images.names import is_hidden, is_image_name, natural_order
from synthgan.io.links import check_inside

__all__ = ["find_images", "images_below"]

_MOST_OPENED = 1000  # files of a folder without images


@contextmanager
def find_images(source: Any, follow_links: bool = False) -> Iterator[ImageFiles]:
    """Find the images of a source, and keep it open."""
    if isinstance(source, pd.DataFrame):
        yield _tabled(source)
    elif isinstance(source, (list, tuple)):
        yield _listed(source)
    elif not isinstance(source, (str, os.PathLike)):
        raise ParameterError(
            f"source is a {type(source).__name__}; give a path, a list of paths or a DataFrame."
        )
    elif Path(source).is_dir():
        yield _in_folder(Path(source), follow_links)
    elif not Path(source).is_file():
        raise DataError(f"{os.fspath(source)!r} is neither a file nor a folder: no such file.")
    elif is_archive(Path(source)):
        with open_archive(Path(source)) as files:
            yield files
    else:
        yield _listed([source])


def images_below(folder: Path) -> list[str]:
    """Return relative paths of the images in a folder and its subfolders, in natural order."""
    return _sorted_below(folder)[0]


def _sorted_below(folder: Path) -> tuple[list[str], list[str]]:
    """Return relative paths of the images below a folder, and of the other files."""
    names: list[str] = []
    others: list[str] = []
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not is_hidden(name)]
        below = Path(place).relative_to(folder).as_posix()
        prefix = "" if below == "." else f"{below}/"
        for name in files:
            if not is_hidden(name):
                (names if is_image_name(name) else others).append(f"{prefix}{name}")
    return sorted(names, key=natural_order), sorted(others, key=natural_order)


def _refuse(error: OSError) -> None:
    raise DataError(f"folder {error.filename!r} cannot be read: {error.strerror}.") from error


def _in_folder(folder: Path, follow_links: bool) -> ImageFiles:
    names, others = _sorted_below(folder)
    if not names:
        formats = [foreign_format(name, _head(folder / name)) for name in others[:_MOST_OPENED]]
        held = describe_foreign(known for known in formats if known)
        what = f"; it holds {held}: convert them to PNG or TIFF" if held else ""
        raise DataError(f"folder {str(folder)!r} holds no images{what}.")
    places = [os.path.join(folder, name) for name in names]
    table = folder / INFO
    for place in [*places, *([str(table)] if INFO in others else [])]:
        if os.path.islink(place):  # subfolders that are links are not entered
            check_inside(place, folder, follow_links)
    left_out = tuple(known for known in map(foreign_format, others) if known)
    content = table.read_bytes() if INFO in others and table.is_file() else None
    files = _image_files(names, places)
    return replace(files, info=add_labels(files.info, content), left_out=left_out)


def _head(path: Path) -> bytes:
    """Return the first bytes of a file; none of a link, a pipe, or a file that cannot be read."""
    if path.is_symlink() or not path.is_file():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _listed(paths: Sequence[Any], labels: pd.DataFrame | None = None) -> ImageFiles:
    if not len(paths):
        raise DataError("there are no images to read: source is empty.")
    for i, path in enumerate(paths):
        if not isinstance(path, (str, os.PathLike)):
            raise DataError(
                f"source has {path!r} in row {i}, which is not a path; give paths of files."
            )
    places = [os.fspath(path) for path in paths]
    return _image_files([place.replace(os.sep, "/") for place in places], places, labels)


def _tabled(table: pd.DataFrame) -> ImageFiles:
    columns = list(table.columns)
    if len(columns) != 1 and columns.count("path") != 1:
        raise DataError(f"source has the columns {columns!r}; one must be 'path'.")
    column = columns.index("path") if len(columns) > 1 else 0
    labels = table.iloc[:, [i for i in range(len(columns)) if i != column]]
    return _listed(table.iloc[:, column].tolist(), labels)


def _image_files(
    names: list[str], places: list[str], labels: pd.DataFrame | None = None
) -> ImageFiles:
    return ImageFiles(
        names,
        describe(names, labels),
        open=lambda i: _open(places[i]),
        marks=lambda: [[name, *_mark(place)] for name, place in zip(names, places, strict=True)],
    )


def _open(place: str) -> BinaryIO:
    if not os.path.isfile(place):  # opening a pipe would block
        raise DataError("not a file" if os.path.exists(place) else "no such file")
    try:
        return open(place, "rb")
    except OSError as error:
        raise DataError(str(error.strerror)) from error


def _mark(place: str) -> tuple[int, int]:
    try:
        found = os.stat(place)
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns
