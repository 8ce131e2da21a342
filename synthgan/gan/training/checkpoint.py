"""Checkpoint: saves the state of a run to files, and resumes it."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from synthgan.exceptions import CheckpointError, DataWarning, ParameterError
from synthgan.gan.training.callbacks import Callback, Run, check_at_least_one
from synthgan.gan.training.digest import digest
from synthgan.gan.training.state import Snapshot
from synthgan.state import fields
from synthgan.state.files import PRIVATE, remove_unless_held, write_atomically

__all__ = ["Checkpoint"]

_PRIVATE_FOLDER = 0o700
_START, _END = "checkpoint-", ".safetensors"
_DIGESTS = ("data", "network", "random_state", "condition_on", "warm_start")  # say nothing if shown
_DAMAGES = (
    OSError, SafetensorError, LookupError, TypeError, ValueError, RuntimeError, OverflowError,
    AttributeError,
)  # fmt: skip
_MOST_REASON = 300  # characters of a message


class Checkpoint(Callback):
    """Save all of a run every few epochs; the same call of `fit` then goes on from there.

    A run that was killed, at whatever moment, and started again ends on a CPU in the same weights,
    to the bit, as one that never was; also with ``random_state=None``, as the seed is remembered.
    One that had ended is not run again.

    Parameters
    ----------
    folder : str or path
        Of this run alone; made if there is none. Files are named by their step, as in
        ``checkpoint-000001234.safetensors``.
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
    A file holds both networks, what moves them, and counters; it is written whole or not at all,
    and nothing in it is ever unpickled. One that is damaged, or that holds what a run of these data
    cannot have come to, is passed over, with a warning, for the one before. The discriminator has
    seen the records: keep the folder as private as they are. New files, and a new folder, are
    readable by their owner only.

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
        self._identity = json.loads(_to_json(identity))
        self._check_folder()
        try:
            Path(self.folder).mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
            for draft in Path(self.folder).glob(f".{_START}*{_END}.*"):  # of a run killed
                remove_unless_held(draft)
        except OSError as error:
            raise CheckpointError(
                f"{str(self.folder)!r} cannot be a folder of checkpoints: {error.strerror}."
            ) from error

        def check(theirs: dict[str, Any], snapshot: Snapshot) -> None:
            differences = list(_differences(theirs, self._identity))
            if differences:
                raise CheckpointError(
                    f"{str(self.folder)!r} holds checkpoints of another run: "
                    f"{', '.join(differences)}; give what was given there, or another folder."
                )
            _check_run(snapshot, run, n_rows)

        found = self._newest(warn=True, check=check)
        return None if found is None else found[1]

    @contextmanager
    def taking_up(self, snapshot: Snapshot) -> Iterator[None]:
        """Turn all that goes wrong inside, where a file is taken up, into a `CheckpointError`."""
        try:
            yield
        except Exception as error:
            path = self._path(snapshot["state"].record["step"])
            raise CheckpointError(
                f"{str(path)!r} cannot be taken up: {_reason_of(error)}; remove it, or give "
                "another folder."
            ) from error

    def is_due(self, epoch: int) -> bool:
        """Tell whether an epoch that is over is to be saved."""
        return epoch % self.every_epochs == 0

    def write(self, snapshot: Snapshot) -> None:
        """Write a file, and remove those that are older than the newest `keep`."""
        step = snapshot["state"].record["step"]
        path = self._path(step)
        text = _to_json({"identity": self._identity, "record": snapshot.record})
        tensors = {name: tensor.contiguous() for name, tensor in snapshot.tensors.items()}
        metadata = {"synthgan": text, "sha256": digest(tensors, text)}
        try:
            write_atomically(path, save(tensors, metadata), PRIVATE)
            # Files of later steps are damaged: this run has passed them over.
            written = [file for file in self._files() if file.name <= path.name]
            for file in written[self.keep :]:
                file.unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{str(path)!r} cannot be written: {error}.") from error

    def on_end(self, run: Run) -> None:
        """Drop the reference to the run."""
        self.__dict__.pop("_identity", None)

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
    ) -> tuple[dict[str, Any], Snapshot] | None:
        """Read the newest file that is whole: which run it is of, and its state there."""
        for path in self._files():
            try:
                found = _read(path)
                if check is not None:
                    check(*found)
                return found
            except CheckpointError:
                raise
            except _DAMAGES as error:
                if warn:
                    warnings.warn(
                        f"{str(path)!r} is damaged and passed over: {_reason_of(error)}.",
                        DataWarning,
                        stacklevel=3,
                    )
        return None


def _read(path: Path) -> tuple[dict[str, Any], Snapshot]:
    if not path.is_file():  # a pipe would keep us waiting
        raise ValueError("it is no file")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    if metadata["sha256"] != digest(tensors, metadata["synthgan"]):
        raise ValueError("its checksum is wrong")
    whole = json.loads(metadata["synthgan"])
    parts = (whole["identity"], whole["record"], *whole["record"].values())
    if not all(isinstance(part, dict) for part in parts):
        raise ValueError("it holds no run")
    seed = {"random_state": whole["identity"].get("random_state")}
    fields.read_fields(seed, "it", random_state=fields.whole(0))
    snapshot = Snapshot(whole["record"], tensors)
    if _name_of(snapshot) != path.name:
        raise ValueError(f"it is named by another step than its own, {_name_of(snapshot)!r}")
    return whole["identity"], snapshot


def _name_of(snapshot: Snapshot) -> str:
    """Return the name of the file of a snapshot."""
    record = fields.read_fields(
        {"step": snapshot["state"].record.get("step")}, "the state", step=fields.whole(0)
    )
    return f"{_START}{record['step']:09d}{_END}"


def _check_run(snapshot: Snapshot, run: Run, n_rows: int) -> None:
    """Refuse counters and tensors that are impossible for such networks and data."""
    fields.read_fields(
        {name: x for name, x in snapshot["run"].record.items() if name != "share"},  # once kept
        "the run",
        anneal_from=fields.optional(fields.number(0, 1)),
        stop=fields.flag,
    )
    state = snapshot["state"]
    run.state.check(state.record, state.tensors, n_rows, run.n_epochs)


def _reason_of(error: BaseException) -> str:
    """Say in one short line why something failed."""
    line = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    line = f"{line} is missing" if isinstance(error, KeyError) else line
    line = "its JSON is nested too deeply" if isinstance(error, RecursionError) else line
    return line if len(line) <= _MOST_REASON else f"{line[:_MOST_REASON]} ..."


def _differences(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    for name, value in ours.items():
        other = theirs.get(name)
        if other != value:
            is_digest = name in _DIGESTS
            shown = fields.brief(other)
            yield f"other {name}" if is_digest else f"{name}={shown} there, {value!r} here"


def _to_json(value: Any) -> str:
    return json.dumps(value, default=lambda number: number.item())
