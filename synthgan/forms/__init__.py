"""Forms of columns: what text, objects and other types are read as, and how they come back."""

from synthgan.forms.table import Forms

__all__ = ["Forms"]
