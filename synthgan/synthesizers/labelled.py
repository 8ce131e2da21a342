"""Records that are one grid each, such as signals and images, with labels beside it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from synthgan.asking.conditions import Conditions, count_rows
from synthgan.asking.drawing import TryLimits, check_on_missing, draw_until_met, keep_index
from synthgan.asking.labels import Labels
from synthgan.exceptions import ArchiveError, ParameterError, PrivacyWarning
from synthgan.gan.training.memory import check_sample_memory
from synthgan.privacy import Support, person_column, read_groups
from synthgan.randomness import draw_seed
from synthgan.records.tables import plain_conditions
from synthgan.state import fields
from synthgan.synthesizers.few_people import FEWEST_UNWARNED, LABELLED_LEVELS
from synthgan.synthesizers.recipes import find_encoder, find_preset
from synthgan.synthesizers.training_set import TrainingSet, UsualRun

__all__ = [
    "describe_labelled",
    "draw_one",
    "draw_to_score",
    "learn_labels",
    "no_properties",
    "restore_labelled",
    "sample_records",
]

Draw = Callable[[int, Any, int, pd.DataFrame], np.ndarray]
Measure = Callable[[list[str], np.ndarray], dict[str, np.ndarray]]

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


def no_properties(names: list[str], values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the properties of records of which none can be measured."""
    return {}


def learn_labels(
    model: Any,
    encoder: Any,
    values: np.ndarray,
    info: pd.DataFrame | None,
    y: Any,
    groups: Any = None,
    measure: Measure = no_properties,
    largest_batch: int = 500,
) -> TrainingSet:
    """Learn the labels of records, and return what a fitted encoder makes of them, to be trained.

    Parameters
    ----------
    model : BaseGANSynthesizer
    encoder : fitted encoder
        Its container restores records from values and what is known of them.
    values : ndarray of shape (n, ...)
    info : DataFrame of shape (n, n_labels), or None
        Labels that `condition_on` may name.
    y : labels or None
    groups : str, array-like of shape (n,), or None, default=None
        Who each record belongs to; None: the column of `info` that names people, if any.
    measure : callable
        ``measure(names, values)`` returns properties of records, by name.
    largest_batch : int, default=500
        See `UsualRun`.

    Raises
    ------
    ParameterError
        `condition_on` names a label that is not known.
    """
    info = pd.DataFrame(index=range(len(values))) if info is None else info
    groups = person_column(info) if groups is None else groups
    people = read_groups(groups, info, len(values))
    n_people = len(values) if people is None else len(np.unique(people))
    if n_people < FEWEST_UNWARNED and model.preset is None:
        helps = model.privacy != "strict" and len(values) < _FEW_RECORDS
        more = "; privacy='strict' lowers it" if helps else ""
        warnings.warn(
            f"the {model.kind}s are of {n_people} people: an attacker with synthetic ones may "
            "recognise a training person (see docs/privacy.md); measure with "
            f"synthgan.evaluate, or use {FEWEST_UNWARNED} people or more{more}.",
            PrivacyWarning,
            stacklevel=4,
        )
    wanted = list(dict.fromkeys(model.condition_on or ()))
    known = [*info.columns, *model.properties]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ParameterError(f"condition_on names {unknown!r}; known are {known!r}.")
    names = [name for name in wanted if name in model.properties]
    given = info[[name for name in wanted if name not in names]]
    measured = pd.DataFrame(measure(names, values), index=given.index)
    model.labels_, cells = Labels.fit(given, measured, y, people)
    model.encoder_ = encoder
    grids = encoder.encode(values)
    usual = UsualRun(steps_of(len(grids), LABELLED_LEVELS[model.privacy]), largest_batch)
    return TrainingSet(
        grids, encoder.cell_groups_, model.labels_.groups, Support(1, people), usual, labels=cells
    )


