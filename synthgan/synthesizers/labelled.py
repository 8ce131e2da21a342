"""LabelledGANSynthesizer: what signals and images share; labels stand beside their grids."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from synthgan.asking.conditions import Conditions, count_rows
from synthgan.asking.drawing import TryLimits, check_on_missing, draw_until_met, keep_index
from synthgan.asking.labels import Labels
from synthgan.exceptions import ArchiveError, ParameterError, PrivacyWarning
from synthgan.gan.training.callbacks import Callback
from synthgan.gan.training.config import Adam
from synthgan.gan.training.memory import check_sample_memory
from synthgan.randomness import draw_seed
from synthgan.records.tables import plain_conditions
from synthgan.state import fields
from synthgan.synthesizers.base import BaseGANSynthesizer
from synthgan.synthesizers.few_people import FEWEST_UNWARNED, LABELLED_LEVELS
from synthgan.synthesizers.parameters import refuse_guarantee
from synthgan.synthesizers.recipes import Preset, find_preset
from synthgan.synthesizers.training_set import TrainingSet

__all__ = ["LabelledGANSynthesizer"]

_LABEL = "label."  # prefix of the label encoder's arrays in an archive
_FEW_RECORDS = 375
_STEPS_PER_RECORD, _MOST_STEPS = 8.0, 12_000
_IN_VAIN, _AT_ALL = 2000, 80_000  # tries to meet conditions
_VALUES_AT_A_TIME = 2**24  # of records that are drawn again
_ONCE = TryLimits(1, 1, 1)


def steps_of(n_records: int, power: float) -> float:
    """Return how long a run is: 8 steps for each record, between 3000 and 12 000.

    Fewer than 375 records are memorised in long runs: the 3000 steps are multiplied by
    ``(n_records / 375)**power``.

    Examples
    --------
    >>> [round(steps_of(n, 0.5)) for n in (60, 375, 1000, 9000)]
    [1200, 3000, 8000, 12000]
    >>> [round(steps_of(60, power)) for power in (0.0, 1.0)]
    [3000, 480]
    """
    n = max(n_records, _FEW_RECORDS)
    return min(_STEPS_PER_RECORD * n, _MOST_STEPS) * min(1.0, n_records / _FEW_RECORDS) ** power


class LabelledGANSynthesizer(BaseGANSynthesizer):
    """Base of synthesizers whose records are one grid each, with labels beside it.

    A subclass names its kind, its encoder's class and its recipe, and reads its records in `fit`.
    Its encoder has a container that restores records from values and what is known of them.
    The constructor serves kinds without parameters of their own.

    Parameters
    ----------
    max_time : float, str or None, default=None
        About how long `fit` may take: seconds, or a duration such as ``"30min"``.
    privacy : {"balanced", "faithful", "strict"}, default="balanced"
        How the default recipe changes for fewer than 375 records: n of them are learnt in
        3000 (n / 375)**power steps, with a power of 0.5, 0 (``"faithful"``) or 1 (``"strict"``).
        Fewer steps memorise less, at a loss of fidelity; docs/privacy.md gives figures.
        Parameters that you give override it.
    """

    encoder_: Any
    labels_: Labels

    _labels_are_beside = True
    _properties: tuple[str, ...] = ()  # that can be measured on a record
    _own_fields: dict[str, fields.Check] = {}  # of a subclass, in an archive

    _parameter_constraints = {
        **BaseGANSynthesizer._parameter_constraints,
        "condition_on": [list, tuple, None],
        "privacy": [StrOptions(set(LABELLED_LEVELS))],
    }

    def _validate_params(self) -> None:
        reason = "counts of few columns do not describe a waveform or a picture"
        refuse_guarantee(self.privacy, f"{self.kind}s", reason)
        super()._validate_params()

    def __init__(
        self,
        preset: str | None = None,
        encoder: Any = None,
        network: Any = None,
        loss: Any = None,
        optimizer: Adam | None = None,
        epochs: int | str | None = None,
        max_steps: int | None = None,
        max_time: float | str | None = None,
        batch_size: int | str | None = None,
        condition_on: Sequence[str] | None = None,
        privacy: str = "balanced",
        callbacks: Sequence[Callback] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        self.preset = preset
        self.encoder = encoder
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.epochs = epochs
        self.max_steps = max_steps
        self.max_time = max_time
        self.batch_size = batch_size
        self.condition_on = condition_on
        self.privacy = privacy
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _gather_labels(self, info: pd.DataFrame, values: np.ndarray) -> tuple[Any, Any]:
        """Collect the labels in `condition_on`: columns of info, and measured properties."""
        wanted = list(dict.fromkeys(self.condition_on or ()))
        known = [*info.columns, *self._properties]
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ParameterError(f"condition_on names {unknown!r}; known are {known!r}.")
        measured = [name for name in wanted if name in self._properties]
        given = info[[name for name in wanted if name not in measured]]
        return given, pd.DataFrame(self._measure(measured, values), index=given.index)

    def _learn(
        self,
        encoder: Any,
        values: np.ndarray,
        info: pd.DataFrame,
        y: Any,
        preset: Preset,
        begun: float,
        people: np.ndarray | None,
    ) -> None:
        """Train on what a fitted encoder makes of records."""
        n_people = len(values) if people is None else len(np.unique(people))
        if n_people < FEWEST_UNWARNED and self.preset is None:
            helps = self.privacy != "strict" and len(values) < _FEW_RECORDS
            more = "; privacy='strict' lowers it" if helps else ""
            warnings.warn(
                f"the {self.kind}s are of {n_people} people: an attacker with synthetic ones may "
                "recognise a training person (see docs/privacy.md); measure with "
                f"synthgan.evaluate, or use {FEWEST_UNWARNED} people or more{more}.",
                PrivacyWarning,
                stacklevel=4,
            )
        given, measured = self._gather_labels(info, values)
        self.labels_, label_cells = Labels.fit(given, measured, y, people)
        grids = encoder.encode(values)
        self.encoder_ = encoder
        groups = encoder.cell_groups_
        known = self.labels_.groups
        data = TrainingSet(grids, groups, known, labels=label_cells, people=people)
        self._fit_grids(data, preset, begun)

    def _sample_records(
        self,
        n: int | None,
        conditions: Any,
        random_state: Any,
        return_y: bool,
        draw_values: Callable[[int, Any, int, pd.DataFrame], np.ndarray],
        n_values: int,
        on_missing: str = "error",
    ) -> Any:
        """Draw records of `n_values` numbers; `draw_values` is called like `_draw_values`."""
        check_is_fitted(self)
        check_on_missing(on_missing)
        if return_y and self.labels_.y is None:
            raise ParameterError("return_y=True needs a model that was fitted with y.")
        conditions = plain_conditions(conditions)
        n = count_rows(n, conditions)
        check_sample_memory(n, n_values)
        seed = draw_seed(random_state, self.random_state)
        rng = np.random.default_rng(seed)
        wanted = self.labels_.read_conditions(conditions, n, return_y, rng)
        limits = TryLimits(_IN_VAIN, _AT_ALL, at_a_time=_VALUES_AT_A_TIME // max(1, n_values))
        values, info = self._draw_as_wanted(wanted, rng, draw_values, limits, on_missing)
        rows, info = info.index.to_numpy(), info.reset_index(drop=True)
        X = keep_index(self.encoder_.container_.restore(values, info), conditions, rows)
        if not return_y or self.labels_.y is None:
            return X
        y = self.labels_.y.restore(info[self.labels_.y_names])
        return X, keep_index(y, conditions, rows)

    def _draw_as_wanted(
        self,
        wanted: Conditions,
        rng: np.random.Generator,
        draw_values: Callable[[int, Any, int, pd.DataFrame], np.ndarray],
        limits: TryLimits = _ONCE,
        on_missing: str = "error",
    ) -> tuple[np.ndarray, pd.DataFrame]:
        """Draw records and their labels, with their numbers as index, until all are as wanted."""
        names = [name for name in self.labels_.measured if name in wanted]

        def draw(rows: np.ndarray) -> Any:
            info, known = self.labels_.draw_given(wanted, rows, rng)
            values = draw_values(len(rows), known, int(rng.integers(2**31 - 1)), info)
            info = info.assign(**self._measure(names, values))
            return wanted.met_by(info, rows), lambda some: (values[some], info.iloc[some])

        drawn = draw_until_met(draw, wanted.alike, limits)
        drawn.check(on_missing, f"{self.kind}s", "train longer, ask for less")
        order = np.argsort(drawn.rows)
        values = np.concatenate([made for _, (made, _) in drawn.pieces])[order]
        info = pd.concat([info for _, (_, info) in drawn.pieces]).set_axis(drawn.rows)
        return values, info.iloc[order]

    def _draw_to_score(self, n: int) -> np.ndarray:
        """Draw records to compare with real ones, the same at each call."""
        rng = np.random.default_rng(0)
        anything = self.labels_.read_conditions(None, n, False, rng)
        return self._draw_as_wanted(anything, rng, self._draw_values)[0]

    def _draw_values(
        self,
        n: int,
        known: tuple[np.ndarray, np.ndarray] | None,
        seed: int,
        given: pd.DataFrame,
    ) -> np.ndarray:
        """Draw `n` records; `given` holds the labels that are asked for, `known` their cells."""
        return self.encoder_.decode(self.sample_grids(n, seed, known))

    def _measure(self, names: list[str], values: np.ndarray) -> dict[str, np.ndarray]:
        """Measure properties of records, those of `_properties`."""
        return {}

    def _n_steps(self, n_rows: int) -> float:
        return steps_of(n_rows, LABELLED_LEVELS[self.privacy])

    def _n_held_out(self, n_rows: int, preset: Preset) -> int:
        return 0

    def _encoder_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        record, arrays = self.encoder_.to_state()
        labels, label_arrays = self.labels_.to_state()
        arrays = {**arrays, **{f"{_LABEL}{name}": a for name, a in label_arrays.items()}}
        return {"encoder": record, "labels": labels}, arrays

    def _restore_encoder(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        read = fields.read_fields(
            record, "schema", encoder=fields.plain, labels=fields.plain, **self._own_fields
        )
        labels = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_LABEL)}
        plain = {name.removeprefix(_LABEL): array for name, array in labels.items()}
        self.labels_ = Labels.from_state(read["labels"], plain)
        if unknown := set(self.labels_.measured) - set(self._properties):
            raise ArchiveError(f"labels name properties that cannot be measured: {unknown}")
        encoder = self._find_encoder(find_preset(self))
        self.encoder_ = encoder.from_state(read["encoder"], arrays)
        self.n_features_in_ = encoder.n_features_in_
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        self.cell_groups_, self.grid_shape_ = encoder.cell_groups_, encoder.grid_shape_
        self.is_quantised_ = encoder.is_quantised
        self.known_groups_ = self.labels_.groups

    def _draw_one(self) -> None:
        rng = np.random.default_rng(0)
        wanted = self.labels_.read_conditions(None, 1, self.labels_.y is not None, rng)
        info, known = self.labels_.draw_given(wanted, np.zeros(1, np.int64), rng)
        self.encoder_.container_.restore(self._draw_values(1, known, 0, info), info)
        if self.labels_.y is not None:
            self.labels_.y.restore(info[self.labels_.y_names])
