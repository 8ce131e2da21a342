"""Adam on the weights of a network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

__all__ = ["Optimizer"]

_EPSILON = 1e-8


class Optimizer:
    """Adam (arXiv 1412.6980) on the weights of a network, by torch's fused kernel.

    All tensors exist from the start and are written in place. ``torch.optim.Adam`` has the same
    kernel, but imports torch's compiler, which takes seconds.

    Parameters
    ----------
    network : Module
        On its device; weights that need no gradient are never changed.
    betas : (float, float)
        Decay of the running means of gradients and of squared gradients.

    Attributes
    ----------
    rate : float
        The learning rate; set before each step.
    """

    def __init__(self, network: nn.Module, betas: tuple[float, float]) -> None:
        self.weights = [w for w in network.parameters() if w.requires_grad]
        self.betas, self.rate = betas, 0.0
        self._state = [
            {
                "step": torch.zeros((), device=weight.device),
                "exp_avg": torch.zeros_like(weight, requires_grad=False),
                "exp_avg_sq": torch.zeros_like(weight, requires_grad=False),
            }
            for weight in self.weights
        ]

    def zero_grad(self) -> None:
        """Clear all gradients."""
        for weight in self.weights:
            weight.grad = None

    def gradients(self) -> list[Tensor]:
        """Return the gradients of all weights that have one."""
        return [weight.grad for weight in self.weights if weight.grad is not None]

    @torch.no_grad()
    def step(self) -> None:
        """Move the weights that have gradients."""
        moved = [i for i, weight in enumerate(self.weights) if weight.grad is not None]
        state = [self._state[i] for i in moved]
        adam(
            [self.weights[i] for i in moved],
            self.gradients(),
            [moments["exp_avg"] for moments in state],
            [moments["exp_avg_sq"] for moments in state],
            [],
            [moments["step"] for moments in state],
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.rate,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors that change, but for the weights, by number of the weight and name."""
        return {
            f"{i}/{name}": tensor
            for i, moments in enumerate(self._state)
            for name, tensor in moments.items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back the values of what `tensors` returned."""
        for name, own in self.tensors().items():
            own.copy_(tensors[name])
