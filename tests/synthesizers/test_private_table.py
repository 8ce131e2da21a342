"""Models with a guarantee of differential privacy, from the table to the file."""

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import synthgan
from synthgan import (
    FCN,
    Adam,
    Checkpoint,
    DifferentialPrivacy,
    FixedCombinations,
    GANImputer,
    GridEncoder,
    Inequality,
    Predicate,
    Range,
    TabularGANSynthesizer,
)
from synthgan.exceptions import DataError, ParameterError, PrivacyWarning
from tests.quick import weights_of

N = 1200


def guarantee(**parameters):
    return DifferentialPrivacy(**{"epsilon": 100.0, "delta": 1e-5, **parameters})


def quick(privacy=None, **parameters):
    defaults = {
        "network": FCN(width=16, depth=0), "optimizer": Adam(0.02, betas=(0.9, 0.99)),
        "max_steps": 30, "batch_size": 100,
    }  # fmt: skip
    return TabularGANSynthesizer(**{**defaults, **parameters}, privacy=privacy or guarantee())


@pytest.fixture(scope="module")
def patients():
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], N)
    return pd.DataFrame({
        "patient": rng.integers(0, 400, N),
        "sex": sex,
        "ward": pd.Categorical(np.where(sex == "f", "a", rng.choice(["b", "c"], N))),
        "age": rng.integers(18, 90, N),
        "crp": pd.Series(rng.exponential(4.0, N)).round(1).mask(rng.random(N) < 0.2),
        "ill": pd.array(rng.random(N) < 0.3, dtype="boolean"),
        "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 365, N), "D"),
    })  # fmt: skip


@pytest.fixture(scope="module")
def fitted(patients):
    X, y = patients.drop(columns=["patient", "ill"]), patients["ill"]
    return quick(max_steps=300, condition_on=["sex", "age"]).fit(X, y)


def test_rows_are_like_those_that_were_given(fitted, patients):
    X, y = fitted.sample(500, return_y=True, random_state=0)
    real = patients.drop(columns=["patient", "ill"])
    assert X.dtypes.equals(real.dtypes)
    assert list(X.columns) == list(real.columns)
    assert y.name == "ill"
    assert y.dtype == "boolean"
    assert X["age"].between(10, 100).mean() > 0.98  # intervals that noise made are rare
    assert X["crp"].isna().mean() == pytest.approx(real["crp"].isna().mean(), abs=0.1)
    assert (X["crp"].dropna() == X["crp"].dropna().round(1)).all()
    assert X["day"].between("2019-12-01", "2021-02-01").mean() > 0.98
    assert (X["day"] == X["day"].dt.normalize()).all()
    assert y.mean() == pytest.approx(patients["ill"].mean(), abs=0.1)
    # The wards are those of the sex.
    assert ((X["ward"] == "a") == (X["sex"] == "f")).mean() > 0.75  # by chance: 0.5
    assert len(fitted.history_) > 0
    assert "marginal_loss" in fitted.history_
    assert fitted.critic_ is None
    assert 0 < fitted.score(real) <= 1


def test_rows_without_conditions_have_the_shares_of_the_table(fitted, patients):
    # Rows with conditions are learnt too: their errors must not make up for those of these.
    X, y = fitted.sample(4000, return_y=True, random_state=1)
    shares = [(X["sex"] == "f").mean(), X["crp"].isna().mean(), y.mean()]
    real = [(patients["sex"] == "f").mean(), patients["crp"].isna().mean(), patients["ill"].mean()]
    assert shares == pytest.approx(real, abs=0.06)


def test_conditions_hold(fitted):
    made = fitted.sample(60, conditions={"sex": "m", "age": (30, 40), "ward": ["b", "c"]})
    assert made["sex"].eq("m").all()
    assert made["age"].between(30, 40).all()
    assert made["ward"].isin(["b", "c"]).all()


def test_an_array_comes_back_as_an_array():
    X = np.random.default_rng(0).normal(size=(500, 2))
    made = quick().fit(X).sample(20)
    assert isinstance(made, np.ndarray)
    assert made.shape == (20, 2)


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_constraints_hold_in_every_row(patients):
    frame = patients[["age", "crp"]].assign(until=lambda f: f["age"] + 5)
    constraints = [
        Inequality("age", "until"), Range("age", low=20, high=70),
        Predicate(is_even, columns=["age"]),
    ]  # fmt: skip
    model = quick(constraints=constraints, condition_on=["age"]).fit(frame)
    made = model.sample(100)
    assert len(made) == 100
    assert (made["age"] <= made["until"]).all()
    assert made["age"].between(20, 70).all()
    assert (made["age"] % 2 == 0).all()
    wanted = pd.DataFrame({"age": [30, 40, 50]})
    assert model.sample(conditions=wanted)["age"].tolist() == [30, 40, 50]


