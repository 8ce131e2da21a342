"""Read WFDB records from folders or PhysioNet; write windows as WFDB records.

Finding, headers, formats, samples, reading and writing have one module each.
"""

from synthgan.io.records.reading import read_records
from synthgan.io.records.writing import write_records
from synthgan.records.signals import Recording

__all__ = ["Recording", "read_records", "write_records"]
