"""Model cards, of fitted models and of files."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import synthgan
from synthgan import (
    CNN,
    FCN,
    GridEncoder,
    ImageGANSynthesizer,
    Predicate,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
    evaluate,
)
from synthgan.cli import main
from synthgan.exceptions import ParameterError
from synthgan.synthesizers.base import BaseGANSynthesizer
from tests.state.packing import DATA, MANIFEST, WEIGHTS, pack, unpack

pytestmark = pytest.mark.usefixtures("few_trees")

TINY = FCN(width=4, depth=1, latent_dim=4)


def quick(**parameters):
    return TabularGANSynthesizer(
        **{"network": TINY, "max_steps": 2, "candidates": 1, "random_state": 0, **parameters}
    )


def test_a_table(clinic):
    card = quick(condition_on=["age", "ward"], preset=None).fit(clinic).model_card()
    assert card.startswith("# TabularGANSynthesizer\n\nMakes rows of a table;")
    assert "- rows of 14 columns, as a pandas DataFrame\n" in card
    assert "- columns that the networks are conditioned on: `ward`, `age`\n" in card
    for name, dtype in clinic.dtypes.items():
        assert f"| `{name}` | " in card
        assert f" | `{dtype}` |\n" in card
    assert "- preset: default recipe\n- `candidates=1`\n- `condition_on=['age', 'ward']`\n" in card
    assert "- network: `FCN(depth=1, latent_dim=4, width=4)`, a generator of " in card
    assert "- 2 steps, " in card
    assert f"- versions: synthgan {synthgan.__version__}, python 3." in card
    assert "values and labels of 5 or more people" in card
    assert "It does not hold a copy of the training records, the discriminator network" in card
    assert "It does not measure what the file itself reveals" in card
    # With the seed and all other rows a guess of one row can be confirmed.
    assert "- seed: an int, not shown here\n" in card
    assert "random_state" not in card


def test_no_learnt_value_is_in_a_card(clinic):
    model = quick().fit(clinic)
    card = model.model_card()
    for column in ("ward", "sex", "outcome"):
        for label in clinic[column].dropna().unique():
            assert f"{label}`" not in card
            assert f"'{label}'" not in card
    numbers = clinic[["age", "weight_kg", "cholesterol"]].max().astype(str)
    assert not any(f" {number}" in card for number in numbers)
    # What a user gives is a parameter, and is shown.
    limited = quick(encoder=GridEncoder(scaling="minmax", limits={"age": (0, 120)})).fit(clinic)
    assert "limits={'age': (0, 120)}" in limited.model_card()
    assert "limits of each column, which may be its lowest and highest" in limited.model_card()


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_a_target_relations_and_odd_names():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a|b": rng.normal(size=60), "c`d\ne": rng.integers(0, 3, 60)})
    constraint = Predicate(lambda frame: np.ones(len(frame)), columns=["a|b"])
    model = quick(constraints=[constraint], encoder=GridEncoder(min_support=1))
    card = model.fit(frame, pd.Series(rng.normal(size=60), name="y")).model_card()
    assert "- y: `y`\n" in card
    assert "| `a\\|b` | continuous | `float64` |\n| `c'd e` | integer |" in card
    assert "- relations between columns: Predicate of `a\\|b`\n" in card
    assert "every value of every column, as min_support=1" in card


def test_signals_and_images():
    card = synthgan.load(DATA / "format-1-signal.synthgan").model_card()
    assert "Makes windows of a signal;" in card
    assert "- windows of 20 samples at 10 Hz (2 s), 2 leads, as SignalWindows of `<f4`\n" in card
    assert "- leads: `i` in mV, `v1` in mV\n" in card
    assert "- labels for conditions: `diagnosis` (string), `sex` (string)\n" in card
    assert "(means of 5 or more windows); labels that 5 or more people" in card
    card = synthgan.load(DATA / "format-1-image.synthgan").model_card()
    assert "- colour images of 8 x 8, as an array of `|u1`\n".replace("|", "\\|") in card
    assert "- labels for conditions: `y` (integer)\n" in card
    windows = np.random.default_rng(0).normal(size=(20, 30))
    model = SignalGANSynthesizer(network=FCN(width=(4,)), max_steps=1, random_state=0)
    card = model.fit(windows).model_card()
    assert (
        "- windows of 30 samples with an unknown sampling rate, 1 lead, as a table of `<f8`\n"
        in card
    )
    assert "labels" not in card
    images = ImageGANSynthesizer(network=CNN(width=2), max_steps=1, random_state=0)
    assert "- grey images of 4 x 4" in images.fit(np.zeros((4, 4, 4))).model_card()


def test_a_preset_and_the_critic(clinic):
    model = quick(candidates=4).fit(clinic.iloc[:, 3:6].fillna(0))
    card = model.model_card()
    assert f"- {len(model.critic_.trees)} boosted trees choose among candidates" in card
    assert "It does not hold" in card
    assert "The trees are a discriminator, too:" in card
    assert "a discriminator, too" not in quick().fit(clinic.iloc[:, 3:6].fillna(0)).model_card()
    model = SignalGANSynthesizer(
        preset="thesis-ecg-fcn", network=FCN(width=(4,)), max_steps=1, random_state=0
    )
    card = model.fit(np.random.default_rng(0).normal(0, 0.5, (20, 30))).model_card()
    assert "- preset: `thesis-ecg-fcn`\n- `max_steps=1`\n- `network=FCN(width=(4,))`\n" in card
    assert "limits of each lead, which may be its lowest and highest sample" in card


def test_a_report_joins(clinic):
    model = quick().fit(clinic[:150])
    report = evaluate(
        clinic[:150], model.sample(150), holdout=clinic[150:], sections=["fidelity"],
        random_state=0,
    )  # fmt: skip
    card = model.model_card(report=report)
    assert "\n## Real and synthetic records\n\nThis text contains no real records." in card
    assert "\n**Faithful? " in card
    assert "\n### Faithful?\n\n| measure | value |" in card
    assert card.index("## How it was trained") < card.index("## Real") < card.index("## Privacy")
    with pytest.raises(ParameterError, match="report=5 is no Report; give what"):
        model.model_card(5)


FORGED = "x` | 1 |\n\n## Privacy\n\nDifferentially private \x1b[2J\x9b2J\u202e<b>[a](https://b.c)"


def is_harmless(card):
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert headings.count("## Privacy") == 1
    assert card.replace("\n", "").isprintable()
    assert not [line for line in card.splitlines() if line.startswith("Differentially")]
    return True


def test_names_that_would_forge_a_card():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({FORGED: rng.normal(size=60), "b": rng.normal(size=60)})
    card = quick().fit(frame).model_card()
    assert is_harmless(card)
    assert "`x' \\| 1 \\| ## Privacy Differentially private \\x1b[2J\\x9b2J\\u202e<b>" in card


@pytest.mark.parametrize("kind", ["table", "signal", "image"])
def test_a_resealed_file_cannot_forge_its_card(kind, tmp_path, capsys):
    members = unpack(DATA / f"format-1-{kind}.synthgan")
    manifest = json.loads(members[MANIFEST])
    manifest["versions"] = {FORGED: FORGED, "torch": FORGED}
    members[MANIFEST] = json.dumps(manifest).encode()
    path = tmp_path / "m"
    pack(path, members)
    card = synthgan.load(path).model_card()
    assert is_harmless(card)
    assert "Differentially private" in card
    main(["info", str(path)])
    out = capsys.readouterr().out
    assert out.startswith(card)
    assert is_harmless(out)


def test_before_fit():
    with pytest.raises(NotFittedError):
        quick().model_card()


@pytest.mark.parametrize("kind", ["table", "signal", "image"])
def test_a_file_has_the_same_card_and_its_weights_are_not_read(kind, tmp_path):
    path = DATA / f"format-1-{kind}.synthgan"
    assert BaseGANSynthesizer.inspect(path).model_card() == synthgan.load(path).model_card()
    members = unpack(path)
    pack(tmp_path / "m", {**members, WEIGHTS: b"no weights"}, rehash=False)
    model = BaseGANSynthesizer.inspect(tmp_path / "m")
    assert model.model_card() == synthgan.load(path).model_card()
    assert {weights.device.type for weights in model.generator_.parameters()} == {"meta"}


def test_versions_are_those_that_trained(clinic, tmp_path):
    model = quick().fit(clinic)
    model.versions_ = {**model.versions_, "torch": "1.2.3"}
    model.save(tmp_path / "m")
    again = synthgan.load(tmp_path / "m")
    again.save(tmp_path / "m")
    assert "torch 1.2.3" in synthgan.load(tmp_path / "m").model_card()
    assert "torch 1.2.3" not in again.fit(clinic).model_card()
