"""How many threads there are changes no table, and nobody's number of threads is changed."""

import hashlib
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.base import clone

from synthgan import (
    CNN,
    FCN,
    Callback,
    CNN1d,
    GANImputer,
    ImageGANSynthesizer,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_clinic
from synthgan.gan import isolation
from synthgan.gan.isolation import one_thread, without_memory
from tests.quick import PIXELS, WAVES, weights_of

TABLE = np.random.default_rng(0).normal(size=(80, 4)).cumsum(axis=1)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Watch(Callback):
    def __init__(self):
        self.seen = set()

    def on_log(self, run):
        self.seen.add(torch.get_num_threads())


def digests():
    """Fit a table and use the model; run in processes of other numbers of threads."""
    clinic = make_clinic(450, random_state=0)[["age", "sex", "bmi", "hba1c"]]
    model = TabularGANSynthesizer(max_steps=5, candidates=2, random_state=0, condition_on="any")
    model.fit(clinic)
    imputer = GANImputer(
        synthesizer=clone(model).set_params(max_steps=2, candidates=1), random_state=0
    )
    made = [
        weights_of(model),
        model.sample(300, random_state=1).to_csv().encode(),
        model.sample(9, {"sex": "male", "age": (30, 60)}, random_state=1).to_csv().encode(),
        imputer.fit_transform(clinic).to_csv().encode(),
    ]
    return [hashlib.sha256(one).hexdigest()[:12] for one in made]


def fit_convolutions():
    SignalGANSynthesizer(network=CNN1d(width=4), max_steps=1).fit(WAVES)
    ImageGANSynthesizer(network=CNN(width=4), max_steps=1).fit(PIXELS)


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.SynthganWarning")
@pytest.mark.usefixtures("two_threads")  # sets their number back
@pytest.mark.skipif(not torch.backends.openmp.is_available(), reason="torch has no OpenMP")
def test_tables_of_a_seed_are_the_same_on_any_number_of_threads():
    """And training does not import the compiler, which the other process tells."""
    code = (
        "import warnings; warnings.simplefilter('ignore'); import torch; torch.set_num_threads(2); "
        "from tests.gan.test_threads import digests; print(*digests()); "
        "from tests.gan.test_threads import fit_convolutions; fit_convolutions(); "
        "import sys; assert 'torch._dynamo' not in sys.modules, 'training imports the compiler'"
    )
    setting = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    on_two = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **setting}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert on_two.returncode == 0, on_two.stderr
    torch.set_num_threads(1)
    assert on_two.stdout.split() == digests()


@pytest.mark.parametrize(
    ("n_threads", "fit"),
    [
        (1, lambda **more: TabularGANSynthesizer(candidates=1, **more).fit(TABLE)),
        (2, lambda **more: SignalGANSynthesizer(**more).fit(WAVES)),
        (2, lambda **more: ImageGANSynthesizer(**more).fit(PIXELS)),
    ],
    ids=["table", "signal", "image"],
)
@pytest.mark.usefixtures("two_threads")
def test_each_kind_has_its_threads_and_gives_them_back(n_threads, fit):
    watch = Watch()
    model = fit(network=FCN(width=8, depth=1), max_steps=3, random_state=0, callbacks=[watch])
    assert watch.seen == {n_threads}
    model.sample(3)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_threads_are_given_back_after_an_error_and_by_the_last_of_several():
    with pytest.raises(TypeError, match="rand"), one_thread(), one_thread():
        torch.rand("a")
    assert torch.get_num_threads() == 2
    meet = threading.Barrier(2)

    def fit(is_first):
        torch.set_num_threads(2)
        with one_thread():
            meet.wait(timeout=60)
            if not is_first:
                left.wait(timeout=60)
            inside = torch.get_num_threads()
        left.set()
        return inside, torch.get_num_threads()

    left = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(fit, [True, False])) == [(1, 2), (1, 2)]
    assert torch.get_num_threads() == 2


def test_what_an_error_on_the_meta_device_leaves_behind(monkeypatch):
    def fail():
        warnings.simplefilter("ignore")
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = "x"
        raise ZeroDivisionError

    monkeypatch.setattr(isolation, "_COMPILER", "a.module.that.is.not.there")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    filters = list(warnings.filters)
    with pytest.raises(ZeroDivisionError), without_memory():
        fail()
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ
    assert list(warnings.filters) == filters
    assert torch.zeros(1).device.type == "cpu"
