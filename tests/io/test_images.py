"""Images that are written and read: places, formats, colours."""

import io
import os
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFile

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.images import (
    ImageStack,
    is_image_name,
    read_images,
)
from synthgan.io.images import save_images as save
from tests.io.pictures import NOISE, RNG, encoded, one, plant, smooth

# What goes out comes back


@settings(max_examples=40)
@given(
    values=st.tuples(
        st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.booleans()
    ).flatmap(lambda sides: arrays(np.uint8, sides[:3] + (3,) * sides[3])),
    name=st.sampled_from(["set", "set.zip"]),
)
def test_png_files_come_back_exactly(values, name):
    with tempfile.TemporaryDirectory() as folder:
        files = save(values, Path(folder) / name)
        back = read_images(Path(folder) / name, color="rgb" if values.ndim == 4 else "grey")
    assert np.array_equal(back.values, values)
    assert [Path(file).name for file in files] == list(back.info["path"])


def test_written_files(place):
    info = pd.DataFrame({"path": list("abcdef"), "folder": "x", "label": [1, 2, 3, 4, 5, None]})
    files = save(ImageStack(NOISE, info), place)
    names = [f"image-{i:07d}.png" for i in range(1, 7)]
    if place.suffix == ".zip":
        assert files == names
        archive = zipfile.ZipFile(place)
        assert archive.namelist() == [*names, "info.csv"]
        contents = {name: archive.read(name) for name in archive.namelist()}
        archive.close()
    else:
        assert files == [str(place / name) for name in names]
        contents = {file.name: file.read_bytes() for file in place.iterdir()}
    table = pd.read_csv(io.BytesIO(contents["info.csv"]))
    assert list(table.columns) == ["path", "label"]  # where originals lay is not told
    assert list(table["path"]) == names
    assert table["label"].isna().sum() == 1
    with Image.open(io.BytesIO(contents[names[0]])) as image:
        assert image.text == {"Comment": "synthetic, made by synthgan"}
    assert sorted(place.parent.iterdir()) == [place]


def test_jpeg_files_come_back_nearly(place):
    picture = np.stack([smooth(40, 50)] * 2)
    save(picture, place, format="jpg")
    back = read_images(place)
    assert list(back.info["path"]) == ["image-0000001.jpg", "image-0000002.jpg"]
    assert np.abs(back.values.astype(int) - picture).max() <= 4
    if place.suffix != ".zip":
        with Image.open(place / "image-0000001.jpg") as image:
            assert image.info["comment"] == b"synthetic, made by synthgan"
        assert len(list(place.iterdir())) == 2


def test_floats_are_rounded(place):
    save(np.minimum(NOISE + np.float32(0.4), 255), place)
    assert np.array_equal(read_images(place).values, NOISE)


@pytest.mark.parametrize(
    ("images", "match"),
    [
        (NOISE.astype(complex), r"dtype complex128 are not allowed; give numbers in an array"),
        (NOISE.astype(str), "dtype <U"),
        (NOISE[0], r"shape \(9, 7\)"),
        (NOISE[:0], "there are no images to write"),
        (np.full((1, 2, 2), 255.5), r"values from 255\.5 to 255\.5; give limits="),
        (np.full((1, 2, 2), np.nan), "values from nan to nan"),
        (np.full((1, 2, 2), -0.1), r"values from -0\.1"),
    ],
)
def test_other_pixels_are_not_written(tmp_path, images, match):
    with pytest.raises(DataError, match=match):
        save(images, tmp_path / "set")
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_unasked(tmp_path, place):
    save(NOISE, place)
    with pytest.raises(DataError, match=r"already; give another (path|folder) or overwrite=True"):
        save(NOISE[:2], place)
    assert len(read_images(place)) == 6
    save(NOISE[4:], place, overwrite=True)
    assert np.array_equal(read_images(place).values, NOISE[4:])
    assert sorted(tmp_path.iterdir()) == [place]


