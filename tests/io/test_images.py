import contextlib
import gc
import io
import os
import stat
import struct
import tempfile
import time
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace

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
    archives,
    caching,
    decoding,
    is_image_name,
    read_images,
)
from synthgan.io.images import save_images as save
from synthgan.io.images.threads import in_threads
from synthgan.records import pixels

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (6, 9, 7), dtype=np.uint8)


def encoded(pixels, format="PNG", **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def plant(place, files):
    """Write files, given by name, into a folder or a zip archive."""
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return place
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def one(tmp_path, content, **options):
    """Read one file's content."""
    (tmp_path / "one").write_bytes(content)
    return read_images(tmp_path / "one", **options).values[0]


def smooth(height, width):
    rows, columns = np.mgrid[:height, :width]
    return (100 + 60 * np.sin(rows / height * 3) + 50 * np.cos(columns / width * 4)).astype(
        np.uint8
    )


@pytest.fixture(params=["set", "set.zip"])
def place(tmp_path, request):
    return tmp_path / request.param


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """Let each array go to a file, in a folder of its own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(pixels, "MOST_IN_MEMORY", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


# The stack


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_stack_and_its_parts(channels):
    values = RNG.integers(0, 256, (5, 4, 6, *channels), dtype=np.uint8)
    stack = ImageStack(values, pd.DataFrame({"a": range(5)}, index=list("vwxyz")))
    assert (len(stack), stack.shape, stack.n_channels) == (5, (4, 6), 3 if channels else 1)
    assert stack.values is values
    assert np.shares_memory(np.asarray(stack), values)
    assert not np.shares_memory(np.array(stack), values)
    assert np.asarray(stack, dtype=np.float32).dtype == np.float32
    for index in (2, -1, slice(1, 4), slice(None, None, -2), [3, 0], np.arange(5) > 2, []):
        part = stack[index]
        rows = np.atleast_1d(np.arange(5)[index])
        assert isinstance(part, ImageStack)
        assert np.array_equal(part.values, values[rows])
        assert list(part.info["a"]) == list(rows)
        assert list(part.info.index) == list(range(len(rows)))
    assert np.shares_memory(stack[1:3].values, values)
    assert np.shares_memory(stack[2].values, values)
    assert len(list(stack)) == 5
    with pytest.raises(IndexError):
        stack[5]


def test_the_stack_tells_what_it_is():
    assert repr(ImageStack(NOISE)) == "ImageStack(6 grey images of 9 x 7)"
    colour = ImageStack(np.zeros((1, 2, 4, 3), dtype=np.uint8))
    assert repr(colour) == "ImageStack(1 colour image of 2 x 4)"
    empty = ImageStack(np.zeros((0, 2, 4), dtype=np.uint8))
    assert (len(empty), empty.info.shape) == (0, (0, 0))
    assert repr(empty[:]) == "ImageStack(0 grey images of 2 x 4)"


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (NOISE.astype(float), r"shape \(6, 9, 7\) and dtype float64 are not allowed; give uint8"),
        (NOISE[0], r"shape \(9, 7\)"),
        (NOISE[..., None], r"shape \(6, 9, 7, 1\)"),
        (NOISE[:, :0], r"shape \(6, 0, 7\)"),
        ([[[1, 2]]], r"dtype int64"),
    ],
)
def test_other_arrays_are_no_stack(values, match):
    with pytest.raises(DataError, match=match):
        ImageStack(values)


def test_info_fits_the_stack():
    with pytest.raises(DataError, match="info has 2 rows for 6 images"):
        ImageStack(NOISE, pd.DataFrame({"a": [1, 2]}))


def test_a_mapped_stack_is_never_copied_into_memory(mapped):
    stack = ImageStack(pixels.allocate_pixels((300, 40, 50)))
    stack.values[:] = np.arange(300, dtype=np.uint8)[:, None, None]
    assert np.shares_memory(stack[10:].values, stack.values)
    picked = stack[[7, 3, 299]]
    assert isinstance(picked.values, np.memmap)
    assert list(picked.values[:, 5, 5]) == [7, 3, 43]
    assert len(list(mapped.iterdir())) == 2
    del picked
    gc.collect()
    assert len(list(mapped.iterdir())) == 1
    small = ImageStack(stack.values[:, :1, :1])[[7, 3]]
    assert not isinstance(small.values, np.memmap)


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


# Sizes


def test_sizes_must_agree(place):
    files = {f"{i}.png": encoded(NOISE[0][: 9 - i // 3]) for i in range(5)}
    plant(place, files)
    with pytest.raises(
        DataError,
        match=r"'3\.png' is 8 x 7 \(height x width\), '0\.png' is 9 x 7; give size, for example "
        r"size=\(9, 7\)",
    ):
        read_images(place)
    assert read_images(place, size=(5, 6)).shape == (5, 6)


def test_stretching_and_cropping(tmp_path):
    wide = np.zeros((10, 30), dtype=np.uint8)
    wide[:, 10:20] = 200
    middle = encoded(wide)
    assert np.array_equal(one(tmp_path, middle, size=10, crop=True), np.full((10, 10), 200))
    stretched = one(tmp_path, middle, size=(3, 3))
    assert stretched[0, 1] > 150
    assert max(stretched[0, 0], stretched[0, 2]) < 50
    assert np.array_equal(
        one(tmp_path, encoded(wide.T), size=(5, 5), crop=True), np.full((5, 5), 200)
    )
    assert one(tmp_path, middle, size=(20, 60), crop=True).shape == (20, 60)


@given(st.tuples(*[st.integers(1, 12)] * 4))
def test_a_crop_without_scaling_is_a_piece_of_the_image(sides):
    height, width, more_rows, more_columns = sides
    image = RNG.integers(0, 256, (height + more_rows, width), dtype=np.uint8)
    if more_columns % 2:
        image = image.T
        height, width = width, height
    size = (height, width)
    read = decoding.decode(io.BytesIO(encoded(image)), size, "grey", True, decoding.Depth())
    top, left = ((a - b) // 2 for a, b in zip(image.shape, size, strict=True))
    assert np.array_equal(read, image[top : top + height, left : left + width])


def test_large_jpegs_are_read_small(tmp_path, monkeypatch):
    seen = []
    real = decoding._to_mode
    monkeypatch.setattr(
        decoding, "_to_mode", lambda im, *more: seen.append(im.size) or real(im, *more)
    )
    picture = smooth(800, 1600)
    small = one(tmp_path, encoded(picture, "JPEG", quality=95), size=(50, 100))
    assert seen[-1] == (200, 100)  # width, height
    expected = np.asarray(Image.fromarray(picture).resize((100, 50), 3))
    assert np.abs(small.astype(int) - expected).max() <= 3


@pytest.mark.parametrize(
    "size", [0, (5, 0), (5,), 2.5, "5", (5, 5.5), True, (5, "5", 5), (2**14,) * 2]
)
def test_sizes_that_are_none(size):
    with pytest.raises(ParameterError, match=r"size=.* is not allowed; give whole numbers"):
        read_images("x", size=size)


@pytest.mark.parametrize(
    "option", [{"color": "gray"}, {"crop": "centre"}, {"on_error": "ignore"}, {"cache": "x.zip"}]
)
def test_options_that_are_none(option):
    with pytest.raises(ParameterError, match=f"{next(iter(option))}=.* is not allowed; "):
        read_images("x", **option)


# Files that cannot be read


def test_unreadable_files_are_named(place, recwarn):
    good = encoded(smooth(60, 60), "JPEG")
    files = {f"{i}.jpg": good for i in range(1, 21)}
    files |= {"2.jpg": good[:-200], "10.jpg": b"no image", "3.jpg": b"", "11.jpg": good[:30]}
    plant(place, files)
    match = (
        r" cannot be read: '2\.jpg' \(truncated\), '3\.jpg' \(not an image of a "
        r"known format\), '10\.jpg' \(not an image of a known format\), and 1 more"
    )
    with pytest.raises(
        DataError,
        match="4 of 20 images" + match + r"; repair them or leave them out, or give on_error=",
    ):
        read_images(place)
    assert not recwarn
    with pytest.warns(DataWarning, match=f"Left out 4 of 20 images that{match}") as caught:
        stack = read_images(place, on_error="skip")
    assert [warning.filename for warning in caught] == [__file__]
    assert (len(stack), len(stack.info), stack.info["path"][1]) == (16, 16, "4.jpg")
    assert np.ptp(stack.values, axis=0).max() == 0
    with pytest.raises(DataError, match=r"none of 2 images can be read: '1"):
        read_images(plant(place.with_name("b.zip"), {"1.png": b"", "2.png": b"x"}), on_error="skip")


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG"])
@pytest.mark.parametrize("length", [0.3, 0.9])
def test_truncated_files(tmp_path, format, length):
    content = encoded(RNG.integers(0, 256, (64, 64), dtype=np.uint8), format)
    with pytest.raises(DataError, match="none of 1 images can be read: "):
        one(tmp_path, content[: int(length * len(content))])


def test_damaged_bytes_never_end_otherwise(tmp_path):
    for format in ("PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG"):
        content = np.frombuffer(encoded(NOISE[0], format), dtype=np.uint8)
        damaged = {}
        for i in range(40):
            bytes_ = content.copy()
            where = RNG.integers(len(bytes_), size=3)
            bytes_[where] = RNG.integers(0, 256, 3)
            damaged[f"{i}.png"] = bytes_.tobytes()
        damaged["good.png"] = encoded(NOISE[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            read_images(plant(tmp_path / "a.zip", damaged), size=9, on_error="skip")


def test_formats_that_run_programs_are_not_read(tmp_path):
    drawing = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    with pytest.raises(DataError, match=r"eps\.png' \(not an image of a known format\)"):
        read_images(plant(tmp_path, {"eps.png": drawing}))


def test_settings_of_pillow_stay(tmp_path):
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    one(tmp_path, encoded(NOISE[0]))
    after = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    assert before == after


@pytest.mark.parametrize("side", [(2**13, 2**14 + 1), (2**15, 2**15)])
def test_pixels_are_limited(tmp_path, side):
    header = struct.pack("<2sIII IiiHHIIiiII", b"BM", 0, 0, 54, 40, *side, 1, 8, 0, 0, 0, 0, 0, 0)
    assert 2**27 == 134217728
    with pytest.raises(DataError, match="more pixels than the limit of 134217728"):
        one(tmp_path, header)


def test_many_pixels_below_the_limit_do_not_warn(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)  # 63 pixels: Pillow warns
    monkeypatch.setattr(decoding, "_LARGE", 10)
    plant(tmp_path, {f"{i}.png": encoded(image) for i, image in enumerate(NOISE)})
    assert np.array_equal(read_images(tmp_path).values, NOISE)


# Hostile archives


@pytest.mark.parametrize(
    "name",
    [
        "/etc/1.png",
        "../1.png",
        "a/../../1.png",
        "a/..",
        "a\\1.png",
        "..\\1.txt",
        "C:/1.png",
        "c:1.txt",
    ],
)
def test_names_that_lead_out(tmp_path, name):
    plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0]), name: encoded(NOISE[0])})
    with pytest.raises(
        DataError, match=r"a\.zip': member '.*' is refused: names must not be absol"
    ):
        read_images(tmp_path / "a.zip", on_error="skip")


def test_names_with_dots_are_good(tmp_path):
    plant(tmp_path / "a.zip", {"a..b/c...png": encoded(NOISE[0]), "1:2..png": encoded(NOISE[0])})
    assert len(read_images(tmp_path / "a.zip")) == 2


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(tmp_path, kind):
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0]), member: b"/etc/passwd"})
    with pytest.raises(DataError, match="member 'link' is refused: it is a link or a device"):
        read_images(tmp_path / "a.zip")


def test_a_name_there_twice(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plant(tmp_path / "a.zip", {"1.png": b"", zipfile.ZipInfo("1.png"): b""})
    with pytest.raises(DataError, match=r"'1\.png' is refused: it occurs more than once"):
        read_images(tmp_path / "a.zip")


def lie(path, **fields):
    """Change the first member's fields, in its header and in the directory."""
    content = bytearray(path.read_bytes())
    for signature, offsets in (
        (b"PK\3\4", {"flags": 6, "method": 8, "crc": 14, "packed": 18, "size": 22}),
        (b"PK\1\2", {"flags": 8, "method": 10, "crc": 16, "packed": 20, "size": 24}),
    ):
        start = content.index(signature)
        for name, value in fields.items():
            width = "<H" if name in ("flags", "method") else "<I"
            struct.pack_into(width, content, start + offsets[name], value)
    path.write_bytes(content)
    return path


def test_members_are_limited(tmp_path, monkeypatch):
    path = plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0]), "2.png": encoded(NOISE[1])})
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    with pytest.raises(DataError, match=r"a\.zip' has 2 members; 1 are allowed"):
        read_images(path)
    monkeypatch.setattr(archives, "MOST_DIRECTORY_BYTES", 50)
    monkeypatch.setattr(archives, "MOST_MEMBER_BYTES", 50)
    with pytest.raises(
        DataError, match=r"a\.zip' has a list of members of \d+ bytes; 50 are allow"
    ):
        read_images(path)
    assert archives.MOST_MEMBERS == 1


