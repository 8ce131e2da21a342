"""Images as scanners, telephones and other programs write them."""

import io
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.images import ImageStack, read_images, save_images

# Floats and other numbers to files


@pytest.mark.parametrize(("dtype", "white"), [
    ("f4", 1), ("f8", 1), ("f2", 1), ("u2", 1023), ("u2", 4095), ("i4", 16383), ("u2", 65535),
    ("bool", 1),
])  # fmt: skip
def test_numbers_are_scaled_from_their_declared_range(tmp_path, dtype, white):
    shares = np.random.default_rng(0).random((3, 8, 9))
    shares[0, 0, :2] = 0.1, 0.9  # not the whole range
    values = (shares > 0.5) if dtype == "bool" else np.rint(shares * white).astype(dtype)
    if white == 1 and dtype != "bool":
        values = (shares * 0.9).astype(dtype)
    with pytest.warns(DataWarning, match=f"are scaled from 0..{white} to 0..255; give limits="):
        save_images(values, tmp_path / "a")
    levels = read_images(tmp_path / "a").values
    assert np.abs(levels - values.astype(float) * 255 / white).max() <= 0.5 + 1e-3
    save_images(values, tmp_path / "b", limits=(0, white))
    assert np.array_equal(read_images(tmp_path / "b").values, levels)


def test_grey_levels_stay_what_they_are(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (3, 8, 9))
    for dtype in ("u1", "i4", "f8"):
        save_images(values.astype(dtype), tmp_path / dtype)
        assert np.array_equal(read_images(tmp_path / dtype).values, values)
    dark = np.full((1, 8, 9), 0.6)
    save_images(dark, tmp_path / "dark", limits=(0, 255))
    assert (read_images(tmp_path / "dark").values == 1).all()
    with pytest.raises(DataError, match=r"values from -1000 to 3000; give limits=\(black, white\)"):
        save_images(np.linspace(-1000, 3000, 72).reshape(1, 8, 9), tmp_path / "ct")
    save_images(
        np.linspace(-1000, 3000, 72).reshape(1, 8, 9), tmp_path / "ct", limits=(-1000, 3000)
    )
    assert read_images(tmp_path / "ct").values.max() == 255
    with pytest.raises(DataError, match=r"from 0.6 to 0.6, outside of limits=\(0, 0.5\)"):
        save_images(dark, tmp_path / "x", limits=(0, 0.5))
    with pytest.raises(DataError, match="values from nan to nan"):
        save_images(dark * np.nan, tmp_path / "x")
    for limits in ("all", (1, 0), (0,), (0, np.inf), 3):
        with pytest.raises(ParameterError, match="give 'auto' or"):
            save_images(dark, tmp_path / "x", limits=limits)
    assert not (tmp_path / "x").exists()


