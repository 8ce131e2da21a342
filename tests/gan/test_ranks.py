"""Processes that train together end alike, or all of them end with a sentence."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import synthgan
from synthgan.datasets import make_clinic
from synthgan.gan.training.ranks import ALONE, find_ranks

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="ranks are forked: it is faster")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def results(folder):
    """What two ranks came to, and a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.gan.rank_runs", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert None not in found["ranks"], done.stderr
    return found


def test_two_ranks_make_the_steps_of_one(results):
    first, second = (rank["steps"] for rank in results["ranks"])
    assert first == second
    np.testing.assert_allclose(first, results["alone"], rtol=1e-9, atol=1e-11)


def test_draws_follow_from_seed_rank_and_step(results):
    first, second = (rank["draws"] for rank in results["ranks"])
    assert first[0] == first[2]
    assert len({*first, *second}) == 4


def test_ranks_end_with_the_same_model_of_each_kind(results):
    first, second = (rank["same"] for rank in results["ranks"])
    assert first == second


def test_only_rank_0_calls_back_and_saves(results, folder):
    assert [rank["calls"] > 0 for rank in results["ranks"]] == [True, False]
    assert results["files"] == ["of rank 0.synthgan"]
    assert len(synthgan.load(folder / "of rank 0.synthgan").sample(5)) == 5


def test_ranks_that_differ_are_refused(results):
    first, second = (rank["unlike"] for rank in results["ranks"])
    assert first == second
    assert first.startswith("RankError: rank 1 was not started as rank 0: other data, ")
    assert ", max_steps=31 there, 30 on rank 0, " in first


def test_a_rank_that_fails_ends_all(results):
    first, second = (rank["failed"] for rank in results["ranks"])
    assert first.startswith("DataError: the table has too few rows")
    assert second == "RankError: rank 0 has ended, and with it the run."


def test_what_several_ranks_cannot_do_is_refused(results):
    for rank in results["ranks"]:
        assert rank["few"] == (
            "ParameterError: batch_size=7 is too small for 2 processes; give 8 or more, or start "
            "fewer."
        )
        assert rank["private"].startswith(
            "ParameterError: DifferentialPrivacy is not possible with 2 processes"
        )


def test_one_rank_reports_an_error(results):
    message = "synthgan: error: 2 processes are for synthgan fit only; start one, without torchrun."
    printed = [rank["command"] for rank in results["ranks"]]
    assert printed == [[2, f"{message}\n"], [2, ""]]


def test_a_killed_rank_ends_the_run_which_then_goes_on_alone(results, folder):
    error, none = results["killed"]
    assert none is None
    newest = str(folder / "checkpoints" / "checkpoint-000000012.zip")
    begin = "RankError: rank 1 has ended, and with it the run at step "
    assert re.fullmatch(f"{begin}1[89]: the same command goes on from '{newest}'.", error)
    logged, n_steps, n_rows = results["resumed"]
    assert logged == ["the run was saved by 2 process(es) and goes on with 1: it draws other noise"]
    assert (n_steps, n_rows) == (30, 3)


def test_torchrun_fits_one_model(tmp_path):
    table, model = tmp_path / "clinic.csv", tmp_path / "m.synthgan"
    make_clinic(60, random_state=0).to_csv(table, index=False)
    words = ["fit", table, "-o", model, "--max-steps", "3", "--checkpoint", tmp_path / "c"]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "synthgan"]
        + [str(word) for word in words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Model written to") == 1
    assert done.stderr.count("PrivacyWarning") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"clinic.csv", "m.synthgan", "c"}
    assert len(synthgan.load(model).sample(4)) == 4


def test_a_process_is_alone_without_torchrun(monkeypatch):
    assert find_ranks() is ALONE
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert find_ranks() is ALONE
