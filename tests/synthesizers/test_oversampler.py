import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.utils import check_sampling_strategy
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import cross_val_score

from synthgan import FCN, GANOverSampler, TabularGANSynthesizer
from synthgan.datasets import make_clinic
from synthgan.exceptions import DataError, DataWarning, ParameterError

SMALL = TabularGANSynthesizer(network=FCN(width=16, depth=1), max_steps=20, candidates=1)


@pytest.fixture(scope="module")
def clinic():
    return make_clinic(400, random_state=0)


def over(strategy="auto", synthesizer=SMALL):
    return GANOverSampler(strategy, synthesizer=synthesizer, random_state=0)


@pytest.mark.parametrize(
    "strategy", ["auto", "minority", "not minority", "not majority", "all", {"general": 250}]
)
def test_rows_are_added_as_imbalanced_learn_counts_them(clinic, strategy):
    X, y = clinic[["age", "bmi", "sex", "admitted"]], clinic["ward"]
    if isinstance(strategy, dict):
        strategy = {y.value_counts().idxmin(): 150}
    sampler = over(strategy)
    more, labels = sampler.fit_resample(X, y)
    theirs = check_sampling_strategy(strategy, y, "over-sampling")
    assert {k: n for k, n in sampler.sampling_strategy_.items() if n} == {
        k: n for k, n in theirs.items() if n
    }
    pd.testing.assert_frame_equal(more.head(400), X)
    assert labels.head(400).tolist() == y.tolist()
    assert labels.name == "ward"
    added = labels.iloc[400:].value_counts()
    assert added.to_dict() == {k: n for k, n in theirs.items() if n}
    assert (more.dtypes == X.dtypes).all()
    assert len(more) == len(labels)


def test_two_classes_by_ratio_and_callable(clinic):
    X = clinic[["age", "bmi"]].to_numpy(dtype=float)
    y = (clinic["cholesterol"] > clinic["cholesterol"].quantile(0.8)).to_numpy().astype(int)
    more, labels = over(0.5, clone(SMALL).set_params(candidates=4)).fit_resample(X, y)
    assert isinstance(more, np.ndarray)
    assert isinstance(labels, np.ndarray)
    assert labels.dtype == y.dtype
    assert (labels == 1).sum() == int(0.5 * (y == 0).sum())
    _, again = over(lambda y: {1: 200}).fit_resample(X, y)
    assert (again == 1).sum() == 200


def test_rows_of_few_are_judged():
    """The best of several tries is kept, also where the table has less than 40 rows."""
    rng = np.random.default_rng(0)
    y = np.repeat(["rare", "often"], [12, 24])
    X = pd.DataFrame(rng.normal(size=(36, 2)) + 6 * (y == "rare")[:, None], columns=["a", "b"])
    poor = clone(SMALL).set_params(max_steps=60)  # a quarter of its tries look like the class
    made, _ = GANOverSampler(
        {"rare": 112}, synthesizer=poor, hidden=1.0, random_state=0
    ).fit_resample(X, y)
    assert (made["a"].iloc[36:] > 3).mean() > 0.5


def test_nothing_to_add(clinic):
    X, y = clinic[["age"]], np.tile([0, 1], 200)
    more, labels = over().fit_resample(X, y)
    assert more is X
    assert labels is y


def test_a_step_of_their_pipeline(clinic):
    X, y = clinic[["age", "bmi", "stay_days"]], clinic["outcome"].astype(str)
    X, y = X[y.map(y.value_counts()) > 20], y[y.map(y.value_counts()) > 20]
    pipeline = make_pipeline(over(), HistGradientBoostingClassifier(max_iter=10))
    assert 0 < cross_val_score(pipeline, X, y, cv=2).mean() <= 1
    assert pipeline.fit(X, y).predict(X.head(3)).shape == (3,)


def test_columns_of_any_name(clinic):
    X = clinic[["age", "bmi"]].set_axis(["y", "y_"], axis=1)
    more, labels = over().fit_resample(X, clinic["sex"])
    assert list(more) == ["y", "y_"]
    assert labels.value_counts().nunique() == 1
    more, _ = over().fit_resample(X.set_axis([0, 1], axis=1), clinic["sex"])
    assert list(more) == [0, 1]


