"""Importing and using synthgan changes nothing global, and needs no network.

Nor do threads and processes disturb it.
"""

import hashlib
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch

import synthgan
from synthgan import FCN, CNN1d, SignalGANSynthesizer, TabularGANSynthesizer
from synthgan.gan.isolation import as_global_generator
from tests.state.packing import DATA

ROOT = Path(__file__).resolve().parents[1]
OF_MATPLOTLIB = "Matplotlib is building the font cache; this may take a moment.\n"

# Neither a connection nor the look-up of an address: they are refused, and counted.
OFFLINE = """
import socket, sys

def refuse(*args, **kwargs):
    raise SystemExit("a connection was opened")

class NoSocket(socket.socket):
    __init__ = refuse

socket.socket = NoSocket
for name in ("create_connection", "create_server", "getaddrinfo", "gethostbyname", "socketpair"):
    setattr(socket, name, refuse)
asked = []
sys.addaudithook(lambda event, _: asked.append(event) if event.startswith("socket.") else None)
"""

# What a process has of its own, and a tiny life of three models and of the command line.
STATE = """
import hashlib, logging, os, random, sys, threading, warnings
import joblib, jinja2, matplotlib, matplotlib.pyplot, numpy, pandas, PIL.Image, safetensors.numpy
import scipy.fft, scipy.ndimage, scipy.signal, scipy.stats, sklearn.ensemble, sklearn.metrics
import torch, tqdm, wfdb

def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()

def loggers():
    named = logging.Logger.manager.loggerDict.values()
    found = [x for x in named if isinstance(x, logging.Logger)]
    return {x.name: (x.level, len(x.handlers), x.propagate, x.disabled) for x in found}

def state():
    known = {name: x for name, x in loggers().items() if not name.startswith("synthgan")}
    ours = {x for name, x in loggers().items() if name.startswith("synthgan")}
    assert ours <= {(logging.NOTSET, 0, True, False)}, ours
    return {
        "random": digest(random.getstate()),
        "numpy": digest(numpy.random.get_state()[1].tolist()),
        "torch": digest(torch.get_rng_state().tolist()),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch modes": (torch.is_grad_enabled(), torch.get_default_dtype(),
                        str(torch.get_default_device()), torch.backends.cudnn.benchmark,
                        torch.are_deterministic_algorithms_enabled(),
                        torch.get_float32_matmul_precision()),
        # Threads of scikit-learn may leave filters as rebuilt ones: a pattern for a name.
        "warnings": [tuple(getattr(x, "pattern", x) for x in one) for one in warnings.filters],
        "showwarning": warnings.showwarning,
        "root logger": (logging.root.level, list(logging.root.handlers), logging.root.disabled),
        "loggers": {name: x for name, x in known.items() if name in before_loggers},
        "environment": dict(os.environ),
        "backend": matplotlib.get_backend(),
        "rcParams": dict(matplotlib.rcParams),
        "numpy errors": (numpy.geterr(), numpy.get_printoptions()),
        "pandas": [pandas.get_option(x) for x in ("display.width", "mode.sim_interactive")],
        "sklearn": sklearn.get_config(),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook),
        "recursion": sys.getrecursionlimit(),
        "folder": os.getcwd(),
        "threads": threading.active_count(),
        "figures": matplotlib.pyplot.get_fignums(),
        "path": list(sys.path),
    }

def compare(then, now):
    changed = {name: (then[name], now[name]) for name in then if then[name] != now[name]}
    if changed:
        sys.exit(f"changed: {changed}")

random.seed(1); numpy.random.seed(2); torch.manual_seed(3)
before_loggers = loggers()
then = state()
"""

IMPORT = """
import importlib, pkgutil, synthgan
for module in pkgutil.walk_packages(synthgan.__path__, "synthgan."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
compare(then, state())
print("imported", file=sys.stderr)
"""

