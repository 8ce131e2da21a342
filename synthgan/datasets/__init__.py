"""Data sets for examples and tests: simulated, read, or downloaded.

One module for each: biosignals, clinic, hospital, ECG, fingerprints, irises, thyroid, PTB-DB.
"""

from synthgan.datasets.biosignals import make_biosignal
from synthgan.datasets.clinic import make_clinic
from synthgan.datasets.ecg import make_ecg
from synthgan.datasets.fingerprints import make_fingerprints
from synthgan.datasets.hospital import hospital_relations, make_hospital
from synthgan.datasets.irises import make_irises
from synthgan.datasets.ptbdb import fetch_ptbdb
from synthgan.datasets.thyroid import fetch_thyroid, load_thyroid

__all__ = [
    "fetch_ptbdb",
    "fetch_thyroid",
    "hospital_relations",
    "load_thyroid",
    "make_biosignal",
    "make_clinic",
    "make_ecg",
    "make_fingerprints",
    "make_hospital",
    "make_irises",
]
