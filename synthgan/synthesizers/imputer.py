"""GANImputer: fill the gaps of tables."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted

from synthgan.exceptions import ParameterError
from synthgan.randomness import draw_seed
from synthgan.records.tables import read_table
from synthgan.synthesizers.gaps import fill_gaps, read_gaps
from synthgan.synthesizers.sample_weights import refuse_sample_weight
from synthgan.synthesizers.table_parts import complete_read
from synthgan.synthesizers.tabular import TabularGANSynthesizer

__all__ = ["GANImputer"]


class GANImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Impute missing values that fit the rest of their row.

    A masked generator completes each row; that values were missing in the rows it learns from does
    no harm. Values that are there stay as they are.

    Parameters
    ----------
    strategy : {"draw", "mean"}, default="draw"
        ``"draw"``: one value drawn from what is likely, so that the completed table keeps its
        spread and its dependences. ``"mean"``: the mean of `n_draws` draws, of levels the most
        frequent, which errs least cell by cell.
    n_draws : int, default=20
        Draws that ``"mean"`` averages.
    synthesizer : TabularGANSynthesizer or None, default=None
        Its parameters are used, with ``condition_on="any"`` and ``constraints=[]``.
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    synthesizer_ : TabularGANSynthesizer
        Fitted; ``condition_on="any"``.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only when all column names are strings.

    See Also
    --------
    sklearn.impute.IterativeImputer : Regresses each column on the others.

    References
    ----------
    Yoon, Jordon and van der Schaar (2018), GAIN, arXiv 1806.02920. Li, Jiang and Marlin (2019),
    MisGAN, arXiv 1902.09599. Rubin (1987), doi 10.1002/9780470316696 (multiple imputation).

    Examples
    --------
    >>> from synthgan import GANImputer, TabularGANSynthesizer
    >>> from synthgan.datasets import make_clinic
    >>> clinic = make_clinic(200, random_state=0)[["age", "bmi", "hba1c"]]
    >>> quick = TabularGANSynthesizer(epochs=2)
    >>> full = GANImputer(synthesizer=quick, random_state=0).fit_transform(clinic)
    >>> int(clinic.isna().sum().sum()) > 0, int(full.isna().sum().sum())
    (True, 0)
    """

    _parameter_constraints: dict[str, Any] = {
        "strategy": [StrOptions({"draw", "mean"})],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "synthesizer": [TabularGANSynthesizer, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        strategy: str = "draw",
        n_draws: int = 20,
        synthesizer: TabularGANSynthesizer | None = None,
        random_state: Any = None,
    ) -> None:
        self.strategy = strategy
        self.n_draws = n_draws
        self.synthesizer = synthesizer
        self.random_state = random_state

    @refuse_sample_weight
    def fit(self, X: Any, y: Any = None, groups: Any = None) -> GANImputer:
        """Train on a table with missing values.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        y : Ignored
        groups : hashable, array-like of shape (n_rows,), or None, default=None
            Who each row belongs to; see `TabularGANSynthesizer.fit`.

        Returns
        -------
        self : GANImputer

        Raises
        ------
        ParameterError
            ``sample_weight`` was given.
        """
        self._validate_params()
        frame, _ = read_table(self, X, reset=True, min_rows=2)
        model = TabularGANSynthesizer() if self.synthesizer is None else clone(self.synthesizer)
        # Without a seed, a run that checkpoints hold goes on with its own.
        seed = None if self.random_state is None else draw_seed(self.random_state)
        model.set_params(condition_on="any", constraints=[], random_state=seed)
        self.synthesizer_ = model.fit(frame, groups=groups)
        return self

    def transform(self, X: Any) -> Any:
        """Impute the missing values of a table, by `strategy`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)

        Returns
        -------
        completed : as given, or as `set_output` says
            Same dtypes. A column that had no value at all in `fit` stays empty. Labels that `fit`
            has not seen stay, and the model ignores them; a `DataWarning` counts them.

        Raises
        ------
        DataError
            A column of another type than in `fit`, with values that cannot be converted.
        ValueError
            Other columns than in `fit`.
        """
        check_is_fitted(self)
        frame, container = read_table(self, X, reset=False)
        n_draws = 1 if self.strategy == "draw" else self.n_draws
        (full,) = self._complete(frame, n_draws, _mean)
        as_pandas = _get_output_config("transform", self)["dense"] == "pandas"
        if as_pandas and container.kind in ("polars", "pyarrow"):
            # scikit-learn would make columns of Python objects of it.
            return _refill(full, frame)
        return _refill(container.restore(full), frame)

    def draw(self, X: Any, n_draws: int = 5) -> list[Any]:
        """Impute the missing values several times (multiple imputation).

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        n_draws : int, default=5

        Returns
        -------
        completed : list of tables, as given
            They differ where the known cells do not determine a value.
        """
        check_is_fitted(self)
        if isinstance(n_draws, bool) or not isinstance(n_draws, Integral) or n_draws < 1:
            raise ParameterError(f"n_draws={n_draws!r} is not allowed; give 1 or more.")
        frame, container = read_table(self, X, reset=False)
        return [
            _refill(container.restore(full), frame) for full in self._complete(frame, int(n_draws))
        ]

    def _complete(
        self, frame: pd.DataFrame, n_draws: int, mix: Callable[..., Any] | None = None
    ) -> list[pd.DataFrame]:
        """Complete a table several times; with `mix`, one table is made of all."""
        rng = np.random.default_rng(draw_seed(self.random_state))
        seeds = rng.integers(2**31 - 1, size=n_draws).tolist()
        frame = frame.reset_index(drop=True)
        if not len(frame):
            return [frame] * (1 if mix else n_draws)
        model = self.synthesizer_
        read, kept = read_gaps(model, frame)
        hidden = model.forms_.with_marks(read, frame, None)
        full = [complete_read(model, read, seed, hidden) for seed in seeds]
        if mix is not None and n_draws > 1:
            full = [mix(full)]
        return [fill_gaps(model, frame, kept, one) for one in full]

    def __sklearn_tags__(self) -> Any:
        """Declare that missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _refill(full: Any, frame: pd.DataFrame) -> Any:
    """Give a completed DataFrame the row labels of the one with gaps."""
    return full.set_axis(frame.index) if isinstance(full, pd.DataFrame) else full


def _mean(full: list[pd.DataFrame]) -> pd.DataFrame:
    """Average tables: numbers, dates and durations by the mean, levels by the most frequent."""
    columns = {}
    for name in full[0]:
        draws = pd.concat([table[name].rename(i) for i, table in enumerate(full)], axis=1)
        first = full[0][name]
        if pd.api.types.is_bool_dtype(first) or not (
            pd.api.types.is_numeric_dtype(first) or first.dtype.kind in "mM"
        ):
            columns[name] = draws.mode(axis=1)[0].astype(first.dtype)
            continue
        if pd.api.types.is_float_dtype(first):  # sums of large float32 overflow
            is_nullable = isinstance(first.dtype, ExtensionDtype)
            draws = draws.astype("Float64" if is_nullable else "float64")
        mean = draws.mean(axis=1)
        if pd.api.types.is_integer_dtype(first):
            mean = mean.round()
        # What was there stays as it is, to the last digit of integers that no float holds.
        agreed = (draws.nunique(axis=1) == 1).to_numpy(dtype=bool)
        columns[name] = mean.astype(first.dtype).mask(agreed, first)
    return pd.DataFrame(columns)
