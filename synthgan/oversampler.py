"""GANOverSampler: more rows of rare classes, with imbalanced-learn's contract."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from synthgan.base import draw_seed
from synthgan.encoding.frames import read_table
from synthgan.exceptions import DataError, ParameterError
from synthgan.tabular import TabularGANSynthesizer

__all__ = ["GANOverSampler"]

_STRATEGIES = ("auto", "minority", "not minority", "not majority", "all")


class GANOverSampler(BaseEstimator):
    """Add generated rows of rare classes, so that a classifier learns them better.

    A step of ``imblearn.pipeline.Pipeline``.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get rows, as in imbalanced-learn. A float: wanted ratio of the rare to the
        frequent one of two classes; ``"minority"``: only the rarest class, ``"not minority"``,
        ``"not majority"`` (also ``"auto"``) and ``"all"``: these classes, up to the size of the
        largest; a dict: class to wanted number of rows; a callable: y to such a dict.
    synthesizer : TabularGANSynthesizer or None, default=None
        Its parameters are used, with y as a condition.
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    sampling_strategy_ : dict
        Class to number of rows added.
    synthesizer_ : TabularGANSynthesizer
        Fitted on X and y.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only when all column names are strings.

    References
    ----------
    Chawla et al. (2002), SMOTE, doi 10.1613/jair.953.

    Examples
    --------
    >>> from synthgan import GANOverSampler, TabularGANSynthesizer
    >>> from synthgan.datasets import make_clinic
    >>> clinic = make_clinic(300, random_state=0)
    >>> X, y = clinic[["age", "bmi"]], clinic["ward"]
    >>> quick = TabularGANSynthesizer(epochs=2)
    >>> X_more, y_more = GANOverSampler(synthesizer=quick, random_state=0).fit_resample(X, y)
    >>> bool((y_more.value_counts() == y.value_counts().max()).all())
    True
    """

    _sampling_type = "over-sampling"
    _parameter_constraints: dict[str, Any] = {
        "sampling_strategy": [
            Interval(Real, 0, 1, closed="right"),
            StrOptions(set(_STRATEGIES)),
            Mapping,
            callable,
        ],
        "synthesizer": [TabularGANSynthesizer, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        sampling_strategy: Any = "auto",
        synthesizer: TabularGANSynthesizer | None = None,
        random_state: Any = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.synthesizer = synthesizer
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> GANOverSampler:
        """Settle how many rows each class gets.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        y : Series or array-like of shape (n_rows,)

        Returns
        -------
        self : GANOverSampler
        """
        self._read(X, y)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Learn X and y, and append generated rows of rare classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        y : Series or array-like of shape (n_rows,)

        Returns
        -------
        X_resampled, y_resampled : as given
            The rows given, then generated ones, class by class.

        Raises
        ------
        DataError
            Fewer than two classes, or a class too rare to be learnt.
        ParameterError
            A strategy that does not fit the classes.
        """
        frame, container, labels = self._read(X, y)
        name = _free_name("y", frame)
        table = frame.reset_index(drop=True).rename(columns=str).assign(**{name: labels})
        model = TabularGANSynthesizer() if self.synthesizer is None else clone(self.synthesizer)
        model.set_params(condition_on=[name], random_state=draw_seed(self.random_state))
        self.synthesizer_ = model.fit(table)
        wanted = [label for label, n in self.sampling_strategy_.items() for _ in range(n)]
        if not wanted:
            return X, y
        asked = pd.DataFrame({name: pd.Series(wanted, dtype=labels.dtype)})
        fake = self.synthesizer_.sample(conditions=asked)
        more = fake.drop(columns=name).set_axis(frame.columns, axis=1)
        rows = pd.concat([frame.reset_index(drop=True), more], ignore_index=True)
        classes = pd.concat([labels, fake[name]], ignore_index=True).astype(labels.dtype)
        return container.restore(rows), _as_given(classes, y)

    def _read(self, X: Any, y: Any) -> tuple[pd.DataFrame, Any, pd.Series]:
        self._validate_params()
        frame, container = read_table(self, X, reset=True, min_rows=2)
        check_consistent_length(frame, y)
        labels = pd.Series(y).reset_index(drop=True)
        if labels.isna().any():
            raise DataError(f"y holds {int(labels.isna().sum())} missing value(s); name them.")
        check_classification_targets(y)
        counts = labels.value_counts()
        counts = counts[counts > 0].sort_index()
        if len(counts) < 2:
            raise DataError(f"y holds one class, {counts.index[0]!r}; two or more are needed.")
        self.sampling_strategy_ = _rows_to_add(self.sampling_strategy, counts, y)
        return frame, container, labels


def _rows_to_add(strategy: Any, counts: pd.Series, y: Any) -> dict[Any, int]:
    """Turn a strategy of imbalanced-learn into the number of rows that each class gets."""
    if callable(strategy):
        strategy = strategy(y)
    most = int(counts.max())
    if isinstance(strategy, str):
        left_out = {
            "minority": [label for label in counts.index if label != counts.idxmin()],
            "not minority": [counts.idxmin()],
            "all": [],
        }.get(strategy, [counts.idxmax()])
        wanted = {label: most for label in counts.index if label not in left_out}
    elif isinstance(strategy, Real):
        if len(counts) != 2:
            raise ParameterError(
                f"sampling_strategy={strategy!r} is a ratio of two classes; y has {len(counts)}: "
                "give a dict of class to number of rows."
            )
        wanted = {counts.idxmin(): int(most * float(strategy))}
    else:
        wanted = dict(strategy)
    for label, n in wanted.items():
        if label not in counts.index:
            raise ParameterError(
                f"sampling_strategy names class {label!r}, which y lacks; its classes are "
                f"{counts.index.tolist()!r}."
            )
        if n < counts[label]:
            raise ParameterError(
                f"sampling_strategy wants {n} rows of class {label!r}, which has {counts[label]}; "
                "over-sampling only adds rows."
            )
    return {label: int(n - counts[label]) for label, n in wanted.items()}


def _free_name(name: str, frame: pd.DataFrame) -> str:
    while name in {str(column) for column in frame.columns}:
        name += "_"
    return name


def _as_given(labels: pd.Series, y: Any) -> Any:
    if isinstance(y, pd.Series):
        return labels.rename(y.name)  # type: ignore[call-overload]
    return labels.to_numpy().astype(np.asarray(y).dtype)