def sample_records(
    model: Any,
    n: int | None,
    conditions: Any,
    random_state: Any,
    return_y: bool,
    draw_values: Draw,
    n_values: int,
    on_missing: str = "error",
    measure: Measure = no_properties,
) -> Any:
    """Draw records of `n_values` numbers.

    Parameters
    ----------
    model : BaseGANSynthesizer
    n, conditions, random_state, return_y, on_missing : as in `ImageGANSynthesizer.sample`
    draw_values : callable
        ``draw_values(n, known, seed, given)`` draws records; `given` holds the labels that are
        asked for, `known` their cells.
    n_values : int
    measure : callable
        As in `learn_labels`.
    """
    check_is_fitted(model)
    check_on_missing(on_missing)
    labels = model.labels_
    if return_y and labels.y is None:
        raise ParameterError("return_y=True needs a model that was fitted with y.")
    conditions = plain_conditions(conditions)
    n = count_rows(n, conditions)
    check_sample_memory(n, n_values)
    seed = draw_seed(random_state, model.random_state)
    rng = np.random.default_rng(seed)
    wanted = labels.read_conditions(conditions, n, return_y, rng)
    limits = TryLimits(_IN_VAIN, _AT_ALL, at_a_time=_VALUES_AT_A_TIME // max(1, n_values))
    values, info = _draw_as_wanted(model, wanted, rng, draw_values, measure, limits, on_missing)
    rows, info = info.index.to_numpy(), info.reset_index(drop=True)
    X = keep_index(model.encoder_.container_.restore(values, info), conditions, rows)
    if not return_y or labels.y is None:
        return X
    y = labels.y.restore(info[labels.y_names])
    return X, keep_index(y, conditions, rows)


def _draw_as_wanted(
    model: Any,
    wanted: Conditions,
    rng: np.random.Generator,
    draw_values: Draw,
    measure: Measure = no_properties,
    limits: TryLimits = _ONCE,
    on_missing: str = "error",
) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw records and their labels, with their numbers as index, until all are as wanted."""
    names = [name for name in model.labels_.measured if name in wanted]

    def draw(rows: np.ndarray) -> Any:
        info, known = model.labels_.draw_given(wanted, rows, rng)
        values = draw_values(len(rows), known, int(rng.integers(2**31 - 1)), info)
        info = info.assign(**measure(names, values))
        return wanted.met_by(info, rows), lambda some: (values[some], info.iloc[some])

    drawn = draw_until_met(draw, wanted.alike, limits)
    drawn.check(on_missing, f"{model.kind}s", "train longer, ask for less")
    order = np.argsort(drawn.rows)
    values = np.concatenate([made for _, (made, _) in drawn.pieces])[order]
    info = pd.concat([info for _, (_, info) in drawn.pieces]).set_axis(drawn.rows)
    return values, info.iloc[order]


def draw_to_score(model: Any, n: int, draw_values: Draw) -> np.ndarray:
    """Draw records to compare with real ones, the same at each call."""
    rng = np.random.default_rng(0)
    anything = model.labels_.read_conditions(None, n, False, rng)
    return _draw_as_wanted(model, anything, rng, draw_values)[0]


def draw_one(model: Any, draw_values: Draw) -> None:
    """Draw a record and its labels and discard them; parts that do not fit raise an error."""
    rng, labels = np.random.default_rng(0), model.labels_
    wanted = labels.read_conditions(None, 1, labels.y is not None, rng)
    info, known = labels.draw_given(wanted, np.zeros(1, np.int64), rng)
    model.encoder_.container_.restore(draw_values(1, known, 0, info), info)
    if labels.y is not None:
        labels.y.restore(info[labels.y_names])


def describe_labelled(model: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the encoder and the labels of a fitted model, as plain data and arrays."""
    record, arrays = model.encoder_.to_state()
    labels, label_arrays = model.labels_.to_state()
    arrays = {**arrays, **{f"{_LABEL}{name}": a for name, a in label_arrays.items()}}
    return {"encoder": record, "labels": labels}, arrays


def restore_labelled(model: Any, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Restore what `describe_labelled` returned; sets all learned attributes but the networks.

    Raises
    ------
    ArchiveError
        Parts that do not fit together.
    """
    read = fields.read_fields(
        record, "schema", encoder=fields.plain, labels=fields.plain, **model.own_fields
    )
    labels = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_LABEL)}
    plain = {name.removeprefix(_LABEL): array for name, array in labels.items()}
    model.labels_ = Labels.from_state(read["labels"], plain)
    if unknown := set(model.labels_.measured) - set(model.properties):
        raise ArchiveError(f"labels name properties that cannot be measured: {unknown}")
    encoder = find_encoder(model, find_preset(model))
    model.encoder_ = encoder.from_state(read["encoder"], arrays)
    model.n_features_in_ = encoder.n_features_in_
    if hasattr(encoder, "feature_names_in_"):
        model.feature_names_in_ = encoder.feature_names_in_
    model.cell_groups_, model.grid_shape_ = encoder.cell_groups_, encoder.grid_shape_
    model.is_quantised_ = encoder.is_quantised
    model.known_groups_ = model.labels_.groups
