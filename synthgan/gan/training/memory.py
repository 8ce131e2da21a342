"""What training will need of memory, and what is free; checked before anything is allocated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from synthgan.exceptions import ParameterError
from synthgan.gan.isolation import without_memory
from synthgan.gan.networks.layers import FlatDiscriminator, FlatGenerator
from synthgan.gan.networks.protocol import with_rng

__all__ = [
    "Needs",
    "check_memory",
    "check_sample_memory",
    "estimate",
    "free_bytes",
    "out_of_memory",
    "ran_out",
    "sampling_bytes",
]

_FLAT = (FlatGenerator, FlatDiscriminator)  # they count without a forward pass
_WEIGHT_BYTES, _VALUE_BYTES = 4, 8
# Weights, gradients and both moments of Adam; of the generator also the average.
_COPIES = (5, 4)
# Maps are kept for the backward pass and have gradients; the penalty differentiates twice.
_MAP_COPIES = 3
_FEW_WEIGHTS, _FEW_CELLS = 2_000_000, 2**14  # they take some MB
_RAN_OUT = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Needs:
    """What two networks need to be trained.

    Parameters
    ----------
    n_weights : (int, int)
        Of generator and discriminator.
    n_bytes : int
        About so many.
    """

    n_weights: tuple[int, int]
    n_bytes: int


def estimate(
    build: Callable[[], tuple[nn.Module, nn.Module]],
    latent_dim: int,
    n_conditions: int,
    batch_size: int,
    n_cells: int,
) -> Needs | None:
    """Build networks without memory, and count; None where they cannot be built so.

    Small networks are run, since the meta device imports torch's compiler and is slower.

    Parameters
    ----------
    build : callable
        Returns (generator, discriminator).
    latent_dim, n_conditions, batch_size : int
    n_cells : int
        Of a grid.
    """
    try:
        with without_memory():
            networks = build()
        counts = [n.count_values() for n in networks if isinstance(n, _FLAT)]
        n_values = batch_size * sum(counts)
        n_weights = [sum(p.numel() for p in network.parameters()) for network in networks]
        if len(counts) < len(networks):
            if sum(n_weights) <= _FEW_WEIGHTS and n_cells <= _FEW_CELLS:
                n_values = _run(build(), latent_dim, n_conditions, 2) * batch_size // 2
            else:
                with without_memory():
                    n_values = _run(networks, latent_dim, n_conditions, batch_size)
    except Exception:  # a network of the user's own may do anything
        return None
    n_bytes = sum(n * copies for n, copies in zip(n_weights, _COPIES, strict=True))
    total = _WEIGHT_BYTES * (n_bytes + _MAP_COPIES * n_values)
    return Needs((n_weights[0], n_weights[1]), total)


def _run(
    networks: tuple[nn.Module, nn.Module], latent_dim: int, n_conditions: int, n_grids: int
) -> int:
    """Generate grids and discriminate them; return how many values were computed."""
    rng, (generate, discriminate) = torch.Generator(), map(with_rng, networks)
    modules = [m for network in networks for m in network.modules()]
    with torch.no_grad(), _counting(modules) as counted:
        z, c = torch.zeros(n_grids, latent_dim), torch.zeros(n_grids, n_conditions)
        discriminate(generate(z, c, rng=rng), c, rng=rng)
    return sum(counted)


@contextmanager
def _counting(modules: Sequence[nn.Module]) -> Iterator[list[int]]:
    """Collect how many values modules return."""
    counted: list[int] = []

    def count(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            counted.append(output.numel())

    hooks = [module.register_forward_hook(count) for module in modules]
    try:
        yield counted
    finally:
        for hook in hooks:
            hook.remove()


def sampling_bytes(
    generator: nn.Module, latent_dim: int, n_conditions: int, n_grids: int
) -> tuple[tuple[int, ...], int]:
    """Draw grids without memory.

    Parameters
    ----------
    generator : Module
        On the meta device.
    latent_dim, n_conditions, n_grids : int

    Returns
    -------
    shape : tuple of int
        Of the grids.
    n_bytes : int
        About what weights and maps take, were they on another device.
    """
    n_weights = sum(weights.numel() for weights in generator.parameters())
    if isinstance(generator, FlatGenerator):
        n_values = n_grids * generator.count_values()
        return (n_grids, *generator.shape), _WEIGHT_BYTES * (n_weights + n_values)
    modules = [m for m in generator.modules() if not any(m.children())]
    with without_memory(), _counting(modules) as counted:
        made = generator(torch.zeros(n_grids, latent_dim), torch.zeros(n_grids, n_conditions))
    return tuple(made.shape), _WEIGHT_BYTES * (n_weights + sum(counted))


def free_bytes(device: torch.device) -> int | None:
    """Return how much memory is free on a device; None where it is not known."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu" or not _MEMINFO.is_file():
        return None
    fields = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines() if ":" in line)
    free = [int(fields["MemAvailable"].split()[0]) * 1024] if "MemAvailable" in fields else []
    limit, used = _CGROUP / "memory.max", _CGROUP / "memory.current"
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdigit():
        free.append(int(limit.read_text()) - int(used.read_text()))
    return max(0, min(free)) if free else None


def ran_out(error: BaseException) -> bool:
    """Return whether an error says that memory ran out; CPU and MPS have no class of their own."""
    is_class = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return is_class or (isinstance(error, RuntimeError) and bool(_RAN_OUT.search(str(error))))


def check_memory(
    needs: Needs | None, free: int | None, shape: tuple[int, ...], batch_size: int
) -> None:
    """Refuse networks that do not fit into memory.

    Raises
    ------
    ParameterError
        With what is needed, what is free, and what to do instead.
    """
    if needs is None or free is None or needs.n_bytes <= free:
        return
    raise out_of_memory(needs, free, shape, batch_size)


def check_sample_memory(n_records: int, n_values: int) -> None:
    """Refuse to make more records, of so many values each, than memory can hold.

    Raises
    ------
    ParameterError
        With what they need and what is free.
    """
    needed, free = _VALUE_BYTES * n_records * n_values, free_bytes(torch.device("cpu"))
    if free is not None and needed > free:
        raise ParameterError(
            f"{n_records} record(s) of {n_values} values need {needed / 1e9:,.1f} GB; "
            f"{free / 1e9:.1f} GB are free: ask for less at a time."
        )


def out_of_memory(
    needs: Needs | None, free: int | None, shape: tuple[int, ...], batch_size: int
) -> ParameterError:
    """Return the error that says what is needed, what is free, and what to do instead."""
    size = " x ".join(str(side) for side in shape)
    what = f"the networks for grids of {size} do not fit into memory with batch_size={batch_size}"
    if needs is not None:
        generator, discriminator = (f"{n / 1e6:.3g} M" for n in needs.n_weights)
        what = (
            f"the networks for grids of {size} have {generator} and {discriminator} weights, and "
            f"need about {needs.n_bytes / 1e9:.1f} GB with batch_size={batch_size}"
        )
    if free is not None:
        what += f"; {free / 1e9:.1f} GB are free"
    return ParameterError(
        f"{what}: give smaller records (size=... of images), network='cnn' instead of 'fcn', or a "
        "smaller batch_size."
    )