def test_images_of_others_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    save(NOISE, tmp_path)
    plant(tmp_path, {"sub/cat.png": encoded(NOISE[0])})
    with pytest.raises(DataError, match=r"did not write, 'sub/cat\.png' first; give another fold"):
        save(NOISE, tmp_path, overwrite=True)
    assert len(read_images(tmp_path)) == 7
    plant(tmp_path / "b", {"info.csv": b"mine"})
    save(NOISE, tmp_path / "b")
    plant(tmp_path / "c", {"info.csv": b"mine"})
    with pytest.raises(DataError, match=r"holds 'info\.csv' already"):
        save(ImageStack(NOISE, pd.DataFrame({"a": range(6)})), tmp_path / "c")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file' is a file; give a folder, or a path that ends"):
        save(NOISE, tmp_path / "file")
    (tmp_path / "d.zip").mkdir()
    with pytest.raises(DataError, match="exists already"):
        save(NOISE, tmp_path / "d.zip", overwrite=True)
    with pytest.raises(DataError, match="cannot be written: "):
        save(NOISE, tmp_path / "file" / "set")
    with pytest.raises(ParameterError, match=r"format='gif' is not allowed; choose one of"):
        save(NOISE, tmp_path / "set", format="gif")


def test_a_failed_writing_leaves_what_was(tmp_path, place, monkeypatch):
    save(NOISE, place)
    monkeypatch.setattr(ImageFile, "_save", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(DataError, match="cannot be written: full"):
        save(NOISE[:1], place, overwrite=True)
    assert sorted(tmp_path.iterdir()) == [place]
    assert len(read_images(place)) == 6


# Where images are


def test_natural_order_folders_and_what_is_left_out(place):
    names = ["b/10.png", "b/9.PNG", "B/9b.jpeg", "a 2/x.png", "a 10/x.png", "1.png", "b/010.png"]
    junk = ["b/.hidden.png", ".c/1.png", "__MACOSX/b/._9.png", "Thumbs.db", "b/notes.txt"]
    contents = {name: encoded(NOISE[0], "JPEG" if "jpeg" in name else "PNG") for name in names}
    plant(place, {**contents, **dict.fromkeys(junk, b"junk")})
    if place.suffix == ".zip":
        with pytest.warns(DataWarning, match=r"^Left out 1 other: they are no images to read\.$"):
            stack = read_images(place)
    else:
        stack = read_images(place)
    expected = ["1.png", "a 2/x.png", "a 10/x.png", "b/9.PNG", "B/9b.jpeg", "b/010.png", "b/10.png"]
    assert list(stack.info["path"]) == expected
    assert list(stack.info["folder"]) == ["", "a 2", "a 10", "b", "B", "b", "b"]
    assert list(stack.info.columns) == ["path", "folder"]


def test_names_of_images():
    for name in ("a.png", "../A.JPEG", "/x/.cache/1.tif", ".d/b.webp"):
        assert is_image_name(name)
    for name in ("a.pdf", "d/.a.png", "png", "a.png/", "a.png.zip"):
        assert not is_image_name(name)


def test_names_with_endless_numbers(tmp_path):
    names = [f"{'9' * 5000}.png", f"{'9' * 5001}.png"]
    stack = read_images(
        plant(tmp_path / "a.zip", {name: encoded(NOISE[0]) for name in names[::-1]})
    )
    assert list(stack.info["path"]) == names


def test_lists_and_single_files(tmp_path):
    plant(tmp_path, {f"d/{i}": encoded(NOISE[i]) for i in range(3)})
    paths = [tmp_path / "d" / name for name in "201"]
    stack = read_images(paths)
    assert np.array_equal(stack.values, NOISE[[2, 0, 1]])
    assert list(stack.info["path"]) == [str(path) for path in paths]
    assert list(stack.info["folder"]) == ["d"] * 3
    assert np.array_equal(read_images(str(paths[0])).values, NOISE[2:3])
    assert np.array_equal(read_images((paths[0], paths[0])).values, NOISE[[2, 2]])


def test_tables(tmp_path, monkeypatch):
    plant(tmp_path, {f"d/{i}.png": encoded(NOISE[i]) for i in range(3)})
    monkeypatch.chdir(tmp_path)
    paths = ["d/1.png", Path("d/0.png"), str(tmp_path / "d/2.png")]
    table = pd.DataFrame({"label": [5, 6, 7], "path": paths, 3: list("xyz")}, index=[9, 9, 1])
    stack = read_images(table)
    assert np.array_equal(stack.values, NOISE[[1, 0, 2]])
    assert list(stack.info.columns) == ["path", "folder", "label", 3]
    assert list(stack.info["label"]) == [5, 6, 7]
    assert stack.info["path"].tolist() == [str(path) for path in paths]
    assert list(read_images(table[["path"]].set_axis(["file"], axis=1)).info) == ["path", "folder"]
    own = read_images(table.assign(folder="mine"))
    assert list(own.info["folder"]) == ["mine"] * 3
    Path("d/0.png").unlink()
    with pytest.warns(DataWarning, match=r"Left out 1 of 3 images .* 'd/0\.png' \(no such file\)"):
        stack = read_images(table, on_error="skip")
    assert list(stack.info["label"]) == [5, 7]
    for bad, match in [
        (table.drop(columns="path"), r"has the columns \['label', 3\]; one must be 'path'"),
        (table.iloc[:0], "no images to read: source is empty"),
        (
            table.assign(path=["d/1.png", None, "x"]),
            "source has (None|nan) in row 1, which is not a path",
        ),
    ]:
        with pytest.raises(DataError, match=match):
            read_images(bad)


def test_sources_that_are_none(tmp_path):
    with pytest.raises(DataError, match=r"gone' is neither a file nor a folder: no such file"):
        read_images(tmp_path / "gone")
    with pytest.raises(DataError, match=r"folder '.*' holds no images"):
        read_images(tmp_path)
    with pytest.raises(DataError, match=r"archive '.*a\.zip' holds no images"):
        read_images(plant(tmp_path / "a.zip", {"x.txt": b"", ".x.png": b""}))
    (tmp_path / "b.zip").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match=r"b\.zip' is not a readable zip archive: File is not"):
        read_images(tmp_path / "b.zip")
    with pytest.raises(DataError, match="source is empty"):
        read_images([])
    with pytest.raises(ParameterError, match=r"source is a ndarray; give a path, a list of paths"):
        read_images(NOISE)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"none of 1 images can be read: .*folder' \(not a file\)"):
        read_images([tmp_path / "folder"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX only")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png' \(not a file\)"):
        read_images(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may do all is not refused")
def test_places_that_may_not_be_read(tmp_path):
    plant(tmp_path, {"a.zip": b"", "d/1.png": b"", "1.png": b""})
    for path in (tmp_path / "a.zip", tmp_path / "d", tmp_path / "1.png"):
        path.chmod(0)
    with pytest.raises(DataError, match=r"a\.zip' cannot be read: Permission denied"):
        read_images(tmp_path / "a.zip")
    with pytest.raises(DataError, match=r"d' cannot be read: Permission denied"):
        read_images(tmp_path)
    with pytest.raises(DataError, match=r"1\.png' \(Permission denied\)"):
        read_images(tmp_path / "1.png")
    (tmp_path / "d").chmod(0o700)


def test_an_archive_may_have_any_name(tmp_path):
    plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0])}).rename(tmp_path / "data.bin")
    assert len(read_images(tmp_path / "data.bin")) == 1


