"""What is global in a process and must not show: torch's generators, compiler, threads; forks."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

__all__ = [
    "as_global_generator",
    "one_thread",
    "one_thread_after_fork",
    "within_threads",
    "without_memory",
]

_LOCK = threading.RLock()
_PROCESS = os.getpid()
_COMPILER = "torch._dynamo"
_on_one_thread: list[int] = []  # a number for each that is inside of `one_thread`
_Method = TypeVar("_Method", bound=Callable[..., Any])


def _renew_lock() -> None:
    """Make a new lock: in a forked process, the thread that held the old one does not exist."""
    global _LOCK
    _LOCK = threading.RLock()
    _on_one_thread.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def as_global_generator(rng: torch.Generator) -> Iterator[None]:
    """Let torch's global generators draw what `rng` would draw; outside they are as they were.

    For networks of users, which may draw by any function of torch and by `nn.Dropout`; all layers
    of our own take a generator. Global generators belong to the whole process: one thread at
    a time, and only as long as such a network is built or called.
    """
    device = rng.device
    on_cuda = device.type == "cuda"
    with _LOCK, torch.random.fork_rng(devices=[device] if on_cuda else []):
        if device.type == "cpu":
            torch.set_rng_state(rng.get_state())
            yield
            rng.set_state(torch.get_rng_state())
            return
        torch.default_generator.manual_seed(_seed_of(rng))
        if on_cuda:
            torch.cuda.set_rng_state(rng.get_state(), device)
        yield
        if on_cuda:
            rng.set_state(torch.cuda.get_rng_state(device))


def _seed_of(rng: torch.Generator) -> int:
    """Make a seed of where a generator is, and move it on; does not wait for its device."""
    torch.rand(1, generator=rng, device=rng.device)
    digest = hashlib.sha256(rng.get_state().numpy().tobytes()).digest()
    return int.from_bytes(digest[:7], "big")


@contextmanager
def without_memory() -> Iterator[None]:
    """Build and run networks on the meta device, within the context.

    Some layers import torch's compiler there; what that adds to environment and warning filters is
    taken back.
    """
    if _COMPILER in sys.modules:
        with torch.device("meta"), torch.no_grad():
            yield
        return
    before = os.environ.copy()
    try:
        with _LOCK, warnings.catch_warnings(), torch.device("meta"), torch.no_grad():
            yield
    finally:
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


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread: sums over several depend on their number.

    The number belongs to the whole process, so the last of several that overlap sets it back.
    """
    with _LOCK:
        before = torch.get_num_threads()
        _on_one_thread.append(_on_one_thread[0] if _on_one_thread else before)
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _LOCK:
            first = _on_one_thread.pop()
            if not _on_one_thread:
                torch.set_num_threads(first)
            elif before > 1:  # OpenMP has a number of each thread, too
                for library in ThreadpoolController().select(user_api="openmp").lib_controllers:
                    if library.num_threads == 1:
                        library.set_num_threads(before)


def within_threads(method: _Method) -> _Method:
    """Run a method of a synthesizer on one thread after a fork, or if its class says so."""

    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        with one_thread_after_fork(), one_thread() if self._on_one_thread else nullcontext():
            return method(self, *args, **kwargs)

    return run  # type: ignore[return-value]
