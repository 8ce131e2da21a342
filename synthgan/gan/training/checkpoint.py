"""Checkpoint: saves the state of a run to files, and resumes it."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from synthgan.exceptions import CheckpointError, DataWarning, ParameterError
from synthgan.gan.training.callbacks import Callback, Run, check_at_least_one
from synthgan.gan.training.state import Snapshot
from synthgan.state import fields
from synthgan.state.container import (
    from_json,
    read_container,
    reason_of,
    to_json,
    write_container,
)
from synthgan.state.files import remove_unless_held

__all__ = ["Checkpoint", "differences"]

_log = logging.getLogger(__name__)

_PRIVATE_FOLDER = 0o700
_START, _END, _FORMER_END = "checkpoint-", ".zip", ".safetensors"
_RECORD, _TENSORS = "state.json", "state.safetensors"
_DIGESTS = ("data", "network", "random_state", "condition_on", "warm_start")  # say nothing if shown
_DAMAGES = (
    OSError, LookupError, TypeError, ValueError, RuntimeError, OverflowError, AttributeError,
)  # fmt: skip


class Checkpoint(Callback):
    """Save all of a run every few epochs; the same call of `fit` then goes on from there.

    A run that was killed, at whatever moment, and started again ends on a CPU in the same weights,
    to the bit, as one that never was; also with ``random_state=None``, as the seed is remembered.
    One that had ended is not run again.

    Parameters
    ----------
    folder : str or path
        Of this run alone; made if there is none. Files are named by their step, as in
        ``checkpoint-000001234.zip``.
    every_epochs : int, default=5
    keep : int, default=3
        So many files are kept, the newest ones.

    Raises
    ------
    CheckpointError
        In `fit`: the folder holds checkpoints of other data, of other parameters, or of another
        version of synthgan or torch, or one that a callback cannot take up, or it cannot be written
        to.

    Notes
    -----
    A file holds both networks, what moves them, and counters, in the container of archives. It is
    written whole or not at all, and nothing in it is ever unpickled. One that is damaged, or that
    holds what a run of these data cannot have come to, is passed over, with a warning, for the one
    before. The discriminator has seen the records: keep the folder as private as they are. New
    files, and a new folder, are readable by their owner only.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from synthgan import Checkpoint, TabularGANSynthesizer
    >>> from synthgan.datasets import make_clinic
    >>> clinic, folder = make_clinic(200, random_state=0), mkdtemp()
    >>> model = TabularGANSynthesizer(epochs=6, callbacks=[Checkpoint(folder)], random_state=0)
    >>> _ = model.fit(clinic)
    >>> again = model.fit(clinic)  # goes on from epoch 5
    """

    def __init__(self, folder: Any, every_epochs: int = 5, keep: int = 3) -> None:
        self.folder = folder
        self.every_epochs = every_epochs
        self.keep = keep

    def seed(self) -> int | None:
        """Return the seed of the run that the folder holds, if there is one."""
        self._check_folder()
        found = self._newest(warn=False)
        return None if found is None else found[0].get("random_state")

    def open(self, identity: dict[str, Any], run: Run, n_rows: int) -> Snapshot | None:
        """Return where to go on, if the folder holds checkpoints of this run.

        Parameters
        ----------
        identity : dict of str to plain data
            What must be the same in both runs, by the names that users know.
        run : Run
            At its beginning: what is read must fit its networks.
        n_rows : int
            Of the data.
        """
        for name in ("every_epochs", "keep"):
            check_at_least_one(self, name)
        self._identity, self._n_ranks = from_json(to_json(identity, "identity")), run.n_ranks
        self._check_folder()
        try:
            Path(self.folder).mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
            for draft in Path(self.folder).glob(f".{_START}*{_END}.*"):  # of a run killed
                remove_unless_held(draft)
            former = next(Path(self.folder).glob(f"{_START}*{_FORMER_END}"), None)
        except OSError as error:
            raise CheckpointError(
                f"{str(self.folder)!r} cannot be a folder of checkpoints: {error.strerror}."
            ) from error
        if former is not None:
            raise CheckpointError(
                f"{str(former)!r} was written by an earlier version of synthgan, from which no run "
                "can go on; remove it, or give another folder."
            )

        def check(theirs: dict[str, Any], snapshot: Snapshot) -> None:
            unlike = list(differences(theirs, self._identity))
            if unlike:
                raise CheckpointError(
                    f"{str(self.folder)!r} holds checkpoints of another run: "
                    f"{', '.join(unlike)}; give what was given there, or another folder."
                )
            _check_run(snapshot, run, n_rows)

        found = self._newest(warn=True, check=check)
        if found is None:
            return None
        _, snapshot, n_ranks = found
        if n_ranks != run.n_ranks:
            _log.warning(
                "the run was saved by %d process(es) and goes on with %d: it draws other noise",
                n_ranks, run.n_ranks,
            )  # fmt: skip
        return snapshot

    def newest(self) -> Path | None:
        """Return the newest file, if there is one."""
        return next(iter(self._files()), None)

    @contextmanager
    def taking_up(self, snapshot: Snapshot) -> Iterator[None]:
        """Turn all that goes wrong inside, where a file is taken up, into a `CheckpointError`."""
        try:
            yield
        except Exception as error:
            path = self._path(snapshot["state"].record["step"])
            raise CheckpointError(
                f"{str(path)!r} cannot be taken up: {reason_of(error)}; remove it, or give "
                "another folder."
            ) from error

    def is_due(self, epoch: int) -> bool:
        """Return whether an epoch that is over is to be saved."""
        return epoch % self.every_epochs == 0

    def write(self, snapshot: Snapshot) -> None:
        """Write a file, and remove those that are older than the newest `keep`."""
        step = snapshot["state"].record["step"]
        path = self._path(step)
        tensors = {name: tensor.contiguous() for name, tensor in snapshot.tensors.items()}
        try:
            contents = {_RECORD: to_json(snapshot.record, _RECORD), _TENSORS: save(tensors)}
            manifest = {"identity": self._identity, "processes": self._n_ranks}
            write_container(path, manifest, contents)
            # Files of later steps are damaged: this run has passed them over.
            written = [file for file in self._files() if file.name <= path.name]
            for file in written[self.keep :]:
                file.unlink(missing_ok=True)
        except (OSError, ValueError, SafetensorError) as error:
            raise CheckpointError(
                f"{str(path)!r} cannot be written: {reason_of(error)}."
            ) from error

    def on_end(self, run: Run) -> None:
        """Drop the reference to the run."""
        for name in ("_identity", "_n_ranks"):
            self.__dict__.pop(name, None)

    def _check_folder(self) -> None:
        folder = os.fspath(self.folder) if isinstance(self.folder, str | os.PathLike) else ""
        if not folder or "\0" in folder:
            raise ParameterError(
                f"Checkpoint(folder={self.folder!r}) is not allowed; give a folder."
            )

    def _path(self, step: int) -> Path:
        return Path(self.folder) / f"{_START}{step:09d}{_END}"

    def _files(self) -> list[Path]:
        """All checkpoints, newest first."""
        return sorted(Path(self.folder).glob(f"{_START}*{_END}"), reverse=True)

    def _newest(
        self, warn: bool, check: Callable[[dict[str, Any], Snapshot], None] | None = None
    ) -> tuple[dict[str, Any], Snapshot, int] | None:
        """Read the newest file that is whole: which run it is of, its state, and how many wrote."""
        for path in self._files():
            try:
                found = _read(path)
                if check is not None:
                    check(*found[:2])
                return found
            except CheckpointError:
                raise
            except _DAMAGES as error:
                if warn:
                    warnings.warn(
                        f"{str(path)!r} is damaged and passed over: {reason_of(error)}.",
                        DataWarning,
                        stacklevel=3,
                    )
        return None


def _read(path: Path) -> tuple[dict[str, Any], Snapshot, int]:
    manifest, found = read_container(path, {_RECORD: from_json, _TENSORS: load})
    identity, record = manifest.get("identity"), found[_RECORD]
    if not isinstance(identity, dict) or not all(isinstance(x, dict) for x in record.values()):
        raise ValueError("it holds no run")
    head = {"random_state": identity.get("random_state"), "n": manifest.get("processes", 1)}
    read = fields.read_fields(head, "it", random_state=fields.whole(0), n=fields.whole(1))
    snapshot = Snapshot(record, found[_TENSORS])
    if _name_of(snapshot) != path.name:
        raise ValueError(f"it is named by another step than its own, {_name_of(snapshot)!r}")
    return identity, snapshot, read["n"]


def _name_of(snapshot: Snapshot) -> str:
    """Return the name of the file of a snapshot."""
    record = fields.read_fields(
        {"step": snapshot["state"].record.get("step")}, "the state", step=fields.whole(0)
    )
    return f"{_START}{record['step']:09d}{_END}"


def _check_run(snapshot: Snapshot, run: Run, n_rows: int) -> None:
    """Refuse counters and tensors that are impossible for such networks and data."""
    fields.read_fields(
        snapshot["run"].record,
        "the run",
        anneal_from=fields.optional(fields.number(0, 1)),
        stop=fields.flag,
    )
    state = snapshot["state"]
    run.state.check(state.record, state.tensors, n_rows, run.n_epochs)


def differences(theirs: dict[str, Any], ours: dict[str, Any], here: str = "here") -> Iterator[str]:
    """Name what differs between two runs; `here` is where ours is."""
    for name, value in ours.items():
        other = theirs.get(name)
        if other != value:
            is_digest = name in _DIGESTS
            shown = fields.brief(other)
            yield f"other {name}" if is_digest else f"{name}={shown} there, {value!r} {here}"