def test_members_too_large_to_be_images(tmp_path):
    path = plant(tmp_path / "a.zip", {"1.png": NOISE.tobytes()})
    with pytest.raises(DataError, match=r"it has 268435457 bytes, and images may have 268435456"):
        read_images(lie(path, size=2**28 + 1))
    bomb = plant(tmp_path / "b.zip", {"1.bmp": bytes(2**23 + 2**20)})
    with pytest.raises(DataError, match=r"it inflates \d+ bytes to 9437184, and .* to 1000 times"):
        read_images(bomb)
    plant(tmp_path / "c.zip", {"1.png": encoded(NOISE[0]), "1.bin": bytes(2**23 + 2**20)})
    with pytest.warns(DataWarning, match="Left out 1 other"):
        assert len(read_images(tmp_path / "c.zip")) == 1  # what is not read does no harm


def test_a_member_is_not_read_beyond_its_size(tmp_path):
    path = lie(plant(tmp_path / "a.zip", {"1.bmp": bytes(2**25)}), size=1000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"'1\.bmp' \(wrong checksum\)"):
            read_images(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"size": 2000}, "(truncated|wrong checksum)"),
        ({"packed": 50}, "(truncated|wrong checksum)"),
        ({"crc": 7}, "wrong checksum"),
        ({"flags": 1}, "encrypted"),
        ({"method": 12}, "compressed by method 12, not stored or deflated"),
        ({"method": 99}, "compressed by method 99, not stored or deflated"),
    ],
)
def test_members_that_lie_or_are_locked(tmp_path, fields, reason):
    path = plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0]), "2.png": encoded(NOISE[1])})
    with pytest.raises(DataError, match=rf"1 of 2 images cannot be read: '1\.png' \({reason}\)"):
        read_images(lie(path, **fields))
    with pytest.warns(DataWarning, match=r"Left out 1 of 2 images"):
        assert np.array_equal(read_images(path, on_error="skip").values, NOISE[1:2])


