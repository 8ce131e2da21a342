import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from imblearn.pipeline import make_pipeline as make_imbalanced_pipeline
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from synthgan import (
    FCN,
    GANImputer,
    GANOverSampler,
    GridEncoder,
    ImageEncoder,
    ImageGANSynthesizer,
    RelationalGANSynthesizer,
    SignalEncoder,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_clinic
from synthgan.exceptions import DataWarning, ParameterError
from synthgan.metrics import c2st, column_shapes, make_scorer
from tests.quick import PIXELS, WAVES

TINY = TabularGANSynthesizer(
    network=FCN(width=4, depth=1), max_steps=2, candidates=1, random_state=0
)
CLINIC = make_clinic(60, random_state=0)[["age", "sex", "bmi"]]
CLINIC["bmi"] = CLINIC["bmi"].mask(np.arange(60) % 5 == 0)
OLD = (CLINIC["age"] > 50).astype(int)
PATIENT = np.arange(60) // 2
NUMBERS = CLINIC[["age", "bmi"]]
CONTAINERS = {
    "pandas": CLINIC,
    "polars": pl.from_pandas(CLINIC),
    "pyarrow": pa.Table.from_pandas(CLINIC),
    "array": CLINIC[["age", "bmi"]].to_numpy(float),
}
KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table, "array": np.ndarray}


@pytest.fixture(scope="module")
def imputers():
    return {
        name: GANImputer(synthesizer=TINY, random_state=0).fit(X) for name, X in CONTAINERS.items()
    }


@pytest.mark.parametrize("given", CONTAINERS)
@pytest.mark.parametrize("wanted", ["default", "pandas", "polars"])
def test_imputer_gives_the_container_that_set_output_says(imputers, given, wanted):
    full = imputers[given].set_output(transform=wanted).transform(CONTAINERS[given])
    assert isinstance(full, KINDS[given if wanted == "default" else wanted])
    if wanted == "default":
        return
    assert list(full.columns) == imputers[given].get_feature_names_out().tolist()
    numbers = [list(full.columns).index(n) for n in full.columns if n != "sex"]
    if wanted == "pandas":
        assert all(full.dtypes.iloc[i].kind in "if" for i in numbers)
        assert not full.isna().any().any()
    else:
        assert all(full.dtypes[i].is_numeric() for i in numbers)


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.OutlierWarning")
@pytest.mark.parametrize("wanted", ["pandas", "polars"])
@pytest.mark.parametrize(
    ("encoder", "X"), [(GridEncoder(), CLINIC), (SignalEncoder(), WAVES), (ImageEncoder(), PIXELS)]
)
def test_encoders_give_one_column_a_cell(encoder, X, wanted):
    encoder.fit(X).set_output(transform="default")
    grids = encoder.transform(X)
    cells = encoder.set_output(transform=wanted).transform(X)
    assert isinstance(cells, KINDS[wanted])
    assert list(cells.columns) == encoder.get_feature_names_out().tolist()
    assert np.array_equal(cells.to_numpy(), grids.reshape(len(grids), -1))


@pytest.mark.parametrize(
    ("estimator", "X"),
    [
        (TabularGANSynthesizer(), CLINIC),
        (SignalGANSynthesizer(), WAVES),
        (ImageGANSynthesizer(), PIXELS),
        (RelationalGANSynthesizer(), {"patients": CLINIC}),
        (GANImputer(), CLINIC),
        (GANOverSampler(), CLINIC),
    ],
)
def test_weights_are_refused_by_name(estimator, X):
    y = OLD if isinstance(estimator, GANOverSampler) else None
    name = type(estimator).__name__
    with pytest.raises(ParameterError, match=f"sample_weight is not supported by {name}"):
        estimator.fit(X, y, sample_weight=np.ones(len(X)))
    if hasattr(estimator, "set_fit_request"):  # where fit takes groups
        with (
            sklearn.config_context(enable_metadata_routing=True),
            pytest.raises(TypeError, match="sample_weight"),
        ):
            estimator.set_fit_request(sample_weight=True)


