"""Weights of rows: refused by name, since each training row counts once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from synthgan.exceptions import ParameterError

__all__ = ["refuse_sample_weight"]

Fit = TypeVar("Fit", bound=Callable[..., Any])


def refuse_sample_weight(fit: Fit) -> Fit:
    """Refuse the keyword ``sample_weight`` with an error that says what to do instead.

    The parameter stays out of the signature: scikit-learn takes one that is in the signature to
    be honoured, and routes weights to it. ``sample_weight=None`` is accepted, as it weighs nothing.
    """

    @functools.wraps(fit)
    def fit_unweighted(self: Any, *args: Any, sample_weight: Any = None, **kwargs: Any) -> Any:
        if sample_weight is not None:
            raise ParameterError(
                f"sample_weight is not supported by {type(self).__name__}: each row counts once in "
                "training, in the choice among candidates and in the rules of privacy. Draw rows "
                "with these weights, and give groups= the row that each was drawn from "
                "(docs/ecosystem.md)."
            )
        return fit(self, *args, **kwargs)

    return cast(Fit, fit_unweighted)
