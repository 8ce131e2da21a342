"""Rollback: a fit that fails leaves the estimator as it was, and ends in all processes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from synthgan.gan.training.ranks import find_ranks
from synthgan.synthesizers.sample_weights import check_unweighted

__all__ = ["rollback_on_error"]

Fit = TypeVar("Fit", bound=Callable[..., Any])


def rollback_on_error(fit: Fit) -> Fit:
    """Restore all attributes where `fit` raises, so that a model learned before is not lost.

    Of several processes that train together, all end where one does. Weights of rows are refused.
    """

    @functools.wraps(fit)
    def fit_or_restore(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_unweighted(self, kwargs)
        before = vars(self).copy()
        try:
            with find_ranks().together():
                return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(Fit, fit_or_restore)
