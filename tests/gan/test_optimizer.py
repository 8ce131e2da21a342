"""Adam."""

import pytest
import torch

from synthgan.gan.training.optimizer import Optimizer


@pytest.mark.parametrize("betas", [(0.0, 0.99), (0.9, 0.999)])
def test_steps_are_those_of_torch(betas):
    networks = [torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Conv1d(1, 2, 3)) for _ in "ab"]
    networks[1].load_state_dict(networks[0].state_dict())
    ours = Optimizer(networks[0], betas)
    theirs = torch.optim.Adam(networks[1].parameters(), betas=betas, fused=True)
    rng = torch.Generator().manual_seed(0)
    for rate in (0.1, 0.03, 0.01):
        x = torch.randn(4, 3, generator=rng)
        ours.rate = theirs.param_groups[0]["lr"] = rate
        for network, optimizer in zip(networks, (ours, theirs), strict=True):
            optimizer.zero_grad()
            network(x[:, None]).square().sum().backward()
            optimizer.step()
    for one, two in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, two)


def test_weights_without_gradients_stay():
    network = torch.nn.Linear(2, 2)
    optimizer = Optimizer(network, (0.0, 0.99))
    optimizer.rate = 1.0
    before, bias = network.weight.detach().clone(), network.bias.detach().clone()
    network.weight.sum().backward()
    optimizer.step()
    assert (network.weight != before).all()
    assert (network.bias == bias).all()
    assert float(optimizer.tensors()["1/step"]) == 0


def test_frozen_weights_are_not_trained():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    network[0].requires_grad_(False)
    optimizer = Optimizer(network, (0.9, 0.999))
    network(torch.ones(3, 2)).sum().backward(inputs=optimizer.weights)
    before = [w.detach().clone() for w in network.parameters()]
    optimizer.rate = 0.1
    optimizer.step()
    moved = [not torch.equal(w, b) for w, b in zip(network.parameters(), before, strict=True)]
    assert moved == [False, False, True, True]