# Kinds of pixels


def test_colour_and_grey(tmp_path):
    colours = RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(one(tmp_path, encoded(colours), color="rgb"), colours)
    weights = [0.299, 0.587, 0.114]
    assert np.allclose(one(tmp_path, encoded(colours)), colours @ weights, atol=0.51)
    assert np.array_equal(
        one(tmp_path, encoded(NOISE[0]), color="rgb"), NOISE[0][..., None][..., [0] * 3]
    )


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("GIF", {}),
        ("PPM", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        ("JPEG", {"quality": 100}),
    ],
)
def test_formats(tmp_path, format, options):
    back = one(tmp_path, encoded(smooth(30, 20), format, **options))
    assert np.abs(back.astype(int) - smooth(30, 20)).max() <= (
        2 if format in ("JPEG", "WEBP") else 0
    )


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PGM"])
def test_sixteen_bits_are_scaled(tmp_path, format):
    cells = np.arange(0, 65536, 257, dtype=np.uint16)[None]
    odd = np.array([[0, 128, 129, 65406, 65407]], dtype=np.uint16)
    for values, expected in ((cells, list(range(256))), (odd, [0, 0, 1, 254, 255])):
        header = f"P5 {values.size} 1 65535\n".encode()
        pgm = header + values.astype(">u2").tobytes()
        content = pgm if format == "PGM" else encoded(values, format)
        assert one(tmp_path, content).tolist() == [expected]
        assert one(tmp_path, content, color="rgb")[0, :, 2].tolist() == expected


