import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from synthgan import FCN, GANImputer, TabularGANSynthesizer
from synthgan.datasets import make_clinic
from synthgan.exceptions import ParameterError
from tests.frames import frames

SMALL = TabularGANSynthesizer(network=FCN(width=16, depth=1), max_steps=20)
TINY = TabularGANSynthesizer(network=FCN(width=4, depth=1), max_steps=2, candidates=1)


def with_gaps(table, share=0.2, seed=0):
    return table.mask(np.random.default_rng(seed).random(table.shape) < share)


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning")
@parametrize_with_checks([GANImputer(synthesizer=TINY)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@settings(max_examples=15)
@given(frames(min_rows=6), st.sampled_from(["draw", "mean"]))
@pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")
def test_values_stay_and_gaps_close(frame, strategy):
    imputer = GANImputer(strategy, n_draws=2, synthesizer=TINY, random_state=0).fit(frame)
    full = imputer.transform(frame)
    assert list(full.columns) == list(frame.columns)
    assert full.index.equals(frame.index)
    for name in frame:
        kept = frame[name].notna()
        assert full[name][kept].tolist() == frame[name][kept].tolist()
        if kept.sum() >= 5 and imputer.synthesizer_.encoder_.schema_.columns:
            codec = next(
                c.codec
                for c in imputer.synthesizer_.encoder_.column_cells_
                if c.column.name == name
            )
            empty = codec.n_cells == 0 and not codec.levels
            assert full[name].notna().all() or empty


@pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")
def test_integers_that_no_float_holds_stay():
    frame = pd.DataFrame(
        {"n": pd.array([2**53 + 1] * 6 + [None] * 2, dtype="Int64"), "x": range(8)}
    )
    imputer = GANImputer("mean", n_draws=2, synthesizer=TINY, random_state=0).fit(frame)
    assert imputer.transform(frame)["n"][:6].tolist() == [2**53 + 1] * 6


def test_dtypes_and_containers():
    columns = ["age", "sex", "bmi", "smoker", "systolic_mmhg", "hba1c", "admitted", "ward"]
    clinic = make_clinic(300, random_state=0)[columns]
    holes = with_gaps(clinic)
    imputer = GANImputer(synthesizer=SMALL, random_state=0)
    full = imputer.fit_transform(holes)
    assert not full.isna().any().any()
    assert (full.dtypes == holes.dtypes).all()
    assert full["sex"].cat.categories.equals(clinic["sex"].cat.categories)
    assert full.equals(GANImputer(synthesizer=SMALL, random_state=0).fit(holes).transform(holes))
    array = holes[["age", "bmi"]].to_numpy(dtype=float)
    assert isinstance(GANImputer(synthesizer=TINY).fit_transform(array), np.ndarray)
    new = with_gaps(make_clinic(20, random_state=1)[columns], seed=2)
    assert not imputer.transform(new).isna().any().any()


def test_several_draws_differ_in_the_gaps_only():
    clinic = make_clinic(300, random_state=0)[["age", "bmi", "cholesterol"]]
    holes = with_gaps(clinic)
    imputer = GANImputer(synthesizer=TINY, random_state=0).fit(holes)
    first, second = imputer.draw(holes, 2)
    same = (first == second).to_numpy()
    gaps = holes.isna().to_numpy()
    assert same[~gaps].all()
    assert same[gaps].mean() < 0.5
    mean = GANImputer("mean", n_draws=2, synthesizer=TINY, random_state=0).fit(holes)
    assert np.allclose(mean.transform(holes)["bmi"], (first["bmi"] + second["bmi"]) / 2, atol=0.051)
    with pytest.raises(ParameterError, match="n_draws=0 is not allowed"):
        imputer.draw(holes, 0)


def test_a_gap_follows_from_the_rest_of_its_row():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    table = pd.DataFrame({"x": x, "y": 3 * x + rng.normal(size=600) / 10, "z": x > 0})
    holes = with_gaps(table, 0.15)
    model = TabularGANSynthesizer(network=FCN(width=64, depth=1), max_steps=200)
    full = GANImputer(synthesizer=model, random_state=0).fit_transform(holes)
    gaps = holes["y"].isna() & holes["x"].notna()
    error = (full["y"] - table["y"])[gaps]
    assert error.std() < 0.8 * table["y"].std()
    gaps = holes["z"].isna() & holes["x"].notna() & (table["x"].abs() > 0.3)
    assert (full["z"] == table["z"])[gaps].mean() > 0.9


def test_pipeline_step():
    clinic = make_clinic(200, random_state=0)[["age", "bmi", "cholesterol"]]
    pipeline = make_pipeline(GANImputer(synthesizer=TINY), LinearRegression())
    pipeline.fit(with_gaps(clinic), clinic["age"])
    assert len(pipeline.predict(with_gaps(clinic, seed=1))) == 200
    with pytest.raises(NotFittedError):
        GANImputer().transform(clinic)
    with pytest.raises(ValueError, match="The 'strategy' parameter"):
        GANImputer("median").fit(clinic)


def test_means_of_large_single_precision_numbers():
    x = np.linspace(2.9e38, 3.3e38, 40).astype(np.float32)
    large = pd.DataFrame({"x": np.where(np.arange(40) % 4, x, np.float32(np.nan))})
    full = GANImputer("mean", 3, TINY, random_state=0).fit_transform(large)
    assert np.isfinite(full["x"]).all()
    assert full["x"].dtype == np.float32
