"""Every bad part of a synthesizer: one sentence that names what is wrong."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from synthgan import (
    Checkpoint,
    FixedCombinations,
    GANImputer,
    GANOverSampler,
    GridEncoder,
    Identifier,
    ImageEncoder,
    Inequality,
    Predicate,
    Range,
    SampleGrid,
    SignalEncoder,
    TabularGANSynthesizer,
)
from synthgan.exceptions import (
    CheckpointError,
    DataError,
    ParameterError,
)
from tests.quick import GOOD, PIXELS, WAVES


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: GridEncoder().transform(GOOD), NotFittedError, r"This GridEncoder instance"),
        (lambda: GridEncoder(layout="hilbert").fit(GOOD), ValueError, r"The 'layout' parameter"),
        (lambda: GridEncoder().fit(GOOD).transform(GOOD[["x"]]), ValueError, r"missing:\n- y"),
        (
            lambda: GridEncoder().fit(GOOD).transform(GOOD.assign(y="z")),
            DataError,
            r"column 'y' holds 'z', a level not seen in fit",
        ),
        (
            lambda: GridEncoder().fit(GOOD).inverse_transform(np.zeros((2, 9, 9))),
            DataError,
            r"grids have shape \(2, 9, 9\)",
        ),
        (
            lambda: GridEncoder().fit(GOOD).inverse_transform(np.full((1, 2, 2), 300.0)),
            DataError,
            r"cells outside 0..255",
        ),
        (
            lambda: GridEncoder().fit(GOOD).inverse_transform(np.full((1, 2, 2), np.nan)),
            DataError,
            r"cells outside 0..255 or NaN",
        ),
        (
            lambda: SignalEncoder().fit(WAVES).inverse_transform(np.zeros((2, 3))),
            DataError,
            r"grids have shape \(2, 3\)",
        ),
        (
            lambda: ImageEncoder().fit(PIXELS).inverse_transform(np.zeros((2, 3))),
            DataError,
            r"grids have shape \(2, 3\)",
        ),
        (lambda: GANImputer(strategy="x").fit(GOOD), ValueError, r"The 'strategy' parameter"),
        (lambda: GANImputer().transform(GOOD), NotFittedError, r"This GANImputer instance"),
        (
            lambda: GANOverSampler().fit_resample(GOOD[["x"]], ["a"] * 15),
            DataError,
            r"y holds one class, 'a'",
        ),
        (
            lambda: GANOverSampler(sampling_strategy="x").fit_resample(GOOD[["x"]], GOOD["y"]),
            ValueError,
            r"The 'sampling_strategy' parameter",
        ),
        (
            lambda: GANOverSampler().fit_resample(GOOD[["x"]], ["a", "b"]),
            ValueError,
            r"inconsistent numbers of samples",
        ),
    ],
)
def test_encoders_imputers_and_oversamplers(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("constraint", "error", "message"),
    [
        (Inequality("x", "z"), DataError, r"columns \['z'\], which the table lacks"),
        (Inequality("x", "x"), ParameterError, r"give two different columns"),
        (Inequality("x", "y"), DataError, r"columns 'x' .* and 'y' .* cannot be compared"),
        (Range("x", 5, 9), DataError, r"column 'x' has 15 row\(s\) outside"),
        (FixedCombinations(["x"]), ParameterError, r"columns=\['x'\] .* two different columns"),
        (Identifier("z"), DataError, r"columns \['z'\], which the table lacks"),
        (Predicate("x > 0"), ParameterError, r"function='x > 0' of Predicate is not allowed"),
        (Predicate(lambda frame: frame["x"] > 1), DataError, r"5 of 15 row\(s\) violate"),
        (Predicate(lambda frame: True), DataError, r"returned shape \(\); one boolean per row"),
    ],
)
def test_constraints(constraint, error, message):
    with pytest.raises(error, match=message):
        TabularGANSynthesizer(epochs=1, constraints=[constraint]).fit(GOOD)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (lambda folder: Checkpoint(folder, every_epochs=0), r"Checkpoint every_epochs=0 is not"),
        (lambda folder: Checkpoint(folder, keep=1.5), r"Checkpoint keep=1.5 is not allowed"),
        (lambda folder: SampleGrid(every_epochs=0), r"SampleGrid every_epochs=0 is not allowed"),
        (lambda folder: SampleGrid(n=-1), r"SampleGrid n=-1 is not allowed"),
    ],
)
def test_callbacks(tmp_path, callback, message):
    with pytest.raises(ParameterError, match=message):
        TabularGANSynthesizer(epochs=1, callbacks=[callback(tmp_path)]).fit(GOOD)


def test_a_file_is_no_folder_of_checkpoints(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file' cannot be a folder of checkpoints"):
        TabularGANSynthesizer(epochs=1, callbacks=[Checkpoint(tmp_path / "file")]).fit(GOOD)
