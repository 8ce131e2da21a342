"""Archives of every released format load for ever."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthgan
from synthgan.io.windows import SignalWindows
from synthgan.state.archive import FORMAT
from tests.data.make_archives import network_weights
from tests.state.packing import DATA

FORMATS = range(1, FORMAT + 1)
ARCHIVES = sorted(DATA.glob("format-*.synthgan"))


def test_there_are_three_of_each_format():
    names = {f"format-{n}-{kind}" for n in FORMATS for kind in ("table", "signal", "image")}
    assert {path.stem for path in ARCHIVES} == names


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.stem)
def test_they_load_and_sample(path, tmp_path):
    model = synthgan.load(path)
    ours = model.sample(20, random_state=0, return_y=True)
    model.save(tmp_path / "again")
    again = synthgan.load(tmp_path / "again")
    for one, other in zip(ours, again.sample(20, random_state=0, return_y=True), strict=True):
        assert bytes_of(one) == bytes_of(other)
    assert path.stat().st_size < 15_000


def bytes_of(records):
    if isinstance(records, pd.DataFrame | pd.Series):
        return records.to_csv().encode()
    return np.asarray(records).tobytes()


@pytest.mark.parametrize("number", FORMATS)
def test_what_they_hold(number):
    table = synthgan.load(DATA / f"format-{number}-table.synthgan")
    frame, y = table.sample(60, random_state=0, return_y=True)
    assert y.name == "outcome"
    assert set(y) <= {"yes", "no"}
    kinds = dict.fromkeys(("patient", "city", "country"), "str") | {
        "admitted": "datetime64[us, Europe/Madrid]", "stay": "timedelta64[us]",
        "ward": "category", "age": "Int64", "height": "float64", "diastolic": "int64",
        "systolic": "int64", "ill": "bool", "twice": "float64",
    }  # fmt: skip
    assert frame.columns.tolist() == [
        "patient", "admitted", "stay", "city", "country", "ward", "age", "height", "diastolic",
        "systolic", "ill", "twice",
    ]  # fmt: skip
    assert frame.dtypes.astype(str).to_dict() == kinds
    assert frame["patient"].str.fullmatch(r"P-\d{4}").all()
    assert (frame["diastolic"] <= frame["systolic"]).all()
    assert frame["country"].eq(frame["city"].map({"Lyon": "F", "Bonn": "D", "Porto": "P"})).all()
    told = table.sample(5, conditions={"ill": True}, random_state=0)
    assert told["ill"].all()
    signal = synthgan.load(DATA / f"format-{number}-signal.synthgan")
    windows = signal.sample(4, conditions={"sex": "male"}, random_state=0)
    assert isinstance(windows, SignalWindows)
    assert windows.values.shape == (4, 2, 20)
    assert windows.values.dtype == np.float32
    assert (windows.leads, windows.fs_hz) == (("i", "v1"), 10)
    image = synthgan.load(DATA / f"format-{number}-image.synthgan")
    images, digits = image.sample(4, conditions={"y": [2]}, random_state=0, return_y=True)
    assert (images.shape, images.dtype) == ((4, 8, 8, 3), np.uint8)
    assert digits.tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("number", FORMATS)
def test_networks_keep_the_names_and_shapes_of_their_weights(number):
    """Models of real size, which are too large to be kept here, would not load otherwise."""
    path = Path(DATA / f"format-{number}-networks.json")
    assert network_weights() == json.loads(path.read_text())
