"""Named parameter sets: the default recipe, and the runs of the thesis."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from synthgan.encoding.grid import GridEncoder
from synthgan.exceptions import DataWarning, ParameterError
from synthgan.gan.losses import Loss
from synthgan.gan.networks import FCN
from synthgan.gan.trainer import Adam

__all__ = ["PRESETS", "Preset", "find_preset"]

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

    def select(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Keep the rows that the preset is about."""
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
                frame = frame[keep]
        return frame


DEFAULT_TABLE = Preset(
    {
        "encoder": GridEncoder(),
        "network": FCN(),
        "loss": Loss(),
        "optimizer": Adam(),
        "epochs": "auto",
        "batch_size": "auto",
        "candidates": 16,
        "constraints": "auto",
    }
)

PRESETS = {
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


def find_preset(preset: str | None) -> Preset:
    """Return a preset by name; None is the default recipe for tables.

    Raises
    ------
    ParameterError
        No such preset.
    """
    if preset is None:
        return DEFAULT_TABLE
    if preset not in PRESETS:
        raise ParameterError(f"preset={preset!r} is unknown; known are {sorted(PRESETS)}, or None.")
    return PRESETS[preset]
