"""What all tests share.

Fixtures import what they need: the process that hands out the tests would wait for it.
"""

import builtins
import gc
import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests run side by side: threads of one would wait for those of the others, and waiting takes
# the time of a core.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Each run has the same examples, so that a change alone decides whether it passes; others are
# tried by pytest --hypothesis-profile thorough, for an evening.
for _profile, _examples in {"synthgan": 24, "thorough": 1000}.items():
    settings.register_profile(
        _profile,
        max_examples=_examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
        derandomize=_profile == "synthgan",
    )
settings.load_profile("synthgan")

TABLE = ["age", "sex", "bmi", "ward", "hba1c"]
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
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def clinic():
    from synthgan.datasets import make_clinic

    return make_clinic(300, random_state=0)


@pytest.fixture
def table(clinic):
    """A table of few columns of several kinds."""
    return clinic[TABLE]


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
    from sklearn import ensemble

    from synthgan.metrics import two_sample, utility
    from synthgan.metrics.privacy import density

    boosted = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
    forests = ("RandomForestClassifier", "RandomForestRegressor")

    def with_few(model, **few):
        return lambda **settings: model(**{**settings, **few})

    with pytest.MonkeyPatch.context() as patch:
        for module in (two_sample, density, utility):
            for name in boosted:
                if hasattr(module, name):
                    patch.setattr(module, name, with_few(getattr(ensemble, name), max_iter=8))
        for name in forests:
            patch.setattr(utility, name, with_few(getattr(ensemble, name), n_estimators=8))
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
