"""What all tests share."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, settings

from synthgan.datasets import make_clinic

settings.register_profile(
    "synthgan", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("synthgan")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def clinic() -> pd.DataFrame:
    return make_clinic(300, random_state=0)


@pytest.fixture(scope="session")
def thyroid_path() -> Path:
    path = SHARED_DATA / "tabular" / "thyroid.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent: the real thyroid table is not part of the package")
    return path
