"""Fakes that equal a real row, or nearly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ParameterError
from synthgan.metrics.privacy.attacks import NO_VERDICT, wilson_interval
from synthgan.metrics.privacy.rows import draw_rows, read_in_order, row_keys
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import draw_generator

__all__ = ["exact_copies", "near_copies"]

_MOST = {"real": 20_000, "fake": 5000, "holdout": 5000}
_TINY = 1e-6  # what rounding, of float32 coordinates too, makes of equal distances


def exact_copies(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Share of fakes that equal a real row in all columns.

    Parameters
    ----------
    real : DataFrame or array-like of shape (n_rows, n_columns)
        The rows that the generator was trained on; all are searched, however many.
    fake : as `real`, at least its columns
    holdout : as `real`, or None, default=None
        Rows of the same population that the generator never saw.
    target, random_state : object, default=None
        Not used.

    Returns
    -------
    score : Score
        0..1, lower is better, with a Wilson interval. The ceiling is the share of holdout rows that
        equal a real row: what chance alone gives. Numbers are equal by value (1 is 1.0), levels
        by label, and a missing value equals a missing value. ``detail`` has both shares.

    Raises
    ------
    DataError
        A table without rows, or columns missing.

    Examples
    --------
    >>> import pandas as pd
    >>> real = pd.DataFrame({"age": [31, 47], "sex": ["f", "m"]})
    >>> fake = pd.DataFrame({"age": [31.0, 47.0], "sex": ["f", "f"]})
    >>> exact_copies(real, fake).value
    0.5
    """
    frames = read_in_order(
        draw_generator(random_state), **{"real": real, "fake": fake, "holdout": holdout}
    )
    keys = dict(zip(frames, row_keys(*frames.values()), strict=True))
    known = keys.pop("real")
    copied = {name: np.isin(theirs, known) for name, theirs in keys.items()}
    return _shares("exact copies", copied, "" if "holdout" in copied else NO_VERDICT)


def near_copies(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    quantile: float = 0.01,
) -> Score:
    """Share of fakes as near to a real row as hardly a holdout row is.

    Parameters
    ----------
    real, fake, holdout, target
        As in `exact_copies`; of large tables up to 20 000 real rows and 5000 others are drawn, of
        fakes and holdout as many.
    random_state : int, RandomState instance, Generator or None, default=None
        For the rows that are drawn.
    quantile : float, default=0.01
        How near is near: the distance within which this share of the holdout has a real row.
        Without a holdout, this share of the real rows another real row.

    Returns
    -------
    score : Score
        0..1, lower is better, with a Wilson interval. The ceiling is the share of the holdout
        within that distance: `quantile`, or more where more of it equals real rows. ``detail`` has
        both shares, each with its interval, and the ``distance``.

    Raises
    ------
    ParameterError
        A quantile outside of 0..1.
    DataError
        A table without rows, or columns missing.
    """
    if not 0 < quantile < 1:
        raise ParameterError(
            f"quantile={quantile!r} is not allowed; give a share between 0 and 1, ends left out."
        )
    rows = draw_rows(
        draw_generator(random_state),
        _MOST,
        ("fake", "holdout"),
        real=real,
        fake=fake,
        holdout=holdout,
    )
    space = Space.fit(rows.tables["real"], rows.is_level)
    points = {name: space.points(x).astype(np.float64) for name, x in rows.tables.items()}
    known = points.pop("real")
    gaps = {name: nearest(x, known)[0][:, 0] for name, x in points.items()}
    notes = [rows.note]
    if "holdout" in gaps:
        judge = gaps["holdout"]
    else:
        notes.append(NO_VERDICT)
        some = known[: _MOST["holdout"]]
        # The nearest is the row itself, or its twin.
        judge = nearest(some, known, 2)[0][:, 1] if len(known) > 1 else np.zeros(1)
    limit = float(np.quantile(judge, quantile, method="inverted_cdf"))
    copied = {name: x <= limit + _TINY for name, x in gaps.items()}
    score = _shares("near copies", copied, " ".join(note for note in notes if note))
    score.detail["distance"] = limit
    return score


def _shares(name: str, copied: dict[str, np.ndarray], note: str) -> Score:
    rows = {
        table: (float(hit.mean()), *wilson_interval(float(hit.sum()), len(hit)), len(hit))
        for table, hit in copied.items()
    }
    detail = pd.DataFrame.from_dict(
        rows, orient="index", columns=["value", "low", "high", "n_rows"]
    ).rename_axis("table")
    ceiling = rows["holdout"][0] if "holdout" in rows else None
    value, low, high, _ = rows["fake"]
    return Score(name, value, False, detail, (low, high), ceiling, note=note)
