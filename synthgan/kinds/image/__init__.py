"""Images: grey or colour, all of one size.

Their files and command-line options, model card, measures and report sections.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    fit_options = ("size", "color", "crop", "on_error", "levels")
    evaluate_options = fit_options
    sample_options = ("overwrite", "csv_safe")
    shown = "it shows real images"
    pooled = "it shows no real image"

    def estimator(self) -> Any:
        """See `Kind.estimator`."""
        from synthgan.synthesizers.image import ImageGANSynthesizer

        return ImageGANSynthesizer

    def takes(self, records: Any) -> bool:
        """See `Kind.takes`."""
        from synthgan.records.images import ImageStack

        if isinstance(records, ImageStack):
            return True
        is_array = isinstance(records, np.ndarray) and records.ndim >= 3
        return is_array and (records.dtype == np.uint8 or records.ndim > 3)

    def check_records(self, given: Mapping[str, Any], target: Any) -> dict[str, Any]:
        """Check the sets, and scale floats up to 1 to grey levels."""
        arrays = super().check_records(given, target)
        floats = [name for name, x in arrays.items() if x.dtype.kind == "f"]
        if floats and (arrays[floats[0]] <= 1).all():
            arrays |= {name: arrays[name] * np.float32(255) for name in floats}
        return arrays

    def recognises(self, path: str) -> bool:
        """See `Kind.recognises`."""
        from synthgan.io.images import is_image_name
        from synthgan.io.images.foreign import is_foreign_name
        from synthgan.io.tables import is_zipped_table

        below = [file.name for file in Path(path).rglob("*")] if Path(path).is_dir() else []
        is_picture = any(is_image_name(name) or is_foreign_name(name) for name in (path, *below))
        is_archive = path.casefold().endswith(".zip") and not is_zipped_table(path)
        return is_archive or is_picture

    def add_evaluate_options(self, parser: Any) -> None:
        """See `Kind.add_evaluate_options`."""
        self.add_fit_options(parser)


KIND = ImageKind()
