"""A model file is opened: no row of the training data, and nothing rare, is inside."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pytest
from safetensors.numpy import load as load_tensors

from synthgan import FCN, FixedCombinations, TabularGANSynthesizer
from synthgan.datasets import make_clinic

pytestmark = pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning")

RARE_LABEL, RARE_NUMBER = "Ruritania", 987_654.25


@pytest.fixture(scope="module")
def patients():
    clinic = make_clinic(1200, random_state=0)
    rng = np.random.default_rng(0)
    country = rng.choice(["Spain", "France"], len(clinic)).astype(object)
    country[[3, 400]] = RARE_LABEL
    income = np.round(rng.lognormal(10, 1, len(clinic)), 2)
    income[7] = RARE_NUMBER
    return clinic.assign(
        country=country,
        origin=pd.Categorical(country, ["Atlantis", "France", RARE_LABEL, "Spain"]),
        city=np.where(
            country == "Spain", "Madrid", np.where(country == "France", "Lyon", "Strelsau")
        ),
        income=income,
        patient=[f"{n:08d}-Z" for n in rng.choice(10**8, len(clinic), replace=False)],
        address=clinic.index.astype(str),
    ).set_index("address")


@pytest.fixture(scope="module")
def contents(patients, tmp_path_factory):
    """All text and all arrays of the file."""
    path = tmp_path_factory.mktemp("model") / "m.synthgan"
    TabularGANSynthesizer(
        network=FCN(width=16, depth=1), max_steps=60, condition_on="any", random_state=0,
        constraints=[FixedCombinations(["country", "city"]), "auto"],
    ).fit(patients).save(path)  # fmt: skip
    text, arrays = "", []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            raw = archive.read(name)
            if name.endswith(".json"):
                text += raw.decode()
            elif name.endswith(".safetensors"):
                arrays += load_tensors(raw).values()
            else:
                with np.load(io.BytesIO(raw), allow_pickle=False) as stored:
                    arrays += [stored[key] for key in stored.files]
    return text, arrays


def test_no_rare_value(contents, patients):
    text, arrays = contents
    assert "Madrid" in text  # what many share is there
    for rare in (RARE_LABEL, "Strelsau", "Atlantis", "987654", *patients["patient"].head(50)):
        assert rare not in text
    numbers = np.concatenate([np.ravel(array).astype(float) for array in arrays])
    counts = patients["income"].value_counts()
    alone = counts.index[counts < 5].to_numpy()
    assert not np.isin(alone, numbers).any()
    assert not np.isin(alone.astype(np.float32), numbers.astype(np.float32)).any()
    for extreme in (patients["cholesterol"].max(), patients["weight_kg"].max()):
        if (patients == extreme).sum().sum() < 5:
            assert str(extreme) not in text


def test_no_array_is_as_long_as_the_table(contents, patients):
    text, arrays = contents
    assert all(len(patients) not in array.shape for array in arrays)
    longest = max(len(found) for found in _lists(json.loads("[" + text.replace("}{", "},{") + "]")))
    assert longest < len(patients) / 2


def _lists(value):
    """Every list in JSON data."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        yield value
        for item in value:
            yield from _lists(item)


def test_no_training_row_comes_out(patients):
    model = TabularGANSynthesizer(
        network=FCN(width=16, depth=1), max_steps=20, candidates=2, random_state=0
    )
    columns = ["age", "height_cm", "weight_kg", "systolic_mmhg", "cholesterol"]
    fake = model.fit(patients[columns]).sample(1200)
    real = set(map(tuple, patients[columns].astype(float).to_numpy().tolist()))
    assert not real & set(map(tuple, fake.astype(float).to_numpy().tolist()))


def test_types_of_other_libraries_hold_no_rare_label(patients, tmp_path):
    labels = ["Spain", "France", RARE_LABEL]
    table = pl.DataFrame({"age": patients["age"].tolist()}).with_columns(
        pl.Series("country", patients["country"].tolist(), dtype=pl.Enum(labels)),
    )
    TabularGANSynthesizer(network=FCN(width=16, depth=1), max_steps=5, random_state=0).fit(
        table
    ).save(tmp_path / "m")
    import base64

    with zipfile.ZipFile(tmp_path / "m") as archive:
        text = b"".join(archive.read(n) for n in archive.namelist() if n.endswith(".json")).decode()
    assert RARE_LABEL not in text
    schema = [part for part in text.split('"') if len(part) > 200]
    assert all(RARE_LABEL.encode() not in base64.b64decode(part) for part in schema)
