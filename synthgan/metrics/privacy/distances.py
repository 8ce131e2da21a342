"""Distances from synthetic rows to the nearest real and the nearest holdout rows."""

from __future__ import annotations

from typing import Any

from synthgan.metrics.privacy.point_sets import closest_record_of, neighbour_ratio_of
from synthgan.metrics.privacy.rows import read_point_sets
from synthgan.metrics.score import Score
from synthgan.randomness import draw_generator

__all__ = ["closest_record", "neighbour_ratio"]

_MOST = {"real": 20_000, "fake": 5000, "holdout": 20_000}
_MOST_ASKED = 5000


def closest_record(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Share of synthetic rows nearer to a real than to a holdout row (closest record).

    Parameters
    ----------
    real, fake, holdout, target
        As in `exact_copies`. The same number of real and holdout rows is used, up to 20 000 of
        each, and up to 5000 synthetic rows; larger tables are sub-sampled.
    random_state : int, RandomState instance, Generator or None, default=None
        For the sub-samples.
    groups, holdout_groups
        As in `exact_copies`.

    Returns
    -------
    score : Score
        0..1; .5, the ceiling, is no preference, 1 means that all are copies. Equal distances count
        half. NaN without a holdout. ``detail`` has quantiles of the distances (``value`` is the
        median) from ``fake to real``, ``fake to holdout`` and ``holdout to real``.

    Notes
    -----
    Synthetic rows with the same nearest person are dependent, so a small holdout gives a wide
    interval even with many synthetic rows: it is a Wilson interval with Kish's effective number of
    rows with different nearest persons.

    References
    ----------
    Platzer and Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic data,
    doi 10.3389/fdata.2021.679939. Kish (1965), Survey sampling.
    """
    tables = {"real": real, "fake": fake, "holdout": holdout}
    rng = draw_generator(random_state)
    return closest_record_of(
        read_point_sets(rng, _MOST, ("real", "holdout"), groups, holdout_groups, **tables)
    )


def neighbour_ratio(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Ratio of distances to the nearest real row and to another person's; near 0 for copies.

    Parameters
    ----------
    real, fake, holdout, target
        As in `near_copies`.
    random_state : int, RandomState instance, Generator or None, default=None
        For the sub-samples.
    groups, holdout_groups
        As in `exact_copies`.

    Returns
    -------
    score : Score
        The 5 % quantile of the synthetic rows' ratios, so that 5 % of copies are enough to detect;
        0..1, higher is better. The ceiling is that of the holdout. A synthetic row that equals the
        rows of two persons has the ratio 1: it identifies neither. NaN with fewer than two persons.
        The interval is that of the order statistics. ``detail`` has the same, and the median, of
        synthetic rows and holdout.

    References
    ----------
    Lowe (2004), Distinctive image features from scale-invariant keypoints,
    doi 10.1023/B:VISI.0000029664.99615.94 (the ratio). Zhao et al. (2021), CTAB-GAN,
    arXiv 2102.08369 (as a measure of privacy).
    """
    tables = {"real": real, "fake": fake, "holdout": holdout}
    rng = draw_generator(random_state)
    most = {**_MOST, "holdout": _MOST_ASKED}
    return neighbour_ratio_of(
        read_point_sets(rng, most, ("fake", "holdout"), groups, holdout_groups, **tables)
    )