def test_bad_input(clinic):
    X, y = clinic[["age"]], clinic["sex"]
    for strategy, message in (
        ({"x": 3}, "names class 'x', which y lacks"),
        ({"male": 3}, "only adds rows"),
    ):
        with pytest.raises(ParameterError, match=message):
            over(strategy).fit_resample(X, y)
    with pytest.raises(ParameterError, match="ratio of two classes; y has 4"):
        over(0.5).fit_resample(X, clinic["ward"])
    with pytest.raises(DataError, match="one class, 'a'"):
        over().fit_resample(X, ["a"] * 400)
    with pytest.raises(DataError, match="y holds 400 missing"):
        over().fit_resample(X, pd.Series([None] * 400))
    with pytest.raises(ValueError, match="'sampling_strategy' parameter"):
        over("rare").fit_resample(X, y)


def test_a_class_too_rare_to_be_learnt_is_refused(clinic):
    X, y = clinic[["age", "bmi"]], clinic["ward"].copy()
    y.iloc[:3] = "rare"
    with pytest.raises(DataError, match=r"class 'rare' of y has 3 row\(s\); min_support=5"):
        over().fit_resample(X, y)
    with pytest.warns(DataWarning, match="column 'y' has 3 value"):
        _, labels = over({"cardiology": 120}).fit_resample(X, y)
    assert (labels == "rare").sum() == 3


NAMES = pd.Series(np.where(np.arange(400) % 4, "often", "rare"))
FORMS = {
    "frame": lambda y: y.to_frame("class").set_axis(range(7, 407)),
    "frame of categories": lambda y: y.astype("category").to_frame(0),
    "no name": lambda y: y.set_axis(range(7, 407)),
    "categories": lambda y: y.astype(pd.CategoricalDtype(["rare", "often", "never"], ordered=True)),
    "text": lambda y: y.astype("string").rename("class"),
    "objects": lambda y: y.astype(object),
    "booleans": lambda y: y == "rare",
    "nullable booleans": lambda y: (y == "rare").astype("boolean"),
    "nullable integers": lambda y: (y == "rare").astype("Int64"),
    "index": lambda y: pd.Index(y, name="class"),
    "array": lambda y: y.to_numpy(str),
    "bytes": lambda y: (y == "rare").to_numpy(np.int8),
    "list": lambda y: y.tolist(),
    "tuple": lambda y: tuple((y == "rare").astype(int).tolist()),
}


def same(more, y):
    """Compare the container, the dtype and the values of what was given."""
    assert type(more) is type(y)
    if isinstance(y, list | tuple):
        assert more[:400] == y
        return list(more)
    if isinstance(y, np.ndarray):
        assert (more.dtype, more.shape[1:]) == (y.dtype, y.shape[1:])
        assert np.array_equal(more[:400], y)
        return more.ravel().tolist()
    if isinstance(y, pd.DataFrame):
        assert list(more) == list(y)
        more, y = more.iloc[:, 0], y.iloc[:, 0]
    assert (more.dtype, more.name) == (y.dtype, y.name)
    assert more[:400].tolist() == y.tolist()
    return more.tolist()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_classes_come_back_in_their_container(clinic, form):
    y = form(NAMES)
    rows, more = over().fit_resample(clinic[["age", "bmi"]], y)
    classes = same(more, y)
    assert len(classes) == len(rows) == 600
    assert all(classes.count(one) == 300 for one in set(classes))


def test_columns_of_classes_give_the_warning_of_scikit_learn(clinic):
    for y in (NAMES.to_numpy(str)[:, None], (NAMES == "rare").to_numpy(int)[:, None]):
        with pytest.warns(DataConversionWarning, match=r"y has shape \(400, 1\), .* y.ravel\(\)"):
            _, more = over().fit_resample(clinic[["age"]], y)
        assert len(same(more, y)) == 600
    with pytest.raises(DataError, match=r"y has shape \(400, 2\); give one class for each row"):
        over().fit_resample(clinic[["age"]], clinic[["sex", "ward"]])
    with pytest.raises(DataError, match=r"y has shape \(400, 2\)"):
        over().fit_resample(clinic[["age"]], np.zeros((400, 2)))


def test_classes_of_polars_stay_there(clinic):
    polars = pytest.importorskip("polars")
    for dtype in (polars.String, polars.Categorical):
        y = polars.Series("class", NAMES.tolist(), dtype=dtype)
        X = polars.from_pandas(clinic[["age", "bmi"]])
        for given in (y, y.to_frame()):
            rows, more = over().fit_resample(X, given)
            assert type(more) is type(given)
            column = more if given is y else more["class"]
            assert (column.dtype, column.name) == (y.dtype, "class")
            assert column[:400].to_list() == NAMES.tolist()
            assert column.to_list().count("rare") == 300
            assert len(rows) == 600
