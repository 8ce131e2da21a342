"""What all tests share."""

import builtins
import gc
import importlib.util
import os
from pathlib import Path

# Tests run side by side: threads of one would wait for those of the others.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, settings
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from synthgan.datasets import make_clinic
from synthgan.metrics import two_sample, utility
from synthgan.metrics.privacy import density

# pytest --hypothesis-profile thorough: for an evening.
for _profile, _examples in {"synthgan": 30, "thorough": 1000}.items():
    settings.register_profile(
        _profile,
        max_examples=_examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
settings.load_profile("synthgan")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Leave what is collected out of the search for garbage: it stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def clinic() -> pd.DataFrame:
    return make_clinic(300, random_state=0)


@pytest.fixture
def table(clinic) -> pd.DataFrame:
    """A table of few columns of several kinds."""
    return clinic[["age", "sex", "bmi", "ward", "hba1c"]]


@pytest.fixture(scope="session")
def thyroid_path() -> Path:
    path = SHARED_DATA / "tabular" / "thyroid.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent: the real thyroid table is not part of the package")
    return path


def acceptance_module(name):
    """Load a script of the acceptance folder; skip where there is none."""
    path = SHARED_DATA.parent / "acceptance" / f"{name}.py"
    if not path.exists():
        pytest.skip(f"{path} is absent: the scorers are not part of the package")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def few_trees():
    """Let measures grow few trees, where what is tested holds for any number of them."""

    def with_few(model, **few):
        return lambda **settings: model(**{**settings, **few})

    with pytest.MonkeyPatch.context() as patch:
        for module in (two_sample, density, utility):
            for model in (HistGradientBoostingClassifier, HistGradientBoostingRegressor):
                if hasattr(module, model.__name__):
                    patch.setattr(module, model.__name__, with_few(model, max_iter=8))
        for model in (RandomForestClassifier, RandomForestRegressor):
            patch.setattr(utility, model.__name__, with_few(model, n_estimators=8))
        yield


@pytest.fixture
def without_pooch(monkeypatch):
    """Let the import of pooch fail."""
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "pooch":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
