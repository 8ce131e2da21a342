"""Forms of columns: how text is read as dates, times or numbers, and written back.

Formats and labels are stored only if enough people share them. Independent of encodings.
"""

from synthgan.forms.table import Forms

__all__ = ["Forms"]
