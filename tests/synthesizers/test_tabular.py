import json
import os

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from pandas.testing import assert_frame_equal
from scipy.stats import ks_2samp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import synthgan
from synthgan import (
    CNN,
    FCN,
    Adam,
    Callback,
    GridEncoder,
    Loss,
    Progress,
    TabularGANSynthesizer,
)
from synthgan.exceptions import DataError, DataWarning, OutlierWarning, ParameterError
from tests.frames import frames

TINY = FCN(width=16, depth=1)


def quick(**parameters):
    defaults = {
        "network": TINY, "epochs": 2, "batch_size": 50, "candidates": 1, "random_state": 0,
    }  # fmt: skip
    return TabularGANSynthesizer(**{**defaults, **parameters})


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.OutlierWarning")
@parametrize_with_checks(
    [GridEncoder(), TabularGANSynthesizer(network=TINY, epochs=1, batch_size=32, candidates=1)]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_what_comes_out_is_what_went_in(clinic):
    fake = quick().fit(clinic).sample(40)
    assert list(fake.columns) == list(clinic.columns)
    assert (fake.dtypes == clinic.dtypes).all()
    assert isinstance(fake.index, pd.RangeIndex)
    assert fake["outcome"].cat.ordered
    assert fake["hba1c"].isna().any()
    assert not fake["age"].isna().any()
    assert set(fake["ward"]) <= set(clinic["ward"])
    assert fake["admitted"].dt.normalize().equals(fake["admitted"])


@settings(max_examples=25)
@given(frames(min_rows=5))
@pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")
def test_any_table_pandas_can_build(frame):
    fake = quick(epochs=1).fit(frame).sample(3)
    assert list(fake.columns) == list(frame.columns)
    assert len(fake) == 3


def test_equal_seeds_give_equal_bytes(clinic):
    first, second = (quick(candidates=4).fit(clinic) for _ in range(2))
    for a, b in zip(first.generator_.parameters(), second.generator_.parameters(), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()
    assert_frame_equal(first.sample(20), second.sample(20))
    assert_frame_equal(first.sample(20, random_state=3), second.sample(20, random_state=3))
    assert not first.sample(20, random_state=3).equals(first.sample(20, random_state=4))
    other = quick(random_state=1).fit(clinic)
    assert not other.sample(20, random_state=3).equals(first.sample(20, random_state=3))


def test_global_random_state_is_left_alone(clinic):
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    quick(network=FCN(width=(8,), dropout=0.5)).fit(clinic).sample(5)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


def test_score_prefers_the_trained(clinic):
    raw = quick(epochs=1, optimizer=Adam(learning_rate=1e-9)).fit(clinic)
    trained = quick(epochs=30).fit(clinic)
    assert 0 < raw.score(clinic) < trained.score(clinic) < 1
    assert trained.score(clinic) == trained.score(clinic)


def test_grid_search(clinic):
    table = clinic[["age", "sex", "bmi"]]
    search = GridSearchCV(
        quick(), {"network": [TINY, FCN(width=(8,))], "epochs": [1, 2]}, cv=2
    ).fit(table)
    assert search.best_estimator_.sample(3).shape == (3, 3)
    nested = quick(optimizer=Adam()).set_params(network__width=8, optimizer__learning_rate=0.1)
    assert nested.network.width == 8
    assert clone(nested).optimizer.learning_rate == 0.1


def test_pipeline_step(clinic):
    drop = FunctionTransformer(lambda table: table.drop(columns="admitted"))
    pipeline = make_pipeline(drop, quick()).fit(clinic)
    assert pipeline[-1].sample(2).shape == (2, 13)
    assert 0 < pipeline.score(clinic) < 1


@pytest.mark.parametrize("form", ["series", "array", "strings", "frame", "column"])
def test_y_is_learnt_jointly(clinic, form):
    X = clinic[["age", "bmi", "sex"]]
    y = {
        "series": clinic["diabetic"].rename("age"),  # clashes with a column of X
        "array": clinic["diabetic"].to_numpy().astype(int),
        "strings": clinic["ward"].to_numpy(dtype=str),
        "frame": clinic[["ward", "stay_days"]],
        "column": clinic[["stay_days"]].to_numpy(),
    }[form]
    model = quick().fit(X, y)
    fake_X, fake_y = model.sample(30, return_y=True)
    assert_frame_equal(fake_X, model.sample(30))
    assert (fake_X.dtypes == X.dtypes).all()
    assert type(fake_y) is type(y)
    assert fake_y.shape == (30, *y.shape[1:])
    if form == "frame":
        assert (fake_y.dtypes == y.dtypes).all()
    elif form == "series":
        assert fake_y.name == "age"
        assert fake_y.dtype == bool
    else:
        assert fake_y.dtype == y.dtype
        assert np.isin(fake_y, y).all()


def test_y_beside_an_array():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.integers(0, 2, 60)
    fake_X, fake_y = quick().fit(X, y).sample(5, return_y=True)
    assert fake_X.shape == (5, 2)
    assert fake_X.dtype == X.dtype
    assert fake_y.dtype == y.dtype


def test_history(clinic):
    model = quick(epochs=3).fit(clinic)
    assert list(model.history_["step"])[-1] == model.n_steps_ == 18
    assert model.history_["epoch"].is_monotonic_increasing
    assert np.isfinite(model.history_.to_numpy()).all()


def test_verbose_shows_progress(clinic, capsys):
    quick(verbose=1).fit(clinic)
    assert "12/12" in capsys.readouterr().err


@pytest.mark.parametrize("network", ["fcn", "cnn", CNN(width=4), FCN(width=(8, 8))])
@pytest.mark.parametrize("loss", ["relativistic", "bce", "hinge", "wgan-gp"])
def test_networks_and_losses(clinic, network, loss):
    model = quick(network=network, loss=loss, max_steps=2)
    fake = model.fit(clinic).sample(4)
    assert (fake.dtypes == clinic.dtypes).all()


def test_grey_levels_and_null(clinic):
    encoder = GridEncoder(scaling="minmax", layout="sectioned")
    model = quick(encoder=encoder, epochs=40).fit(clinic)
    grids = model.sample_grids(200, 0)
    assert grids.dtype == np.uint8
    padding = [c for g in model.cell_groups_ if g.kind == "null" for c in g.cells]
    assert not grids.reshape(200, -1)[:, padding].any()
    fake = model.encoder_.inverse_transform(grids)
    assert not fake["age"].isna().any()


def test_thesis_thyroid_preset(thyroid_path):
    thyroid = synthgan.datasets.load_thyroid(thyroid_path)
    model = TabularGANSynthesizer(preset="thesis-thyroid", epochs=1, random_state=0)
    with (
        pytest.warns(DataWarning, match="534 of 7200 rows left out: .* Class = 3 only"),
        pytest.warns(OutlierWarning, match="164 of 6666 rows dropped"),
    ):
        model.fit(thyroid)
    generator, discriminator = model.network_.build(model.grid_shape_, 0, 5)
    assert model.grid_shape_ == (7, 7)
    assert sum(p.numel() for p in generator.parameters()) == 3569
    assert sum(p.numel() for p in discriminator.parameters()) == 3265
    assert model.n_steps_ == 326  # 6502 rows in batches of 20
    fake = model.sample(500)
    assert (fake["Class"] == 3).all()
    assert (fake.dtypes == thyroid.dtypes).all()
    for name, (low, high) in model.encoder_.limits_.items():
        assert fake[name].between(low, high).all()


def test_a_constant_table(clinic):
    frame = pd.DataFrame({"a": [1] * 6, "b": ["x"] * 6})
    assert_frame_equal(quick().fit(frame).sample(6), frame)


def test_pickling(clinic, tmp_path):
    model = quick(candidates=4).fit(clinic)
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    assert_frame_equal(again.sample(9), model.sample(9))


def test_archive(clinic, tmp_path):
    y = clinic["diabetic"]
    model = quick(encoder=GridEncoder(side=8), candidates=4).fit(clinic.drop(columns="diabetic"), y)
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert type(again) is TabularGANSynthesizer
    pairs = (one.sample(50, return_y=True, random_state=0) for one in (model, again))
    for a, b in zip(*pairs, strict=True):
        assert a.equals(b)
    assert repr(again) == repr(clone(model).set_params(random_state=None))
    assert_frame_equal(again.history_, model.history_)
    assert again.score(clinic.drop(columns="diabetic")) == model.score(
        clinic.drop(columns="diabetic")
    )


def test_archive_of_an_array_and_of_a_preset(tmp_path, thyroid_path):
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = quick().fit(X)
    model.save(tmp_path / "m")
    again = synthgan.load(tmp_path / "m")
    assert np.array_equal(*(one.sample(5, random_state=0) for one in (again, model)))
    thyroid = synthgan.datasets.load_thyroid(thyroid_path)
    patients = thyroid[thyroid["Class"] == 3]
    model = TabularGANSynthesizer(preset="thesis-thyroid", epochs=1, batch_size=500)
    with pytest.warns(OutlierWarning):
        model.fit(patients)
    model.save(tmp_path / "m")
    again = synthgan.load(tmp_path / "m")
    assert_frame_equal(again.sample(5, random_state=0), model.sample(5, random_state=0))


def test_the_archive_holds_no_rare_value(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"income": np.round(rng.lognormal(10, 1, 400), 2)})
    frame.loc[7, "income"] = 98_765_432.25
    quick(candidates=4).fit(frame).save(tmp_path / "m")
    manifest = synthgan.state.archive.read_archive(tmp_path / "m")
    assert "98765432" not in json.dumps(manifest[:2])
    numbers = np.concatenate([array.ravel() for array in manifest[3].values()])
    assert not np.isin(frame["income"], numbers).any()


def test_the_file_is_whole_or_the_old_one(clinic, tmp_path, monkeypatch):
    model = quick().fit(clinic)
    path = tmp_path / "m.synthgan"
    model.save(path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(synthgan.exceptions.ArchiveError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Mine:
    def build(self, shape, n_conditions, latent_dim):
        return TINY.build(shape, n_conditions, latent_dim)


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_a_network_of_ones_own(clinic, tmp_path):
    model = quick(network=Mine()).fit(clinic)
    assert len(model.sample(3)) == 3
    with pytest.raises(synthgan.exceptions.ArchiveError, match=r"network=.*Mine.* cannot be saved"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


class Stop(Callback):
    def on_epoch(self, run):
        run.stop = True


def test_a_run_that_was_stopped_can_be_kept(clinic, tmp_path):
    model = quick(epochs=900, callbacks=[Stop(), Progress()]).fit(clinic)
    assert model.n_steps_ == model.history_["step"].iloc[-1] == 7
    model.save(tmp_path / "m")
    assert synthgan.load(tmp_path / "m").n_steps_ == 7
    joblib.dump(model, tmp_path / "pickle")
    clone(model)


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_names_of_y_and_of_columns_survive(clinic, tmp_path):
    table = clinic[["age", "bmi"]].set_axis(pd.Index([5, 9]), axis=1)
    y = clinic["diabetic"].rename(np.int64(3))
    model = quick().fit(table, y)
    model.save(tmp_path / "m")
    X_again, y_again = synthgan.load(tmp_path / "m").sample(4, return_y=True)
    assert X_again.columns.tolist() == [5, 9]
    assert y_again.name == 3
    odd = quick().fit(clinic[["age"]], y.rename(("a", "b")))
    with pytest.raises(synthgan.exceptions.ArchiveError, match=r"y has the name \('a', 'b'\)"):
        odd.save(tmp_path / "m")


def test_a_preset_reads_nullable_classes(thyroid_path):
    thyroid = synthgan.datasets.load_thyroid(thyroid_path).convert_dtypes()
    thyroid.loc[3, "Class"] = pd.NA
    model = TabularGANSynthesizer(preset="thesis-thyroid", epochs=1, batch_size=500)
    with pytest.warns(DataWarning, match="of 7200 rows left out"), pytest.warns(OutlierWarning):
        model.fit(thyroid)


@pytest.mark.gpu
@pytest.mark.parametrize("network", [TINY, CNN(width=4), FCN(width=(8,), dropout=0.5)])
def test_trained_on_cuda_sampled_on_the_cpu(clinic, tmp_path, network):
    before = torch.cuda.get_rng_state()
    model = quick(device="cuda", network=network, loss=Loss(threshold=0.01)).fit(clinic)
    assert torch.equal(before, torch.cuda.get_rng_state())
    assert len(model.sample(5)) == 5
    model.save(tmp_path / "m")
    again = synthgan.load(tmp_path / "m").set_params(device="cpu")
    assert_frame_equal(again.sample(5), model.set_params(device="cpu").sample(5))


def test_before_fit():
    for call in (lambda m: m.sample(1), lambda m: m.score([[1.0]]), lambda m: m.save("x")):
        with pytest.raises(NotFittedError):
            call(TabularGANSynthesizer())


def test_parts_are_not_changed_by_fit(clinic):
    encoder, loss = GridEncoder(), Loss()
    model = quick(encoder=encoder, loss=loss).fit(clinic)
    assert not hasattr(encoder, "schema_")
    assert model.encoder_ is not encoder
    with pytest.raises(ParameterError, match="n=-1 is not allowed"):
        model.sample(-1)
    with pytest.raises(ParameterError, match=r"n=2.5 is not allowed"):
        model.sample(2.5)
    with pytest.raises(ParameterError, match="return_y=True needs a model"):
        model.sample(1, return_y=True)
    assert model.sample(0).shape == (0, 14)
    assert (model.sample(0).dtypes == clinic.dtypes).all()


def test_the_limits_may_leave_nothing():
    encoder = GridEncoder(scaling="minmax", limits=(5.0, 6.0), outliers="drop")
    # Three values, so that the column is scaled.
    with (
        pytest.warns(OutlierWarning, match="3 of 3 rows dropped"),
        pytest.raises(DataError, match="n_samples=0 of 3 rows lie inside the limits"),
    ):
        quick(encoder=encoder).fit(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))


@pytest.mark.slow
def test_gaps_come_back_where_they_belong():
    clinic = synthgan.datasets.make_clinic(1500, random_state=0)
    words = {"epochs": "auto", "batch_size": 250, "max_steps": 975, "candidates": None}
    model = quick(network=FCN(width=64, depth=1), **words)
    fake = model.fit(clinic).sample(6000)
    gap, fake_gap = clinic["hba1c"].isna(), fake["hba1c"].isna()
    assert fake_gap.mean() == pytest.approx(gap.mean(), abs=0.01)
    # Who has diabetes is always measured; a short run learns that nearly.
    assert gap[clinic["diabetic"]].mean() == 0
    assert fake_gap[fake["diabetic"]].mean() < 0.25
    assert fake_gap[~fake["diabetic"]].mean() == pytest.approx(
        gap[~clinic["diabetic"]].mean(), abs=0.06
    )


def test_large_tables_are_followed_on_held_out_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=6000)
    table = pd.DataFrame({"x": x, "y": x + rng.normal(size=6000), "z": x > 1})
    wide = FCN(width=64, depth=1)
    model = quick(network=wide, epochs="auto", max_steps=200, batch_size="auto").fit(table)
    curve = model.history_["fidelity"].dropna()
    assert 10 <= len(curve) <= 21
    assert curve.between(0, 1).all()
    assert curve.iloc[-1] > curve.iloc[0]
    small = quick(epochs="auto", max_steps=20).fit(table.head(900))
    assert "fidelity" not in small.history_
    assert "fidelity" not in quick(max_steps=20).fit(table).history_


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.ShortTrainingWarning")
def test_limits_of_a_fit(clinic):
    assert quick(epochs=10**5, max_steps=13).fit(clinic).n_steps_ == 13
    model = quick(epochs=10**6, max_time="1s", candidates=None).fit(clinic)
    assert model.n_steps_ < 10**5
    assert len(model.sample(3)) == 3


def test_a_table_of_constants_comes_back(tmp_path):
    table = pd.DataFrame({"a": [1] * 150, "b": ["x"] * 150})
    model = quick(candidates=4).fit(table)
    model.save(tmp_path / "m")
    assert_frame_equal(synthgan.load(tmp_path / "m").sample(5), table.head(5))


def test_few_rows_are_drawn_as_many_are():
    # One row at a time must not be another distribution than a thousand at once.
    table = synthgan.datasets.make_clinic(300, random_state=0)[["age", "sex"]]
    model = quick(candidates=4).fit(table)
    many = model.sample(2000, random_state=0)
    few = pd.concat([model.sample(2, random_state=i) for i in range(100)])
    for name in ("age", "sex"):
        codes = pd.factorize(pd.concat([many, few])[name], sort=True)[0]
        assert ks_2samp(codes[:2000], codes[2000:]).pvalue > 1e-3
    assert len(model.sample(0)) == 0


def test_fewer_candidates_may_be_asked_later(clinic, tmp_path):
    table = synthgan.datasets.make_clinic(300, random_state=1)[["age", "bmi", "sex"]]
    model = quick(candidates=4).fit(table)
    assert model.critic_ is not None
    chosen = model.sample(50, random_state=0)
    model.save(tmp_path / "m")
    assert_frame_equal(synthgan.load(tmp_path / "m").sample(50, random_state=0), chosen)
    assert not model.set_params(candidates=1).sample(50, random_state=0).equals(chosen)
    assert quick(candidates=1).fit(table).critic_ is None


def test_the_critic_sees_grey_levels_as_users_get_them():
    table = synthgan.datasets.make_clinic(300, random_state=1)[["age", "bmi", "sex"]]
    model = quick(encoder=GridEncoder(scaling="minmax"), candidates=4, max_steps=30).fit(table)
    grids = model._draw_grids(torch.zeros(40, 0), 0)
    seen = model._features(grids)
    assert np.array_equal(seen, np.rint(seen))
    assert len(model.sample(20)) == 20
