"""Public measures: what their signatures and docstrings have in common."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, Protocol

from synthgan.metrics.score import Score

__all__ = ["Measure", "publish", "sampling"]


class Measure(Protocol):
    """A public measure.

    Measures of windows need the option ``fs_hz``. Privacy measures, and some others, take
    ``groups`` and ``holdout_groups``.
    """

    __name__: str

    def __call__(
        self,
        real: Any,
        fake: Any,
        *,
        holdout: Any = None,
        target: Any = None,
        random_state: Any = None,
        **options: Any,
    ) -> Score:
        """Compare synthetic with real records."""


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
    name = prefix + source.__name__
    measure.__name__ = measure.__qualname__ = name
    measure.__module__ = module or source.__module__
    doc = inspect.getdoc(source) or ""
    if shared:
        names = ", ".join(inspect.signature(measure).parameters)
        text = textwrap.fill(shared, 96, initial_indent="    ", subsequent_indent="    ")
        summary, title, rest = doc.partition("Returns\n")
        doc = f"{summary}Parameters\n----------\n{names}\n{text}\n\n{title}{rest}"
    if words:  # one that is empty leaves no empty line
        doc = re.sub(r"\n +$", "", doc.format(prefix=prefix, **words), flags=re.M)
    measure.__doc__ = doc
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
