"""Tables in files: delimited text, Excel, Parquet, Feather, Stata and SAS; arrays as npy files.

The dialect of a text file (separator, encoding, decimal mark ...) is found when it is read, and
used again when synthetic rows are written. No encoding of values for networks.
"""

from synthgan.io.tables.arrays import read_array
from synthgan.io.tables.dialect import Dialect
from synthgan.io.tables.opening import is_tabbed, is_zipped_table
from synthgan.io.tables.reading import TableFile, read_file, read_table
from synthgan.io.tables.writing import check_suffix, is_text_name, to_csv_text, write_table

__all__ = [
    "Dialect",
    "TableFile",
    "check_suffix",
    "is_tabbed",
    "is_text_name",
    "is_zipped_table",
    "read_array",
    "read_file",
    "read_table",
    "to_csv_text",
    "write_table",
]
