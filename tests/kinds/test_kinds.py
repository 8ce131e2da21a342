"""The kinds of the package, and a kind that is registered by a test."""

import numpy as np
import pytest

import synthgan
from synthgan import evaluate
from synthgan.cli import main
from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.kinds import all_kinds, find_kind, register, registry
from tests.kinds.profile import KIND, N_NUMBERS
from tests.kinds.profile.synthesizer import ProfileGANSynthesizer

pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTERED", {})
    register(KIND)


@pytest.fixture(scope="module")
def profiles():
    rng = np.random.default_rng(0)
    return np.clip(rng.random((500, 1)) + 0.1 * rng.normal(size=(500, N_NUMBERS)), 0, 1)


def test_every_kind_is_complete():
    assert set(all_kinds()) == {"table", "signal", "image", "relational"}
    for name, kind in all_kinds().items():
        assert kind.name == kind.estimator().kind == name
        assert set(kind.measures()) == {"fidelity", "usefulness", "privacy"}
        if name != "relational":  # which has the recipe of tables
            recipe = kind.estimator().recipe.parameters
            assert isinstance(recipe["encoder"], kind.estimator().encoder_class)
            for preset in kind.estimator().presets.values():
                assert set(preset.parameters) <= set(recipe)
        texts = (kind.plural, kind.records, kind.makes, kind.shown, kind.pooled)
        assert all((*texts, kind.floor, kind.importance_caption))


def test_unknown_kind_raises():
    with pytest.raises(ParameterError, match="kind='heap' is not allowed; give one of"):
        find_kind("heap")


def test_registered_kind_is_fitted_saved_and_evaluated(registered, profiles, tmp_path):
    labels = np.where(profiles[:, 0] > 0.5, "high", "low")
    model = ProfileGANSynthesizer(epochs=60, random_state=0).fit(profiles, labels)
    fake, y = model.sample(400, return_y=True)
    assert fake.shape == (400, N_NUMBERS)
    assert fake[y == "high"].mean() > fake[y == "low"].mean() + 0.2
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert type(again) is ProfileGANSynthesizer
    assert np.array_equal(again.sample(9, random_state=3), model.sample(9, random_state=3))
    assert "profiles of 12 numbers" in again.model_card()
    report = evaluate(profiles[:250], fake, holdout=profiles[250:])
    assert report.settings["kind"] == "profile"
    assert report.names == ["c2st", "near_copies"]
    assert "nothing is drawn" in report.to_html()


def test_registered_kind_on_the_command_line(registered, profiles, tmp_path, capsys):
    real, fake, model = (str(tmp_path / name) for name in ("a.profiles", "b.profiles", "m"))
    np.savetxt(real, profiles)
    main(["fit", real, "--out", model, "--seed", "1", "--epochs", "2", "--most-profiles", "300"])
    assert "Trained on 300 profiles." in capsys.readouterr().out
    main(["info", model])
    assert "Makes profiles of numbers" in capsys.readouterr().out
    main(["sample", model, "-n", "100", "--out", fake])
    assert np.loadtxt(fake).shape == (100, N_NUMBERS)
    main(["evaluate", real, fake, "--html", str(tmp_path / "r.html")])
    assert "Faithful?" in capsys.readouterr().out
    assert (tmp_path / "r.html").exists()
    with pytest.raises(SystemExit):
        main(["fit", real, "--out", model, "--fs-hz", "100"])
    assert "--fs-hz is for signals" in capsys.readouterr().err


def test_unregistered_kind_cannot_be_saved(profiles, tmp_path):
    model = ProfileGANSynthesizer(epochs=1, random_state=0).fit(profiles)
    with pytest.raises(ArchiveError, match="class ProfileGANSynthesizer cannot be saved"):
        model.save(tmp_path / "m.synthgan")