def test_transparency_is_white(tmp_path):
    layer = np.zeros((1, 3, 4), dtype=np.uint8)
    layer[..., 0], layer[0, :, 3] = 200, [0, 128, 255]
    red = one(tmp_path, encoded(layer), color="rgb")[0]
    assert red.tolist() == [[255] * 3, [227, 127, 127], [200, 0, 0]]
    grey = np.array([[[10, 0], [10, 255]]], dtype=np.uint8)
    assert one(tmp_path, encoded(grey)).tolist() == [[255, 10]]
    holed = encoded(np.array([[10, 20]], dtype=np.uint8), transparency=10)
    assert one(tmp_path, holed).tolist() == [[255, 20]]
    deep = encoded(np.array([[2570, 5140]], dtype=np.uint16))
    key = b"tRNS" + struct.pack(">H", 2570)
    key = struct.pack(">I", 2) + key + struct.pack(">I", zlib.crc32(key))
    with pytest.warns(DataWarning, match="brightest pixel"):
        assert one(tmp_path, deep[:33] + key + deep[33:]).tolist() == [[255, 20]]
    palette = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), "L").convert("P")
    palette.putpalette([0, 0, 0, 40, 40, 40, 80, 80, 80])
    assert one(tmp_path, encoded(palette)).tolist() == [[0, 40, 80]]
    for format in ("PNG", "GIF"):
        assert one(tmp_path, encoded(palette, format, transparency=1)).tolist() == [[0, 255, 80]]
    partly = encoded(palette, transparency=bytes([255, 128, 0]))
    assert one(tmp_path, partly).tolist() == [[0, 147, 255]]


def test_black_and_white_cmyk_and_more_pictures(tmp_path):
    bits = Image.fromarray(NOISE[0] > 99)
    assert np.array_equal(one(tmp_path, encoded(bits)), 255 * (NOISE[0] > 99))
    inks = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    assert one(tmp_path, encoded(inks, "TIFF"), color="rgb")[0, 0].tolist() == [0, 255, 255]
    assert np.allclose(one(tmp_path, encoded(inks, "JPEG"), color="rgb"), [0, 255, 255], atol=3)
    more = {"save_all": True, "append_images": [Image.fromarray(NOISE[1])]}
    for format in ("TIFF", "GIF"):
        assert np.array_equal(one(tmp_path, encoded(NOISE[0], format, **more)), NOISE[0])


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_of_32_bits_are_refused(tmp_path, dtype):
    with pytest.raises(DataError, match="32 bits per pixel; 8 and 16 are supported"):
        one(tmp_path, encoded(NOISE[0].astype(dtype), "TIFF"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_turns(tmp_path, format):
    picture = smooth(48, 24)
    turns = [
        *(picture, picture[:, ::-1], picture[::-1, ::-1], picture[::-1], picture.T),
        *(np.rot90(picture, -1), picture[::-1, ::-1].T, np.rot90(picture)),
    ]
    for orientation, upright in enumerate(turns, start=1):
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encoded(picture, format, exif=exif)
        for size in (None, upright.shape, (upright.shape[0] // 6, upright.shape[1] // 6)):
            read = one(tmp_path, content, size=size)
            expected = np.asarray(Image.fromarray(upright).resize(read.shape[::-1], 3))
            assert np.abs(read.astype(int) - expected).max() <= 8
    broken = encoded(picture, "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert np.array_equal(one(tmp_path, broken), picture)
