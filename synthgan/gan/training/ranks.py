"""Ranks: processes that train together, each on its share of a batch; `torchrun` starts them.

Here alone is it recognised that there are several: by torchrun's environment variables, or by a
process group of `torch.distributed` that is there already.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from synthgan.exceptions import ParameterError, RankError, SynthganWarning

__all__ = ["ALONE", "Ranks", "find_ranks", "may_report", "own_rank"]

_MOST_SECONDS = 600.0  # for which a rank waits for the others
_POLL_SECONDS, _MOST_POLLED_SECONDS = 0.05, 2.0  # a rank that still runs answers at once
_FEWEST_ROWS = 4  # of a batch, for each rank
_BEFORE_OTHERS = 1.0  # second that rank 0 has to report an error first


class Ranks:
    """A process that trains alone: it draws whole batches, and sends nothing."""

    rank, size = 0, 1

    def check_device(self, device: torch.device) -> None:
        """Refuse a device that cannot be shared."""

    def share(self, rows: Tensor) -> Tensor:
        """Return the rows of a batch that this rank learns."""
        return rows

    def draws(self, rng: torch.Generator, step: int) -> torch.Generator:
        """Return the generator of what is drawn for these rows: noise, masks, conditions.

        What is the same on all ranks, such as the order of rows, is drawn from `rng` itself.
        """
        return rng

    def average(self, tensors: Sequence[Tensor], batch_size: int) -> None:
        """Replace means over the share by means over the batch, in place."""

    def mean(self, tensors: Sequence[Tensor], batch_size: int) -> Sequence[Tensor]:
        """Return means over the batch; gradients are those of the own share, once averaged."""
        return tensors

    def agree(self, first: Sequence[float], asked: bool) -> tuple[Sequence[float], bool]:
        """Return numbers of rank 0, and whether any rank was asked to end."""
        return first, asked

    def first(self, value: Any) -> Any:
        """Return the plain value of rank 0."""
        return value

    def gather(self, make: Callable[[], str]) -> list[str]:
        """Return the text of each rank; none where there is one."""
        return []

    def follow(self, give: Callable[[], bytes], take: Callable[[bytes], None]) -> None:
        """Let all other ranks take what rank 0 gives."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """End with all ranks, also where one of them breaks off."""
        yield


ALONE = Ranks()


class _Several(Ranks):
    """A rank of several, by the process group of torch.

    Parameters
    ----------
    number : int
        How many groups this process has made before.
    """

    def __init__(self, number: int) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.world = dist.group.WORLD
        # Of the hosts, also where the networks are on GPUs: it notices at once who has ended.
        self.hosts: Any = dist.new_group(backend="gloo", timeout=timedelta(seconds=_MOST_SECONDS))
        self.left = False
        self._keys = f"synthgan/{number}"
        self._rng: torch.Generator | None = None

    def check_device(self, device: torch.device) -> None:
        if device.type == "cuda" and int(os.environ.get("LOCAL_RANK", 0)) >= (
            n_devices := torch.cuda.device_count()
        ):
            raise ParameterError(
                f"rank {self.rank} has no GPU of its own, as this machine has {n_devices}; start "
                "as many processes, or give device='cpu'."
            )
        if device.type not in ("cpu", "cuda"):
            raise ParameterError(
                f"device={device.type!r} cannot be shared by {self.size} processes; give 'cpu', "
                "or start one."
            )

    def share(self, rows: Tensor) -> Tensor:
        if len(rows) < _FEWEST_ROWS * self.size:
            raise ParameterError(
                f"batch_size={len(rows)} is too small for {self.size} processes; give "
                f"{_FEWEST_ROWS * self.size} or more, or start fewer."
            )
        return rows[self.rank :: self.size].contiguous()

    def draws(self, rng: torch.Generator, step: int) -> torch.Generator:
        if self._rng is None or self._rng.device != rng.device:
            self._rng = torch.Generator(rng.device)
        return self._rng.manual_seed(_number_of(f"{rng.initial_seed()} {self.rank} {step}"))

    def _weight(self, batch_size: int) -> float:
        return len(range(self.rank, batch_size, self.size)) / batch_size

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor], batch_size: int) -> None:
        flat = torch.cat([t.reshape(-1) for t in tensors]).mul_(self._weight(batch_size))
        self._reduce(flat)
        parts = flat.split([t.numel() for t in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def mean(self, tensors: Sequence[Tensor], batch_size: int) -> Sequence[Tensor]:
        own = torch.stack(list(tensors))
        whole = own.detach() * self._weight(batch_size)
        self._reduce(whole)
        return list(own + (whole - own.detach()))

    def agree(self, first: Sequence[float], asked: bool) -> tuple[Sequence[float], bool]:
        values = list(first) if self.rank == 0 else [-torch.inf] * len(first)
        *values, any_asked = self._greatest([*values, float(asked)])
        return values, bool(any_asked)

    def first(self, value: Any) -> Any:
        return json.loads(self._send(json.dumps(value).encode()))

    def gather(self, make: Callable[[], str]) -> list[str]:
        own = make()
        number = float(_number_of(own))
        least, most = self._greatest([-number, number])
        if -least == most:  # one exchange shows that all are alike
            return [own] * self.size
        return [self._send(own.encode(), source).decode() for source in range(self.size)]

    def follow(self, give: Callable[[], bytes], take: Callable[[bytes], None]) -> None:
        content = self._send(give() if self.rank == 0 else b"")
        if self.rank:
            take(content)

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._ending_by_sigterm(), self._quietly():
            try:
                yield
            except BaseException as error:
                self._leave(of_itself=not isinstance(error, RankError))
                raise

    def _greatest(self, values: Sequence[float]) -> list[float]:
        """Return the greatest of each number on all ranks."""
        largest = torch.tensor(values, dtype=torch.float64)
        with self._sending():
            dist.all_reduce(largest, dist.ReduceOp.MAX, group=self.hosts)
        return largest.tolist()

    def _reduce(self, flat: Tensor) -> None:
        group = self.world if flat.device.type == "cuda" else self.hosts
        with self._sending():
            dist.all_reduce(flat, group=group)

    def _send(self, content: bytes, source: int = 0) -> bytes:
        """Return the bytes of one rank."""
        size = torch.tensor([len(content)])
        with self._sending():
            dist.broadcast(size, source, group=self.hosts)
            if not int(size):
                return b""
            if self.rank == source:
                whole = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            else:
                whole = torch.empty(int(size), dtype=torch.uint8)
            dist.broadcast(whole, source, group=self.hosts)
        return whole.numpy().tobytes()

    @contextmanager
    def _sending(self) -> Iterator[None]:
        """Name the rank that has ended where it cannot be reached."""
        try:
            yield
        except RuntimeError as error:
            raise self._broken() from error

    def _broken(self) -> RankError:
        """Return the error that names the ranks that have ended, and which the others outlive."""
        if threading.current_thread() is threading.main_thread():
            # torchrun now ends all others; the error has to come out before.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ended = self._missing()
        if not ended:
            return RankError("all processes were stopped, and with them the run.")
        some = f"rank {ended[0]} has" if len(ended) == 1 else f"ranks {ended} have"
        return RankError(f"{some} ended, and with it the run.")

    def _missing(self) -> list[int]:
        """Return the ranks that have ended by an error of their own, or else do not answer."""
        others = [rank for rank in range(self.size) if rank != self.rank]
        try:
            store = dist.distributed_c10d._get_default_store()
            store.set(f"{self._keys}/here/{self.rank}", "")
            last = time.monotonic() + _MOST_POLLED_SECONDS
            while True:
                left = [rank for rank in others if store.check([f"{self._keys}/left/{rank}"])]
                missing = [r for r in others if not store.check([f"{self._keys}/here/{r}"])]
                if left or not missing or time.monotonic() > last:
                    return left or missing
                time.sleep(_POLL_SECONDS)
        except RuntimeError:  # rank 0 held the store
            return [0]

    def _leave(self, of_itself: bool) -> None:
        """Notify the other ranks that this one ends; they end, too."""
        if self.left:
            return
        self.left = True
        with suppress(RuntimeError):
            if of_itself:
                dist.distributed_c10d._get_default_store().set(f"{self._keys}/left/{self.rank}", "")
            dist.destroy_process_group(self.hosts)
        self.hosts = None  # the last reference: connections are closed now

    @contextmanager
    def _ending_by_sigterm(self) -> Iterator[None]:
        """Raise an error at SIGTERM, by which torchrun ends the others if one has ended."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(number: int, frame: FrameType | None) -> None:
            raise self._broken()

        before = signal.signal(signal.SIGTERM, end)
        try:
            yield
        finally:
            if signal.getsignal(signal.SIGTERM) is end:
                signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Let rank 0 alone warn and log."""
        if self.rank == 0:
            yield
            return
        log = logging.getLogger("synthgan")
        level = log.level
        log.setLevel(logging.CRITICAL + 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SynthganWarning)
                yield
        finally:
            log.setLevel(level)


_found: list[_Several] = []  # the last is that of the present process group


def find_ranks() -> Ranks:
    """Return the ranks that this process is one of; the first call waits for the others.

    Raises
    ------
    RankError
        Some of them do not come.
    """
    if not dist.is_available() or not (dist.is_initialized() or _world_size() > 1):
        return ALONE
    if not dist.is_initialized():
        _begin()
    if dist.get_world_size() == 1:
        return ALONE
    if not _found or _found[-1].left or _found[-1].world is not dist.group.WORLD:
        _found.append(_Several(len(_found)))
    return _found[-1]


def own_rank() -> int:
    """Return the rank of this process, without waiting for others."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank()
    return int(os.environ.get("RANK", 0)) if _world_size() > 1 else 0


