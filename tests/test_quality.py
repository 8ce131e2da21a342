"""The bars of the default recipe, by the independent scorer; minutes of training."""

import importlib.util
import sys

import pandas as pd
import pytest

from synthgan import TabularGANSynthesizer
from tests.conftest import SHARED_DATA


@pytest.fixture(scope="module")
def acceptance():
    folder = SHARED_DATA.parent / "acceptance"
    if not (folder / "score.py").exists():
        pytest.skip(f"{folder} is absent: the scorer is not part of the package")
    modules = []
    for name in ("score", "split"):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        modules.append(module)
    yield modules
    sys.modules.pop("score", None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*comes back constant:synthgan.exceptions.DataWarning")
def test_thyroid(acceptance, tmp_path):
    score, split = acceptance
    split.main("thyroid", tmp_path)
    train, holdout = (pd.read_csv(tmp_path / f"thyroid_{half}.csv") for half in ("train", "hold"))
    fake = TabularGANSynthesizer(random_state=0).fit(train).sample(len(train), random_state=0)
    figures = score.score(train, holdout, fake, "Class")
    assert figures["c2st"] <= 0.66
    assert figures["shape"] >= 0.986
    assert figures["trend"] >= 0.971
    assert figures["ratio"] >= 0.985
    assert figures["cov"] >= 0.94
    assert figures["dup"] <= figures["dup_h"]
    assert figures["dcr"] <= 0.55
