"""Write the archives of this folder: tiny models that every later synthgan must load.

``python tests/data/make_archives.py`` writes those of the present format; those of earlier formats
stay as they are. What was released is never written again.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from synthgan import (
    CNN,
    FCN,
    CNN1d,
    FixedCombinations,
    Identifier,
    ImageGANSynthesizer,
    Inequality,
    Range,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.encoding.groups import CellGroup
from synthgan.exceptions import SynthganWarning
from synthgan.io.windows import SignalWindows
from synthgan.state.archive import FORMAT

FOLDER = Path(__file__).parent
N = 120


def table():
    """Make a model of a table with columns of every kind, relations and a target."""
    rng = np.random.default_rng(0)
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 60, N), unit="D")
    city = rng.choice(["Lyon", "Bonn", "Porto"], N)
    low = rng.integers(60, 80, N)
    frame = pd.DataFrame(
        {
            "patient": [f"P-{i:04d}" for i in rng.permutation(9999)[:N]],
            "admitted": days.tz_localize("Europe/Madrid"),
            "stay": pd.to_timedelta(rng.integers(1, 9, N), unit="D"),
            "city": city,
            "country": pd.Series(city).map({"Lyon": "F", "Bonn": "D", "Porto": "P"}),
            "ward": pd.Categorical(rng.choice(["a", "b", "c"], N), ordered=True),
            "age": pd.Series(rng.integers(20, 90, N)).astype("Int64").mask(rng.random(N) < 0.1),
            "height": np.round(rng.normal(170, 9, N), 1),
            "diastolic": low,
            "systolic": low + rng.integers(20, 40, N),
            "ill": rng.random(N) < 0.4,
        }
    )
    frame["twice"] = 2 * frame["height"] + np.round(rng.normal(0, 0.02, N), 1)
    constraints = [
        Identifier("patient"),
        FixedCombinations(["city", "country"]),
        Inequality("diastolic", "systolic"),
        Range("height", 100, 230),
        "auto",
    ]
    model = TabularGANSynthesizer(
        network=FCN(width=3, depth=1, latent_dim=2),
        max_steps=3,
        condition_on=["age", "ill"],
        constraints=constraints,
        random_state=0,
    )
    model.fit(frame, pd.Series(rng.choice(["yes", "no"], N), name="outcome"))
    model.critic_.trees = model.critic_.trees.first(2)  # a few show what a tree is
    return model


def signal():
    """Make a model of windows of two leads, with a label of each."""
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, 6, (N, 2, 1))
    values = np.sin(phase + np.arange(20) / 3) + 0.1 * rng.normal(size=(N, 2, 20))
    info = pd.DataFrame({"sex": ["male", "female"] * (N // 2)})
    windows = SignalWindows(values.astype(np.float32), 10, ["i", "v1"], None, info)
    model = SignalGANSynthesizer(
        network=FCN(width=(3,), latent_dim=2), max_steps=3, condition_on=["sex"], random_state=0
    )
    return model.fit(windows, pd.Series(["ill", "well"] * (N // 2), name="diagnosis"))


def image():
    """Make a model of small colour images, with a digit of each."""
    rng = np.random.default_rng(0)
    layers = ((3, 4, 1, 0), (3, 4, 2, 1))
    network = CNN(
        generator_layers=layers, discriminator_layers=((3, 4, 2, 1), (1, 4, 1, 0)), latent_dim=2
    )
    images = rng.integers(0, 255, (40, 8, 8, 3)).astype(np.uint8)
    model = ImageGANSynthesizer(network=network, max_steps=3, random_state=0)
    return model.fit(images, np.arange(40) % 4)


def network_weights():
    """List the weights of each network, which the archives here are too small to show."""
    signals = [CellGroup("stationary", tuple(range(2500)), tones=(7.5,))]
    aligned = [CellGroup("signal", tuple(range(2500)))]
    cells = [CellGroup("continuous", tuple(range(25)))]
    built = {
        "FCN": FCN(width=8).build((5, 5), 3, 64, cells),
        "FCN of a chain": FCN(width=(8, 9)).build((5, 5), 3, 64, cells),
        "CNN": CNN(width=8).build((3, 40, 30), 3, 64),
        "CNN of layers": CNN(
            generator_layers=((3, 4, 1, 0), (1, 4, 2, 1)),
            discriminator_layers=((3, 4, 2, 1), (1, 4, 1, 0)),
        ).build((8, 8), 3, 64),
        "CNN1d": CNN1d(width=8).build((50, 50), 3, 64, signals),
        "CNN1d of aligned windows": CNN1d(width=8).build((50, 50), 3, 64, aligned),
    }
    return {
        name: {key: [*tensor.shape] for key, tensor in generator.state_dict().items()}
        for name, (generator, _) in built.items()
    }


def main():
    """Write them all."""
    torch.set_num_threads(1)
    for make in (table, signal, image):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SynthganWarning)
            model = make()
        model.save(FOLDER / f"format-{FORMAT}-{make.__name__}.synthgan")
    text = json.dumps(network_weights(), indent=0)
    (FOLDER / f"format-{FORMAT}-networks.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
