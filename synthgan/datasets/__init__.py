"""Tables to try things on: simulated, read, fetched."""

from synthgan.datasets.clinic import make_clinic
from synthgan.datasets.thyroid import fetch_thyroid, load_thyroid

__all__ = ["fetch_thyroid", "load_thyroid", "make_clinic"]
