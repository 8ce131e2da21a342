"""Records to grids and back; knows no torch."""

from synthgan.encoding.column import Column
from synthgan.encoding.grid import GridEncoder
from synthgan.encoding.groups import CellGroup
from synthgan.encoding.image import ImageEncoder
from synthgan.encoding.schema import Schema
from synthgan.encoding.signal import SignalEncoder

__all__ = ["CellGroup", "Column", "GridEncoder", "ImageEncoder", "Schema", "SignalEncoder"]
