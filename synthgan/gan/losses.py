"""Adversarial losses and gradient penalties: pure functions of logits, one number a row."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Tensor
from torch.nn.functional import relu, softplus

from synthgan.exceptions import ParameterError

__all__ = [
    "LOSSES",
    "AdversarialLoss",
    "Loss",
    "LossPair",
    "check_pair",
    "find_loss",
    "moment_distance",
]

_PENALTY_TIMES_ROWS = 800
_LEAST_PENALTY, _MOST_PENALTY = 0.2, 2.0
_LEAST_OF_DETAIL = 0.003
_LARGE = 4000  # rows, from which on detail is penalised less and less, and tables are compared
_HIDDEN, _HIDDEN_PER_SHARE, _MOST_HIDDEN = 0.05, 5.0, 0.5
_NOISE = 0.03
_PAIRS = 4e-4

Discriminate = Callable[[Tensor], Tensor]
Penalty = Callable[[Discriminate, Tensor, Tensor, Tensor, torch.Generator | None], Tensor]


class LossPair(NamedTuple):
    """The losses of both networks, and how they are regularised.

    All functions return one number for each row; the training loop takes their means.

    Parameters
    ----------
    discriminator, generator : callable
        Map logits of real and of generated grids, each of shape (n,), to losses of shape (n,).
    penalty : callable or None, default=None
        Maps (discriminate, real, fake, scale, rng) to squared deviations of the gradient, shape
        (n,); `discriminate` maps grids to logits, `scale` multiplies the gradient cell by cell.
    weight : float, default=0
        Weight of the penalty.
    detail : float, default=1
        Part of that weight that continuous cells get.
    noise, hidden, penalty_every, moments, pairs, threshold
        See `Loss`.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    penalty: Penalty | None = None
    weight: float | None = 0.0
    detail: float | None = 1.0
    noise: float = 0.0
    hidden: float | None = 0.0
    penalty_every: int = 1
    moments: float = 0.0
    threshold: float = 0.0
    pairs: float | None = 0.0


@runtime_checkable
class AdversarialLoss(Protocol):
    """What a loss must offer; `Loss` is the one of synthgan.

    Examples
    --------
    >>> from synthgan.gan import LossPair
    >>> class LeastSquares:  # arXiv 1611.04076
    ...     def pair(self, n_rows, n_groups):
    ...         return LossPair(
    ...             discriminator=lambda real, fake: (real - 1) ** 2 + fake**2,
    ...             generator=lambda real, fake: (fake - 1) ** 2,
    ...         )
    """

    def pair(self, n_rows: int, n_groups: int) -> LossPair:
        """Return the losses of both networks.

        Parameters
        ----------
        n_rows : int
            Training rows.
        n_groups : int
            Groups of cells, such as the columns of a table.
        """


def bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Binary cross-entropy with real = 1 and fake = 0 (thesis Eq. 1.1; arXiv 1406.2661)."""
    return softplus(-real) + softplus(fake)


def bce_generator(real: Tensor, fake: Tensor) -> Tensor:
    """Binary cross-entropy of generated grids with the label real: the non-saturating form."""
    return softplus(-fake)


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss (Lim and Ye 2017, arXiv 1705.02894)."""
    return relu(1 - real) + relu(1 + fake)


def wasserstein_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Difference of logits (Arjovsky et al. 2017, arXiv 1701.07875)."""
    return fake - real


def wasserstein_generator(real: Tensor, fake: Tensor) -> Tensor:
    """Negative logit of generated grids; also the generator's side of the hinge loss."""
    return -fake


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Relativistic pairing (Jolicoeur-Martineau 2018, arXiv 1807.00734)."""
    return softplus(fake - real)


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """Relativistic pairing, the generator's side."""
    return softplus(real - fake)


