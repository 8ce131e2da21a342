"""Encoders: map records to grids and back.

Here what all encoders share; a folder for tables, signals and images each. No torch.
"""

from synthgan.encoding.groups import CellGroup
from synthgan.encoding.images.encoder import ImageEncoder
from synthgan.encoding.signals.encoder import SignalEncoder
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.grid import GridEncoder
from synthgan.encoding.tables.schema import Schema

__all__ = ["CellGroup", "Column", "GridEncoder", "ImageEncoder", "Schema", "SignalEncoder"]
