"""Distances from fakes to the nearest real rows, and to the nearest rows never seen."""

from __future__ import annotations

from typing import Any

from synthgan.metrics.privacy.clouds import closest_record_of, neighbour_ratio_of
from synthgan.metrics.privacy.rows import read_clouds
from synthgan.metrics.score import Score
from synthgan.metrics.tables import draw_generator

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
    """Share of fakes nearer to a real row than to a holdout row (distance to closest record).

    Parameters
    ----------
    real, fake, holdout, target
        As in `exact_copies`. As many real rows as holdout rows take part, up to 20 000 of each, and
        up to 5000 fakes; they are drawn at random where there are more.
    random_state : int, RandomState instance, Generator or None, default=None
        For the rows that are drawn.
    groups, holdout_groups
        As in `exact_copies`.

    Returns
    -------
    score : Score
        0..1; .5, the ceiling, is no leaning to either side, 1 is all copies. Equal distances count
        half. NaN without a holdout. ``detail`` has quantiles of the distances (``value`` is the
        median) from ``fake to real``, ``fake to holdout`` and ``holdout to real``.

    Notes
    -----
    Fakes nearest to the same person stand or fall together, so that a small holdout tells
    little however many fakes there are: the interval is Wilson's, of as many fakes as if all had
    a nearest person of their own (Kish's effective number).

    References
    ----------
    Platzer and Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic data,
    doi 10.3389/fdata.2021.679939. Kish (1965), Survey sampling.
    """
    tables = {"real": real, "fake": fake, "holdout": holdout}
    rng = draw_generator(random_state)
    return closest_record_of(
        read_clouds(rng, _MOST, ("real", "holdout"), groups, holdout_groups, **tables)
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
    """Distance to the nearest real row over that to another person's: near 0 for copies.

    Parameters
    ----------
    real, fake, holdout, target
        As in `near_copies`.
    random_state : int, RandomState instance, Generator or None, default=None
        For the rows that are drawn.
    groups, holdout_groups
        As in `exact_copies`.

    Returns
    -------
    score : Score
        The 5 % quantile of the fakes' ratios, so that a twentieth of copies is enough to show;
        0..1, higher is better. The ceiling is that of the holdout. A fake at no distance from two
        real rows has the ratio 1: it is nobody's in particular. NaN with less than two persons.
        The interval is that of the order statistics. ``detail`` has the same, and the median, of
        fakes and holdout.

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
        read_clouds(rng, most, ("fake", "holdout"), groups, holdout_groups, **tables)
    )