USE = """
import contextlib, io, synthgan
from synthgan import CNN, FCN, CNN1d
from synthgan.cli import main
from synthgan.datasets import make_clinic, make_ecg
clinic = make_clinic(60, random_state=0)[["age", "sex", "bmi"]]
ecgs = make_ecg(12, n_samples=250, fs_hz=125, random_state=0)
prints = numpy.random.default_rng(0).integers(0, 255, (12, 8, 8)).astype("u1")
folder = sys.argv[1]
models = [
    (synthgan.TabularGANSynthesizer(network=FCN(width=4), max_steps=3), clinic),
    (synthgan.SignalGANSynthesizer(network=CNN1d(width=4), max_steps=2, fs_hz=125), ecgs),
    (synthgan.ImageGANSynthesizer(network=CNN(width=4), max_steps=2), prints),
]
for i, (model, records) in enumerate(models):
    path = os.path.join(folder, f"{i}.synthgan")
    model.fit(records).save(path)
    synthgan.load(path).sample(5)
    model.model_card()
real, made, model, page = (f"{folder}/{x}" for x in ("real.csv", "made.csv", "m", "r.html"))
clinic.to_csv(real, index=False)
with contextlib.redirect_stdout(io.StringIO()):
    main(["fit", real, "--max-steps", "3", "--out", model])
    main(["info", model])
    main(["sample", model, "-n", "40", "--out", made])
    main(["evaluate", real, made, "--html", page])
compare(then, state())
assert not asked, asked
"""


def run(code, *words, **environment):
    """Run code in a process of its own; fail with what it says."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "MPLBACKEND": "svg", **environment}, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def test_importing_and_using_change_nothing_ask_nobody_and_write_nothing_unasked(tmp_path):
    home, folder = tmp_path / "home", tmp_path / "models"
    home.mkdir()
    folder.mkdir()
    done = run(
        OFFLINE + STATE + IMPORT + USE, str(folder),
        HOME=str(home), MPLCONFIGDIR=str(tmp_path / "mpl"),
    )  # fmt: skip
    assert done.stdout == ""
    said_on_import, _, said_on_use = done.stderr.partition("imported\n")
    assert said_on_import.replace(OF_MATPLOTLIB, "") == ""
    assert "Traceback" not in said_on_use
    assert {path.name for path in home.iterdir()} <= {".cache", ".config"}  # of matplotlib
    asked = {"0.synthgan", "1.synthgan", "2.synthgan", "m", "made.csv", "r.html", "real.csv"}
    assert {path.name for path in folder.iterdir()} == asked


# Threads


def digest(records):
    if isinstance(records, pd.DataFrame):
        return hashlib.sha256(records.to_csv().encode()).hexdigest()
    return hashlib.sha256(np.ascontiguousarray(records).tobytes()).hexdigest()


class OwnSpec:
    """A network of one's own, which draws in its own way."""

    def build(self, shape, n_conditions, latent_dim):
        generator, discriminator = FCN(width=4, depth=1).build(shape, n_conditions, latent_dim)

        class Noisy(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = generator

            def forward(self, z, c):
                return self.inner(z + torch.empty_like(z).normal_(), c)

        return Noisy(), discriminator


@pytest.fixture(scope="module")
def signals():
    windows = np.random.default_rng(0).normal(size=(20, 64)).cumsum(axis=1)
    return SignalGANSynthesizer(network=CNN1d(width=4), max_steps=2, random_state=0).fit(windows)


@pytest.fixture(scope="module")
def tables(clinic):
    return TabularGANSynthesizer(
        network=FCN(width=8), max_steps=3, condition_on="any", random_state=0
    ).fit(clinic)


@pytest.mark.parametrize("kind", ["table", "signal", "own network"])
@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_eight_threads_give_what_one_gives(kind, signals, tables, clinic):
    model = {"table": tables, "signal": signals}.get(kind)
    if model is None:
        model = TabularGANSynthesizer(network=OwnSpec(), max_steps=2, candidates=2, random_state=0)
        model.fit(clinic)
    seeds = list(range(8)) * 3
    alone = {seed: digest(model.sample(40, random_state=seed)) for seed in range(8)}
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda seed: digest(model.sample(40, random_state=seed)), seeds))
    assert made == [alone[seed] for seed in seeds]
    assert len(set(made)) == 8
    assert torch.equal(torch.get_rng_state(), before)


