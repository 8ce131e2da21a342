import json

import numpy as np
import pandas as pd
import pytest

from synthgan import ImageGANSynthesizer, load
from synthgan.datasets import make_fingerprints
from synthgan.io.images import ImageStack, read_images, save_images
from tests.cli.test_cli import run
from tests.cli.test_cli_signals import one_error


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Eight fingers of 24 x 16."""
    path = tmp_path_factory.mktemp("in") / "fingers.zip"
    save_images(make_fingerprints(8, shape=(24, 16), random_state=0), path)
    return path


@pytest.fixture(scope="module")
def model(archive, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.synthgan"
    run("fit", archive, "-o", path, "--max-steps", 2, "--seed", 0)
    return path


def test_an_archive_in_an_archive_or_a_folder_out(tmp_path, model, capsys):
    for out in (tmp_path / "fake.zip", tmp_path / "fake"):
        run("sample", model, "-n", 3, "--out", out, "--seed", 1)
        assert capsys.readouterr().out == f"3 images written to {out}\n"
        fake = read_images(out)
        assert (len(fake), fake.shape, fake.n_channels) == (3, (24, 16), 1)
        assert "already" in one_error(capsys, "sample", model, "-n", 3, "--out", out)
        run("sample", model, "-n", 3, "--out", out, "--seed", 1, "--overwrite")
        assert np.array_equal(read_images(out).values, fake.values)
        capsys.readouterr()
    run("sample", model, "-n", 3, "--out", tmp_path / "fake.npy", "--seed", 1)
    assert np.array_equal(np.load(tmp_path / "fake.npy"), fake.values)


def test_size_colour_and_folders_as_labels(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name in ("left", "right"):
        images = rng.integers(0, 256, (6, 20, 30, 3), dtype=np.uint8)
        save_images(ImageStack(images), tmp_path / "eyes" / name)
    path = tmp_path / "m.synthgan"
    run("fit", tmp_path / "eyes", "-o", path, "--size", "8x12", "--color", "rgb", "--crop",
        "--labels", "folder", "--max-steps", 2)  # fmt: skip
    assert capsys.readouterr().out == (
        f"{tmp_path / 'eyes'} read: 12 images of 8 x 12\n"
        f"Trained on 12 images. Model written to {path}\n"
    )
    (tmp_path / "wanted.csv").write_text("folder\nright\nleft\nright\n")
    out = tmp_path / "fake"
    run("sample", path, "--conditions", tmp_path / "wanted.csv", "--out", out)
    assert read_images(out, color="rgb").values.shape == (3, 8, 12, 3)
    assert pd.read_csv(out / "info.csv")["folder"].tolist() == ["right", "left", "right"]


def test_an_array_of_images(tmp_path, capsys):
    images = np.random.default_rng(0).uniform(0, 1, (9, 6, 7))
    np.save(tmp_path / "images.npy", images)
    path, out = tmp_path / "m.synthgan", tmp_path / "fake"
    run("fit", tmp_path / "images.npy", "--kind", "image", "-o", path, "--max-steps", 2)
    assert isinstance(load(path), ImageGANSynthesizer)
    run("sample", path, "-n", 2, "--out", out)
    assert read_images(out).shape == (6, 7)
    run("sample", path, "-n", 2, "--out", tmp_path / "fake.npy")
    fake = np.load(tmp_path / "fake.npy")
    assert fake.dtype == np.float64
    assert 0 <= fake.min() <= fake.max() <= 1


@pytest.mark.parametrize(("dtype", "white"), [("f4", 1), ("u2", 4095)])
def test_files_have_the_grey_levels_of_the_array(tmp_path, capsys, dtype, white):
    """Images that use a part of their range are not stretched."""
    shares = np.random.default_rng(0).uniform(0.3, 0.7, (9, 6, 7))
    np.save(tmp_path / "images.npy", (shares * white).astype(dtype))
    path = tmp_path / "m.synthgan"
    run("fit", tmp_path / "images.npy", "--kind", "image", "-o", path, "--max-steps", 2)
    for out in ("fake.npy", "fake"):
        run("sample", path, "-n", 5, "--out", tmp_path / out, "--seed", 1)
    assert f"black and white are 0 and {white}\n" in capsys.readouterr().out
    fake = np.load(tmp_path / "fake.npy").astype(float)
    files = read_images(tmp_path / "fake").values
    assert np.abs(files - fake * 255 / white).max() <= 0.5 + 1e-4
    assert 60 < files.min() < files.max() < 190


def test_evaluation_of_files(tmp_path, archive, capsys):
    real, fake = (tmp_path / name for name in ("real", "fake"))
    for seed, path in enumerate((real, fake)):
        save_images(make_fingerprints(8, shape=(24, 16), random_state=seed), path)
    small = tmp_path / "small.zip"
    save_images(read_images(fake, size=(12, 8)), small)
    run("evaluate", real, small, "--size", "12x8", "--json", tmp_path / "r.json")
    assert "Written" in capsys.readouterr().out
    error = one_error(capsys, "evaluate", real, small, "--size", "8x12")
    assert "size=(8, 12) is (height, width) and would turn images of 24 x 16" in error
    assert "--size is for files of images" in one_error(
        capsys, "evaluate", "a.csv", "b.csv", "--size", "8"
    )
    assert "--size is for files of images" in one_error(
        capsys, "evaluate", "a.npy", "b.npy", "--size", "8"
    )
    # Floats are compared with files on one scale.
    np.save(tmp_path / "real.npy", read_images(real).values / 255)
    run("evaluate", tmp_path / "real.npy", fake, "--json", tmp_path / "f.json")
    run("evaluate", real, fake, "--json", tmp_path / "b.json")
    floats, levels = (json.loads((tmp_path / f"{x}.json").read_text()) for x in "fb")
    for scores in (floats, levels):
        scores["scores"] = {
            (section, name): score["value"]
            for section, each in scores["scores"].items()
            for name, score in each.items()
        }
    assert floats["scores"].keys() == levels["scores"].keys()
    for name, value in levels["scores"].items():
        assert floats["scores"][name] == (value and pytest.approx(value, abs=0.02)), name
    # Of eight images the classifier measures nothing, and a gate on it fails.
    run("evaluate", real, fake, "--fail-if", "image_c2st>0.9", code=1)
    assert "failed: image_c2st>0.9" in capsys.readouterr().err


def test_depth_and_formats_on_the_command_line(tmp_path, capsys):
    from PIL import Image

    cells = np.random.default_rng(0).integers(0, 4096, (4, 8, 8)).astype(np.uint16)
    (tmp_path / "xray").mkdir()
    for i, each in enumerate(cells):
        Image.fromarray(each).save(tmp_path / "xray" / f"{i}.png")
    out = ("-o", tmp_path / "m.synthgan", "--max-steps", 1)
    run("fit", tmp_path / "xray", *out)
    assert "so that 16 grey levels are left; give" in capsys.readouterr().err
    for levels in ("auto", 4095):
        run("fit", tmp_path / "xray", "--levels", levels, *out)
        assert "grey levels" not in capsys.readouterr().err
    (tmp_path / "scan.dcm").write_bytes(bytes(128) + b"DICM")
    for command in (("fit", tmp_path / "scan.dcm", *out[:2]),
                    ("evaluate", tmp_path / "scan.dcm", tmp_path / "scan.dcm")):  # fmt: skip
        error = one_error(capsys, *command)
        assert "scan.dcm' (DICOM, which is not read: convert it to PNG or TIFF)" in error


def test_what_cannot_be_read(tmp_path, archive, capsys):
    out = ("-o", tmp_path / "m.synthgan")
    assert "--leads is for signals" in one_error(capsys, "fit", archive, "--leads", "i", *out)
    assert "--size is for images" in one_error(
        capsys, "fit", tmp_path / "table.csv", "--size", 8, *out
    )
    (tmp_path / "empty").mkdir()
    assert "empty" in one_error(capsys, "fit", tmp_path / "empty", "--kind", "image", *out)
    (tmp_path / "no.zip").write_bytes(b"no archive")
    assert "no.zip" in one_error(capsys, "fit", tmp_path / "no.zip", *out)
    broken = tmp_path / "some"
    save_images(make_fingerprints(6, shape=(24, 16), random_state=0), broken)
    (broken / "image-0000002.png").write_bytes(b"\x89PNG broken")
    assert "image-0000002.png" in one_error(capsys, "fit", broken, *out)
    assert not (tmp_path / "m.synthgan").exists()
    run("fit", broken, "--on-error", "skip", "--max-steps", 1, *out)
    assert "Left out 1" in capsys.readouterr().err


def test_options_that_do_not_fit(tmp_path, model, capsys):
    for option in (("--duration-s", 3), ("--annotate",)):
        message = one_error(capsys, "sample", model, "-n", 1, "--out", tmp_path / "x", *option)
        assert f"{option[0]} is for signals" in message
    assert "is a table" in one_error(capsys, "sample", model, "-n", 1, "--out", tmp_path / "x.csv")
    assert "-n 0 is too few" in one_error(capsys, "sample", model, "-n", 0, "--out", tmp_path / "x")
