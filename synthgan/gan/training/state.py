"""All state that changes during training."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from synthgan.gan.training.digest import digest
from synthgan.gan.training.optimizer import Optimizer
from synthgan.state import fields
from synthgan.state.container import from_json, to_json

__all__ = ["Snapshot", "TrainState", "check_like", "follower"]

_RECORD, _TENSOR = "record", "tensor/"  # names in bytes
_NETWORKS = ("generator", "discriminator", "average")
_OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")
_MOST_HALVINGS = 60  # beyond which no learning rate is left
_COUNTERS = (
    "batch_size", "step", "seen", "epoch", "unlogged", "seconds", "halvings", "vanished",
)  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """What all that changes is at one step: what `to_state` gave, of one thing or of several.

    Parameters
    ----------
    record : dict
        JSON-ready plain data.
    tensors : dict of str to Tensor
        In the host's memory.
    """

    record: dict[str, Any]
    tensors: dict[str, Tensor]

    @classmethod
    def join(cls, parts: dict[str, Snapshot]) -> Snapshot:
        """Put several into one, under their names."""
        record = {name: part.record for name, part in parts.items()}
        tensors = {f"{n}/{key}": t for n, part in parts.items() for key, t in part.tensors.items()}
        return cls(record, tensors)

    def to_bytes(self) -> bytes:
        """Return all of it in the format of safetensors; nothing of it is ever unpickled."""
        record = torch.frombuffer(bytearray(to_json(self.record, "the state")), dtype=torch.uint8)
        tensors = {f"{_TENSOR}{name}": t.contiguous() for name, t in self.tensors.items()}
        return save({_RECORD: record, **tensors})

    @classmethod
    def from_bytes(cls, content: bytes) -> Snapshot:
        """Restore from the output of `to_bytes`."""
        tensors = load(content)
        record = from_json(tensors.pop(_RECORD).numpy().tobytes())
        return cls(record, {name.removeprefix(_TENSOR): t for name, t in tensors.items()})

    def __getitem__(self, name: str) -> Snapshot:
        start = f"{name}/"
        tensors = {
            key.removeprefix(start): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(start)
        }
        return Snapshot(self.record.get(name, {}), tensors)

    def __contains__(self, name: str) -> bool:
        return name in self.record


@dataclass
class TrainState:
    """Networks, optimisers, the averaged generator, counters and the random generator.

    `average` is the generator whose weights are an exponential moving average (EMA) of the
    trained one's; samples come from it. `left` are the rows of the present shuffle that no batch
    has held yet, `sums` of the logged figures over the `unlogged` steps, `figures` their names,
    `seen` the rows seen, `halvings` of the learning rate, `vanished` how many logged rows the
    discriminator's loss has been next to nothing.
    """

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    rng: torch.Generator
    left: Tensor
    sums: Tensor
    batch_size: int
    step: int = 0
    seen: int = 0
    epoch: int = 0
    unlogged: int = 0
    seconds: float = 0.0
    halvings: int = 0
    vanished: int = 0
    figures: tuple[str, ...] = ()
    history: list[dict[str, float]] = field(default_factory=list)

    def to_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the state as plain data and copies of tensors."""
        tensors = {"rng": self.rng.get_state(), "left": self.left, "sums": self.sums}
        for name in _NETWORKS:
            weights = getattr(self, name).state_dict()
            tensors.update({f"{name}/{key}": tensor for key, tensor in weights.items()})
        for name in _OPTIMIZERS:
            moments = getattr(self, name).tensors()
            tensors.update({f"{name}/{key}": tensor for key, tensor in moments.items()})
        record = {name: getattr(self, name) for name in _COUNTERS}
        record["history"] = [dict(row) for row in self.history]
        return record, {key: t.detach().to("cpu", copy=True) for key, t in tensors.items()}

    def check(self, record: Any, tensors: dict[str, Tensor], n_rows: int, n_epochs: int) -> None:
        """Refuse what `to_state` of this run cannot have given, before any of it is taken.

        Parameters
        ----------
        record, tensors : as `to_state` gave
            From a file, which anyone may have written.
        n_rows, n_epochs : int
            Of the data, and of the run.

        Raises
        ------
        ValueError
        """
        most_rows = (n_epochs + 1) * n_rows
        read = fields.read_fields(
            record,
            "the state",
            batch_size=fields.whole(1, self.batch_size),
            step=fields.whole(0, most_rows),
            seen=fields.whole(0, most_rows),
            epoch=fields.whole(0, n_epochs),
            unlogged=fields.whole(0, most_rows),
            seconds=fields.number(0),
            halvings=fields.whole(0, _MOST_HALVINGS),
            vanished=fields.whole(0, most_rows),
            history=fields.list_of(partial(_history_row, figures=self.figures)),
        )
        step, seen = read["step"], read["seen"]
        rows_fit = step <= seen <= step * self.batch_size
        logs_fit = max(read["unlogged"], read["vanished"], len(read["history"])) <= step
        if not rows_fit or not logs_fit or read["epoch"] != min(seen // n_rows, n_epochs):
            raise ValueError(f"its counters do not fit together: step {step}, {seen} rows seen")
        _check_tensors(self, Snapshot(record, tensors), n_rows, step)

    def from_state(self, record: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Restore from the output of `to_state`."""
        snapshot = Snapshot(record, tensors)
        for name in _COUNTERS:
            setattr(self, name, record[name])
        self.history = [dict(row) for row in record["history"]]
        for name in _NETWORKS:
            getattr(self, name).load_state_dict(snapshot[name].tensors)
        for name in _OPTIMIZERS:
            getattr(self, name).load(snapshot[name].tensors)
        device = self.left.device
        self.left = tensors["left"].to(device, copy=True)
        self.sums = tensors["sums"].to(device, copy=True)
        self.rng.set_state(tensors["rng"])

    def digest(self) -> str:
        """Return the SHA-256 of all weights."""
        networks = [(name, getattr(self, name)) for name in _NETWORKS]
        return digest(
            {f"{name}/{k}": w for name, own in networks for k, w in own.named_parameters()}
        )

    def is_good(self) -> bool:
        """Return whether a run can go back here: all weights and losses are numbers, none stuck.

        Waits for the device.
        """
        return not self.vanished and self.is_finite()

    def is_finite(self) -> bool:
        """Return whether all weights and losses so far are numbers; waits for the device."""
        weights = [p for name in _NETWORKS for p in getattr(self, name).parameters()]
        return bool(torch.stack([x.isfinite().all() for x in (*weights, self.sums)]).all())


def _history_row(value: Any, figures: tuple[str, ...]) -> dict[str, Any]:
    names = ("epoch", "step", *figures, "seconds")
    is_row = isinstance(value, dict) and set(names) <= set(value)
    if not is_row or not all(_is_number(figure) for figure in value.values()):
        raise ValueError(f"an object of numbers, {', '.join(names)} among them")
    return dict(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_tensors(state: TrainState, snapshot: Snapshot, n_rows: int, step: int) -> None:
    """Refuse tensors of other names, shapes, types or numbers than the run's."""
    ours, tensors = {"sums": state.sums, "rng": state.rng.get_state()}, dict(snapshot.tensors)
    check_like({name: tensors.pop(name, None) for name in ours}, ours)
    try:
        torch.Generator(state.rng.device).set_state(snapshot.tensors["rng"])
    except RuntimeError as error:
        raise ValueError("its rng is no state of a generator") from error
    left = tensors.pop("left", None)
    if left is None or left.dtype != torch.long or left.ndim != 1 or len(left) > n_rows:
        raise ValueError("its left is no list of rows")
    if len(left) and not 0 <= int(left.min()) <= int(left.max()) < n_rows:
        raise ValueError(f"its left names rows beyond the {n_rows} that there are")
    for name in _NETWORKS:
        theirs = snapshot[name].tensors
        check_like(theirs, getattr(state, name).state_dict(), f"{name}/")
        for key in theirs:
            del tensors[f"{name}/{key}"]
    for name in _OPTIMIZERS:
        ours, theirs = getattr(state, name).tensors(), snapshot[name].tensors
        check_like(theirs, ours, f"{name}/")
        for key, tensor in theirs.items():
            del tensors[f"{name}/{key}"]
            is_count, is_square = key.endswith("/step"), key.endswith("/exp_avg_sq")
            if (is_count and not 0 <= float(tensor) <= step) or (is_square and (tensor < 0).any()):
                raise ValueError(f"its {name}/{key} is none of this run")
    if tensors:
        raise ValueError(f"it has the unexpected tensors {fields.brief(sorted(tensors))}")


def check_like(
    theirs: Mapping[str, Tensor | None], ours: Mapping[str, Tensor], where: str = ""
) -> None:
    """Refuse tensors that are not alike in name, shape and type, or that are not finite.

    Raises
    ------
    ValueError
    """
    if strange := sorted(set(theirs) ^ set(ours)):
        raise ValueError(f"it lacks, or has too many, {where}{fields.brief(strange)}")
    for name, wanted in ours.items():
        tensor = theirs[name]
        if tensor is None or (tensor.shape, tensor.dtype) != (wanted.shape, wanted.dtype):
            found = "missing" if tensor is None else f"{tuple(tensor.shape)} of {tensor.dtype}"
            raise ValueError(
                f"its {where}{name} is {found}, where {tuple(wanted.shape)} of {wanted.dtype} is "
                "expected"
            )
        if not tensor.isfinite().all():
            raise ValueError(f"its {where}{name} holds NaN or infinite numbers")


def copy_network(network: nn.Module) -> nn.Module:
    """Copy a network, in evaluation mode and without gradients."""
    return copy.deepcopy(network).requires_grad_(False).eval()


def follower(average: nn.Module, network: nn.Module) -> Callable[[float], None]:
    """Return a function of a decay that moves the average towards the network's weights.

    Buffers are copied.
    """
    ours: list[Tensor] = list(average.parameters())
    theirs: list[Tensor] = list(network.parameters())
    buffers = list(zip(average.buffers(), network.buffers(), strict=True))

    @torch.no_grad()
    def follow(decay: float) -> None:
        torch._foreach_lerp_(ours, theirs, 1.0 - decay)
        for our, their in buffers:
            our.copy_(their)

    return follow
