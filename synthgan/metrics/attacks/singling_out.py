"""Singling out: a predicate read from the fakes that holds for one real row alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.metrics.attacks.arms import Arm, attack_score
from synthgan.metrics.score import Score
from synthgan.metrics.tables import draw_generator, encode, read_tables

__all__ = ["singling_out"]

_MOST_ROWS = 50_000
_FEWEST_COLUMNS, _MOST_COLUMNS = 2, 6
_TRIES = 20  # for each predicate wanted
_MODES = ("multivariate", "univariate")
_ABOVE, _BELOW, _EQUAL = 1, -1, 0

# A predicate is a list of conditions (column, operation, value); NaN equals NaN.
Predicate = list[tuple[int, int, float]]


def singling_out(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    mode: str = "multivariate",
    n_attacks: int = 1000,
) -> Score:
    """Attack: find predicates in the fakes that hold for exactly one person.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`; up to 50 000 rows of each are drawn, as many of each.
    mode : {"multivariate", "univariate"}, default="multivariate"
        ``"univariate"``: a value that one fake alone has, or the least or greatest of a column.
        ``"multivariate"``: conditions on two to six columns that one fake alone fulfils: its
        levels, and its numbers or beyond, away from the median.
    n_attacks : int, default=1000
        Predicates to try; fewer are tried where the fakes do not give as many.

    Returns
    -------
    score : Score
        The risk: (main - control) / (1 - control), where ``main`` is the share of the predicates
        that hold for exactly one real row, ``control`` for exactly one of the holdout. 0..1, lower
        is better; NaN without a holdout. ``baseline`` are predicates that are drawn without the
        fakes' rows. In ``detail``, ``most`` is how many predicates single out one and the same row:
        a rare person who was copied stands out by it, and the note says so.

    Raises
    ------
    ParameterError
        An unknown mode, or less than one attack.

    References
    ----------
    Giomi et al. (2023), doi 10.56553/popets-2023-0055, section 4.1. Cohen and Nissim (2020),
    Towards formalizing the GDPR's notion of singling out, doi 10.1073/pnas.1914598117.
    """
    if mode not in _MODES:
        raise ParameterError(f"mode={mode!r} is not allowed; give one of {list(_MODES)}.")
    if n_attacks < 1:
        raise ParameterError(f"n_attacks={n_attacks!r} is not allowed; give 1 or more.")
    rng = draw_generator(random_state)
    frames, note = read_tables(rng, _MOST_ROWS, True, real=real, fake=fake, holdout=holdout)
    tables, is_level = encode(*frames.values())
    sides = dict(zip(frames, map(_Table, tables), strict=True))
    made = sides["fake"]
    find = _of_one_column if mode == "univariate" else _of_some_columns
    predicates = find(made, is_level, n_attacks, rng)
    guesses = [_guess(made, is_level, mode, rng) for _ in range(n_attacks)]
    hits = {name: _singled(side, predicates) for name, side in sides.items() if name != "fake"}
    by_chance = _singled(sides["real"], guesses)
    most = {name: _most(rows) for name, rows in hits.items()}
    notes = [note] if note else []
    if len(predicates) < n_attacks:
        notes.append(f"The fakes give {len(predicates)} predicates.")
    if "holdout" in most and most["real"] > 2 * most["holdout"] + 2:
        notes.append(
            f"One real row is singled out by {most['real']} predicates, no row of the holdout by "
            f"more than {most['holdout']}: a rare person may have been copied."
        )
    control = Arm(len(hits["holdout"]), len(predicates)) if "holdout" in hits else None
    score = attack_score(
        f"singling out, {mode}",
        Arm(len(hits["real"]), len(predicates)),
        control,
        Arm(len(by_chance), len(guesses)),
        notes,
    )
    score.detail["most"] = [most["real"], most.get("holdout", 0), _most(by_chance)]
    return score


class _Table:
    """A table whose conditions are looked up quickly: each column sorted once."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table
        self.order = [np.argsort(column, kind="stable") for column in table.T]  # NaN last
        self.sorted = [column[order] for column, order in zip(table.T, self.order, strict=True)]
        self.n_present = [int((~np.isnan(column)).sum()) for column in table.T]

    def rows(self, condition: tuple[int, int, float]) -> np.ndarray:
        """Return the rows that fulfil a condition."""
        column, operation, value = condition
        values, n = self.sorted[column], self.n_present[column]
        if np.isnan(value):
            return self.order[column][n:]
        low, high = 0, n
        if operation != _BELOW:
            low = int(np.searchsorted(values[:n], value, side="left"))
        if operation != _ABOVE:
            high = int(np.searchsorted(values[:n], value, side="right"))
        return self.order[column][low:high]

    def fulfil(self, predicate: Predicate) -> np.ndarray:
        """Return the rows that fulfil all conditions, those of the rarest looked at one by one."""
        found = [(condition, self.rows(condition)) for condition in predicate]
        found.sort(key=lambda pair: len(pair[1]))
        rows = found[0][1]
        for (column, operation, value), _ in found[1:]:
            rows = rows[_holds(self.table[rows, column], operation, value)]
        return rows


def _holds(values: np.ndarray, operation: int, value: float) -> np.ndarray:
    if np.isnan(value):
        return np.isnan(values)
    if operation == _EQUAL:
        return values == value
    return values >= value if operation == _ABOVE else values <= value


def _singled(side: _Table, predicates: list[Predicate]) -> list[int]:
    """Return the rows that predicates single out, one for each that does."""
    found = [side.fulfil(predicate) for predicate in predicates]
    return [int(rows[0]) for rows in found if len(rows) == 1]


def _most(rows: list[int]) -> int:
    return int(np.unique(rows, return_counts=True)[1].max()) if rows else 0


def _of_one_column(
    made: _Table, is_level: np.ndarray, n_attacks: int, rng: np.random.Generator
) -> list[Predicate]:
    extremes: list[Predicate] = []
    singles: list[Predicate] = []
    for i, column in enumerate(made.table.T):
        present = column[~np.isnan(column)]
        values, counts = np.unique(present, return_counts=True)
        singles += [[(i, _EQUAL, float(value))] for value in values[counts == 1]]
        if len(column) - len(present) == 1:
            extremes.append([(i, _EQUAL, float("nan"))])
        if not is_level[i] and len(values):
            extremes += [[(i, _BELOW, float(values[0]))], [(i, _ABOVE, float(values[-1]))]]
    # What is rarest is tried first: there are few extremes, and many values of one fake.
    order = rng.permutation(len(singles))
    return [*extremes, *(singles[i] for i in order)][:n_attacks]


def _of_some_columns(
    made: _Table, is_level: np.ndarray, n_attacks: int, rng: np.random.Generator
) -> list[Predicate]:
    middle = _medians(made.table)
    predicates: list[Predicate] = []
    for _ in range(_TRIES * n_attacks):
        row = made.table[rng.integers(len(made.table))]
        columns = _some_columns(len(row), rng)
        predicate = [(i, _side(row[i], middle[i], is_level[i]), float(row[i])) for i in columns]
        if len(made.fulfil(predicate)) == 1:
            predicates.append(predicate)
            if len(predicates) == n_attacks:
                break
    return predicates


def _guess(made: _Table, is_level: np.ndarray, mode: str, rng: np.random.Generator) -> Predicate:
    """Draw a predicate from what columns may hold, each by itself."""
    n_columns = made.table.shape[1]
    columns = [int(rng.integers(n_columns))]
    if mode == "multivariate":
        columns = _some_columns(n_columns, rng)
    predicate = []
    for i in columns:
        values, n = made.sorted[i], made.n_present[i]
        if not n:
            predicate.append((i, _EQUAL, float("nan")))
        elif is_level[i]:
            predicate.append((i, _EQUAL, float(np.rint(rng.uniform(values[0], values[n - 1])))))
        else:
            operation = _ABOVE if rng.random() < 0.5 else _BELOW
            predicate.append((i, operation, float(rng.uniform(values[0], values[n - 1]))))
    return predicate


def _some_columns(n_columns: int, rng: np.random.Generator) -> list[int]:
    most = min(_MOST_COLUMNS, n_columns)
    n = int(rng.integers(min(_FEWEST_COLUMNS, most), most + 1))
    return [int(i) for i in rng.choice(n_columns, n, replace=False)]


def _side(value: float, middle: float, is_level: bool) -> int:
    if is_level:
        return _EQUAL
    return _ABOVE if value > middle else _BELOW


def _medians(table: np.ndarray) -> np.ndarray:
    present = [column[~np.isnan(column)] for column in table.T]
    return np.array([np.median(column) if len(column) else 0.0 for column in present])
