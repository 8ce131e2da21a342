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


BARS = {
    "thyroid": ("Class", {"shape": 0.987, "trend": 0.972, "ratio": 0.985, "cov": 0.93}, 0.62),
    "adult": ("income", {"shape": 0.983, "trend": 0.967, "ratio": 0.975, "cov": 0.955}, 0.60),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BARS)
@pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")
def test_default_recipe(acceptance, tmp_path, name):
    score, split = acceptance
    target, bars, most_c2st = BARS[name]
    split.main(name, tmp_path)
    train, holdout = (pd.read_csv(tmp_path / f"{name}_{half}.csv") for half in ("train", "hold"))
    fake = TabularGANSynthesizer(random_state=0).fit(train).sample(len(train), random_state=0)
    figures = score.score(train, holdout, fake, target)
    assert {key: figures[key] for key in bars if figures[key] < bars[key]} == {}
    assert figures["c2st"] <= most_c2st
    assert figures["dup"] <= figures["dup_h"]
    assert figures["dcr"] <= 0.55