def test_absent_weights_weigh_nothing_and_oversampling_refuses_them():
    assert GANOverSampler().fit(NUMBERS, OLD, sample_weight=None).sampling_strategy_
    with pytest.raises(ParameterError, match="sample_weight is not supported by GANOverSampler"):
        GANOverSampler().fit_resample(NUMBERS, OLD, sample_weight=OLD)


def test_rows_drawn_by_weight_move_the_sample():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"x": rng.normal(size=200), "label": np.where(np.arange(200) % 4, "a", "b")}
    )
    weight = np.where(table["label"] == "b", 9.0, 1.0)
    drawn = rng.choice(200, 400, p=weight / weight.sum())
    model = TabularGANSynthesizer(network=FCN(width=16, depth=1), max_steps=150, random_state=0)
    model.fit(table.iloc[drawn].reset_index(drop=True), groups=drawn)
    share = (model.sample(1000)["label"] == "b").mean()
    # .25 of the rows, .75 of the weight: also after the choice among candidates.
    assert model.critic_ is not None
    assert abs(share - 0.75) < 0.12


def test_groups_are_routed():
    seen = []

    class Watched(TabularGANSynthesizer):
        def fit(self, X, y=None, groups=None):
            seen.append(groups)
            return super().fit(X, y, groups)

    with sklearn.config_context(enable_metadata_routing=True):
        model = Watched(**TINY.get_params(deep=False)).set_fit_request(groups=True)
        params = {"groups": PATIENT}
        result = cross_validate(model, CLINIC, cv=GroupKFold(2), params=params)
        assert np.isfinite(result["test_score"]).all()
        assert sorted(map(len, seen)) == [30, 30]
        assert not set(seen[0]) & set(seen[1])
        imputer = GANImputer(synthesizer=Watched(**TINY.get_params(deep=False)))
        pipeline = make_pipeline(imputer.set_fit_request(groups=True), DecisionTreeClassifier())
        pipeline.fit(NUMBERS, OLD, groups=PATIENT)
        assert seen[-1] is PATIENT
        sampler = GANOverSampler(synthesizer=Watched(**TINY.get_params(deep=False)))
        sampler.set_fit_resample_request(groups=True)
        make_imbalanced_pipeline(sampler, DecisionTreeClassifier()).fit(
            NUMBERS, OLD, groups=PATIENT
        )
        assert seen[-1] is PATIENT
        with pytest.raises(TypeError, match="sample_weight"):
            cross_validate(TINY, CLINIC, cv=2, params={"sample_weight": PATIENT})


def test_scorers_turn_the_sign_where_lower_is_better():
    model = TabularGANSynthesizer(**TINY.get_params(deep=False)).fit(NUMBERS)
    fake = model.sample(60, random_state=0)
    shapes = make_scorer(column_shapes)
    assert shapes(model, NUMBERS) == column_shapes(NUMBERS, fake).value
    apart = make_scorer(c2st, random_state=0)(model, NUMBERS, OLD)
    assert apart == -c2st(NUMBERS, fake, random_state=0).value
    assert repr(shapes) == "make_scorer(column_shapes)"
    with pytest.raises(ParameterError, match="n=0 is not allowed"):
        make_scorer(c2st, n=0)
    with pytest.raises(ParameterError, match="measure='c2st' is not allowed"):
        make_scorer("c2st")


def test_a_warning_of_fit_names_the_line_of_the_user():
    few = CLINIC[["age"]].assign(rare=["a"] * 57 + ["b"] * 3)
    with pytest.warns(DataWarning, match="rare") as caught:
        TabularGANSynthesizer(**TINY.get_params(deep=False)).fit(few)
    assert __file__ in {warning.filename for warning in caught}