def may_report() -> bool:
    """Return whether this rank is to report an error that ends it: one of several does, once.

    Rank 0 comes first, if it has one.
    """
    if not _found:
        return own_rank() == 0
    if own_rank():
        time.sleep(_BEFORE_OTHERS)
    with suppress(RuntimeError):
        return bool(dist.distributed_c10d._get_default_store().add("synthgan/reported", 1) == 1)
    return True


def _number_of(text: str) -> int:
    """Return a number below 2**48 that hardly another text has."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def _world_size() -> int:
    """Return how many ranks torchrun has started; a process that one of them starts is alone."""
    if multiprocessing.parent_process() is not None:
        return 1
    try:
        return int(os.environ["WORLD_SIZE"]) if "RANK" in os.environ else 1
    except (KeyError, ValueError):
        return 1


def _begin() -> None:
    """Make the process group that torchrun's environment variables describe."""
    on_gpus = torch.cuda.is_available() and dist.is_nccl_available()
    local_rank = int(os.environ.get("LOCAL_RANK", 0))
    if on_gpus and local_rank < torch.cuda.device_count():
        torch.cuda.set_device(local_rank)
    try:
        dist.init_process_group(
            "nccl" if on_gpus else "gloo", timeout=timedelta(seconds=_MOST_SECONDS)
        )
    except (RuntimeError, ValueError) as error:
        raise RankError(
            f"the {_world_size()} processes of RANK and WORLD_SIZE do not find each other: "
            f"{str(error).splitlines()[0]:.200}; start them by torchrun."
        ) from error
