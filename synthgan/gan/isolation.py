"""Draws that neither disturb nor are disturbed: by global generators, other threads, forks."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.overrides import TorchFunctionMode

__all__ = ["import_compiler", "one_thread_after_fork", "seeded", "streamed", "undisturbed"]

_LOCK = threading.RLock()
_PROCESS = os.getpid()
_DRAWS = (torch.rand, torch.randint, torch.randn)
_OWN = ("synthgan.", "torch.nn.")
_COMPILER = "torch._dynamo"


def _renew_lock() -> None:
    """Forget who held the lock: in a forked process no other thread is there to give it back."""
    global _LOCK
    _LOCK = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch's global generators inside; outside they are as they were.

    Layers draw their first weights, dropout and their own noise from them. One thread at a time.
    """
    on_cuda = device.type == "cuda"
    kept = torch.random.fork_rng(devices=[device] if on_cuda else [])
    with _LOCK, one_thread_after_fork(), kept:
        torch.default_generator.manual_seed(_apart(seed))
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(_apart(seed))
        yield


@contextmanager
def streamed(network: nn.Module, device: torch.device, seed: int) -> Iterator[None]:
    """Give what a network at rest draws inside the stream that `seeded` would give.

    Networks of our own draw it from a generator of this thread's, so that threads do not wait for
    each other, nor for one that trains. Others may draw by any function of torch.
    """
    if not all(type(module).__module__.startswith(_OWN) for module in network.modules()):
        with seeded(device, seed):
            yield
        return
    generator = torch.Generator(device).manual_seed(_apart(seed))
    with one_thread_after_fork(), _Stream(generator):
        yield


class _Stream(TorchFunctionMode):
    """Hand a generator to the draws of this thread that name none."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in _DRAWS:
            return func(*args, **{"generator": self.generator, **(kwargs or {})})
        return func(*args, **(kwargs or {}))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Give back torch's global generators of a CPU as they were; one thread at a time."""
    with _LOCK, torch.random.fork_rng(devices=[]):
        yield


def import_compiler() -> None:
    """Import torch's compiler, and take back what that adds to environment and warning filters.

    The first optimiser, and the first tensor without memory, import it otherwise.
    """
    if _COMPILER in sys.modules:
        return
    before = os.environ.copy()
    with _LOCK, warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.simplefilter("ignore")
        importlib.import_module(_COMPILER)
    for name in os.environ.keys() - before.keys():
        if name.startswith("TORCH"):
            del os.environ[name]


@contextmanager
def one_thread_after_fork() -> Iterator[None]:
    """In a forked process let libraries count on one thread: those of its parent are not there.

    OpenMP would wait for them for ever.
    """
    if os.getpid() == _PROCESS:
        yield
        return
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, "openmp"):  # scikit-learn has one of its own
            yield
    finally:
        torch.set_num_threads(n_threads)


def _apart(seed: int) -> int:
    """Return the seed of another stream than that which `seed` itself gives."""
    return seed + 1