def zero_centred(
    discriminate: Discriminate,
    real: Tensor,
    fake: Tensor,
    scale: Tensor | float = 1.0,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Squared gradient at real (R1) and at fake grids (R2), half of each.

    `scale` multiplies the gradient, cell by cell.

    Huang et al. (2024), The GAN is dead; long live the GAN!, arXiv 2501.05441.
    """
    squares = [_squared_gradient(discriminate, x, scale) for x in (real, fake)]
    return (squares[0] + squares[1]) / 2


def zero_centred_of(logits: Tensor, both: Tensor, scale: Tensor | float = 1.0) -> Tensor:
    """Compute `zero_centred` from logits of real grids, then fake ones, that exist already."""
    (gradient,) = torch.autograd.grad(logits.sum(), both, create_graph=True)
    squares = (gradient * scale).flatten(1).square().sum(dim=1)
    real, fake = squares.chunk(2)
    return (real + fake) / 2


def one_centred(
    discriminate: Discriminate,
    real: Tensor,
    fake: Tensor,
    scale: Tensor | float = 1.0,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Squared deviation of the gradient norm from 1, between real and fake grids.

    Gulrajani et al. (2017), Improved training of Wasserstein GANs, arXiv 1704.00028.
    """
    share = torch.rand(len(real), *[1] * (real.dim() - 1), generator=rng, device=real.device)
    between = real * share + fake * (1 - share)
    return ((_squared_gradient(discriminate, between, scale) + 1e-12).sqrt() - 1).square()


def _squared_gradient(discriminate: Discriminate, x: Tensor, scale: Tensor | float) -> Tensor:
    """Squared norm of the scaled gradient of the logits at x, shape (n,)."""
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminate(x).sum(), x, create_graph=True)
    return (gradient * scale).flatten(1).square().sum(dim=1)


def moment_distance(real: Tensor, fake: Tensor) -> Tensor:
    """Squared distance of batch means and standard deviations (thesis section 7).

    Parameters
    ----------
    real, fake : Tensor of shape (n, n_cells)
    """
    means = (real.mean(0) - fake.mean(0)).square()
    deviations = (real.std(0) - fake.std(0)).square()
    return (means + deviations).mean()


LOSSES = {
    "bce": LossPair(bce_discriminator, bce_generator),
    "hinge": LossPair(hinge_discriminator, wasserstein_generator),
    "wgan-gp": LossPair(wasserstein_discriminator, wasserstein_generator, one_centred, 10.0),
    "relativistic": LossPair(
        relativistic_discriminator,
        relativistic_generator,
        penalty=zero_centred,
        weight=None,
        detail=None,
        noise=_NOISE,
        hidden=None,
        pairs=None,
    ),
}


