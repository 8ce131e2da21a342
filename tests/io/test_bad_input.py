"""Every bad file: one sentence that names what is wrong."""

import numpy as np
import pytest

import synthgan
from synthgan.datasets import (
    load_thyroid,
    make_clinic,
    make_ecg,
    make_fingerprints,
    make_irises,
)
from synthgan.exceptions import (
    ArchiveError,
    DataError,
    ParameterError,
)
from synthgan.io.images import ImageStack, read_images, save_images
from synthgan.io.records import read_records, write_records
from synthgan.io.tables import read_array, read_table, write_table
from synthgan.io.windows import SignalWindows, windows
from tests.quick import GOOD, PIXELS, WAVES, recording


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Stand in a folder with an empty one, an empty CSV file and a file of nonsense."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "nonsense").write_bytes(b"\x93non\x89sense")
    (tmp_path / "long.csv").write_text("a,b\n1,2,3,4\n5,6,7,8\n")
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999, 99999), }"
    for name, text in (("huge.npy", header), ("odd.npy", header.replace("}", "('\n"))):
        size = len(text).to_bytes(2, "little")
        (tmp_path / name).write_bytes(b"\x93NUMPY\x01\x00" + size + text.encode())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: synthgan.load("none"), ArchiveError, r"'none' cannot be read: No such file"),
        (
            lambda: synthgan.load("nonsense"),
            ArchiveError,
            r"'nonsense' is not a complete synthgan arch",
        ),
        (lambda: synthgan.load("empty"), ArchiveError, r"'empty' cannot be read: Is a directory"),
        (
            lambda: synthgan.load(None),
            ParameterError,
            r"path=None is not allowed; give a path, or a",
        ),
        (lambda: read_table("none.csv"), DataError, r"'none.csv' cannot be read: No such file"),
        (
            lambda: read_table("empty.csv"),
            DataError,
            r"'empty.csv' is not a CSV table: it is empty",
        ),
        (lambda: read_table("empty"), DataError, r"'empty' cannot be read: Is a directory"),
        (
            lambda: read_table("long.csv"),
            DataError,
            r"'long.csv' is not a CSV table: line 2 has 4 cells, the header 2",
        ),
        (lambda: read_array("empty.csv"), DataError, r"'empty.csv' is not an npy file of numbers"),
        (lambda: read_array("huge.npy"), DataError, r"'huge.npy' is not an npy file of numbers"),
        (lambda: read_array("odd.npy"), DataError, r"'odd.npy' is not an npy file of numbers"),
        (lambda: read_table("nonsense"), DataError, r"'nonsense' holds no rows but a header"),
        (lambda: read_array("nonsense"), DataError, r"'nonsense' is not an npy file of numbers"),
        (
            lambda: write_table(GOOD, "no/a.csv"),
            DataError,
            r"'no/a.csv' cannot be written: No such",
        ),
        (lambda: read_records("none"), DataError, r"'none' is neither a folder nor a WFDB record"),
        (lambda: read_records("empty"), DataError, r"folder 'empty' holds no WFDB record"),
        (lambda: read_records([]), DataError, r"list of paths is empty"),
        (lambda: read_records(None), ParameterError, r"path=None is not allowed"),
        (lambda: write_records("empty", WAVES), ParameterError, r"fs_hz=None is not allowed"),
        (lambda: read_records(""), ParameterError, r"path='' is not allowed"),
        (lambda: read_records("empty", leads=-1), ParameterError, r"leads=-1 is not allowed"),
        (
            lambda: read_records("empty", leads=[1.5]),
            ParameterError,
            r"leads=\[1.5\] is not allowed",
        ),
        (lambda: write_records("", WAVES, fs_hz=250), ParameterError, r"path='' is not allowed"),
        (lambda: write_records("new", [recording()]), DataError, r"cut windows from them"),
        (
            lambda: write_records("new", WAVES, fs_hz=250, names=5),
            ParameterError,
            r"names=5 is not allowed",
        ),
        (lambda: windows("empty"), ParameterError, r"records are of type str; give what"),
        (lambda: windows(np.zeros(3)), ParameterError, r"records are of type ndarray; give what"),
        (lambda: windows([recording()], 10, labels=5), ParameterError, r"labels=5 is not allowed"),
        (lambda: SignalWindows(np.zeros((1, 1, 9)), 9, None), DataError, r"leads None are not na"),
        (lambda: SignalWindows(np.zeros((1, 1, 9)), 9, "i", [None]), DataError, r"units \(None,\)"),
        (lambda: windows([], n_samples=10), DataError, r"no records to cut"),
        (lambda: windows([recording()], n_samples=0), ParameterError, r"n_samples=0 is not"),
        (lambda: windows([recording()], 10, window_s=1), ParameterError, r"exclude each other"),
        (lambda: windows([recording()], 10, step=0), ParameterError, r"step=0 is not allowed"),
        (lambda: windows([recording()], 10, align="x"), ParameterError, r"align='x' is not"),
        (lambda: windows([recording()], 1000), DataError, r"longer than every record; .*'a', has"),
        (
            lambda: windows([recording(values=np.zeros((1, 100)))], 10),
            DataError,
            r"none of 10 windows is valid: 10 flat",
        ),
        (lambda: recording(fs_hz=-1), ParameterError, r"fs_hz=-1 is not allowed"),
        (lambda: recording(leads=("i", "ii")), DataError, r"record 'a' has values of shape"),
        (lambda: SignalWindows(WAVES, 10.0, ["i"]), DataError, r"windows of shape \(30, 50\)"),
        (lambda: SignalWindows(WAVES[:, None], 1, ["i", "v1"]), DataError, r"windows of 1 leads"),
        (lambda: read_images(3), ParameterError, r"source is a int"),
        (lambda: read_images([]), DataError, r"source is empty"),
        (lambda: read_images("empty"), DataError, r"folder 'empty' holds no images"),
        (
            lambda: read_images("nonsense"),
            DataError,
            r"'nonsense' \(not an image of a known format",
        ),
        (lambda: ImageStack(np.zeros((2, 3))), DataError, r"images of shape \(2, 3\)"),
        (lambda: save_images(np.zeros((2, 3)), "o"), DataError, r"images of shape \(2, 3\)"),
        (lambda: save_images(PIXELS, "o", format="exe"), ParameterError, r"format='exe' is not"),
        (lambda: load_thyroid("none.csv"), DataError, r"'none.csv' cannot be read"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_files(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_clinic(-1), r"n=-1 is not allowed"),
        (lambda: make_clinic(1.5), r"n=1.5 is not allowed"),
        (lambda: make_ecg(0), r"n_windows=0 is not allowed"),
        (lambda: make_ecg(2, fs_hz=-1), r"fs_hz=-1 is not allowed"),
        (lambda: make_ecg(2, leads=("x",)), r"leads=\('x',\) is not allowed; .* i, ii, iii"),
        (lambda: make_fingerprints(2, (1, 1)), r"shape=\(1, 1\) is not allowed"),
        (lambda: make_irises(2, 64), r"shape=64 is not allowed"),
    ],
)
def test_data_sets(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
