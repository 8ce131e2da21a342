"""Images in and out: sets of images as one array, and grids as PNG files.

Archives are read in place, within limits of size and memory.
"""

from synthgan.io.images.grids import read_grids, write_grids
from synthgan.io.images.names import is_image_name
from synthgan.io.images.reading import read_images
from synthgan.io.images.writing import save_images
from synthgan.records.images import ImageStack

__all__ = ["ImageStack", "is_image_name", "read_grids", "read_images", "save_images", "write_grids"]
