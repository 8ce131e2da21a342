"""Small pictures for the tests of image files."""

import io
import zipfile

import numpy as np
from PIL import Image

from synthgan.io.images import (
    read_images,
)

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (6, 9, 7), dtype=np.uint8)


def encoded(pixels, format="PNG", **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def plant(place, files):
    """Write files, given by name, into a folder or a zip archive."""
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return place
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def one(tmp_path, content, **options):
    """Read one file's content."""
    (tmp_path / "one").write_bytes(content)
    return read_images(tmp_path / "one", **options).values[0]


def smooth(height, width):
    rows, columns = np.mgrid[:height, :width]
    return (100 + 60 * np.sin(rows / height * 3) + 50 * np.cos(columns / width * 4)).astype(
        np.uint8
    )
