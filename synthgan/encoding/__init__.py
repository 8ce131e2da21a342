"""Records to grids and back; knows no torch."""

from synthgan.encoding.grid import CellGroup, GridEncoder
from synthgan.encoding.image import ImageEncoder
from synthgan.encoding.schema import Column, Schema
from synthgan.encoding.signal import SignalEncoder

__all__ = ["CellGroup", "Column", "GridEncoder", "ImageEncoder", "Schema", "SignalEncoder"]
