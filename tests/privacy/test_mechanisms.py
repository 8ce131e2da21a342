"""Randomised mechanisms: what they cost, how much noise they add, and that no seed repeats it."""

import builtins

import numpy as np
import pytest
import torch

from synthgan.exceptions import ParameterError
from synthgan.privacy import mechanisms
from synthgan.privacy.mechanisms import (
    choose_largest,
    epsilon_of,
    noisy_counts,
    noisy_labels,
    rho_of,
)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-3])
def test_rho_is_the_largest_whose_epsilon_fits(epsilon, delta):
    rho = rho_of(epsilon, delta)
    assert epsilon_of(rho, delta) <= epsilon
    assert epsilon_of(rho, delta) == pytest.approx(epsilon, rel=1e-4)


def test_epsilon_grows_with_rho_and_shrinks_with_delta():
    assert epsilon_of(0.0, 1e-6) == 0.0
    by_rho = [epsilon_of(rho, 1e-6) for rho in (0.01, 0.1, 1.0)]
    assert by_rho == sorted(by_rho)
    assert epsilon_of(0.1, 1e-9) > epsilon_of(0.1, 1e-3)
    # Never worse than the formula of Bun and Steinke (2016).
    assert epsilon_of(0.1, 1e-6) <= 0.1 + 2 * np.sqrt(0.1 * np.log(1e6))


@pytest.mark.parametrize(("sensitivity", "rho"), [(1, 0.02), (3, 0.5)])
def test_counts_have_noise_of_the_stated_deviation(sensitivity, rho):
    counts = np.full((20, 100), 1000)
    noisy, scale = noisy_counts(counts, sensitivity, rho)
    assert scale == pytest.approx(sensitivity / np.sqrt(2 * rho))
    assert noisy.shape == counts.shape
    assert noisy.dtype == np.int64
    errors = noisy - counts
    assert errors.std() == pytest.approx(scale, rel=0.12)  # 7 standard errors
    assert abs(errors.mean()) < 6 * scale / np.sqrt(errors.size)


def test_a_label_of_one_person_is_never_released_and_frequent_ones_are():
    counts = {"Zoë's disease": 1, "flu": 400, "angina": 300}
    for _ in range(100):
        noisy, scale = noisy_labels(counts, 1, 0.1, 1e-7)
        assert set(noisy) == {"flu", "angina"}
        assert abs(noisy["flu"] - 400) < 10 * scale
    assert scale == pytest.approx(1 / np.sqrt(0.2))
    assert noisy_labels({}, 1, 0.1, 1e-7)[0] == {}


def test_rows_of_one_person_raise_the_threshold_of_labels():
    released = [noisy_labels({"rare": 30}, n, 0.1, 1e-7)[0] for n in (1, 9) for _ in range(10)]
    assert all(released[:10])
    assert not any(released[10:])


def test_clear_winners_are_chosen_the_largest_first():
    scores = np.array([3.0, 900.0, -50.0, 500.0, 1.0, 20.0])
    chosen, scale = choose_largest(scores, 1.0, 2, 0.1)
    assert chosen.tolist() == [1, 3]
    assert scale >= np.sqrt(2 / 0.2)


def test_scores_that_are_alike_are_chosen_at_random():
    chosen = {choose_largest(np.zeros(4), 1.0, 1, 0.1)[0].item() for _ in range(60)}
    assert chosen == {0, 1, 2, 3}  # but for a probability of 1e-7


def test_no_seed_repeats_the_noise():
    def draw():
        np.random.seed(0)
        torch.manual_seed(0)
        noisy = noisy_counts(np.zeros(50, dtype=int), 1, 1e-4)[0].tolist()
        labels = noisy_labels({f"{i}": 1000 for i in range(20)}, 1, 1e-3, 1e-3)[0]
        chosen = choose_largest(np.zeros(40), 1.0, 20, 1e-3)[0].tolist()
        return noisy, labels, chosen

    for one, other in zip(draw(), draw(), strict=True):
        assert one != other


def test_without_opendp_a_sentence_says_what_to_install(monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("opendp"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    mechanisms._opendp.cache_clear()
    with pytest.raises(ParameterError, match=r"needs OpenDP: pip install 'synthgan\[privacy\]'"):
        rho_of(1.0, 1e-6)
