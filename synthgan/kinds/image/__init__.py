"""Images: grey or colour, all of one size.

Their files and command-line options, model card, measures and report sections.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from synthgan.kinds.kind import Kind

__all__ = ["KIND"]


class ImageKind(Kind):
    """Images, from files, folders, zip archives or arrays."""

    folder = __name__
    name, plural, records = "image", "images", "images"
    makes = "images"
    files, in_folders = "PNG files", True
    fit_options = ("size", "color", "crop", "on_error")
    sample_options = ("overwrite", "csv_safe")
    shown = "it shows real images"
    pooled = "it shows no real image"

    def estimator(self) -> Any:
        from synthgan.synthesizers.image import ImageGANSynthesizer

        return ImageGANSynthesizer

    def takes(self, records: Any) -> bool:
        from synthgan.records.images import ImageStack

        if isinstance(records, ImageStack):
            return True
        is_array = isinstance(records, np.ndarray) and records.ndim >= 3
        return is_array and (records.dtype == np.uint8 or records.ndim > 3)

    def recognises(self, path: str) -> bool:
        from synthgan.io.images import is_image_name

        in_folder = (file.name for file in Path(path).rglob("*") if Path(path).is_dir())
        return path.casefold().endswith(".zip") or any(map(is_image_name, (path, *in_folder)))

    def read_to_measure(self, path: str, follow_links: bool) -> Any:
        from synthgan.io.images import read_images

        return read_images(path, follow_links=follow_links)


KIND = ImageKind()
