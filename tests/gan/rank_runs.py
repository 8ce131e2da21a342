"""Runs of two ranks, forked from one process; a script of its own for tests.

Prints, as JSON, what each rank and a process of its own came to.
"""

import hashlib
import json
import logging
import os
import signal
import socket
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import torch

import synthgan.synthesizers.table_rules
from synthgan import (
    CNN,
    FCN,
    Callback,
    Checkpoint,
    CNN1d,
    DifferentialPrivacy,
    ImageGANSynthesizer,
    Loss,
    Relation,
    RelationalGANSynthesizer,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.cli import main as command
from synthgan.datasets import make_clinic, make_ecg
from synthgan.encoding import CellGroup
from synthgan.exceptions import SynthganError, SynthganWarning
from synthgan.gan.heads import TanhHead
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.specs import build_networks
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.data import GridData
from synthgan.gan.training.optimizer import Optimizer
from synthgan.gan.training.ranks import ALONE, find_ranks
from synthgan.gan.training.state import TrainState, copy_network
from synthgan.gan.training.step import Step

CLINIC = make_clinic(120, random_state=0)[["age", "sex", "bmi", "ward"]]
ECG = make_ecg(16, n_samples=60, fs_hz=125, random_state=0)
IMAGES = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
N_ROWS, N_STEPS = 16, 4
CPU = torch.device("cpu")


def table(**parameters):
    given = {"network": FCN(width=(16,)), "max_steps": 30, "candidates": 1, "random_state": 0}
    return TabularGANSynthesizer(**{**given, **parameters})


class Placed(torch.nn.Module):
    """A generator whose noise is given by the place of a row in its batch; in double precision."""

    def __init__(self, inner, ranks):
        super().__init__()
        self.inner = inner.double()
        rng = torch.Generator().manual_seed(0)
        self.noise = ranks.share(torch.randn(N_ROWS, 8, generator=rng, dtype=torch.float64))

    def forward(self, z, c, rng=None):
        return self.inner(self.noise, c.double())


class Double(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner.double()

    def forward(self, grid, c, rng=None):
        return self.inner(grid.double(), c.double())


def weights_after_steps(ranks):
    """Make steps for which nothing is drawn; return all weights, and the figures."""
    groups = [CellGroup("continuous", tuple(range(16)))]
    rng = torch.Generator().manual_seed(0)
    generator, discriminator = build_networks(FCN(width=16, depth=1), (4, 4), 0, groups, rng)
    generator.body[0] = torch.nn.Linear(8, generator.body[0].out_features)
    torch.nn.init.constant_(generator.body[0].weight, 0.1)
    torch.nn.init.zeros_(generator.body[0].bias)
    networks = Placed(generator, ranks), Double(discriminator)
    adam = [Optimizer(network, (0.0, 0.99)) for network in networks]
    for optimizer in adam:
        optimizer.rate = 1e-2
    state = TrainState(
        *networks, copy_network(networks[0]), *adam, torch.Generator().manual_seed(1),
        torch.empty(0, dtype=torch.long), torch.zeros(4), N_ROWS,
    )  # fmt: skip
    cells = np.random.default_rng(0).uniform(1, 255, (64, 4, 4)).astype(np.float32)
    data = GridData(cells, None, groups, CPU)
    loss = Loss(noise=0.0, hidden=0.0, pairs=1.0, penalty=1.0, penalty_every=2, threshold=1.38)
    sampler = Sampler(TanhHead(), KnownCells([]), 8, 16)
    step = Step(state, loss, sampler, data, 0.0, 0.9, ranks)
    for number in range(N_STEPS):
        rows, state.left = data.draw(state.left, N_ROWS, state.rng)
        figures = step(ranks.share(rows))
        state.step = number + 1
    weights = [w.reshape(-1) for network in networks for w in network.parameters()]
    return [*torch.cat(weights).tolist(), *figures.tolist()]


def digest(model):
    weights = hashlib.sha256()
    for tensor in model.generator_.state_dict().values():
        weights.update(tensor.contiguous().numpy().tobytes())
    return [weights.hexdigest(), model.history_.to_json()]


class Count(Callback):
    def __init__(self):
        self.n = 0

    def on_log(self, run):
        self.n += 1


def related():
    parents = CLINIC[["sex", "bmi"]].assign(id=range(len(CLINIC)))
    children = CLINIC[["age", "ward"]].assign(id=np.arange(len(CLINIC)) // 2)
    relations = [Relation("children", "id", "parents")]
    model = RelationalGANSynthesizer(relations, epochs=1, random_state=0)
    model.fit({"parents": parents, "children": children})
    return [digest(one)[0] for one in model.models_.values()]


def fit_all(folder):
    """Fit every kind; return what all ranks are to have alike, and who was called."""
    count = Count()
    synthgan.synthesizers.table_rules._FEWEST_HELD_OUT = 5
    model = table(random_state=None, condition_on="any", callbacks=[count], candidates=None)
    fitted = [digest(model.fit(CLINIC)), model.sample(3, random_state=0).to_json()]
    model.save(folder / f"of rank {find_ranks().rank}.synthgan")
    synthgan.synthesizers.table_rules._FEWEST_HELD_OUT = 250
    waves = SignalGANSynthesizer(
        network=CNN1d(width=4), max_steps=3, batch_size=9, fs_hz=125, random_state=0
    )
    images = ImageGANSynthesizer(network=CNN(width=4), max_steps=3, max_time=60, random_state=0)
    fitted += [digest(waves.fit(ECG)), digest(images.fit(IMAGES)), related()]
    return {"same": fitted, "calls": count.n}


def error_of(model, data):
    try:
        model.fit(data)
    except SynthganError as error:
        return f"{type(error).__name__}: {error}"
    return None


def errors(rank, folder):
    few = table(batch_size=7)
    private = TabularGANSynthesizer(privacy=DifferentialPrivacy(epsilon=1.0))
    return {
        "unlike": error_of(table(max_steps=30 + rank), CLINIC[rank:]),
        "failed": error_of(table(), CLINIC[: 1 - rank + 100 * rank]),
        "few": error_of(few, CLINIC),
        "private": error_of(private, CLINIC),
        "command": printed(folder / f"{rank}.txt", "info", "nothing"),
    }


def printed(path, *words):
    """Return exit status and what a command of this rank prints."""
    before = [os.dup(fd) for fd in (1, 2)]
    with path.open("w") as file:
        for fd in (1, 2):
            os.dup2(file.fileno(), fd)
        code = 0
        try:
            command(words)
        except SystemExit as stop:
            code = stop.code
        for fd, own in enumerate(before, 1):
            os.dup2(own, fd)
    return [code, path.read_text()]


def draws():
    """Return what two steps draw, twice the first."""
    ranks, rng = find_ranks(), torch.Generator().manual_seed(5)
    return [torch.rand(1, generator=ranks.draws(rng, step)).item() for step in (0, 1, 0)]


class Kill(Callback):
    """Kill another process once there is a checkpoint."""

    def __init__(self, pid):
        self.pid = pid

    def on_log(self, run):
        if run.state.epoch >= 3:
            os.kill(self.pid, signal.SIGKILL)


def killed(rank, folder):
    """Train until rank 1 is killed; return the error."""
    pids = [int(pid) for pid in find_ranks().gather(lambda: str(os.getpid()))]
    callbacks = [Kill(pids[1]), Checkpoint(folder / "checkpoints", every_epochs=2)]
    return error_of(table(callbacks=callbacks, batch_size=20), CLINIC)


def resumed(folder):
    """Go on alone; return what is logged, and the number of steps."""
    logged, handler = [], logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())
    logging.getLogger("synthgan").addHandler(handler)
    checkpoint = Checkpoint(folder / "checkpoints", every_epochs=2)
    model = table(callbacks=[checkpoint], batch_size=20).fit(CLINIC)
    return [logged, int(model.n_steps_), len(model.sample(3))]


def in_two_ranks(work, folder):
    """Return what `work` returns in each of two forked processes; None of one that was killed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = [folder / f"{work.__name__} {rank}.json" for rank in range(2)]
    children = []
    for rank, path in enumerate(paths):
        child = os.fork()
        if not child:
            os.environ.update(
                RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2",
                MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port),
            )  # fmt: skip
            try:
                path.write_text(json.dumps(work(rank, folder)))
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return [json.loads(path.read_text()) if path.exists() else None for path in paths]


def together(rank, folder):
    results = {
        "draws": draws(),
        "steps": weights_after_steps(find_ranks()),
        **fit_all(folder),
        **errors(rank, folder),
    }
    find_ranks().first(None)  # rank 0 holds the store, and is to end last
    return results


def main(folder):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", SynthganWarning)
    folder = Path(folder)
    ranks = in_two_ranks(together, folder)
    results = {
        "ranks": ranks,
        "alone": weights_after_steps(ALONE),
        "files": sorted(path.name for path in folder.glob("*.synthgan")),
        "killed": in_two_ranks(killed, folder),
        "resumed": resumed(folder),
    }
    print(json.dumps(results))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
