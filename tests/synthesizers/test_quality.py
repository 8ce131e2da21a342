"""The bars of the default recipe, by the independent scorer; minutes of training."""

import sys

import pandas as pd
import pytest

from synthgan import TabularGANSynthesizer
from tests.conftest import acceptance_module


@pytest.fixture(scope="module")
def acceptance():
    yield acceptance_module("score"), acceptance_module("split")
    sys.modules.pop("score", None)


# Bars are of the median of all samples; one seed of a large table takes minutes.
BARS = {
    "thyroid": ("Class", (0.987, 0.972, 0.985, 0.93), 0.60, 0.55, 1),
    "adult": ("income", (0.983, 0.967, 0.975, 0.955), 0.60, 0.55, 1),
    "california_housing": ("median_house_value", (0.984, 0.982, 0.945, 0.94), 0.68, 0.55, 1),
    "pima": ("outcome", (0.940, 0.938, 0.98, 0.95), 0.62, 0.60, 3),
    "heart_cleveland": ("(num) (the predicted attribute)", (0.90, 0.82, 0.93, 0.90), 0.68, 0.62, 3),
}
SAMPLES = 5


@pytest.mark.slow
@pytest.mark.parametrize("name", BARS)
@pytest.mark.filterwarnings("ignore:.*comes? back:synthgan.exceptions.DataWarning")
@pytest.mark.filterwarnings("ignore:.*rarer than min_support:synthgan.exceptions.DataWarning")
def test_default_recipe(acceptance, tmp_path, name):
    score, split = acceptance
    target, bars, most_c2st, most_dcr, n_seeds = BARS[name]
    split.main(name, tmp_path)
    train, holdout = (pd.read_csv(tmp_path / f"{name}_{half}.csv") for half in ("train", "hold"))
    found = []
    for seed in range(n_seeds):
        model = TabularGANSynthesizer(random_state=seed).fit(train)
        for i in range(SAMPLES):
            fake = model.sample(len(train), random_state=i)
            found.append(score.score(train, holdout, fake, target))
    figures = pd.DataFrame(found).median(numeric_only=True)
    names = ("shape", "trend", "ratio", "cov")
    assert {k: figures[k] for k, bar in zip(names, bars, strict=True) if figures[k] < bar} == {}
    assert figures["c2st"] <= most_c2st
    assert figures["dup"] <= figures["dup_h"]
    assert figures["dcr"] <= most_dcr