# Depth


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("bits", "n_levels"), [(12, 17), (10, 5), (14, 65)])
def test_few_bits_in_files_of_sixteen(tmp_path, suffix, bits, n_levels):
    white = 2**bits - 1
    cells = np.linspace(0, white, 32 * 32).astype(np.uint16).reshape(32, 32)
    for i in range(2):
        Image.fromarray(cells // (i + 1)).save(tmp_path / f"{i}.{suffix}")
    told = f"pixel of the images of 16 bits is {white} of 65535.* or levels={white}"
    with pytest.warns(DataWarning, match=told):
        dark = read_images(tmp_path).values
    assert len(np.unique(dark)) <= n_levels
    for levels in ("auto", white):
        read = read_images(tmp_path, levels=levels).values
        assert np.array_equal(read[0], np.rint(cells.astype(float) * 255 / white))
        assert abs(read[1].max() - 127.5) < 1  # one scale for the set
    assert read_images(tmp_path, levels=white // 2).values[0].max() == 255
    (tmp_path / f"1.{suffix}").unlink()
    Image.fromarray(cells * (65535 // white)).save(tmp_path / f"1.{suffix}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_images(tmp_path)
    for levels in (0, 65536, 1.5, True, "best"):
        with pytest.raises(ParameterError, match=r"levels=.* is not allowed; choose one of"):
            read_images(tmp_path, levels=levels)


def test_levels_make_another_cache(tmp_path):
    Image.fromarray(np.full((8, 8), 4095, np.uint16)).save(tmp_path / "a.png")
    cache = tmp_path / "cache.npy"
    with pytest.warns(DataWarning, match="16 grey levels|brightest"):
        assert read_images(tmp_path / "a.png", cache=cache).values.max() == 16
    assert read_images(tmp_path / "a.png", cache=cache, levels="auto").values.max() == 255
    assert read_images(tmp_path / "a.png", cache=cache, levels=4095).values.max() == 255


# Formats that are not read

DICOM = bytes(128) + b"DICM" + bytes(60)
FOREIGN = [
    ("a.dcm", DICOM, "DICOM"), ("IM0001", DICOM, "DICOM"), ("a.heic", b"", "HEIC"),
    ("a.jp2", b"\0\0\0\x0cjP  \r\n", "JPEG 2000"), ("a.nii.gz", b"\x1f\x8b", "NIfTI"),
    ("a.avif", b"\0\0\0\x1cftypavif", "AVIF"), ("scan.svs", b"II*\0", "whole slide image"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "known"), FOREIGN)
def test_formats_are_named(tmp_path, name, content, known):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        DataError, match=rf"{name}' \({known}, which is not read: convert it to PNG"
    ):
        read_images(tmp_path / name)
    with pytest.raises(
        DataError, match=f"holds no images; it holds 1 {known}: convert them to PNG"
    ):
        read_images(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(f"scans/{name}", content)
        archive.writestr("notes.txt", "x")
    with pytest.raises(DataError, match=f"images; it holds 1 {known}, 1 other: convert them"):
        read_images(tmp_path / "a.zip")


@pytest.mark.parametrize("start", [DICOM, b"\0\0\0\x1cftypheic", b"0       X", b"\xffBIOSEMI"])
def test_other_formats_under_the_name_of_an_image(tmp_path, start):
    (tmp_path / "a.png").write_bytes(start.ljust(140))
    with pytest.raises(DataError, match=r"\((DICOM|HEIC|EDF|BDF), which is not read"):
        read_images(tmp_path / "a.png")


def png(level=7):
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), level, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_what_is_left_out_is_counted(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/a.png", png())
        for i in range(3):
            archive.writestr(f"x/{i}.dcm", DICOM)
        archive.writestr("README.txt", "notes")
        archive.writestr("__MACOSX/._a.png", b"hidden")
    with pytest.warns(DataWarning, match=r"^Left out 3 DICOM, 1 other: they are no images to read"):
        assert len(read_images(tmp_path / "a.zip")) == 1
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.png").write_bytes(png())
    (folder / "README.txt").write_text("notes")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_images(folder)
    (folder / "b.heic").write_bytes(b"")
    with pytest.warns(DataWarning, match=r"^Left out 1 HEIC: they are no"):
        assert len(read_images(folder)) == 1


# Labels


@pytest.mark.parametrize("target", ["folder", "a.zip"])
def test_labels_that_are_written_are_read(tmp_path, target):
    info = pd.DataFrame({"finger": ["left, 1", None, "right"], "age": [40, 50, 60]})
    stack = ImageStack(np.random.default_rng(0).integers(0, 256, (3, 8, 9), dtype=np.uint8), info)
    save_images(stack, tmp_path / target)
    again = read_images(tmp_path / target)
    assert list(again.info) == ["path", "folder", "finger", "age"]
    assert again.info["finger"].tolist() == ["left, 1", pd.NA, "right"]
    assert again.info["age"].tolist() == [40, 50, 60]
    assert np.array_equal(again.values, stack.values)
    save_images(again, tmp_path / f"2{target}")
    assert read_images(tmp_path / f"2{target}").info.equals(again.info)


def test_folders_that_are_labels_are_read(tmp_path):
    stack = ImageStack(np.zeros((2, 8, 9), dtype=np.uint8), pd.DataFrame({"folder": ["x", "y"]}))
    save_images(stack, tmp_path / "a")
    assert read_images(tmp_path / "a").info["folder"].tolist() == ["x", "y"]


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b"path\nother.png\n", b"\xff\xfe\x00", b'"']
)
def test_other_tables_are_no_labels(tmp_path, content):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "info.csv").write_bytes(content)
    assert list(read_images(tmp_path).info) == ["path", "folder"]


def test_tables_may_lack_images(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(png())
    (tmp_path / "info.csv").write_text("path,age\nc.png,3\nz.png,9\na.png,1\n")
    assert read_images(tmp_path).info["age"].tolist() == [1, pd.NA, 3]


# Size


def test_sizes_that_turn_images_are_refused(tmp_path):
    save_images(np.zeros((3, 24, 32), dtype=np.uint8), tmp_path / "a")
    told = r"size=\(32, 24\) is \(height, width\) and would turn images of 24 x 32 .* to portrait; "
    with pytest.raises(ParameterError, match=told + r"give size=\(24, 32\), or crop=True"):
        read_images(tmp_path / "a", size=(32, 24))
    for size in ((24, 32), (12, 30), 16):
        read_images(tmp_path / "a", size=size)
    assert read_images(tmp_path / "a", size=(32, 24), crop=True).shape == (32, 24)
    save_images(np.zeros((3, 32, 24), dtype=np.uint8), tmp_path / "b")
    with pytest.raises(ParameterError, match="from portrait to landscape"):
        read_images(tmp_path / "b", size=(24, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # upright, the picture is 32 x 24
    (tmp_path / "c").mkdir()
    Image.new("L", (32, 24)).save(tmp_path / "c" / "a.jpg", exif=exif)
    assert read_images(tmp_path / "c", size=(16, 12)).shape == (16, 12)
    both = [*(tmp_path / "a").glob("*.png"), *(tmp_path / "b").glob("*.png")]
    assert read_images(both, size=(32, 24)).shape == (32, 24)  # of either sort