def test_conditions_in_threads(tables):
    def ask(seed):
        return digest(tables.sample(9, conditions={"age": (40, 60)}, random_state=seed))

    alone = [ask(seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(ask, range(6))) == alone


def test_sampling_beside_training(signals, clinic):
    """A thread that trains neither waits for one that samples nor changes what it draws."""
    model = TabularGANSynthesizer(network=FCN(width=8), max_steps=80, candidates=1, random_state=0)
    alone = digest(model.fit(clinic).sample(50)), digest(signals.sample(20, random_state=3))
    with ThreadPoolExecutor(2) as threads:
        training = threads.submit(lambda: digest(model.fit(clinic).sample(50)))
        made = set()
        while not training.done():
            made.add(threads.submit(lambda: digest(signals.sample(20, random_state=3))).result())
    assert training.result() == alone[0]
    assert made <= {alone[1]}


def test_two_trainings_in_threads(clinic):
    def train(seed):
        model = TabularGANSynthesizer(network=FCN(width=(8,), dropout=0.3), max_steps=20,
                                      candidates=1, random_state=seed)  # fmt: skip
        return digest(model.fit(clinic).sample(30))

    alone = [train(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(train, range(3))) == alone


def test_a_generator_that_is_lent_is_where_it_would_be():
    ours, theirs = (torch.Generator().manual_seed(7) for _ in range(2))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with as_global_generator(ours):
        drawn = torch.randn(3), torch.rand(2), torch.randint(9, (4,))
    wanted = (
        torch.randn(3, generator=theirs), torch.rand(2, generator=theirs),
        torch.randint(9, (4,), generator=theirs),
    )  # fmt: skip
    assert all(torch.equal(a, b) for a, b in zip(drawn, wanted, strict=True))
    assert torch.equal(ours.get_state(), theirs.get_state())
    assert torch.equal(torch.get_rng_state(), before)


# Processes


def sample_file(path, seed):
    return digest(synthgan.load(path).sample(30, random_state=seed))


def sample_model(model, seed):
    return digest(model.sample(30, random_state=seed))


def test_joblib_processes(tables, tmp_path):
    tables.save(tmp_path / "m.synthgan")
    alone = [digest(tables.sample(30, random_state=seed)) for seed in range(2)]
    path = str(tmp_path / "m.synthgan")
    for backend in ("loky", "threading"):
        run_all = joblib.Parallel(n_jobs=2, backend=backend)
        assert run_all(joblib.delayed(sample_file)(path, seed) for seed in range(2)) == alone
        assert run_all(joblib.delayed(sample_model)(tables, seed) for seed in range(2)) == alone


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_pool_of_forked_processes(tables, tmp_path):
    """Those of joblib, above, are not forked: each starts an interpreter, as spawned ones do."""
    tables.save(tmp_path / "m.synthgan")
    alone = digest(tables.sample(30, random_state=1))
    with multiprocessing.get_context("fork").Pool(1) as pool:
        given = pool.apply_async(sample_file, (str(tmp_path / "m.synthgan"), 1))
        assert given.get(timeout=300) == alone


FORK = """
import multiprocessing, sys, threading, warnings
warnings.simplefilter("ignore")
import torch
torch.set_num_threads(2)
from synthgan import FCN, TabularGANSynthesizer
from synthgan.datasets import make_clinic
from synthgan.gan import isolation

clinic = make_clinic(200, random_state=0)[["age", "sex", "bmi"]]
def train():
    model = TabularGANSynthesizer(network=FCN(width=256), epochs=1, candidates=1, random_state=0)
    return model.fit(clinic)
model = train()
alone = model.sample(1000, random_state=1)

def child(answers):
    n_threads = torch.get_num_threads()
    answers.put(model.sample(1000, random_state=1).equals(alone))
    answers.put(len(train().sample(1000, random_state=1)) == 1000)
    answers.put(torch.get_num_threads() == n_threads == 2)

# Another thread holds the lock while the process forks.
held, free = threading.Event(), threading.Event()
def hold():
    with isolation.as_global_generator(torch.Generator()):
        held.set()
        free.wait()
holder = threading.Thread(target=hold)
holder.start()
held.wait()
context = multiprocessing.get_context("fork")
answers = context.Queue()
process = context.Process(target=child, args=(answers,), daemon=True)
process.start()
free.set()
holder.join()
try:
    told = [answers.get(timeout=120) for _ in range(3)]
finally:
    process.kill()
sys.exit(0 if told == [True, True, True] else f"{told}")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_does_not_hang():
    """Torch's threads and locks that other threads hold do not survive a fork."""
    run(FORK, OMP_NUM_THREADS="2")


def test_archives_load_in_threads():
    paths = [str(DATA / f"format-1-{kind}.synthgan") for kind in ("table", "signal", "image")] * 4
    alone = [sample_file(path, 0) for path in paths]
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(lambda path: sample_file(path, 0), paths)) == alone
    assert torch.equal(torch.get_rng_state(), before)
