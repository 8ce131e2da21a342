"""Recipes: the defaults of each kind of records, and the runs of the thesis, as data.

Evidence for the defaults: docs/recipe.md, docs/signals.md, docs/images.md, docs/privacy.md.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from synthgan.encoding import GridEncoder, ImageEncoder, SignalEncoder
from synthgan.exceptions import DataWarning, ParameterError
from synthgan.gan.losses import Loss
from synthgan.gan.networks.specs import CNN, FCN, CNN1d
from synthgan.gan.training.config import Adam

__all__ = [
    "IMAGE",
    "IMAGE_PRESETS",
    "PRIVATE_TABLE",
    "PRIVATE_TABLE_STEPS",
    "SIGNAL",
    "SIGNAL_PRESETS",
    "TABLE",
    "TABLE_PRESETS",
    "Preset",
    "find_encoder",
    "find_preset",
    "resolve",
]  # fmt: skip

# Table 6.1 of the thesis.
THYROID_LIMITS = {
    "Age": (0.01, 0.97),
    "TSH": (0.0, 0.02),
    "T3": (0.002, 0.05),
    "TT4": (0.017, 0.27),
    "T4U": (0.04, 0.18),
    "FTI": (0.002, 0.26),
}
# The thesis names Adam and 2e-4; the rest are PyTorch's defaults.
_THESIS_ADAM = Adam(learning_rate=2e-4, betas=(0.9, 0.999), decay=0.0, average=0.0)


@dataclass(frozen=True)
class Preset:
    """Values of the parameters that a user leaves as None.

    Parameters
    ----------
    parameters : dict
        Parameters of the estimator.
    rows : dict
        Column to value: only rows with that value are learnt, where the column exists.
    """

    parameters: dict[str, Any]
    rows: dict[str, Any] = field(default_factory=dict)

    def select(
        self, frame: pd.DataFrame, people: np.ndarray | None
    ) -> tuple[pd.DataFrame, np.ndarray | None]:
        """Keep the rows that the preset is about, and who they belong to."""
        for name, value in self.rows.items():
            if name not in frame.columns:
                continue
            keep = (frame[name] == value).fillna(False).to_numpy(dtype=bool)
            if not keep.all():
                warnings.warn(
                    f"{(~keep).sum()} of {len(keep)} rows left out: the preset learns rows with "
                    f"{name} = {value!r} only.",
                    DataWarning,
                    stacklevel=3,
                )
                frame, people = frame[keep], None if people is None else people[keep]
        return frame, people


def find_preset(model: Any) -> Preset:
    """Return the preset that a synthesizer names, or the default recipe of its kind.

    Raises
    ------
    ParameterError
        A name that is not known.
    """
    if model.preset is None:
        return model.recipe
    if model.preset not in model.presets:
        known = sorted(model.presets)
        raise ParameterError(f"preset={model.preset!r} is unknown; known are {known}, or None.")
    return model.presets[model.preset]


def resolve(model: Any, name: str, preset: Preset) -> Any:
    """Return a copy of a parameter, or of the preset's value where it is None."""
    value = getattr(model, name)
    return clone(preset.parameters[name] if value is None else value, safe=False)


def find_encoder(model: Any, preset: Preset) -> Any:
    """Return a copy of the encoder, which is of the class of the synthesizer's kind.

    Raises
    ------
    ParameterError
        One of another class.
    """
    encoder = resolve(model, "encoder", preset)
    if not isinstance(encoder, model.encoder_class):
        raise ParameterError(
            f"encoder={encoder!r} is not allowed; give one of class "
            f"{model.encoder_class.__name__}, or None."
        )
    return encoder


TABLE = Preset(
    {
        "encoder": GridEncoder(),
        "network": FCN(),
        "loss": Loss(penalty_every=8),
        "optimizer": Adam(),
        "epochs": "auto",
        "batch_size": "auto",
        "candidates": 2,
        "constraints": "auto",
    }
)
# With differential privacy: no rows, no discriminator; docs/development/differential-privacy.md.
PRIVATE_TABLE_STEPS = 2500
PRIVATE_TABLE = Preset(
    {
        "network": FCN(width=256, depth=0, n_latents=1000),
        "optimizer": Adam(learning_rate=8e-3, betas=(0.9, 0.99), decay=1.0, rise=0.025),
        "batch_size": 1000,
    }
)
SIGNAL = Preset(
    {
        "encoder": SignalEncoder(band="auto"),
        "network": CNN1d(),
        "loss": Loss(penalty=1.0, noise=0.0, hidden=0.0),
        "optimizer": Adam(learning_rate=4e-4, decay=0.5, average=0.995),
        "epochs": "auto",
        "batch_size": "auto",
    }
)
IMAGE = Preset(
    {
        "encoder": ImageEncoder(),
        "network": CNN(),
        "loss": Loss(penalty=10.0, noise=0.0, hidden=0.0),
        "optimizer": Adam(learning_rate=4e-4, decay=0.5, average=0.995),
        "epochs": "auto",
        "batch_size": "auto",
    }
)


