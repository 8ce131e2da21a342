"""Records to try things on: simulated, read, fetched."""

from synthgan.datasets.clinic import make_clinic
from synthgan.datasets.ecg import make_ecg
from synthgan.datasets.ptbdb import fetch_ptbdb
from synthgan.datasets.thyroid import fetch_thyroid, load_thyroid

__all__ = ["fetch_ptbdb", "fetch_thyroid", "load_thyroid", "make_clinic", "make_ecg"]
