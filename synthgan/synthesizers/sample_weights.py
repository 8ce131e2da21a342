"""Weights of rows: refused by name, since each training row counts once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from synthgan.exceptions import ParameterError

__all__ = ["check_unweighted", "refuse_sample_weight"]

Fit = TypeVar("Fit", bound=Callable[..., Any])


def check_unweighted(estimator: Any, keywords: dict[str, Any]) -> None:
    """Take ``sample_weight`` out of the keywords of a call; refuse weights.

    Raises
    ------
    ParameterError
        It is not None; the message says what to do instead.
    """
    if keywords.pop("sample_weight", None) is not None:
        raise ParameterError(
            f"sample_weight is not supported by {type(estimator).__name__}: each row counts once "
            "in training, in the choice among candidates and in the rules of privacy. Draw rows "
            "with these weights, and give groups= the row that each was drawn from "
            "(docs/ecosystem.md)."
        )


def refuse_sample_weight(fit: Fit) -> Fit:
    """Refuse the keyword ``sample_weight`` of a method.

    The parameter stays out of the signature: scikit-learn takes one that is in the signature to
    be honoured, and routes weights to it.
    """

    @functools.wraps(fit)
    def fit_unweighted(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_unweighted(self, kwargs)
        return fit(self, *args, **kwargs)

    return cast(Fit, fit_unweighted)
