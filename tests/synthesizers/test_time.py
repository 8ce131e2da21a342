"""Runs that a time limit ends before they have learnt."""

import warnings

import numpy as np
import pytest

from synthgan import FCN, ImageGANSynthesizer, TabularGANSynthesizer
from synthgan.exceptions import ShortTrainingWarning

TINY = FCN(width=8, depth=1)


def test_a_run_of_too_few_steps_warns(clinic):
    model = TabularGANSynthesizer(network=TINY, max_time=1e-3, batch_size=8, random_state=0)
    with pytest.warns(ShortTrainingWarning, match=r"after 1 step\(s\), before each of \d+ rows"):
        model.fit(clinic)
    assert model.n_steps_ == 1


def test_images_warn_too():
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8)).astype(np.uint8)
    model = ImageGANSynthesizer(network=TINY, max_time=1e-3, batch_size=8, random_state=0)
    with pytest.warns(ShortTrainingWarning, match="before each of"):
        model.fit(images)


def test_few_steps_that_were_asked_for_do_not(clinic):
    model = TabularGANSynthesizer(
        network=TINY, max_steps=2, max_time="10min", batch_size=8, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ShortTrainingWarning)
        assert model.fit(clinic).n_steps_ == 2