class Loss(BaseEstimator):
    """The pair of losses of discriminator and generator, with penalties and regularisation.

    Parameters
    ----------
    name : {"relativistic", "bce", "hinge", "wgan-gp"}, default="relativistic"
        The pair of losses; ``"bce"`` is the thesis'.
    penalty : float or None, default=None
        Weight of the gradient penalty; None is the pair's own: for ``"relativistic"`` (R1 + R2)
        800 / number of rows, between 0.2 and 2, because few rows are memorised sooner; 10
        for ``"wgan-gp"``, none for the others. Above 4000 rows the pair's own weight of continuous
        cells goes on to fall, as rows**-3, to 0.003: a penalty hides differences finer than its
        root.
    penalty_every : int, default=4
        The penalty is computed on every n-th step only, with n times the weight.
    noise : float or None, default=None
        Standard deviation of the noise that is added to what the discriminator sees, in the
        networks' scale (cells 0..255 are -1..1), the same for a real grid and for its fake; blurs
        detail finer than that. None is the pair's own: 0.03 for ``"relativistic"``, none for the
        others.
    hidden : float or None, default=None
        Share of the columns that are masked for the discriminator, drawn for each pair of a real
        and a generated grid, and the same for both: it never sees whole rows, so that it cannot
        memorise them. None is the pair's own: for ``"relativistic"`` 5 * number of
        columns / number of rows and 0.05 (above 4000 rows falling as rows**-3), together at
        most 0.5; none for the others.
    moments : float, default=0
        Weight of the deviation term that thesis section 7 proposes: the generator also
        matches batch means and standard deviations of each continuous cell.
    threshold : float, default=0
        The discriminator waits while its loss is below this (thesis Listing 6.1); 0: never.
    pairs : float or None, default=None
        Weight of the chi-square distance between the tables of pairs of columns of generated and of
        training grids, summed over all pairs, which the generator also lowers; records without
        columns have none. None is the pair's own: for ``"relativistic"`` 0.0004, but less below
        8000 rows and 0 below 4000, whose tables vary by chance; 0 for the others.

    References
    ----------
    Karras et al. (2020), Analyzing and improving the image quality of StyleGAN, arXiv 1912.04958
    (lazy regularisation). Arjovsky and Bottou (2017), Towards principled methods for training
    generative adversarial networks, arXiv 1701.04862 (noise). Zhong et al. (2020), Random erasing
    data augmentation, doi 10.1609/aaai.v34i07.7000 (masked columns are not memorised). Li et al.
    (2017), MMD GAN, arXiv 1705.08584 (distances of means of features beside a discriminator).
    """

    _parameter_constraints: dict[str, Any] = {
        "name": "no_validation",
        "penalty": [Interval(Real, 0, None, closed="left"), None],
        "penalty_every": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left"), None],
        "hidden": [Interval(Real, 0, 1, closed="left"), None],
        "moments": [Interval(Real, 0, None, closed="left")],
        "pairs": [Interval(Real, 0, None, closed="left"), None],
        "threshold": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        name: str = "relativistic",
        penalty: float | None = None,
        penalty_every: int = 4,
        noise: float | None = None,
        hidden: float | None = None,
        moments: float = 0.0,
        threshold: float = 0.0,
        pairs: float | None = None,
    ) -> None:
        self.name = name
        self.penalty = penalty
        self.penalty_every = penalty_every
        self.noise = noise
        self.hidden = hidden
        self.moments = moments
        self.threshold = threshold
        self.pairs = pairs

    def pair(self, n_rows: int, n_groups: int) -> LossPair:
        """Return the functions, with penalty and hidden share settled for a table's size."""
        self._validate_params()
        if self.name not in LOSSES:
            raise ParameterError(f"loss={self.name!r} is not allowed; give one of {list(LOSSES)}.")
        pair = LOSSES[self.name]._replace(
            penalty_every=self.penalty_every,
            moments=float(self.moments),
            threshold=float(self.threshold),
        )
        if self.penalty is not None:
            pair = pair._replace(
                penalty=pair.penalty or zero_centred, weight=float(self.penalty), detail=1.0
            )
        if self.noise is not None:
            pair = pair._replace(noise=float(self.noise))
        if self.hidden is not None:
            pair = pair._replace(hidden=float(self.hidden))
        if self.pairs is not None:
            pair = pair._replace(pairs=float(self.pairs))
        if pair.weight is None:
            weight = _PENALTY_TIMES_ROWS / n_rows
            settled = min(max(weight, _LEAST_PENALTY), _MOST_PENALTY)
            fine = weight * min(1.0, (_LARGE / n_rows) ** 2)
            fine = min(max(fine, _LEAST_OF_DETAIL), _MOST_PENALTY)
            pair = pair._replace(weight=settled, detail=fine / settled)
        if pair.hidden is None:
            hidden = _HIDDEN * min(1.0, (_LARGE / n_rows) ** 3)
            hidden += _HIDDEN_PER_SHARE * n_groups / n_rows
            pair = pair._replace(hidden=min(hidden, _MOST_HIDDEN))
        if pair.pairs is None:
            pair = pair._replace(pairs=_PAIRS * min(max(n_rows / _LARGE - 1, 0.0), 1.0))
        return pair


def find_loss(loss: Any) -> AdversarialLoss:
    """Return the loss that a short name stands for, or the given one."""
    if isinstance(loss, str) and loss in LOSSES:
        return Loss(loss)
    if isinstance(loss, AdversarialLoss) and not isinstance(loss, type):
        return loss
    raise ParameterError(
        f"loss={loss!r} is not allowed; give one of {list(LOSSES)}, a Loss, or an object with a "
        "method pair(n_rows, n_groups)."
    )


def check_pair(pair: Any, loss: Any) -> LossPair:
    """Check what a loss's `pair` returned.

    Raises
    ------
    ParameterError
        It is no `LossPair`, or a function of it does not return one number for each row.
    """
    if not isinstance(pair, LossPair):
        raise ParameterError(f"{loss!r}.pair returned {pair!r}; return a LossPair.")
    logits = torch.zeros(2)
    for name in ("discriminator", "generator"):
        made = getattr(pair, name)(logits, logits)
        if not isinstance(made, Tensor) or made.shape != logits.shape:
            what = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise ParameterError(
                f"the {name} loss of {loss!r} returned {what} for 2 rows; return one number for "
                "each row, a tensor of shape (2,)."
            )
    return pair
