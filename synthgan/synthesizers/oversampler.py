"""GANOverSampler: more rows of rare classes, with imbalanced-learn's contract."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils import check_consistent_length
from sklearn.utils._metadata_requests import RequestMethod
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics.trees import leaf_rows
from synthgan.randomness import draw_seed
from synthgan.records.class_labels import read_labels
from synthgan.records.tables import read_table
from synthgan.synthesizers.recipes import find_preset, resolve
from synthgan.synthesizers.sample_weights import refuse_sample_weight
from synthgan.synthesizers.table_parts import complete
from synthgan.synthesizers.tabular import TabularGANSynthesizer

__all__ = ["GANOverSampler"]

_TRIES = 4
_STRATEGIES = ("auto", "minority", "not minority", "not majority", "all")


class GANOverSampler(BaseEstimator):
    """Add synthetic rows of rare classes, so that a classifier learns them better.

    Real rows of a class are varied: some of their cells are made anew by a generator that has
    learnt to complete rows, and of a few tries one is kept that boosted trees, fitted on the
    real rows, take for the class. A step of ``imblearn.pipeline.Pipeline``.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get rows, as in imbalanced-learn. A float: wanted ratio of the rare to the
        frequent one of two classes; ``"minority"``: only the rarest class, ``"not minority"``,
        ``"not majority"`` (also ``"auto"``) and ``"all"``: these classes, up to the size of the
        largest; a dict: class to wanted number of rows; a callable: y to such a dict.
    hidden : float, default=0.3
        A new row is a real row of its class of which so large a share of the cells, at random, is
        made anew to go with the rest. 1 makes whole rows. The fewer are hidden, the nearer the rows
        are to real ones: they help a classifier, and are not for sharing.
    synthesizer : TabularGANSynthesizer or None, default=None
        Its parameters are used, with ``condition_on="any"`` and ``constraints=[]``.
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

    _parameter_constraints: dict[str, Any] = {
        "sampling_strategy": [
            Interval(Real, 0, 1, closed="right"),
            StrOptions(set(_STRATEGIES)),
            Mapping,
            callable,
        ],
        "hidden": [Interval(Real, 0, 1, closed="right")],
        "synthesizer": [TabularGANSynthesizer, None],
        "random_state": ["random_state"],
    }

    # scikit-learn makes it itself where imbalanced-learn was imported before this module.
    set_fit_resample_request = RequestMethod("fit_resample", ["groups"])

    def __init__(
        self,
        sampling_strategy: Any = "auto",
        hidden: float = 0.3,
        synthesizer: TabularGANSynthesizer | None = None,
        random_state: Any = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.hidden = hidden
        self.synthesizer = synthesizer
        self.random_state = random_state

    @refuse_sample_weight
    def fit(self, X: Any, y: Any) -> GANOverSampler:
        """Decide how many rows each class gets.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        y : Series, DataFrame of one column, or array-like of shape (n_rows,) or (n_rows, 1)

        Returns
        -------
        self : GANOverSampler
        """
        self._read(X, y)
        return self

    @refuse_sample_weight
    def fit_resample(self, X: Any, y: Any, groups: Any = None) -> tuple[Any, Any]:
        """Train on X and y, and append rows of rare classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        y : Series, DataFrame of one column, or array-like of shape (n_rows,) or (n_rows, 1)
        groups : hashable, array-like of shape (n_rows,), or None, default=None
            Who each row belongs to; see `TabularGANSynthesizer.fit`.

        Returns
        -------
        X_resampled, y_resampled : as given
            The rows given, then made ones, class by class.

        Raises
        ------
        DataError
            Fewer than two classes, or a class too rare to be learnt.
        ParameterError
            A strategy that does not fit the classes, or ``sample_weight`` was given.
        """
        frame, container, labels, as_given = self._read(X, y)
        if not any(self.sampling_strategy_.values()):
            return X, y
        rng = np.random.default_rng(draw_seed(self.random_state))
        name = _free_name("y", frame)
        table = frame.reset_index(drop=True).rename(columns=str).assign(**{name: labels})
        model = TabularGANSynthesizer() if self.synthesizer is None else clone(self.synthesizer)
        self._refuse_rare(labels, model)
        # Without a seed, a run that checkpoints hold goes on with its own.
        drawn = int(rng.integers(2**31 - 1))
        seed = None if self.random_state is None else drawn
        model.set_params(condition_on="any", constraints=[], random_state=seed)
        self.synthesizer_ = model.fit(table, groups=groups)
        classifier = HistGradientBoostingClassifier(
            min_samples_leaf=leaf_rows(len(table)), random_state=int(rng.integers(2**31 - 1))
        )
        classifier.fit(self._cells(table, name), labels)
        made = [
            self._make(table, name, label, n, classifier, rng)
            for label, n in self.sampling_strategy_.items()
            if n
        ]
        fake = pd.concat(made, ignore_index=True)
        more = fake.drop(columns=name).set_axis(frame.columns, axis=1)
        rows = pd.concat([frame.reset_index(drop=True), more], ignore_index=True)
        classes = pd.concat([labels, fake[name]], ignore_index=True).astype(labels.dtype)
        return container.restore(rows), as_given(classes)

    def _refuse_rare(self, labels: pd.Series, model: TabularGANSynthesizer) -> None:
        """Refuse classes that are to grow, and of which the encoder would keep nothing."""
        encoder = resolve(model, "encoder", find_preset(model))
        least = 1 if encoder.is_quantised else encoder.min_support
        for label, n in self.sampling_strategy_.items():
            n_rows = int((labels == label).sum())
            if n and n_rows < least:
                raise DataError(
                    f"class {label!r} of y has {n_rows} row(s); min_support={least} or more are "
                    "needed to learn it: leave it out of sampling_strategy, or give a "
                    "synthesizer with encoder=GridEncoder(min_support=...)."
                )

    def _make(
        self,
        table: pd.DataFrame,
        name: str,
        label: Any,
        n: int,
        classifier: HistGradientBoostingClassifier,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Generate `n` rows of a class from real ones; keep the first try classified as it."""
        own = np.flatnonzero(table[name] == label)
        rows = table.iloc[rng.choice(own, n)].reset_index(drop=True)
        hidden = rng.random(rows.shape) < self.hidden
        hidden[:, rows.columns.get_loc(name)] = False
        gaps = rows.isna().to_numpy()
        place = classifier.classes_.tolist().index(label)
        tries, probability = [], []
        for _ in range(_TRIES):
            seed = int(rng.integers(2**31 - 1))
            # Gaps of a real row are kept, as they may be informative.
            made = complete(self.synthesizer_, rows, seed, hidden | gaps)
            made = made.mask(gaps & ~hidden)
            tries.append(made)
            probability.append(classifier.predict_proba(self._cells(made, name))[:, place])
        believed = np.array(probability)
        picks = np.where(
            (believed > 0.5).any(axis=0), (believed > 0.5).argmax(axis=0), believed.argmax(axis=0)
        )
        parts = [made[picks == i] for i, made in enumerate(tries)]
        return pd.concat(parts).sort_index()

    def _cells(self, table: pd.DataFrame, name: str) -> np.ndarray:
        """Encode all columns but the class, as numbers."""
        encoder = self.synthesizer_.encoder_
        grids = encoder.encode(self.synthesizer_.forms_.read(table), warn=False)
        own = [c for g in encoder.cell_groups_ if g.column not in (name, None) for c in g.cells]
        return grids.reshape(len(grids), -1)[:, own]

    def _read(self, X: Any, y: Any) -> tuple[pd.DataFrame, Any, pd.Series, Any]:
        self._validate_params()
        frame, container = read_table(self, X, reset=True, min_rows=2)
        check_consistent_length(frame, y)
        labels, as_given = read_labels(y)
        if labels.isna().any():
            raise DataError(f"y holds {int(labels.isna().sum())} missing value(s); name them.")
        check_classification_targets(labels)
        counts = labels.value_counts()
        counts = counts[counts > 0].sort_index()
        if len(counts) < 2:
            raise DataError(f"y holds one class, {counts.index[0]!r}; two or more are needed.")
        self.sampling_strategy_ = _rows_to_add(self.sampling_strategy, counts, y)
        return frame, container, labels, as_given


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
                f"sampling_strategy asks for {n} rows of class {label!r}, which has "
                f"{counts[label]}; over-sampling only adds rows."
            )
    return {label: int(n - counts[label]) for label, n in wanted.items()}


def _free_name(name: str, frame: pd.DataFrame) -> str:
    while name in {str(column) for column in frame.columns}:
        name += "_"
    return name
