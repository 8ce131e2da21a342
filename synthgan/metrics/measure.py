"""Public measures: what their signatures and docstrings have in common."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any, Protocol

from synthgan.metrics.score import Score

__all__ = ["Measure", "PrivacyMeasure", "WindowMeasure", "publish", "sampling"]


class Measure(Protocol):
    """A measure of tables or images."""

    __name__: str

    def __call__(  # noqa: D102
        self,
        real: Any,
        fake: Any,
        *,
        holdout: Any = None,
        target: Any = None,
        random_state: Any = None,
    ) -> Score: ...


class WindowMeasure(Protocol):
    """A measure of signal windows."""

    __name__: str

    def __call__(  # noqa: D102
        self,
        real: Any,
        fake: Any,
        *,
        fs_hz: float,
        holdout: Any = None,
        target: Any = None,
        random_state: Any = None,
    ) -> Score: ...


class PrivacyMeasure(Protocol):
    """A privacy measure of windows (with the option ``fs_hz``) or images."""

    __name__: str

    def __call__(  # noqa: D102
        self,
        real: Any,
        fake: Any,
        *,
        holdout: Any = None,
        target: Any = None,
        random_state: Any = None,
        groups: Any = None,
        holdout_groups: Any = None,
        **options: Any,
    ) -> Score: ...


def publish(
    measure: Any,
    source: Callable[..., Any],
    shared: str = "",
    *,
    module: str = "",
    prefix: str = "",
    **words: str,
) -> Any:
    """Give a function that a decorator or factory made its public name and docstring.

    Parameters
    ----------
    measure : function
        The function to publish, with the signature that users see.
    source : function
        Gives the name and the docstring.
    shared : str, default=""
        What the parameters of all measures of this kind mean, for the section Parameters. Empty:
        the docstring has the section.
    module : str, default=""
        Module in which the measure is found, also by pickle; empty: that of `source`.
    prefix : str, default=""
        Prefix of the public name.
    **words : str
        What replaces ``{word}`` in the docstring; ``{prefix}``, too, is replaced.
    """
    name = f"{prefix}_{source.__name__}" if prefix else source.__name__
    measure.__name__ = measure.__qualname__ = name
    measure.__module__ = module or source.__module__
    doc = inspect.getdoc(source) or ""
    if shared:
        names = ", ".join(inspect.signature(measure).parameters)
        text = textwrap.fill(shared, 96, initial_indent="    ", subsequent_indent="    ")
        summary, title, rest = doc.partition("Returns\n")
        doc = f"{summary}Parameters\n----------\n{names}\n{text}\n\n{title}{rest}"
    measure.__doc__ = doc.format(prefix=prefix, **words) if words else doc
    return measure


def sampling(unit: str, most: int, equal: bool) -> str:
    """Describe in one sentence which records of large sets are compared.

    Examples
    --------
    >>> sampling("rows", 5000, equal=True)
    'The same number of rows, up to 5000, is drawn from each set.'
    """
    if equal:
        return f"The same number of {unit}, up to {most}, is drawn from each set."
    return f"Up to {most} {unit} of each set are drawn."
