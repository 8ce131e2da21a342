import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.exceptions import NotFittedError

import synthgan
from synthgan import FCN, TabularGANSynthesizer
from synthgan.cli import main
from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.scale import lots
from synthgan.synthesizers.table_rows import draw_lot, draw_rows


def quick(**parameters):
    defaults = {
        "network": FCN(width=16, depth=1), "epochs": 2, "batch_size": 50, "random_state": 0,
    }  # fmt: skip
    return TabularGANSynthesizer(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def model(clinic):
    return quick().fit(clinic)


@pytest.fixture
def small_lots(monkeypatch):
    monkeypatch.setattr(lots, "_MOST_ROWS", 64)
    monkeypatch.setattr(lots, "_FEWEST_ROWS", 64)


@pytest.mark.usefixtures("small_lots")
@pytest.mark.parametrize("batch_rows", [1, 63, 64, 100, 1000])
def test_batches_are_the_whole_sample(model, batch_rows):
    n = 40 if batch_rows == 1 else 150
    whole = model.sample(n, random_state=3)
    batches = list(model.sample_batches(n, batch_rows, random_state=3))
    assert [len(batch) for batch in batches[:-1]] == [batch_rows] * (len(batches) - 1)
    assert_frame_equal(pd.concat(batches, ignore_index=True), whole)


@pytest.mark.usefixtures("small_lots")
def test_some_rows_are_those_of_the_whole_sample(model):
    whole = model.sample(150, random_state=3)
    for first, stop in ((0, 150), (60, 70), (129, 150), (5, 5)):
        rows = model.sample_rows(first, stop, 150, random_state=3)
        assert_frame_equal(rows, whole.iloc[first:stop])
    with pytest.raises(ParameterError, match="first=5 and stop=4 are not allowed; give 0 <= first"):
        model.sample_rows(5, 4, 150)


@pytest.mark.usefixtures("small_lots")
def test_full_lots_do_not_depend_on_what_follows(model):
    assert_frame_equal(model.sample(64), model.sample(200).iloc[:64])
    assert_frame_equal(model.sample(128), model.sample(140).iloc[:128])
    assert not model.sample(64).equals(model.sample(128).iloc[64:].reset_index(drop=True))


@pytest.mark.usefixtures("small_lots")
def test_identifiers_are_different_in_the_whole_sample(clinic, tmp_path):
    numbers = np.random.default_rng(0).permutation(999)[: len(clinic)]
    table = clinic.assign(code=[f"P{i:03d}" for i in numbers])
    with pytest.warns(DataWarning, match="identifies rows"):
        model = quick().fit(table)
    whole = model.sample(300)
    assert whole["code"].is_unique
    assert whole["code"].str.fullmatch(r"P\d{3,}").all()
    for batch_rows in (70, 500):
        batches = model.sample_batches(300, batch_rows)
        assert_frame_equal(pd.concat(batches, ignore_index=True), whole)
    model.sample_to(tmp_path / "fake", 300)
    parts = [synthgan.read_table(path) for path in sorted((tmp_path / "fake").iterdir())]
    assert len(parts) == 5
    assert pd.concat(parts)["code"].tolist() == whole["code"].tolist()
    assert not model.sample(300, random_state=7)["code"].isin(whole["code"].iloc[:9]).all()


@pytest.mark.usefixtures("small_lots")
def test_identifiers_that_cannot_be_numbered_are_made_in_one_lot(clinic):
    rng = np.random.default_rng(0)
    codes = [rng.choice([f"{i}a", f"v-{i}-b{i % 7}"]) for i in rng.permutation(9999)[: len(clinic)]]
    with pytest.warns(DataWarning, match="identifies rows"):
        model = quick().fit(clinic.assign(code=codes))
    assert model.sample(150)["code"].is_unique


def test_a_sample_of_one_lot_is_as_it_was(model):
    drawn = draw_rows(model, 30, None, 5)
    assert_frame_equal(draw_lot(model, lots.Lot(0, 30, 5, 30, 5)), drawn)


@pytest.mark.usefixtures("small_lots")
def test_files_are_the_same_whoever_writes_them(model, tmp_path):
    for n_jobs in (1, 2):
        assert model.sample_to(tmp_path / str(n_jobs), 150, n_jobs, random_state=3) == 150
    one, two = (sorted((tmp_path / name).iterdir()) for name in "12")
    assert [path.name for path in one] == [f"part-0000{i}.parquet" for i in range(3)]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    read = pd.concat([pd.read_parquet(path) for path in one], ignore_index=True)
    assert_frame_equal(read, model.sample(150, random_state=3))


@pytest.mark.usefixtures("small_lots")
def test_parts_have_one_schema(tmp_path):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(0)
    texts = pd.Series(rng.choice(["a", "b"], 200), dtype=object).where(rng.random(200) < 0.15)
    frame = pd.DataFrame({"x": rng.normal(size=200), "text": texts, "y": rng.integers(0, 9, 200)})
    model = quick(candidates=1).fit(frame)
    model.sample_to(tmp_path / "fake", 300)
    types = {str(pyarrow.read_schema(path).types) for path in (tmp_path / "fake").iterdir()}
    assert len(types) == 1


@pytest.mark.usefixtures("small_lots")
def test_text_is_written_in_parts(model, tmp_path):
    model.sample_to(tmp_path / "fake", 100, format="csv", random_state=1)
    paths = sorted((tmp_path / "fake").iterdir())
    read = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    assert read["age"].tolist() == model.sample(100, random_state=1)["age"].tolist()


@pytest.mark.usefixtures("small_lots")
def test_a_full_disk_leaves_no_sample(model, tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"fake/part-00000.parquet' cannot be written: "):
            model.sample_to(tmp_path / "fake", 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_samples_in_parts_refuse_what_is_not_allowed(model, tmp_path):
    with pytest.raises(ParameterError, match="batch_rows=0 is not allowed; give 1 or more"):
        model.sample_batches(3, 0)
    with pytest.raises(ParameterError, match="n=-1 is not allowed"):
        model.sample_batches(-1)
    with pytest.raises(ParameterError, match="format='xlsx' is not allowed; give one of"):
        model.sample_to(tmp_path / "fake", 3, format="xlsx")
    (tmp_path / "old").write_text("kept")
    with pytest.raises(DataError, match="is a folder that holds files"):
        model.sample_to(tmp_path, 3)
    with pytest.raises(NotFittedError):
        quick().sample_batches(3)


def test_the_command_line_writes_parts(model, tmp_path, capsys):
    model.save(tmp_path / "m.synthgan")
    command = ["sample", str(tmp_path / "m.synthgan"), "-n", "30", "--seed", "1"]
    out = str(tmp_path / "fake")
    main([*command, "--out", out, "--format", "csv", "-j", "1", "--sep", ";"])
    assert "30 rows written to" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "fake" / "part-00000.csv", sep=";")) == 30
    rows = str(tmp_path / "fake" / "part-00000.csv")
    conditions = [*command[:2], "--conditions", rows, "--out", f"{out}2", "--format", "parquet"]
    refused = {
        "is a folder that holds files": [*command, "--out", out, "--format", "csv"],
        "--jobs is for folders of parts": [*command, "--out", f"{out}.csv", "-j", "2"],
        "--format needs -n": conditions,
    }
    for message, arguments in refused.items():
        with pytest.raises(SystemExit):
            main(arguments)
        assert message in capsys.readouterr().err