def is_even(frame):
    return frame["age"] % 2 == 0


def test_an_imputer_fills_gaps_with_a_private_model(patients):
    frame = patients[["sex", "age", "crp"]]
    imputer = GANImputer(synthesizer=quick(max_steps=5)).fit(frame)
    full = imputer.transform(frame)
    assert full.notna().all(axis=None)
    kept = frame["crp"].notna()
    assert full.loc[kept].equals(frame.loc[kept])
    assert imputer.synthesizer_.privacy_.spent_epsilon <= 100.001


def test_a_file_gives_the_same_rows_and_the_ledger(fitted):
    file = io.BytesIO()
    fitted.save(file)
    file.seek(0)
    loaded = synthgan.load(file)
    assert loaded.privacy_ == fitted.privacy_
    assert loaded.get_params()["privacy"].get_params() == fitted.privacy.get_params()
    assert loaded.sample(40, random_state=3).equals(fitted.sample(40, random_state=3))
    again = loaded.sample(5, conditions={"sex": "f"}, random_state=3)
    assert again["sex"].eq("f").all()
    second = io.BytesIO()
    loaded.save(second)
    assert synthgan.load(io.BytesIO(second.getvalue())).model_card() == loaded.model_card()


def test_the_card_names_the_guarantee(fitted, patients):
    card = fitted.model_card()
    assert "(100, 1e-05)-differentially private, unit: rows" in card
    assert "neighbouring tables are those from which a row is added or removed" in card
    assert "- Spent: epsilon 100, for these releases" in card
    for release in fitted.privacy_.releases:
        assert f"| {release.mechanism} | {release.n_numbers:,} |" in card
    assert "There is no guarantee" not in card
    privacy = guarantee(unit="patient", max_rows=2)
    card = quick(privacy, max_steps=1).fit(patients[["patient", "ill"]]).model_card()
    assert "all learnt rows of one `patient` are added or removed" in card


def test_the_report_names_the_guarantee(fitted, patients):
    rows = patients.drop(columns=["patient", "ill"])
    report = synthgan.evaluate(
        rows[:200], fitted.sample(200, random_state=0), holdout=rows[200:400], model=fitted,
        sections=["privacy"],
    )  # fmt: skip
    (finding,) = report.summary()
    sentence = "The model is (100, 1e-05)-differentially private, unit: rows. "
    assert finding.meaning.startswith(sentence)
    assert sentence in report.to_html()


def test_a_unit_bounds_people_and_its_column_comes_back_empty(patients):
    privacy = guarantee(unit="patient", max_rows=2, epsilon=1000.0)
    model = quick(privacy, max_steps=2).fit(patients[["patient", "sex", "age"]])
    made = model.sample(30)
    assert list(made.columns) == ["patient", "sex", "age"]
    assert made["patient"].isna().all()
    assert made[["sex", "age"]].notna().all(axis=None)
    assert model.privacy_.unit == "patient"
    single = next(one for one in model.privacy_.releases if one.what == "single columns")
    alone = 2 / np.sqrt(2 * single.rho)  # two rows
    assert alone < single.scale < alone * np.sqrt(2)  # the larger of two tables


def test_a_target_is_measured_with_all_pairs(patients):
    frame = patients[["ill", "sex", "ward"]]
    model = quick(guarantee(target="sex"), max_steps=1).fit(frame)
    assert model.privacy_.releases[-1].what == "triples with the target"
    model = quick(max_steps=1).fit(frame)
    assert model.privacy_.releases[-1].what == "dependent pairs again"


def test_columns_get_more_of_the_budget_where_the_noise_is_large(patients):
    shares = []
    for epsilon in (100.0, 3.0):
        model = quick(guarantee(epsilon=epsilon), max_steps=1).fit(patients[["sex", "ward"]])
        ledger = model.privacy_
        spent = sum(one.rho for one in ledger.releases if " of column " in one.what)
        shares.append(spent / ledger.rho)
    assert shares[0] < 0.16
    assert shares[1] > 2 * shares[0]


def test_two_fits_with_a_seed_differ(patients):
    frame = patients[["sex", "age"]]
    models = []
    for _ in range(2):
        message = "random_state=0 seeds training and sampling only: the noise of differential pri"
        with pytest.warns(PrivacyWarning, match=message):
            models.append(quick(max_steps=3, random_state=0).fit(frame))
    assert weights_of(models[0]) != weights_of(models[1])
    file = io.BytesIO()
    models[0].save(file)
    file.seek(0)
    assert "seed: there was one; the file does not hold it" in synthgan.load(file).model_card()


