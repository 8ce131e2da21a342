"""TabularGANSynthesizer: tables."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from synthgan.asking.conditions import Conditions, bare_schema, count_rows, required_columns
from synthgan.asking.drawing import check_on_missing, keep_index
from synthgan.encoding import GridEncoder
from synthgan.encoding.groups import with_gates
from synthgan.exceptions import DataError, ParameterError, grouped_notices, without_notices_of
from synthgan.gan.sampling import Candidates
from synthgan.gan.training.callbacks import Callback
from synthgan.gan.training.config import Adam
from synthgan.gan.training.memory import check_sample_memory
from synthgan.metrics import column_shapes, pair_trends
from synthgan.privacy import Support, is_column, read_groups
from synthgan.privacy.differential import DifferentialPrivacy
from synthgan.randomness import draw_seed
from synthgan.records.tables import plain_conditions, read_table
from synthgan.records.targets import read_target
from synthgan.scale.large_table import is_large_table
from synthgan.synthesizers.base import BaseGANSynthesizer
from synthgan.synthesizers.few_people import PRIVACY_LEVELS
from synthgan.synthesizers.large_samples import LargeSamples
from synthgan.synthesizers.passes import encoded_in_passes
from synthgan.synthesizers.private_table import check_private, fit_private
from synthgan.synthesizers.recipes import (
    TABLE,
    TABLE_PRESETS,
    Preset,
    find_encoder,
    find_preset,
    resolve,
)
from synthgan.synthesizers.rollback import rollback_on_error
from synthgan.synthesizers.shared_parameters import store_parameters
from synthgan.synthesizers.table_parts import (
    condition_columns,
    describe_table,
    draw_frame,
    find_forms,
    fit_constraints,
    restore_table,
    table_features,
)
from synthgan.synthesizers.table_rows import as_given, draw_lot, draw_rows, lots_of_model
from synthgan.synthesizers.table_rules import (
    count_people,
    follow_level,
    n_candidates,
    table_recipe,
    table_run,
)
from synthgan.synthesizers.training_run import keep_networks
from synthgan.synthesizers.training_set import TrainingSet

__all__ = ["TabularGANSynthesizer"]

_MOST_SCORED_ROWS, _MOST_CANDIDATES = 10_000, 2**14


class TabularGANSynthesizer(LargeSamples, BaseGANSynthesizer):
    """Train a GAN on a table and generate synthetic rows.

    Parameters left as None follow the preset, and without a preset the default recipe. To change
    or search a parameter of a part (``network__width``), give the part.

    Parameters
    ----------
    preset : {"thesis-thyroid"} or None, default=None
        Named parameter set. Parameters that you give override it.
    encoder : GridEncoder or None, default=None
        Encodes rows as grids.
    network : {"fcn", "cnn"}, network spec or None, default=None
        The networks: a short name, `FCN`, `CNN`, or any object with
        ``build(shape, n_conditions, latent_dim) -> (generator, discriminator)``.
    epochs : int, {"auto"} or None, default=None
        Passes over the training rows. ``"auto"``: by the number of rows. Of 5000 rows or more, 5 %
        are held out to measure fidelity: training stops when fidelity no longer improves, and the
        best weights are kept.
    max_time : float, str or None, default=None
        About how long `fit` may take: seconds, or a duration such as ``"10min"``. Training ends
        after 70 % of it; the rest is for the choice among candidates, which then grows fewer trees.
    batch_size : int, {"auto"} or None, default=None
        Rows in a step; at most the number of rows.
    candidates : int or None, default=None
        Rows generated for each row that `sample` returns; boosted trees choose the most realistic
        ones. A row with conditions has at least 16 of its own. None: 2, or up to 4 where the trees
        prefer few rows. 1 is faster and makes no choice. It can be changed after `fit`, unless it
        was 1 in `fit`.
    condition_on : {"any"}, list or None, default=None
        Columns that conditions of `sample` may fix; the networks then learn to complete rows. None:
        conditions are met by drawing again until they hold, which works for frequent values.
    constraints : list of Constraint, {"auto"} or None, default=None
        Relations that hold in every row: `Inequality`, `FixedCombinations`, `Range`, `Predicate`,
        `Identifier`. ``"auto"``, alone or in the list: relations found in the data, as that one
        column is a function of another, or a quotient of two others; None is ``"auto"``
        unless the preset says otherwise; an empty list looks for none.
    privacy : {"balanced", "faithful", "strict"} or DifferentialPrivacy, default="balanced"
        How the default recipe changes for fewer than 1250 people. ``"faithful"``: not
        at all; ``"balanced"``: shorter runs and coarser cells, at a small loss of fidelity;
        ``"strict"``: more of both. docs/privacy.md gives figures. Parameters that you give
        override it. A `DifferentialPrivacy` gives a formal guarantee: the generator fits noisy
        contingency tables and sees no row.

    Attributes
    ----------
    encoder_ : GridEncoder
        Fitted on the columns of X, then those of y, as `constraints_` rewrite them.
    constraints_ : ConstraintSet
        Relations that were given or found.
    forms_ : Forms
        Columns of text that are learnt as dates, times or numbers.
    privacy_ : Ledger or None
        With `DifferentialPrivacy`: all that was released of the training rows, and what it cost.
    generator_ : torch.nn.Module
        The averaged generator, on the CPU.
    history_ : DataFrame
        One row for each logged step: epoch, step, losses, mean outputs of the discriminator,
        seconds, and fidelity to held-out rows (1 is best) where it was measured.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only when all column names are strings.

    See Also
    --------
    GridEncoder : Turns rows into grids and back.

    References
    ----------
    E. Piacentino, Generative Adversarial Network based Machine for Fake Data Generation, master
    thesis, UPC Barcelona, 2019.

    Examples
    --------
    >>> from synthgan import TabularGANSynthesizer
    >>> from synthgan.datasets import make_clinic
    >>> clinic = make_clinic(200, random_state=0)
    >>> model = TabularGANSynthesizer(epochs=2, random_state=0).fit(clinic)
    >>> fake = model.sample(3)
    >>> fake.dtypes.equals(clinic.dtypes)
    True
    """

    kind = "table"
    encoder_class = GridEncoder
    recipe, presets = TABLE, TABLE_PRESETS

    condition_on: str | Sequence[Any] | None
    constraints: str | Sequence[Any] | None
    privacy: str | DifferentialPrivacy

    _labels_are_beside = False
    _on_one_thread = True  # networks of tables are small: several threads are no faster

    _parameter_constraints = {
        **BaseGANSynthesizer._parameter_constraints,
        "candidates": [Interval(Integral, 1, _MOST_CANDIDATES, closed="both"), None],
        "condition_on": [StrOptions({"any"}), list, tuple, None],
        "constraints": [StrOptions({"auto"}), list, tuple, None],
        "privacy": [StrOptions(set(PRIVACY_LEVELS)), DifferentialPrivacy],
    }

    def __init__(
        self,
        preset: str | None = None,
        encoder: GridEncoder | None = None,
        network: Any = None,
        loss: Any = None,
        optimizer: Adam | None = None,
        epochs: int | str | None = None,
        max_steps: int | None = None,
        max_time: float | str | None = None,
        batch_size: int | str | None = None,
        candidates: int | None = None,
        condition_on: str | Sequence[Any] | None = None,
        constraints: str | Sequence[Any] | None = None,
        privacy: str | DifferentialPrivacy = "balanced",
        callbacks: Sequence[Callback] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        store_parameters(self, locals())

    @rollback_on_error
    def fit(self, X: Any, y: Any = None, groups: Any = None) -> TabularGANSynthesizer:
        """Train on a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Or a polars or pyarrow table; at least two rows. Or a path, a folder, a pattern, or all
            else of which `LargeTable` is made, to be read in passes (docs/scaling.md).
        y : Series, DataFrame or array-like of shape (n_rows,) or (n_rows, n_outputs), optional
            Learnt jointly with X; see `sample`.
        groups : hashable, array-like of shape (n_rows,), or None, default=None
            Who each row belongs to: a column of X, or one value a row. What is stored is then
            counted by people, not by rows, and columns that name people are replaced by fresh
            values. None: each row is of another person, unless a column seems to name people who
            have several rows; a `DataWarning` tells it.

        Returns
        -------
        self : TabularGANSynthesizer

        Raises
        ------
        DataError
            Data that cannot be encoded; the message names the column.
        ParameterError, ValueError
            A parameter that is not allowed.
        """
        begun = time.perf_counter()
        self._validate_params()
        if is_large_table(X):
            with encoded_in_passes(self, X, y, groups) as (data, preset):
                self._fit_grids(data, preset, begun)
            return self
        preset = find_preset(self)
        encoder = find_encoder(self, preset)
        frame, self.container_ = read_table(self, X, reset=True, min_rows=2)
        self.y_container_, y_frame = read_target(y, frame)
        if y_frame is not None:
            check_consistent_length(frame, y_frame)
            frame = pd.concat([frame.reset_index(drop=True), y_frame], axis=1)
        self.privacy_ = None
        if isinstance(self.privacy, DifferentialPrivacy):
            check_private(self, groups)
            n_targets = 0 if y_frame is None else y_frame.shape[1]
            keep_networks(self, fit_private(self, frame, n_targets, begun))
            return self
        frame, people = preset.select(frame, read_groups(groups, frame, len(frame)))
        key = groups if is_column(groups, frame) else None
        with grouped_notices():
            constraints = resolve(self, "constraints", preset)
            forms, support, key = find_forms(frame, encoder, people, key, constraints)
            self.forms_, frame = forms, forms.read(frame)
            n_people = count_people(len(frame), support)
            follow_level(self, encoder, n_people)
            preset = table_recipe(self, preset, n_people, len(frame))
            conditioned = condition_columns(self.condition_on, frame)
            self.schema_ = bare_schema(frame, support)
            self.dialect_ = None
            self.constraints_ = fit_constraints(constraints, frame, conditioned, support, key)
            table = self.constraints_.apply(frame)
            with without_notices_of(self.constraints_.residuals, up_to=1):
                kept = encoder.fit(table, groups=support.people).keeps(table)
        grids, half_widths = encoder.encode_cells(table, warn=encoder.is_quantised)
        if len(grids) < 2:
            raise DataError(
                f"n_samples={len(grids)} of {len(frame)} rows lie inside the limits; at least "
                "2 are required: widen the limits."
            )
        self.encoder_ = encoder
        cell_groups = encoder.cell_groups_
        known = with_gates(cell_groups, required_columns(self.constraints_, conditioned))
        known_groups = [group for group in cell_groups if group.column in known]
        usual = table_run(self, cell_groups, n_people, len(grids))
        support = Support(int(encoder.min_support), support.take(kept).people)
        data = TrainingSet(grids, cell_groups, known_groups, support, usual, half_widths)
        self._fit_grids(data, preset, begun)
        return self

    def _n_candidates(self, preset: Preset) -> int:
        return n_candidates(self, preset)

    def _features(self, grids: np.ndarray | Candidates) -> np.ndarray:
        return table_features(self, grids)

    def sample(
        self,
        n: int | None = None,
        conditions: Any = None,
        random_state: Any = None,
        return_y: bool = False,
        on_missing: str = "error",
    ) -> Any:
        """Generate synthetic rows.

        Parameters
        ----------
        n : int or None, default=None
            How many; None: one, or as many as `conditions` has rows.
        conditions : dict, DataFrame (or polars or pyarrow table) or None, default=None
            What must hold in every row. A dict maps columns to a value, a range ``(low, high)``,
            ends included, or a list of values. A DataFrame asks for one row for each of its
            rows, in order; its missing cells are free. Columns that the model was fitted to
            ``condition_on`` are given to the generator, of a set or a range one value drawn from
            what was learnt of the column. All else is met by drawing again.
        random_state : int, RandomState instance or None, default=None
            None: the estimator's own, so that an int there gives the same rows at each call.
        return_y : bool, default=False
            Return (X, y) instead of X; y must have been given to `fit`.
        on_missing : {"error", "warn"}, default="error"
            What to do if too few rows meet the conditions. ``"warn"``: return those that do, in
            order, with a `DataWarning` that counts the others.

        Returns
        -------
        X : as given to `fit`
            Same container, columns, order and dtypes. A DataFrame has the index of `conditions`
            if that is one, too.
        y : as given to `fit`
            Only with `return_y`.

        Raises
        ------
        DataError
            A condition on a column or value that is not known.
        ParameterError
            `n` is negative or no integer, `return_y` without y in fit, or `on_missing` is unknown.
        SamplingError
            Rows that meet the conditions are too rare; the message tells how often each condition
            was met.
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from synthgan import TabularGANSynthesizer
        >>> from synthgan.datasets import make_clinic
        >>> clinic = make_clinic(200, random_state=0)
        >>> model = TabularGANSynthesizer(epochs=2, condition_on="any", random_state=0).fit(clinic)
        >>> fake = model.sample(5, conditions={"age": (40, 60), "sex": "male"})
        >>> bool(fake["age"].between(40, 60).all()), fake["sex"].unique().tolist()
        (True, ['male'])
        """
        check_is_fitted(self)
        conditions = plain_conditions(conditions)
        if return_y and self.y_container_ is None:
            raise ParameterError("return_y=True needs a model that was fitted with y.")
        check_on_missing(on_missing)
        n = count_rows(n, conditions)
        check_sample_memory(n, math.prod(self.grid_shape_))
        columns = {column.name: column for column in self.schema_}
        wanted = Conditions(self.forms_.read_conditions(conditions), columns, n)
        seed = draw_seed(random_state, self.random_state)
        lots = [] if wanted else lots_of_model(self, n, seed)
        frames = [draw_lot(self, lot, on_missing) for lot in lots]
        frame = pd.concat(frames) if lots else draw_rows(self, n, wanted, seed, on_missing)
        rows = frame.index.to_numpy()
        made = as_given(self, frame.reset_index(drop=True), return_y)
        if return_y:
            return tuple(keep_index(part, conditions, rows) for part in made)
        return keep_index(made, conditions, rows)

    def score(self, X: Any, y: Any = None) -> float:
        """Measure how similar a sample is to X: the mean of `column_shapes` and `pair_trends`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Rows to compare with, preferably not used in training.
        y : Ignored

        Returns
        -------
        score : float
            0..1, higher is better; the same at each call.
        """
        check_is_fitted(self)
        real = self.forms_.read(read_table(self, X, reset=False)[0])
        n = min(max(len(real), 1000), _MOST_SCORED_ROWS)
        fake = draw_rows(self, n, None, 0)
        names = list(fake.columns)[: self.n_features_in_]
        real, fake = real[names], fake[names]
        shapes, trends = column_shapes(real, fake), pair_trends(real, fake)
        return float(np.mean([shapes.value, trends.value if len(trends.detail) else shapes.value]))

    def __sklearn_tags__(self) -> Any:
        """Declare that missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _encoder_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return describe_table(self)

    def _restore_encoder(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        restore_table(self, record, arrays)

    def _draw_one(self) -> None:
        as_given(self, draw_frame(self, 1, 0, None, np.random.default_rng(0)), True)
