"""Other people's implementations, where they are installed, give the same figures."""

import numpy as np
import pandas as pd
import pytest

from synthgan import metrics
from synthgan.datasets import make_clinic
from synthgan.metrics.space import Space
from synthgan.metrics.tables import encode, is_scaled


@pytest.fixture(scope="module")
def halves():
    clinic = make_clinic(1200, random_state=0).drop(columns="admitted")
    clinic = clinic.assign(
        **{name: clinic[name].astype(float) for name in ("systolic_mmhg", "cholesterol", "hba1c")}
    )
    return clinic[:600].reset_index(drop=True), clinic[600:].reset_index(drop=True)


def test_sdmetrics(halves):
    single = pytest.importorskip("sdmetrics.single_column")
    pairs = pytest.importorskip("sdmetrics.column_pairs")
    real, fake = halves
    scaled = [name for name in real if is_scaled(real[name])]
    theirs = np.mean([single.KSComplement.compute(real[name], fake[name]) for name in scaled])
    ours = metrics.kolmogorov_smirnov(real, fake)
    assert list(ours.detail.index) == scaled
    assert 1 - ours.value == pytest.approx(theirs, abs=1e-3)
    levels = [name for name in real if name not in scaled and real[name].dtype.kind not in "b"]
    ours = metrics.total_variation(real[levels], fake[levels])
    theirs = np.mean([single.TVComplement.compute(real[name], fake[name]) for name in levels])
    assert 1 - ours.value == pytest.approx(theirs, abs=1e-3)
    full = [name for name in scaled if real[name].notna().all()]
    ours = metrics.pair_trends(real[full], fake[full]).detail
    theirs = [
        pairs.CorrelationSimilarity.compute(real[[a, b]], fake[[a, b]], coefficient="Spearman")
        for a, b in zip(ours["first"], ours["second"], strict=True)
    ]
    np.testing.assert_allclose(ours["value"], theirs, atol=1e-3)


def test_pot(halves):
    ot = pytest.importorskip("ot")
    real, fake = halves
    for name, ours in metrics.wasserstein(real, fake).detail["distance"].items():
        a, b = (frame[name].dropna().to_numpy(float) for frame in (real, fake))
        assert ours == pytest.approx(float(ot.wasserstein_1d(a, b)))


def test_prdc(halves):
    prdc = pytest.importorskip("prdc")
    (ours, theirs), is_level = encode(*halves)
    space = Space.fit(ours, is_level)
    points = [space.points(table).astype(float) for table in (ours, theirs)]
    for name, value in prdc.compute_prdc(*points, nearest_k=5).items():
        assert getattr(metrics, name)(*halves).value == pytest.approx(value, abs=2e-3)


def test_anonymeter(halves):
    evaluators = pytest.importorskip("anonymeter.evaluators")
    real, holdout = halves
    fresh = make_clinic(600, random_state=7)[list(real.columns)].astype(real.dtypes)
    fake = pd.concat([real[:200], fresh[200:]], ignore_index=True)
    split = list(real.columns[::2]), list(real.columns[1::2])
    ours = metrics.linkability(real, fake, holdout=holdout, columns=split, random_state=0)
    attack = evaluators.LinkabilityEvaluator(
        real, fake, control=holdout, aux_cols=split, n_attacks=600, n_neighbors=1
    )
    attack.evaluate()
    assert ours.value == pytest.approx(attack.risk().value, abs=0.1)
    assert ours.value > 0.1
