"""Scorers: measures of this package for the searches and cross-validation of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.metrics.score import Score

__all__ = ["make_scorer"]


class _Scorer:
    """Calls of a measure with held-out records and a sample; see `make_scorer`."""

    def __init__(
        self, measure: Callable[..., Score], n: int | None, random_state: int, options: Any
    ) -> None:
        self.measure, self.n, self.random_state, self.options = measure, n, random_state, options

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        n = len(X) if self.n is None else self.n
        fake = estimator.sample(n, random_state=self.random_state)
        score = self.measure(X, fake, random_state=self.random_state, **self.options)
        return float(score.value if score.higher_is_better else -score.value)

    def __repr__(self) -> str:
        return f"make_scorer({self.measure.__name__})"


def make_scorer(
    measure: Callable[..., Score], n: int | None = None, random_state: int = 0, **options: Any
) -> Callable[..., float]:
    """Make a scorer of a measure, for ``scoring=`` of scikit-learn.

    Parameters
    ----------
    measure : callable
        Any public measure: ``measure(real, fake, random_state=..., **options)`` returns a
        `Score`.
    n : int or None, default=None
        Records to sample; None: as many as are held out.
    random_state : int, default=0
        Of the sample and of the measure.
    **options
        Passed to the measure, such as ``target=`` of `tstr`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)`` compares the held-out X with a sample. Greater is better:
        the sign of a measure of which lower is better, such as `c2st`, is turned.

    Raises
    ------
    ParameterError
        `measure` is no callable, or `n` no whole number of 1 or more.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from synthgan import TabularGANSynthesizer
    >>> from synthgan.datasets import make_clinic
    >>> from synthgan.metrics import column_shapes, make_scorer
    >>> clinic = make_clinic(100, random_state=0)[["age", "bmi"]]
    >>> quick = TabularGANSynthesizer(epochs=1, random_state=0)
    >>> scores = cross_val_score(quick, clinic, cv=2, scoring=make_scorer(column_shapes))
    >>> bool((scores > 0).all())
    True
    """
    if not callable(measure):
        raise ParameterError(f"measure={measure!r} is not allowed; give a function of metrics.")
    is_whole = isinstance(n, Integral | np.integer) and not isinstance(n, bool)
    if n is not None and not (is_whole and n >= 1):
        raise ParameterError(f"n={n!r} is not allowed; give 1 or more, or None.")
    return _Scorer(measure, n, random_state, options)
