"""Links out of the folder that is given: refused, unless they are asked for."""

import os

import numpy as np
import pandas as pd
import pytest

from synthgan import GridEncoder
from synthgan.cli import main
from synthgan.exceptions import DataError, ParameterError
from synthgan.io.images import read_images, save_images
from synthgan.io.links import leads_out
from synthgan.io.records import read_records, write_records

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
OUT = r"is a link that leads out of folder '{}'; copy the file there, or give follow_links=True"


@pytest.fixture
def secret(tmp_path):
    """A record, an image and a header that somebody else's folder has no business with."""
    folder = tmp_path / "home"
    write_records(folder, np.ones((1, 250)), fs_hz=250, names=["mine"])
    save_images(np.zeros((1, 8, 8), np.uint8), folder / "images")
    return folder


@pytest.fixture
def given(tmp_path):
    """A folder of records, as somebody else sent it."""
    waves = np.random.default_rng(0).normal(size=(1, 250))
    write_records(tmp_path / "given" / "sub", waves, fs_hz=250, names=["r"])
    return tmp_path / "given"


def relink(place, target):
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def test_signal_files_that_are_links_out_of_the_folder(given, secret):
    relink(given / "sub" / "r.dat", secret / "mine.dat")
    (given / "sub" / "r.hea").write_text("r 1 250 250\nr.dat 16 2000/mV\n")
    for path, folder in (
        (given, given),
        (given / "sub", given / "sub"),
        (given / "sub" / "r", given / "sub"),
        (given / "sub" / "r.hea", given / "sub"),
    ):
        with pytest.raises(DataError, match=OUT.format(folder)):
            read_records(path)
        assert np.array_equal(read_records(path, follow_links=True)[0].values, np.ones((1, 250)))


def test_headers_and_segments_that_are_links_out_of_the_folder(given, secret):
    (given / "sub" / "stolen.hea").symlink_to(secret / "mine.hea")
    with pytest.raises(DataError, match=OUT.format(given)):
        read_records(given)
    (given / "sub" / "stolen.hea").unlink()
    (given / "v.hea").write_text("v/1 1 250 250\nmine 250\n")
    (given / "mine.hea").symlink_to(secret / "mine.hea")
    with pytest.raises(DataError, match=OUT.format(given)):
        read_records(given / "v")
    relink(given / "mine.hea", given / "own.hea")
    (given / "own.hea").write_text((secret / "mine.hea").read_text())
    (given / "mine.dat").symlink_to(secret / "mine.dat")
    with pytest.raises(DataError, match=OUT.format(given)):
        read_records(given / "v")
    assert (read_records(given / "v", follow_links=True)[0].values == 1).all()


def test_links_within_and_to_the_folder_are_followed(given, tmp_path):
    (given / "sub" / "r.dat").rename(given / "kept")
    (given / "sub" / "r.dat").symlink_to("../kept")
    (tmp_path / "link").symlink_to(given)
    for path in (given, tmp_path / "link"):
        assert read_records(path)[0].values.shape == (1, 250)
    with pytest.raises(DataError, match="leads out of folder"):  # of the record's own folder
        read_records(given / "sub" / "r")
    assert read_records(given / "sub" / "r", follow_links=True)[0].values.shape == (1, 250)


NAMES = ["../home/mine.dat", "/etc/passwd", "..", "sub/r.dat", "a\\b", "c:x"]


@pytest.mark.parametrize("name", NAMES)
def test_headers_that_name_files_elsewhere(given, name):
    (given / "sub" / "r.hea").write_text(f"r 1 250 250\n{name} 16 2000/mV\n")
    with pytest.raises(DataError, match=r"record '.*r'"):
        read_records(given)


def test_images_that_are_links_out_of_the_folder(tmp_path, secret):
    folder = tmp_path / "pictures"
    save_images(np.full((2, 8, 8), 9, np.uint8), folder)
    relink(folder / "image-0000001.png", secret / "images" / "image-0000001.png")
    with pytest.raises(DataError, match=OUT.format(folder)):
        read_images(folder)
    assert read_images(folder, follow_links=True).values[0].max() == 0
    # A file that is given by its name, and links within the folder, are asked for.
    assert len(read_images([folder / "image-0000001.png"])) == 1
    relink(folder / "image-0000001.png", folder / "image-0000002.png")
    (tmp_path / "link").symlink_to(folder)
    assert (read_images(tmp_path / "link").values == 9).all()
    with pytest.raises(ParameterError, match="follow_links=2 is not allowed"):
        read_images(folder, follow_links=2)
    with pytest.raises(ParameterError, match="follow_links=2 is not allowed"):
        read_records(folder, follow_links=2)


def test_grids_that_are_links_out_of_the_folder(tmp_path):
    table = pd.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0)})
    encoder = GridEncoder(scaling="minmax").fit(table)
    rows = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]})
    _, second = encoder.to_images(rows, tmp_path / "grids")
    encoder.to_images(rows, tmp_path / "others")
    relink(tmp_path / "grids" / "row-0000000.png", tmp_path / "others" / "row-0000000.png")
    with pytest.raises(DataError, match="is a link that leads out of its folder"):
        encoder.from_images(tmp_path / "grids")
    relink(tmp_path / "grids" / "row-0000000.png", second)
    assert encoder.from_images(tmp_path / "grids")["a"].tolist() == [2.0, 2.0]


def test_the_command_line_follows_links_when_asked(given, secret, tmp_path, capsys):
    (given / "sub" / "r.dat").rename(secret / "waves")
    (given / "sub" / "r.dat").symlink_to(secret / "waves")
    words = ["fit", str(given), "--n-samples", "50", "--max-steps", "1", "-o", str(tmp_path / "m")]
    with pytest.raises(SystemExit):
        main(words)
    assert "(--follow-links) if you trust the link." in capsys.readouterr().err
    main([*words, "--follow-links"])
    assert (tmp_path / "m").exists()
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 30)
    with pytest.raises(SystemExit):
        main(["fit", str(tmp_path / "t.csv"), "-o", str(tmp_path / "m"), "--follow-links"])
    assert "--follow-links is for records, images and folders" in capsys.readouterr().err


def test_what_leads_out(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").mkdir()
    (tmp_path / "a" / "up").symlink_to("..")
    assert not leads_out(tmp_path / "a" / "x", tmp_path / "a")
    assert leads_out(tmp_path / "a" / "up" / "ab" / "x", tmp_path / "a")
    assert not leads_out(tmp_path / "a" / "up" / "a" / "x", tmp_path / "a")
    assert leads_out(tmp_path / "ab" / "x", tmp_path / "a")


def test_annotations_and_labels_that_are_links_out_of_the_folder(given, secret):
    (secret / "mine.atr").write_bytes(b"\0\0")
    (given / "sub" / "r.atr").symlink_to(secret / "mine.atr")
    with pytest.raises(DataError, match=OUT.format(given)):
        read_records(given)
    assert len(read_records(given, follow_links=True)) == 1
    save_images(np.zeros((1, 8, 8), np.uint8), given / "images")
    (secret / "labels.csv").write_text("path,salary\nimage-0000001.png,9\n")
    (given / "images" / "info.csv").symlink_to(secret / "labels.csv")
    with pytest.raises(DataError, match=OUT.format(given / "images")):
        read_images(given / "images")
    read = read_images(given / "images", follow_links=True)
    assert read.info["salary"].tolist() == [9]
