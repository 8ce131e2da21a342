import itertools
import math

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import synthgan
from synthgan import CNN, FCN, ImageEncoder, ImageGANSynthesizer, Loss, SampleGrid
from synthgan.datasets import make_fingerprints, make_irises
from synthgan.exceptions import ArchiveError, DataError, DataWarning, ParameterError
from synthgan.gan.training.memory import Needs, check_memory, estimate, free_bytes
from synthgan.io.images import ImageStack, save_images
from synthgan.refine.grain import grain_power
from synthgan.synthesizers.recipes import IMAGE_PRESETS


def quick(**parameters):
    defaults = {"network": CNN(width=4), "max_steps": 2, "batch_size": 8, "random_state": 0}
    return ImageGANSynthesizer(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def fingers():
    images, patterns = make_fingerprints(40, shape=(20, 14), return_y=True, random_state=0)
    return images, np.where(np.char.find(patterns.to_numpy(dtype=str), "loop") >= 0, "loop", "not")


@pytest.fixture(scope="module")
def folder(fingers, tmp_path_factory):
    """Two folders of files."""
    path = tmp_path_factory.mktemp("images")
    for name in ("loop", "not"):
        save_images(fingers[0][fingers[1] == name], path / name)
    return path


@parametrize_with_checks([quick()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("network", ["cnn", "fcn", CNN(width=3), FCN(width=(8, 9))])
@pytest.mark.parametrize("shape", [(20, 14), (9, 9, 3), (1, 7), (33, 2, 1)])
def test_any_shape_and_network(network, shape):
    images = np.random.default_rng(0).integers(0, 256, (12, *shape)).astype(np.uint8)
    model = quick(network=network).fit(images, np.arange(12) % 2)
    fake, y = model.sample(3, conditions={"y": 1}, return_y=True)
    assert (fake.shape, fake.dtype) == ((3, *shape), np.uint8)
    assert y.tolist() == [1, 1, 1]
    assert model.sample(0).shape == (0, *shape)
    assert 0 <= model.score(images) <= 1


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "bool"])
def test_containers(dtype):
    images = (np.random.default_rng(0).random((12, 6, 5)) * 17).astype(dtype)
    fake = quick().fit(images).sample(4)
    assert (fake.shape, fake.dtype) == ((4, 6, 5), images.dtype)
    assert images.min() <= fake.min() <= fake.max() <= images.max()
    assert quick().fit(images.tolist()).sample().shape == (1, 6, 5)
    frame = pd.DataFrame(images.reshape(12, -1), columns=[f"p{i}" for i in range(30)])
    model = quick(encoder=ImageEncoder(shape=(6, 5))).fit(frame)
    assert model.image_shape_ == (6, 5, 1)
    assert list(model.sample(2).columns) == list(frame.columns)
    assert (model.sample(2).dtypes == frame.dtypes).all()
    assert list(model.feature_names_in_) == list(frame.columns)


@pytest.mark.parametrize("n_side", [8, 16])  # with grain from 16 pixels on
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8"])
def test_no_pixel_leaves_the_range_learnt(tmp_path, dtype, n_side):
    rng = np.random.default_rng(0)
    images = (90 + 70 * rng.random((24, n_side, n_side, 3))).astype(dtype)
    low, high = images.min(), images.max()
    encoder = ImageEncoder(limits=(0.0, 255.0))  # wider than what is learnt
    for model in (quick().fit(images), quick(encoder=encoder).fit(images)):
        model.save(tmp_path / "m.synthgan")
        for one in (model, synthgan.load(tmp_path / "m.synthgan")):
            fake = one.sample(50)
            assert fake.dtype == images.dtype
            assert low <= fake.min() <= fake.max() <= high
            assert one.encoder_.range_ == (low, high)
    stack = quick(size=(5, 9), crop=True, color="rgb").fit(_saved(images, tmp_path / "files"))
    darkest, brightest = stack.encoder_.range_
    assert 0 < darkest < brightest < 255
    assert darkest <= stack.sample(50).values.min() <= stack.sample(50).values.max() <= brightest


def _saved(images, path):
    save_images(images.astype(np.uint8), path)
    return path


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries_are_conditions(fingers, library):
    module = pytest.importorskip(library)
    make = {"polars": "DataFrame", "pyarrow": "table"}[library]
    X, y = fingers
    model = quick().fit(X, y)
    wanted = {"y": ["loop", "not", "loop"]}
    told = getattr(module, make)(wanted)
    fake, labels = model.sample(conditions=told, return_y=True)
    assert labels.tolist() == wanted["y"]
    assert np.array_equal(fake, model.sample(conditions=pd.DataFrame(wanted)))
    with pytest.raises(ParameterError, match="n=2"):
        model.sample(2, told)


def test_files(folder, fingers, tmp_path):
    save_images(fingers[0], tmp_path / "fingers.zip")
    files = sorted((folder / "loop").glob("*.png"))
    table = pd.DataFrame({"path": files, "age": np.arange(len(files)) + 30.5}).astype({"path": str})
    for source in (folder, str(tmp_path / "fingers.zip"), files, table):
        fake = quick().fit(source).sample(2)
        assert isinstance(fake, ImageStack)
        assert (fake.shape, fake.n_channels) == ((20, 14), 1)
    fake = quick(size=(10, 7), color="rgb", crop=True).fit(folder).sample(2)
    assert (fake.shape, fake.n_channels) == ((10, 7), 3)
    fake = quick(condition_on=["age"]).fit(table).sample(3, {"age": (35, 40)})
    assert fake.info["age"].between(35, 40).all()


def test_folders_are_labels(folder):
    model = quick(condition_on=["folder"]).fit(folder)
    fake = model.sample(conditions=pd.DataFrame({"folder": ["not", "loop", "not"]}))
    assert fake.info["folder"].tolist() == ["not", "loop", "not"]
    with pytest.raises(DataError, match="folder"):
        model.sample(1, {"folder": "arch"})
    with pytest.raises(ParameterError, match="condition_on names"):
        quick(condition_on=["hand"]).fit(folder)


def test_files_that_cannot_be_read(folder, tmp_path):
    save_images(make_fingerprints(6, shape=(20, 14), random_state=0), tmp_path / "some")
    broken = tmp_path / "some" / "image-0000003.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(DataError, match=r"image-0000003\.png"):
        quick().fit(tmp_path / "some")
    with pytest.warns(DataWarning, match=r"Left out 1 .*image-0000003\.png"):
        quick(on_error="skip").fit(tmp_path / "some")
    with pytest.raises(DataError, match=r"image-0000003\.png"):  # labels would no longer fit
        quick(on_error="skip").fit(tmp_path / "some", [0, 1, 0, 1, 0, 1])
    with pytest.raises(DataError, match="nowhere"):
        quick().fit(tmp_path / "nowhere")


def test_equal_seeds_give_equal_bytes(fingers):
    X, y = fingers
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, second = (quick().fit(X, y) for _ in range(2))
    draws = [m.sample(3, {"y": "loop"}, random_state=s) for m, s in ((first, 3), (second, 3))]
    assert np.array_equal(*draws)
    assert not np.array_equal(first.sample(3, random_state=4), draws[0])
    assert first.score(X) == second.score(X)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@pytest.mark.parametrize("kind", ["array", "table", "files"])
@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_kept_models(fingers, folder, tmp_path, kind):
    X, y = fingers
    table = pd.DataFrame(X.reshape(len(X), -1) / 7.0)
    data = {"array": X, "table": table, "files": folder}[kind]
    encoder = ImageEncoder(shape=(20, 14)) if kind == "table" else None
    model = quick(encoder=encoder, condition_on=["folder"] if kind == "files" else None)
    model.fit(data, None if kind == "files" else y)
    told = {"folder" if kind == "files" else "y": "loop"}
    model.save(tmp_path / "m.synthgan")
    joblib.dump(model, tmp_path / "m.joblib")
    for again in (synthgan.load(tmp_path / "m.synthgan"), joblib.load(tmp_path / "m.joblib")):
        a, b = (m.sample(3, told, random_state=1) for m in (model, again))
        if kind == "table":
            assert_frame_equal(a, b)
        else:
            assert np.array_equal(a, b)
        assert type(a) is type(b)
        assert again.score(data) == model.score(data)
    with pytest.raises(ArchiveError):
        quick(network=_OwnNetwork()).fit(X).save(tmp_path / "s")


class _OwnNetwork:
    latent_dim = 4

    def build(self, shape, n_conditions, latent_dim):
        return CNN(width=2).build(shape, n_conditions, latent_dim)


def test_pictures_over_epochs(fingers):
    pictures = SampleGrid(every_epochs=2)
    quick(callbacks=[pictures], epochs=4, max_steps=None).fit(fingers[0])
    assert list(pictures.grids_) == [1, 2, 4]
    assert pictures.grids_[4].shape == (9, 20, 14)


@pytest.mark.parametrize("preset", ["thesis-fingerprints", "thesis-iris-fcn", "thesis-iris-cnn"])
def test_presets_run(preset):
    shape = (240, 320) if preset == "thesis-iris-cnn" else (11, 16)
    images = make_irises(4, shape=shape, random_state=0)
    fake = ImageGANSynthesizer(preset, max_steps=1, random_state=0).fit(images).sample(1)
    assert (fake.shape, fake.dtype) == ((1, *shape), np.uint8)


def count(network, shape):
    needs = estimate(lambda: network.build(shape, 0, 100), 100, 0, 2, math.prod(shape))
    return needs.n_weights


def test_thesis_networks():
    """Weights of the networks of section 6 and Table 8.1, counted without memory."""
    fingers = IMAGE_PRESETS["thesis-fingerprints"].parameters
    sizes = (100, 256, 512, 1024, 2048, 110_000)
    chain = sum(a * b + b for a, b in itertools.pairwise(sizes))
    back = (110_000, 2048, 1024, 512, 256, 1)
    judge = sum(a * b + b for a, b in itertools.pairwise(back))
    assert count(fingers["network"], (275, 400)) == (chain, judge)
    assert chain == pytest.approx(228e6, rel=0.01)
    assert (fingers["batch_size"], fingers["epochs"]) == (52, 100)
    iris = IMAGE_PRESETS["thesis-iris-cnn"].parameters["network"]
    made = count(iris, (240, 320))
    kernels = [(100, 512, 4 * 5), (512, 256, 5 * 5), (256, 128, 4 * 6), (128, 64, 5 * 7),
               (64, 1, 5 * 7)]  # fmt: skip
    norms = 2 * (512 + 256 + 128 + 64)
    assert made[0] == sum(a * b * k for a, b, k in kernels) + norms
    with pytest.raises(ParameterError, match="make a 240 x 320 grid; 240 x 240 is needed"):
        iris.build((240, 240), 0, 100)


def test_memory_is_asked_for_first(fingers, monkeypatch):
    needs = Needs((228_000_000, 228_000_000), 8_208_000_000)
    check_memory(needs, None, (275, 400), 52)
    check_memory(needs, 9_000_000_000, (275, 400), 52)
    with pytest.raises(ParameterError, match=r"275 x 400 have 228 M and 228 M weights, and need"):
        check_memory(needs, 4_000_000_000, (275, 400), 52)
    counted = estimate(lambda: FCN(width=(8,)).build((4, 4), 0, 3), 3, 0, 10, 16)
    assert counted.n_weights == (3 * 8 + 8 + 8 * 16 + 16, 16 * 8 + 8 + 8 + 1)
    assert counted.n_bytes > 4 * (5 * counted.n_weights[0] + 4 * counted.n_weights[1])
    assert free_bytes(torch.device("cpu")) is None or free_bytes(torch.device("cpu")) > 10**7
    assert estimate(lambda: 1 / 0, 1, 0, 1, 1) is None
    monkeypatch.setattr("synthgan.synthesizers.training_run.free_bytes", lambda device: 1000)
    built = []
    monkeypatch.setattr("synthgan.synthesizers.training_run.Trainer", lambda *a: built.append(a))
    with pytest.raises(ParameterError, match=r"1e-06|0\.0 GB are free: give smaller records"):
        quick().fit(fingers[0])
    assert not built


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: x[:1], DataError, "n_samples=1 images are given"),
        (lambda x: x[:0], DataError, "n_samples=0"),
        (lambda x: x[..., None].repeat(2, 3), DataError, "does not hold images"),
        (lambda x: x / np.where(x > 200, 0.0, 1.0), ValueError, "infinity"),
        (lambda x: x[0, 0], ValueError, "Expected 2D array"),
        (lambda x: None, ValueError, "Expected 2D array"),
        (lambda x: [], ValueError, "Expected 2D array|0 sample"),
    ],
)
def test_bad_images(fingers, change, error, message):
    with np.errstate(divide="ignore", invalid="ignore"), pytest.raises(error, match=message):
        quick().fit(change(fingers[0]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"encoder": 3}, "give one of class ImageEncoder, or None"),
        ({"color": "blue"}, "'color' parameter"),
        ({"crop": 2}, "'crop' parameter"),
        ({"on_error": "ignore"}, "'on_error' parameter"),
        ({"preset": "thesis-thyroid"}, "preset='thesis-thyroid' is unknown"),
        ({"network": "rnn"}, "network='rnn' is not allowed"),
        ({"loss": Loss("l2")}, "loss='l2' is not allowed"),
    ],
)
def test_bad_parameters(fingers, parameters, message):
    with pytest.raises(ValueError, match=message):
        quick(**parameters).fit(fingers[0])
    with pytest.raises(ParameterError, match="size="):
        quick(size=0).fit("nowhere.zip")


