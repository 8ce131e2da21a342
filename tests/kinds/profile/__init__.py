"""A kind of records for the tests: profiles, rows of twelve numbers between 0 and 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from synthgan.kinds import Kind

N_NUMBERS = 12


class ProfileKind(Kind):
    folder = __name__
    name, plural, records, makes = "profile", "profiles", "profiles", "profiles of numbers"
    fit_options = ("most_profiles",)
    sample_options = ("csv_safe",)
    floor = "shuffled columns"
    shown, pooled = "nothing is drawn", "nothing is drawn"

    def estimator(self) -> Any:
        from tests.kinds.profile.synthesizer import ProfileGANSynthesizer

        return ProfileGANSynthesizer

    def takes(self, records: Any) -> bool:
        return isinstance(records, np.ndarray) and records.shape[1:] == (N_NUMBERS,)

    def recognises(self, path: str) -> bool:
        return Path(path).suffix == ".profiles"

    def read_to_measure(self, path: str, follow_links: bool) -> Any:
        return np.loadtxt(path)


KIND = ProfileKind()
