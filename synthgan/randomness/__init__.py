"""From `random_state` to local generators and seeds: the one way.

Global generators are never used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from synthgan.exceptions import ParameterError

__all__ = ["draw_generator", "draw_seed"]


def draw_generator(random_state: Any) -> np.random.Generator:
    """Return a generator for an int, None, or a generator of numpy, old or new.

    Parameters
    ----------
    random_state : int, RandomState instance, Generator or None
        None: a different generator each time.
    """
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31 - 1)
    return np.random.default_rng(random_state)


def draw_seed(random_state: Any, default: Any = None) -> int:
    """Draw a seed below 2**31 - 1.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None: what `default` says.
    default : int, RandomState instance or None, default=None
        None draws from the system, not from numpy's global state.

    Raises
    ------
    ParameterError
        Anything else.
    """
    random_state = default if random_state is None else random_state
    if random_state is None:
        return int(np.random.default_rng().integers(2**31 - 1))
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError as error:
        raise ParameterError(f"random_state={random_state!r} is not allowed: {error}") from None