def test_bad_requests(fingers):
    model = quick().fit(*fingers)
    with pytest.raises(ParameterError):
        model.sample(-1)
    with pytest.raises(DataError, match="conditions have unknown labels"):
        model.sample(1, {"sex": "m"})
    with pytest.raises(ParameterError, match="fitted with y"):
        quick().fit(fingers[0]).sample(1, return_y=True)
    with pytest.raises(DataError, match="images are 5 x 5; 20 x 14 was learnt"):
        model.score(np.zeros((3, 5, 5)))
    for call in (lambda m: m.sample(1), lambda m: m.score(fingers[0]), lambda m: m.save("x")):
        with pytest.raises(NotFittedError):
            call(clone(model))


def test_grain_is_matched_by_the_noise_of_the_generator(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rough = rng.integers(0, 256, (40, 16, 16)).astype(np.uint8)
    seen = []

    def fit(factor, images=rough):
        def watch(*powers):
            seen.append(powers)
            return factor

        monkeypatch.setattr("synthgan.synthesizers.image.noise_factor", watch)
        return quick(max_steps=5).fit(images)

    one, two = fit(1.0), fit(2.0)
    assert seen[0] == seen[1]
    assert seen[0][0] == pytest.approx(grain_power(rough))
    assert seen[0][3] == 0.5
    for ours, theirs in zip(
        one.generator_.noise.parameters(), two.generator_.noise.parameters(), strict=True
    ):
        assert ours.abs().max() > 0
        assert torch.allclose(2 * ours, theirs)
    two.save(tmp_path / "m")
    again = synthgan.load(tmp_path / "m")
    assert np.array_equal(again.sample(3, random_state=1), two.sample(3, random_state=1))
    fit(2.0, rough[:, :8, :8])  # too small to be grainy
    assert len(seen) == 2
