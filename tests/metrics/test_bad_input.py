"""Every bad input of a measure: one sentence that names what is wrong."""

import numpy as np
import pandas as pd
import pytest

from synthgan import (
    evaluate,
    metrics,
)
from synthgan.exceptions import (
    DataError,
    ParameterError,
)
from synthgan.metrics import images as of_images
from synthgan.metrics import signals as of_signals
from tests.quick import GOOD, PIXELS, WAVES

FAKE = GOOD.sample(15, random_state=0, ignore_index=True)
NUMBERS = pd.DataFrame({"x": np.arange(30.0)})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.c2st(None, FAKE), DataError, r"the real table is None"),
        (lambda: metrics.c2st(GOOD, None), DataError, r"the fake table is None"),
        (lambda: metrics.c2st(GOOD[:0], FAKE), DataError, r"the real table has no rows"),
        (lambda: metrics.c2st(GOOD, FAKE[["x"]]), DataError, r"fake table lacks .* \['y'\]"),
        (lambda: metrics.c2st("a.csv", FAKE), ValueError, r"Expected 2D array"),
        (
            lambda: metrics.column_shapes(NUMBERS, NUMBERS.astype(str) + "?"),
            DataError,
            r"column 'x' holds numbers in the real table and text in the fake table; one kind",
        ),
        (lambda: metrics.tstr(GOOD, FAKE), ParameterError, r"target=None is not allowed"),
        (lambda: metrics.tstr(GOOD, FAKE, target="z"), ParameterError, r"target='z' is not"),
        (lambda: metrics.near_copies(GOOD, FAKE, quantile=2), ParameterError, r"quantile=2 is"),
        (lambda: metrics.singling_out(GOOD, FAKE, mode="x"), ParameterError, r"mode='x' is not"),
        (lambda: metrics.singling_out(GOOD, FAKE, n_attacks=0), ParameterError, r"n_attacks=0"),
        (lambda: metrics.attribute_inference(GOOD, FAKE, secret=3), ParameterError, r"secret=3 is"),
        (lambda: metrics.linkability(GOOD, FAKE, n_neighbors=0), ParameterError, r"n_neighbors=0"),
        (
            lambda: metrics.linkability(GOOD, FAKE, columns=(["x"], ["z"])),
            ParameterError,
            r"columns=\(\['x'\], \['z'\]\) is not allowed",
        ),
        (
            lambda: of_signals.spectrum(WAVES, WAVES[:, :10], fs_hz=25),
            DataError,
            r"fake windows have \(leads, samples\) = \(1, 10\)",
        ),
        (lambda: of_signals.heart_rates(WAVES, WAVES, fs_hz=0), ParameterError, r"fs_hz=0 is not"),
        (
            lambda: of_signals.spectrum(WAVES, WAVES * np.nan, fs_hz=25),
            DataError,
            r"the fake set has 0 windows without missing samples",
        ),
        (
            lambda: of_signals.spectrum(WAVES[0], WAVES[0], fs_hz=25),
            DataError,
            r"real windows have shape \(50,\)",
        ),
        (
            lambda: of_images.image_coverage(PIXELS, PIXELS[:, :4]),
            DataError,
            r"fake images have \(height, width, channels\) = \(4, 8, 1\)",
        ),
        (
            lambda: of_images.image_coverage(PIXELS, PIXELS * 1.5),
            DataError,
            r"fake pixels are 0 to 38\d.*; 0 to 255 is allowed",
        ),
        (lambda: evaluate(None, FAKE), DataError, r"real=None is not allowed"),
        (lambda: evaluate(GOOD, None), DataError, r"fake=None is not allowed"),
        (lambda: evaluate(GOOD, FAKE[["x"]]), DataError, r"fake table lacks .* \['y'\]"),
        (lambda: evaluate(GOOD, FAKE, holdout=FAKE[["x"]]), DataError, r"holdout table lacks"),
        (lambda: evaluate(GOOD, FAKE, target="z"), ParameterError, r"target='z' is not allowed"),
        (lambda: evaluate(GOOD, FAKE, kind="x"), ParameterError, r"kind='x' is not allowed"),
        (lambda: evaluate(GOOD, FAKE, sections=["x"]), ParameterError, r"sections=\['x'\] is not"),
        (lambda: evaluate(WAVES[:, None], WAVES[:, None]), ParameterError, r"fs_hz=None is not"),
        (
            lambda: metrics.c2st(GOOD, GOOD.assign(y=[[1], [2], [3]] * 5)),
            DataError,
            r"column 'y' of the fake table cannot be compared: unhashable type: 'list'",
        ),
    ],
)
def test_metrics(call, error, message):
    with pytest.raises(error, match=message):
        call()
