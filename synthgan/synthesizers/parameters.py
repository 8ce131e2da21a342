"""Parameters: as plain data and back, which is all that an archive holds of them; durations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints import CONSTRAINTS
from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.gan.losses import Loss
from synthgan.gan.networks.specs import CNN, FCN, CNN1d
from synthgan.gan.training.config import Adam
from synthgan.kinds import all_kinds
from synthgan.privacy.differential import DifferentialPrivacy
from synthgan.state.fields import brief

__all__ = ["NOT_DESCRIBED", "describe", "read_seconds", "rebuild", "refuse_guarantee"]

NOT_DESCRIBED = "counts of few columns do not describe a waveform or a picture"

# Classes that a parameter may be an object of: the only ones an archive may name.
_OWN = (Adam, CNN, CNN1d, DifferentialPrivacy, FCN, Loss, *CONSTRAINTS.values())


def parts() -> dict[str, type]:
    """Return the classes that a parameter may be an object of, by name; also encoders of kinds."""
    encoders = (kind.estimator().encoder_class for kind in all_kinds().values())
    return {part.__name__: part for part in (*_OWN, *encoders)}


def describe(value: Any, name: str) -> Any:
    """Turn a parameter into JSON-ready plain data.

    Raises
    ------
    ArchiveError
        An object that is not synthgan's own.
    """
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return {"tuple": [describe(item, name) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[describe(k, name), describe(v, name)] for k, v in value.items()]}
    if value is None or isinstance(value, str | int | float):
        return value
    if type(value) in parts().values():
        inner = value.get_params(deep=False)
        return {
            "part": type(value).__name__,
            "parameters": {key: describe(item, f"{name}__{key}") for key, item in inner.items()},
        }
    raise ArchiveError(
        f"parameter {name}={value!r} cannot be saved; plain values and objects of "
        f"{sorted(parts())} can: keep the fitted object with joblib instead."
    )


def rebuild(value: Any) -> Any:
    """Turn the output of `describe` into a parameter.

    Raises
    ------
    ArchiveError
        Anything else.
    ValueError
        A part with a parameter that is not allowed.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict) and value.keys() == {"tuple"}:
        return tuple(rebuild(item) for item in value["tuple"])
    if isinstance(value, dict) and value.keys() == {"dict"}:
        return {rebuild(k): rebuild(v) for k, v in value["dict"]}
    if not isinstance(value, dict) or value.keys() != {"part", "parameters"}:
        raise ArchiveError(f"{brief(value)} is no parameter")
    if not isinstance(value["part"], str) or value["part"] not in parts():
        raise ArchiveError(f"part {brief(value['part'])} is not one of {sorted(parts())}")
    parameters = {key: rebuild(item) for key, item in value["parameters"].items()}
    part = parts()[value["part"]](**parameters)
    if hasattr(part, "_parameter_constraints"):
        part._validate_params()
    return part


def refuse_guarantee(privacy: Any, records: str, reason: str) -> None:
    """Refuse a guarantee where none is offered.

    Raises
    ------
    ParameterError
    """
    if isinstance(privacy, DifferentialPrivacy):
        raise ParameterError(
            f"privacy={privacy!r} is not offered for {records}, because {reason}; give a level "
            "such as 'strict'."
        )


def read_seconds(max_time: float | str | None) -> float | None:
    """Read a time limit: seconds, or a duration as pandas reads it, such as ``"10min"``."""
    if max_time is None or not isinstance(max_time, str):
        return max_time
    try:
        # A bare number means seconds, also from a command line; to pandas it is nanoseconds.
        unit = "s" if max_time.strip().replace(".", "", 1).isdigit() else ""
        seconds = pd.Timedelta(max_time + unit).total_seconds()
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ParameterError(
            f"max_time={max_time!r} is not allowed; give seconds, or a duration such as '10min'."
        )
    return seconds