def _thesis_ecg(network: Any, batch_size: int, epochs: int, threshold: float = 0.0) -> Preset:
    """One of the thesis' runs on PTB-DB: windows of 2025 samples, +-2 mV (Eq. 6.2)."""
    return Preset(
        {
            "encoder": SignalEncoder(scaling="minmax", limits=(-2.0, 2.0)),
            "network": network,
            "loss": Loss("bce", threshold=threshold),
            "optimizer": _THESIS_ADAM,
            "epochs": epochs,
            "batch_size": batch_size,
        },
    )


def _thesis_image(network: Any, batch_size: int, epochs: int) -> Preset:
    return Preset(
        {
            "encoder": ImageEncoder(),
            "network": network,
            "loss": Loss("bce"),
            "optimizer": _THESIS_ADAM,
            "epochs": epochs,
            "batch_size": batch_size,
        },
    )


# D 110000-2048-1024-512-256-1 of images of 275 x 400, G 100-256-512-1024-2048-110000.
_THESIS_FCN = FCN(width=(256, 512, 1024, 2048), dropout=0.3, latent_dim=100)

TABLE_PRESETS = {
    "thesis-thyroid": Preset(
        {
            "encoder": GridEncoder(
                scaling="minmax",
                layout="sectioned",
                side=7,
                limits=THYROID_LIMITS,
                outliers="drop",
                rounding="round",
            ),
            "network": FCN(width=(64,), dropout=0.3, latent_dim=5),
            "loss": Loss("bce"),
            "optimizer": _THESIS_ADAM,
            "epochs": 100,
            "batch_size": 20,
            "candidates": 1,
            "constraints": (),
        },
        rows={"Class": 3},
    ),
}
SIGNAL_PRESETS = {
    # D 2025-1024-512-256-1, G 100-256-512-1024-2025.
    "thesis-ecg-fcn": _thesis_ecg(
        FCN(width=(256, 512, 1024), dropout=0.3, latent_dim=100), batch_size=52, epochs=165
    ),
    # Table 8.2; Listing 6.1 skips the discriminator's step while its loss is below 0.01.
    "thesis-ecg-cnn": _thesis_ecg(
        CNN(
            generator_layers=((256, 8, 2, 0), (128, 7, 2, 1), (64, 7, 2, 1), (1, 7, 1, 1)),
            discriminator_layers=((64, 6, 1, 1), (128, 6, 2, 1), (256, 6, 2, 1), (1, 6, 3, 1)),
            latent_dim=100,
        ),
        batch_size=30,
        epochs=200,
        threshold=0.01,
    ),
}
IMAGE_PRESETS = {
    "thesis-fingerprints": _thesis_image(_THESIS_FCN, batch_size=52, epochs=100),
    "thesis-iris-fcn": _thesis_image(_THESIS_FCN, batch_size=20, epochs=100),
    # The author's published run on images of 240 x 320, heights and widths
    # 1 x 1 > 4 x 5 > 9 x 11 > 26 x 34 > 80 x 106 > 240 x 320; channels mirror the discriminator's.
    "thesis-iris-cnn": _thesis_image(
        CNN(
            generator_layers=(
                (512, (4, 5), 1, 0),
                (256, 5, 2, 1),
                (128, (4, 6), 3, 1),
                (64, (5, 7), 3, 0),
                (1, (5, 7), 3, 1),
            ),
            discriminator_layers=(
                (64, 4, 2, 1),
                (128, 4, 2, 1),
                (256, 4, 2, 1),
                (512, 4, 2, 1),
                (1, 4, 1, 0),
            ),
            latent_dim=100,
        ),
        batch_size=20,
        epochs=200,
    ),
}
