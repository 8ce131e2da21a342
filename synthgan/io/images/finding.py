"""Find images in archives, folders, lists and tables of files; decodes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.images.archives import is_archive, open_archive
from synthgan.io.images.files import ImageFiles, describe
from synthgan.io.images.names import is_hidden, is_image_name, natural_order
from synthgan.io.links import check_inside

__all__ = ["find_images", "images_below"]


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
    names = []
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not is_hidden(name)]
        below = Path(place).relative_to(folder).as_posix()
        prefix = "" if below == "." else f"{below}/"
        names += [f"{prefix}{name}" for name in files if is_image_name(name)]
    return sorted(names, key=natural_order)


def _refuse(error: OSError) -> None:
    raise DataError(f"folder {error.filename!r} cannot be read: {error.strerror}.") from error


def _in_folder(folder: Path, follow_links: bool) -> ImageFiles:
    names = images_below(folder)
    if not names:
        raise DataError(f"folder {str(folder)!r} holds no images.")
    places = [os.path.join(folder, name) for name in names]
    for place in places:
        if os.path.islink(place):  # subfolders that are links are not entered
            check_inside(place, folder, follow_links)
    return _image_files(names, places)


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