def test_a_large_delta_gives_a_warning(patients):
    with pytest.warns(PrivacyWarning, match=r"delta=0.1 is more than 1 / number of rows \(about 1"):
        quick(guarantee(delta=0.1), max_steps=1).fit(patients[["ill", "age"]])


@pytest.mark.filterwarnings("ignore:.*comes back empty:synthgan.exceptions.DataWarning")
def test_few_rows_give_a_warning(patients):
    message = (
        r"about \d+ rows are few for 2 columns at epsilon=0.05: some columns may come back emp"
    )
    with pytest.warns(PrivacyWarning, match=message):
        quick(guarantee(epsilon=0.05), max_steps=1).fit(patients[["ill", "age"]][:200])


def never(*_):
    raise AssertionError


REFUSED = [
    ({"preset": "thesis-thyroid"}, None, "preset='thesis-thyroid' is not allowed .*: leave it out"),
    ({"encoder": GridEncoder()}, None, "encoder=.* is not allowed .*: leave it out; declare what"),
    ({"loss": "hinge"}, None, "loss='hinge' is not allowed .*: leave it out; there is no discr"),
    ({"epochs": 3}, None, "epochs=3 is not allowed .*: give max_steps; no row is seen"),
    ({"epochs": "auto"}, None, "epochs='auto' is not allowed with DifferentialPrivacy"),
    ({"candidates": 8}, None, "candidates=8 is not allowed .*; give 1: the choice among candi"),
    ({"warm_start": True}, None, "warm_start=True is not allowed with DifferentialPrivacy"),
    ({"callbacks": [Checkpoint("a.checkpoint")]}, None, "a Checkpoint is not allowed with Differ"),
    ({}, "patient", r"groups is not allowed .*; name the column in DifferentialPrivacy\(unit="),
    ({"constraints": [FixedCombinations(["sex", "ward"])]}, None,
     "constraint FixedCombinations.* is not allowed .*, because it learns from rows; Inequality"),
    ({"condition_on": ["weight"]}, None, r"condition_on names \['weight'\], which the table lacks"),
    ({"privacy": DifferentialPrivacy(delta=1e-6)}, None, "DifferentialPrivacy has epsilon=None"),
    ({"privacy": DifferentialPrivacy(epsilon=1.0)}, None, "DifferentialPrivacy has delta=None"),
    ({"privacy": guarantee(unit="id")}, None, "unit='id' is no column; the columns are"),
    ({"privacy": guarantee(target="id")}, None, "target='id' is no column; the columns are"),
    ({"privacy": guarantee(public={"id": [1]})}, None, "public names 'id', which is no column"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "groups", "message"), REFUSED)
def test_what_would_read_rows_is_refused(patients, monkeypatch, parameters, groups, message):
    from synthgan.privacy import mechanisms

    for name in ("noisy_counts", "noisy_labels", "choose_largest"):
        monkeypatch.setattr(mechanisms, name, never)  # before anything is spent
    model = quick().set_params(**parameters)
    with pytest.raises(ParameterError, match=message):
        model.fit(patients, groups=groups)
    assert not hasattr(model, "privacy_")


def test_a_table_of_people_alone_is_refused(patients):
    with pytest.raises(DataError, match="the table has no column beside unit='patient'"):
        quick(guarantee(unit="patient")).fit(patients[["patient"]])


def test_what_is_the_default_is_allowed(patients):
    parameters = {"candidates": 1, "constraints": "auto", "condition_on": "any", "max_time": 60}
    model = quick(max_steps=1, **parameters).fit(patients[["sex", "ill"]])
    assert model.constraints_.constraints_ == []
    assert len(model.sample(3, conditions={"sex": "f"})) == 3


def test_the_guarantee_is_a_parameter_of_an_estimator():
    model = clone(quick(guarantee(unit="patient")))
    assert model.get_params()["privacy__epsilon"] == 100.0
    assert model.set_params(privacy__epsilon=2.0).privacy.epsilon == 2.0


def test_a_fit_without_a_guarantee_forgets_the_ledger(patients):
    frame = patients[["sex", "ill"]]
    model = quick(max_steps=1).fit(frame)
    assert model.privacy_ is not None
    model.set_params(privacy="faithful", candidates=1, constraints=[]).fit(frame)
    assert model.privacy_ is None
    assert "There is no guarantee" in model.model_card()