def test_archives_of_damaged_bytes(tmp_path):
    whole = plant(
        tmp_path / "a.zip", {f"{i}.png": encoded(NOISE[i]) for i in range(3)}
    ).read_bytes()
    for _ in range(150):
        content = np.frombuffer(whole, dtype=np.uint8).copy()
        where = RNG.integers(len(content) - 250, len(content), size=2)
        content[where] = RNG.integers(0, 256, 2)
        (tmp_path / "a.zip").write_bytes(content.tobytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            with contextlib.suppress(DataError):
                read_images(tmp_path / "a.zip", on_error="skip")


# Files for pixels


def test_many_pixels_are_mapped_and_their_file_goes(tmp_path, mapped):
    save(NOISE, tmp_path / "a.zip")
    stack = read_images(tmp_path / "a.zip")
    assert isinstance(stack.values, np.memmap)
    assert np.array_equal(stack.values, NOISE)
    (file,) = mapped.iterdir()
    assert file.stat().st_size == NOISE.size
    part = np.asarray(stack[2:4])
    del stack
    gc.collect()
    assert file.exists()
    assert np.array_equal(part, NOISE[2:4])
    del part
    gc.collect()
    assert not file.exists()


def test_a_failed_reading_leaves_no_file(tmp_path, mapped):
    plant(
        tmp_path / "d", {"1.png": encoded(NOISE[0]), "2.png": b"", "3.png": encoded(NOISE[0][:5])}
    )
    for size, match in ((None, "differ in size"), (9, "1 of 3 images cannot")):
        with pytest.raises(DataError, match=match):
            read_images(tmp_path / "d", size=size)
        gc.collect()
        assert not list(mapped.iterdir())
    with pytest.warns(DataWarning, match="Left out 1 of 3"):
        stack = read_images(tmp_path / "d", size=(9, 7), on_error="skip")
    assert isinstance(stack.values, np.memmap)
    assert np.array_equal(stack.values[0], NOISE[0])


def test_a_forked_child_leaves_the_file(tmp_path):
    file = tmp_path / "file"
    file.touch()
    pixels._remove(str(file), os.getpid() + 1)
    assert file.exists()
    pixels._remove(str(file), os.getpid())
    pixels._remove(str(file), os.getpid())
    assert not file.exists()


def test_a_full_disk_is_told_before(tmp_path, mapped, monkeypatch):
    save(NOISE, tmp_path / "a.zip")
    with monkeypatch.context() as patch:
        usage = SimpleNamespace(free=100)
        patch.setattr(pixels.shutil, "disk_usage", lambda folder: usage)
        match = (
            r"the images need 0\.00 GiB in folder '.*', which has 0\.00 GiB left; give a smaller"
        )
        with pytest.raises(DataError, match=match):
            read_images(tmp_path / "a.zip")
        with pytest.raises(DataError, match=match):
            read_images(tmp_path / "a.zip", cache=tmp_path / "b.npy")
    if hasattr(os, "posix_fallocate"):
        for number, kind in ((28, DataError), (5, OSError)):
            fail = OSError(number, "no")
            monkeypatch.setattr(
                os, "posix_fallocate", lambda *_, fail=fail: (_ for _ in ()).throw(fail)
            )
            with pytest.raises(kind):
                read_images(tmp_path / "a.zip")
        monkeypatch.delattr(os, "posix_fallocate")
    assert not list(mapped.iterdir())
    assert np.array_equal(read_images(tmp_path / "a.zip").values, NOISE)
    assert not (tmp_path / "b.npy").exists()


# Cache


@pytest.fixture
def decodings(monkeypatch):
    """Count how many images are decoded."""
    calls = []
    real = decoding.decode
    monkeypatch.setattr(
        "synthgan.io.images.reading.decode", lambda *args: calls.append(1) or real(*args)
    )

    def count():
        n = len(calls)
        calls.clear()
        return n

    return count


def test_a_cache_is_used_while_all_is_the_same(place, decodings):
    cache = place.with_name("pixels.npy")
    save(NOISE, place)
    first = read_images(place, cache=cache)
    assert decodings() > 0
    assert np.array_equal(np.load(cache), NOISE)  # a .npy file as any
    again = read_images(place, cache=str(cache))
    assert decodings() == 0
    for stack in (first, again):
        assert isinstance(stack.values, np.memmap)
        assert np.array_equal(stack.values, NOISE)
        assert list(stack.info["path"][:1]) == ["image-0000001.png"]
    again.values[:] = 0
    assert np.array_equal(read_images(place, cache=cache).values, NOISE)
    assert sorted(place.parent.iterdir()) == sorted([place, cache])
    decodings()
    for options in ({"size": 5}, {"size": 5, "crop": True}, {"color": "rgb"}, {}):
        read_images(place, cache=cache, **options)
        assert decodings() > 0
    save(NOISE[::-1], place, overwrite=True)
    assert np.array_equal(read_images(place, cache=cache).values, NOISE[::-1])
    assert decodings() > 0


def test_a_cache_sees_that_files_change(tmp_path, decodings):
    cache, table = tmp_path / "pixels.npy", pd.DataFrame({"path": ["1.png", "2.png"]})
    plant(tmp_path / "d", {name: encoded(NOISE[0]) for name in table["path"]})
    table["path"] = [str(tmp_path / "d" / name) for name in table["path"]]
    read_images(table, cache=cache)
    decodings()
    assert list(read_images(table.assign(label=[1, 2]), cache=cache).info["label"]) == [1, 2]
    assert decodings() == 0
    read_images(table.iloc[::-1], cache=cache)
    assert decodings() > 0
    read_images(table, cache=cache)
    os.utime(tmp_path / "d" / "1.png", ns=(0, time.time_ns() - 10**10))
    decodings()
    read_images(table, cache=cache)
    assert decodings() > 0


def test_a_cache_knows_what_was_left_out(place, decodings):
    cache = place.with_name("pixels.npy")
    plant(place, {"1.png": b"", **{f"{i}.png": encoded(NOISE[i]) for i in (2, 3)}, "4.png": b"x"})
    with pytest.raises(DataError, match="2 of 4 images cannot be read"):
        read_images(place, cache=cache)
    assert list(place.parent.iterdir()) == [place]
    for n_least in (4, 0):
        decodings()
        with pytest.warns(
            DataWarning, match=r"Left out 2 of 4 .* '1\.png' \(not an image of a known"
        ):
            stack = read_images(place, cache=cache, on_error="skip")
        assert decodings() >= n_least
        assert np.array_equal(stack.values, NOISE[2:4])
        assert np.array_equal(np.load(cache), NOISE[2:4])
        assert list(stack.info["path"]) == ["2.png", "3.png"]
    with pytest.raises(DataError, match="2 of 4 images cannot be read"):
        read_images(place, cache=cache)


def test_files_that_are_no_cache_stay(tmp_path):
    save(NOISE, tmp_path / "a.zip")
    for name, write in (
        ("a.npy", lambda path: np.save(path, NOISE)),
        ("b.npy", lambda path: path.write_bytes(b"")),
        ("c.npy", lambda path: path.write_bytes(b"{]" + bytes([2, *[0] * 7]) + b"synthgan")),
        ("d.npy", lambda path: path.write_bytes(b"\xff" * 8 + b"synthgan")),
        ("e.npy", lambda path: path.mkdir()),
    ):
        path = tmp_path / name
        write(path)
        with pytest.raises(
            DataError, match=rf"file '.*{name}' exists, but is not a cache of read_im"
        ):
            read_images(tmp_path / "a.zip", cache=path)
        assert path.exists()
    with pytest.raises(DataError, match=r"cannot be written: there is no such folder"):
        read_images(tmp_path / "a.zip", cache=tmp_path / "none" / "a.npy")


def test_a_damaged_cache_is_written_anew(tmp_path, decodings):
    cache = tmp_path / "pixels.npy"
    save(NOISE, tmp_path / "a.zip")
    read_images(tmp_path / "a.zip", cache=cache)
    content = bytearray(cache.read_bytes())
    content[:6] = b"broken"
    cache.write_bytes(content)
    decodings()
    assert np.array_equal(read_images(tmp_path / "a.zip", cache=cache).values, NOISE)
    assert decodings() > 0


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    save(NOISE, tmp_path / "a.zip")
    monkeypatch.setattr(caching.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "broken")))
    with pytest.raises(DataError, match=r"b\.npy' cannot be written: broken"):
        read_images(tmp_path / "a.zip", cache=tmp_path / "b.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_headers_of_caches_have_one_length():
    lengths = {len(caching._header((n, 275, 400, 3))) for n in (1, 9, 10, 10**6, 10**12)}
    assert len(lengths) == 1


# The rest


def test_a_bar_is_shown_on_demand(tmp_path, capsys):
    save(NOISE, tmp_path)
    read_images(tmp_path)
    assert capsys.readouterr().err == ""
    read_images(tmp_path, progress=True)
    assert "6/6" in capsys.readouterr().err


def test_threads_keep_the_order_and_stop():
    done = []
    results = in_threads(lambda i: done.append(i) or i, 1000)
    assert [next(results) for _ in range(5)] == list(range(5))
    results.close()
    assert len(done) < 200
    assert list(in_threads(lambda i: -i, 200)) == [-i for i in range(200)]


@pytest.mark.parametrize("safe", [False, True])
def test_labels_that_are_formulas(tmp_path, safe):
    info = pd.DataFrame({"=label": ["=1+1", "-1", "left"], "n": [-1, 2, 3]})
    save(ImageStack(np.zeros((3, 4, 4), np.uint8), info), tmp_path / "x", csv_safe=safe)
    table = pd.read_csv(tmp_path / "x" / "info.csv")
    mark = "'" if safe else ""
    assert list(table.columns) == ["path", f"{mark}=label", "n"]
    assert table.iloc[:, 1].tolist() == [f"{mark}=1+1", f"{mark}-1", "left"]
    assert table["n"].tolist() == [-1, 2, 3]
