"""Dask DataFrames are learnt as tables in memory, and sampled as models sample."""

import os
import signal

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import synthgan.dask
from synthgan import FCN, TabularGANSynthesizer
from synthgan.exceptions import ParameterError
from synthgan.scale import lots

dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore:::distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning"),
]


def quick():
    return TabularGANSynthesizer(
        network=FCN(width=16, depth=1), epochs=2, batch_size=50, random_state=0, candidates=1
    )


def table(n=300):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "n": rng.poisson(9, n),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.gamma(2, size=n)),
            "label": rng.choice(["a", "b", "c"], n),
            "code": [f"P-{i:05d}" for i in rng.permutation(n)],
        }
    )


class Partition:
    """Makes a partition; the third time that the second one is made, its worker ends."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, i):
        if i == 1:
            times = len(list(self.folder.iterdir()))
            (self.folder / str(times)).touch()
            if times == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        return table().iloc[100 * i : 100 * i + 100]


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def in_memory():
    return quick().fit(table())


def test_a_cluster_learns_as_one_machine_though_a_worker_is_killed(client, in_memory, tmp_path):
    data = dd.from_map(Partition(tmp_path), range(3), meta=table().iloc[:0])
    model = synthgan.dask.fit(quick(), data)
    assert len(list(tmp_path.iterdir())) == 4  # two passes, and twice the third
    assert_frame_equal(model.sample(40), in_memory.sample(40), check_dtype=False)


def test_a_lazy_sample_is_the_sample(client, in_memory, monkeypatch):
    rows = synthgan.dask.sample(in_memory, 90, npartitions=2)
    assert rows.npartitions == 2
    assert_frame_equal(rows.compute(), in_memory.sample(90), check_dtype=False)


def test_without_a_cluster_partitions_are_computed_here(in_memory, monkeypatch):
    data = dd.from_pandas(table(), npartitions=3)
    assert_frame_equal(quick().fit(data).sample(40), in_memory.sample(40), check_dtype=False)
    monkeypatch.setattr(lots, "_MOST_ROWS", 64)
    monkeypatch.setattr(lots, "_FEWEST_ROWS", 64)
    expected = in_memory.sample(150, random_state=3)
    for npartitions in (None, 2):
        rows = synthgan.dask.sample(in_memory, 150, npartitions, random_state=3)
        assert rows.npartitions == (npartitions or 3)
        assert_frame_equal(rows.compute(scheduler="synchronous"), expected, check_dtype=False)
    assert expected["code"].is_unique


def test_what_is_not_allowed_is_refused(in_memory):
    with pytest.raises(ParameterError, match="data=DataFrame is no Dask DataFrame; give what it"):
        synthgan.dask.fit(quick(), table())
    for npartitions in (0, 9, 1.5):
        with pytest.raises(ParameterError, match=r"npartitions=.* is not allowed; give a number"):
            synthgan.dask.sample(in_memory, 8, npartitions)
