"""Tables that come otherwise than they were learnt: kept, converted, or refused by name."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from synthgan import FCN, GANImputer, TabularGANSynthesizer
from synthgan.datasets import make_clinic
from synthgan.exceptions import DataError, DataWarning

TINY = TabularGANSynthesizer(network=FCN(width=4, depth=1), max_steps=2, candidates=1)
COLUMNS = ["age", "bmi", "ward", "sex", "admitted", "diabetic"]


@pytest.fixture(scope="module")
def holes():
    clinic = make_clinic(300, random_state=0)[COLUMNS]
    clinic["stay"] = pd.to_timedelta(clinic["age"], unit="h")
    clinic["grade"] = (clinic["age"] // 30).astype("Int64")
    clinic["lab"] = clinic["bmi"].map("{:.1f}".format)
    holes = clinic.mask(np.random.default_rng(0).random(clinic.shape) < 0.1)
    return holes.assign(lab=holes["lab"].where(holes["lab"].notna(), "."))


@pytest.fixture(scope="module")
def imputer(holes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return GANImputer(synthesizer=TINY, random_state=0).fit(holes)


@pytest.fixture
def some(holes):
    return holes.head(40).set_axis([5] * 40)


def set_column(table, **columns):
    return table.assign(**{name: f(table[name]) for name, f in columns.items()})


def check(imputer, table, names):
    """Impute; columns keep their dtypes, what was there stays, and nothing is missing."""
    full = imputer.transform(table)
    assert full.index.equals(table.index)
    for name in names:
        there = (table[name].notna() & ~table[name].isin(["."])).to_numpy(dtype=bool)
        assert full[name].dtype == table[name].dtype
        assert full[name][there].tolist() == table[name][there].tolist()
        assert full[name].notna().all()
    return full


def moons(series):
    series = series.astype(object)
    series.iloc[[0, 3]] = "moon"
    return series


def test_labels_never_seen_stay_and_are_counted(imputer, some):
    table = set_column(some, ward=moons)
    with pytest.warns(DataWarning, match=r"column 'ward' holds 2 value\(s\) .* such as 'moon'"):
        full = check(imputer, table, COLUMNS)
    assert full["ward"].iloc[[0, 3]].tolist() == ["moon", "moon"]
    both = set_column(some, ward=moons, sex=lambda s: moons(s).astype("category"))
    with pytest.warns(DataWarning, match=r"2 columns \('ward', 'sex'\) hold values that the model"):
        full = check(imputer, both, COLUMNS)
    # The model ignores unknown values: other cells are as if they were missing.
    blank = table.assign(ward=table["ward"].replace("moon", None))
    others = ["age", "bmi", "admitted", "lab"]
    assert full["sex"].cat.categories.tolist() == ["female", "male", "moon"]
    with pytest.warns(DataWarning, match="'ward'"):
        seen = imputer.transform(table)
    assert seen[others].equals(imputer.transform(blank)[others])
    unread = set_column(some, lab=moons)
    with pytest.warns(DataWarning, match=r"column 'lab' holds 2 value\(s\)"):
        check(imputer, unread, ["lab"])


def test_a_rare_label_does_not_break_cross_validation():
    clinic = make_clinic(90, random_state=0)
    X = clinic[["age", "ward"]].mask(np.random.default_rng(0).random((90, 2)) < 0.1)
    X["ward"] = X["ward"].astype(object)
    X.iloc[1, 1] = "moon"
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encode.set_output(transform="pandas")
    trees = HistGradientBoostingClassifier(max_iter=5)
    pipeline = make_pipeline(GANImputer(synthesizer=TINY, random_state=0), encode, trees)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        scores = cross_val_score(pipeline, X, clinic["sex"], cv=3, error_score="raise")
    assert len(scores) == 3


TEXTS = {
    "numbers": {"bmi": lambda s: s.map("{:.1f}".format, na_action="ignore").astype(object)},
    "string": {"bmi": lambda s: s.astype("string"), "age": lambda s: s.astype("string")},
    "dates": {"admitted": lambda s: s.dt.strftime("%Y-%m-%d").astype(object)},
    "moments": {"admitted": lambda s: s.dt.strftime("%Y-%m-%d 00:00:00").astype(object)},
    "words": {"diabetic": lambda s: s.map({True: "TRUE", False: "FALSE"})},
    "durations": {"stay": lambda s: s.map(str, na_action="ignore").astype(object)},
    "category": {"ward": lambda s: s.astype("category")},
}
PLAIN = {
    "float": {"age": lambda s: s.astype("float32"), "diabetic": lambda s: s.astype(float)},
    "nullable": {
        "bmi": lambda s: s.astype("Float64"),
        "age": lambda s: s.astype("Int64"),
        "diabetic": lambda s: s.astype("boolean"),
    },
    "object": {"bmi": lambda s: s.astype(object), "sex": lambda s: s.astype(object)},
    "all missing": {
        "bmi": lambda s: s.mask(s.notna()),
        "admitted": lambda s: s.mask(s.notna()),
        "diabetic": lambda s: s.mask(s.notna()),
        "sex": lambda s: s.mask(s.notna()),
    },
    "outside": {"bmi": lambda s: s * 40, "grade": lambda s: s + 7},
}


@pytest.mark.parametrize("columns", [*TEXTS.values(), *PLAIN.values()], ids=[*TEXTS, *PLAIN])
def test_columns_of_another_dtype_keep_it(imputer, some, columns):
    table = set_column(some, **columns)
    full = check(imputer, table, columns)
    if columns in TEXTS.values():
        for name in columns:
            assert full[name].map(type).nunique() == 1
    again = set_column(full, **{name: lambda s: s for name in columns})
    assert imputer.transform(again)[list(columns)].equals(full[list(columns)])


def test_conversions_are_right(imputer, some):
    texts = set_column(some, **TEXTS["numbers"], **TEXTS["dates"], **TEXTS["words"])
    plain, full = imputer.transform(some), imputer.transform(texts)
    assert full["bmi"].astype(float).tolist() == plain["bmi"].tolist()
    assert pd.to_datetime(full["admitted"]).tolist() == plain["admitted"].tolist()
    assert full["diabetic"].str.title().tolist() == plain["diabetic"].map(str).tolist()
    assert full["ward"].tolist() == plain["ward"].tolist()


def test_labels_missing_all_come_back_as_labels(imputer, some):
    full = imputer.transform(some.assign(ward=np.nan))
    assert set(full["ward"]) <= set(make_clinic(300, random_state=0)["ward"])
    assert imputer.transform(some.assign(ward=None))["ward"].notna().all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"bmi": moons}, r"column 'bmi' was learnt as numbers and holds 2 value.*such as 'moon'"),
        ({"admitted": moons}, r"column 'admitted' was learnt as dates and holds 2 .*'moon'"),
        ({"bmi": pd.to_datetime}, r"column 'bmi' was learnt as numbers and holds values of dtype"),
        ({"admitted": lambda s: s.astype("int64")}, r"'admitted' was learnt as dates and holds"),
        ({"ward": lambda s: s.notna().astype(float).mask(s.isna())}, r"column 'ward' of dtype"),
    ],
)
@pytest.mark.filterwarnings("ignore:column 'ward' holds")
def test_what_cannot_be_converted_is_refused_by_name(imputer, some, columns, message):
    some = some.assign(admitted=some["admitted"].fillna(pd.Timestamp("2024-02-02")))
    with pytest.raises(DataError, match=message):
        imputer.transform(set_column(some, **columns))


def test_few_rows_other_columns_and_containers(imputer, holes, some):
    polars = pytest.importorskip("polars")
    none = imputer.transform(holes.head(0))
    assert none.equals(holes.head(0))
    assert [len(one) for one in imputer.draw(holes.head(0), 3)] == [0, 0, 0]
    assert imputer.transform(some.head(1)).notna().all().all()
    for wrong in (some.assign(z=1), some.drop(columns="bmi"), some[some.columns[::-1]]):
        with pytest.raises(ValueError, match="feature names should match"):
            imputer.transform(wrong)
    table = polars.from_pandas(set_column(holes.head(20), bmi=lambda s: s.astype("string")))
    full = imputer.transform(table)
    assert full.schema == table.schema
    assert full["bmi"].null_count() == 0
    assert imputer.transform(table.head(0)).schema == table.schema
