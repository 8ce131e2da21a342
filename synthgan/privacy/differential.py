"""DifferentialPrivacy: what a guarantee promises; Ledger: what of it was spent, on what."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Annotated, Any

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from synthgan.exceptions import ParameterError
from synthgan.privacy.mechanisms import epsilon_of, rho_of
from synthgan.state import fields
from synthgan.state.stored import Stored

__all__ = ["DifferentialPrivacy", "Ledger", "Release"]

_LABELS_SHARE = 0.1  # of delta, for labels that no one declared
_ROUNDING = 1e-9  # relative; sums of floats


class DifferentialPrivacy(BaseEstimator):
    """The guarantee of a synthesizer: (epsilon, delta)-differential privacy.

    Whoever sees the model, and all that is ever sampled from it, learns nearly as much without the
    data of any single person: each probability changes by at most a factor of exp(epsilon), but for
    a probability of delta. Two tables are neighbours if one has all rows of one person more than
    the other.

    Parameters
    ----------
    epsilon : float or None, default=None
        More than 0; it must be given. 1 is strong, 10 is weak.
    delta : float or None, default=None
        Between 0 and 1, ends excluded; it must be given. It should be smaller than 1 / number of
        people.
    public : dict or None, default=None
        What is known without the table, by column: the list of all labels, or (lowest, highest) of
        numbers and dates. Nothing is spent to find these; labels that are not listed become
        missing values, numbers are clipped.
    unit : hashable or None, default=None
        Column that names the person of a row. None: each row is another person.
    max_rows : int, default=1
        With `unit`: rows of a person that are learnt at most, drawn at random. The noise grows in
        proportion.
    target : hashable, default=None
        Column that models of the synthetic rows will predict: its dependence on pairs of other
        columns is measured, too, if it has at most 10 labels. None: y, where `fit` is given one.

    Notes
    -----
    Column names, their order, dtypes, time zones and the container are taken as public.

    References
    ----------
    C. Dwork and A. Roth (2014), The algorithmic foundations of differential privacy,
    DOI 10.1561/0400000042. M. Bun and T. Steinke (2016), Concentrated differential privacy:
    simplifications, extensions, and lower bounds, arXiv 1605.02065.

    Examples
    --------
    >>> from synthgan import DifferentialPrivacy
    >>> DifferentialPrivacy(epsilon=3.0, delta=1e-6)
    DifferentialPrivacy(delta=1e-06, epsilon=3.0)
    """

    _parameter_constraints: dict[str, Any] = {
        "epsilon": [Interval(Real, 0, None, closed="neither"), None],
        "delta": [Interval(Real, 0, 1, closed="neither"), None],
        "public": [dict, None],
        "unit": "no_validation",
        "max_rows": [Interval(Integral, 1, None, closed="left")],
        "target": "no_validation",
    }

    def __init__(
        self,
        epsilon: float | None = None,
        delta: float | None = None,
        public: Mapping[Hashable, Any] | None = None,
        unit: Hashable = None,
        max_rows: int = 1,
        target: Hashable = None,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.public = public
        self.unit = unit
        self.max_rows = max_rows
        self.target = target

    def ledger(self) -> Ledger:
        """Check the parameters, and open a ledger of the whole budget.

        Raises
        ------
        ParameterError
        """
        self._validate_params()
        missing = [name for name in ("epsilon", "delta") if getattr(self, name) is None]
        if missing:
            raise ParameterError(
                f"DifferentialPrivacy has {missing[0]}=None; give a number: privacy is never "
                "chosen by default."
            )
        epsilon, delta = float(self.epsilon or 0), float(self.delta or 0)
        of_labels = _LABELS_SHARE * delta
        unit = None if self.unit is None else str(self.unit)
        rho = (1 - 2 * _ROUNDING) * rho_of(epsilon, delta - of_labels)
        return Ledger(epsilon, delta, rho, of_labels, unit)


@dataclass(frozen=True)
class Release(Stored):
    """What one mechanism released.

    Parameters
    ----------
    what : str
    mechanism : str
    n_numbers : int
        How many numbers or labels were released.
    scale : float
        Of the noise, in rows or in units of the score.
    rho : float
        What it cost, as zero-concentrated differential privacy.
    delta : float
        Probability of a failure of that.
    """

    _record_name = "release"

    what: str = field(metadata={"stored": "of"})
    mechanism: str
    n_numbers: Annotated[int, fields.whole(0)]
    scale: Annotated[float, fields.number(0)]
    rho: Annotated[float, fields.number(0)]
    delta: Annotated[float, fields.number(0, 1)] = 0.0


@dataclass
class Ledger(Stored):
    """The budget of a model, and all that was released of its training rows.

    Costs add up, also where later mechanisms depend on earlier releases (privacy filter: Feldman
    and Zrnic 2021, arXiv 2008.11193).

    Parameters
    ----------
    epsilon, delta : float
        The guarantee.
    rho : float
        The same as zero-concentrated differential privacy, for all but `delta_of_labels`.
    delta_of_labels : float
        Part of delta, for labels that are found.
    unit : str or None
        Column that names people; None: each row is another person.
    releases : list of Release
    """

    _record_name = "ledger"

    epsilon: Annotated[float, fields.number(0)]
    delta: Annotated[float, fields.number(0, 1)]
    rho: Annotated[float, fields.number(0)]
    delta_of_labels: Annotated[float, fields.number(0, 1)]
    unit: str | None = None
    releases: list[Release] = field(default_factory=list)

    @property
    def spent_rho(self) -> float:
        """What all releases cost."""
        return math.fsum(release.rho for release in self.releases)

    @property
    def spent_delta(self) -> float:
        """The probability that one of them fails."""
        return math.fsum(release.delta for release in self.releases)

    @property
    def left(self) -> float:
        """What is left of `rho`."""
        return max(0.0, self.rho - self.spent_rho)

    @property
    def spent_epsilon(self) -> float:
        """Epsilon of all releases together, at `delta`."""
        return epsilon_of(self.spent_rho, self.delta - self.spent_delta)

    def enter(self, release: Release) -> None:
        """Write down a release, before it is made.

        Raises
        ------
        RuntimeError
            It costs more than is left.
        """
        rho, delta = self.spent_rho + release.rho, self.spent_delta + release.delta
        most = 1 + _ROUNDING
        if rho > most * self.rho or delta > most * self.delta_of_labels:
            raise RuntimeError(
                f"the privacy budget does not cover {release.what}: it costs rho={release.rho:.3g} "
                f"and delta={release.delta:.3g}, and {self.left:.3g} and "
                f"{self.delta_of_labels - self.spent_delta:.3g} are left."
            )
        self.releases.append(release)

    def __str__(self) -> str:
        unit = "rows" if self.unit is None else f"the rows of one {self.unit!r}"
        return f"({self.epsilon:g}, {self.delta:g})-differentially private, unit: {unit}"
