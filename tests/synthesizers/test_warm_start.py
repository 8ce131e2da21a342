"""A fit that goes on from the networks of the previous one."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

import synthgan
from synthgan import (
    FCN,
    Callback,
    Checkpoint,
    ImageGANSynthesizer,
    SignalGANSynthesizer,
)
from synthgan.exceptions import (
    CheckpointError,
    DataError,
    ParameterError,
)
from synthgan.state.archive import read_archive
from tests.quick import TINY, Break, BrokenError, assert_same, freeze, quick, thaw, weights_of


def test_warm_start_goes_on(table):
    cold = quick(epochs=3).fit(table)
    model = quick(epochs=3, warm_start=True).fit(table)
    assert weights_of(model) == weights_of(cold)
    previous = {name: tensor.clone() for name, tensor in model._previous_networks.generator.items()}
    first = []

    class Look(Callback):
        def on_begin(self, run):
            first.append({k: v.clone() for k, v in run.state.generator.state_dict().items()})
            first.append(run.state.step)

    model.set_params(callbacks=[Look()], epochs=2).fit(table)
    assert all(torch.equal(first[0][name], previous[name]) for name in previous)
    assert first[1] == 0
    assert model.n_steps_ == 12
    assert weights_of(model) != weights_of(cold)
    model.set_params(warm_start=False, callbacks=None, epochs=3).fit(table)
    assert weights_of(model) == weights_of(cold)
    with pytest.raises(ParameterError, match="previous fit, but that was without it"):
        model.set_params(warm_start=True).fit(table)
    assert weights_of(model) == weights_of(cold)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t[["age", "sex", "bmi", "ward"]],
            r"columns \['hba1c'\] are in one of them only",
        ),
        (lambda t: t.assign(ward=["a", "b", "c", "d", "e"] * 60), r"\['ward'\] have other levels"),
        (lambda t: t.fillna({"hba1c": 5.5}), r"columns \['hba1c'\] have other levels, or gaps"),
        (lambda t: t[["bmi", "sex", "age", "ward", "hba1c"]], "in another order"),
    ],
)
def test_warm_start_refuses_other_tables(table, change, message):
    model = quick(epochs=1, warm_start=True, constraints=[]).fit(table)
    weights = weights_of(model)
    with pytest.raises(DataError, match=message) as error:
        model.fit(change(table))
    assert "set warm_start=False to begin anew" in str(error.value)
    assert weights_of(model) == weights
    assert list(model.sample(3)) == list(table)
    assert len(model.fit(table.sample(frac=1, random_state=0)).sample(3)) == 3


def test_warm_start_refuses_other_networks_and_conditions(table):
    model = quick(epochs=1, warm_start=True).fit(table)
    with pytest.raises(ParameterError, match="goes on with the networks of the previous fit, and"):
        model.set_params(network=FCN(width=(8,))).fit(table)
    model.set_params(network=TINY)
    with pytest.raises(DataError, match=r"conditions are on \['ward'\], and were on \[\]"):
        model.set_params(condition_on=["ward"]).fit(table)


def test_warm_start_of_signals_and_images():
    rng = np.random.default_rng(0)
    windows, pictures = rng.normal(size=(20, 40)), rng.integers(0, 256, (12, 6, 6), np.uint8)
    for model, X, other in (
        (SignalGANSynthesizer(fs_hz=20), windows, windows[:, :20]),
        (ImageGANSynthesizer(), pictures, pictures[:, :5]),
    ):
        model.set_params(max_steps=2, network="fcn", random_state=0, warm_start=True).fit(X)
        weights = weights_of(model)
        with pytest.raises(DataError, match=r"grids are of shape .*, and were of"):
            model.fit(other)
        assert weights_of(model) == weights
        assert weights_of(model.fit(X)) != weights


def test_networks_to_go_on_from_are_pickled_but_never_saved(table, tmp_path):
    model = quick(epochs=2, warm_start=True).fit(table)
    again = thaw(freeze(model))
    assert weights_of(again.fit(table)) == weights_of(clone(model).fit(table).fit(table))
    model.save(tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    assert weights_of(model)[:64] in content
    seen = [tensor.numpy().tobytes() for tensor in model._previous_networks.discriminator.values()]
    assert not any(tensor in content for tensor in seen if len(tensor) > 8)
    saved = read_archive(tmp_path / "m")
    assert set(saved.weights) == set(model.generator_.state_dict())
    loaded = synthgan.load(tmp_path / "m")
    assert loaded.warm_start is False
    assert not hasattr(loaded, "_previous_networks")
    with pytest.raises(ParameterError, match="or the model is from a file"):
        loaded.set_params(warm_start=True).fit(table)


def test_another_run_of_a_warm_start_is_another_run(table, tmp_path):
    model = quick([Checkpoint(tmp_path)], warm_start=True).fit(table)
    with pytest.raises(CheckpointError, match="another run: other warm_start"):
        model.fit(table)
    saved = freeze(model.set_params(callbacks=None))
    whole = model.fit(table)
    folder = tmp_path / "second"
    with pytest.raises(BrokenError):
        thaw(saved).set_params(callbacks=[Checkpoint(folder), Break(60)]).fit(table)
    assert_same(thaw(saved).set_params(callbacks=[Checkpoint(folder)]).fit(table), whole)
