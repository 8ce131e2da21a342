"""A table that is read in passes is learnt as one in memory."""

import logging

import numpy as np
import pandas as pd
import pytest

import synthgan
from synthgan import FCN, DifferentialPrivacy, GridEncoder, TabularGANSynthesizer
from synthgan.cli import main
from synthgan.constraints import DependentColumn, FixedCombinations, Inequality
from synthgan.encoding.tables import numbers
from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.gan.training import data as training_data
from synthgan.scale import units
from synthgan.scale.large_table import LargeTable
from synthgan.synthesizers import passes, training_set

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning")


def quick(**parameters):
    defaults = {
        "network": FCN(width=16, depth=1), "epochs": 2, "batch_size": 50, "random_state": 0,
        "candidates": 1, "constraints": [],
    }  # fmt: skip
    return TabularGANSynthesizer(**{**defaults, **parameters})


def table(n=300):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n).round(2),
            "n": pd.array(rng.poisson(9, n), dtype="Int64"),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.gamma(2, size=n)),
            "label": rng.choice(["a", "b", "c"], n),
            "day": rng.choice(["01/02/2020", "15/03/2021", "28/12/2022"], n),
        }
    )


def in_parts(frame, n_parts=4):
    return LargeTable(
        lambda: (frame.iloc[rows] for rows in np.array_split(np.arange(len(frame)), n_parts))
    )


def weights(model):
    return b"".join(t.numpy().tobytes() for t in model.generator_.state_dict().values())


@pytest.mark.parametrize("scaling", ["quantile", "minmax"])
def test_a_table_in_parts_is_learnt_as_the_whole(scaling):
    frame = table()
    models = [quick(encoder=GridEncoder(scaling=scaling)) for _ in range(2)]
    one, other = models[0].fit(frame), models[1].fit(in_parts(frame))
    assert weights(one) == weights(other)
    assert one.sample(50).equals(other.sample(50))
    assert one.schema_.names == other.schema_.names


def test_files_are_learnt_and_the_cache_is_removed(tmp_path, caplog):
    frame = table()
    for i, rows in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[rows].to_parquet(tmp_path / f"part-{i}.parquet")
    cache = tmp_path / "cache"
    cache.mkdir()
    with caplog.at_level(logging.INFO, "synthgan"):
        model = quick(condition_on=["label"], candidates=2, constraints=None)
        model.fit(LargeTable(tmp_path, cache_dir=cache))
    assert not list(cache.iterdir())
    assert "the encoded table takes" in caplog.text
    assert "s left" in caplog.text
    assert set(model.sample(9, conditions={"label": "b"})["label"]) == {"b"}
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert again.sample(9, random_state=1).equals(model.sample(9, random_state=1))
    by_path = quick().fit(str(tmp_path / "*.parquet"))
    assert by_path.sample(5).shape == (5, 5)


def test_files_are_learnt_alike_by_any_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "_BYTES_OF_UNIT", 5000)
    monkeypatch.setattr(numbers, "MOST_COUNTED", 200)
    frame = table(900)
    for i, rows in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[rows].to_parquet(tmp_path / f"part-{i}.parquet", row_group_size=100)
    models = [quick().fit(LargeTable(tmp_path, n_jobs=n_jobs)) for n_jobs in (1, 2)]
    assert weights(models[0]) == weights(models[1])
    encoder = quick(encoder=GridEncoder(scaling="minmax", outliers="drop", limits={"x": (-1, 1)}))
    assert len(encoder.fit(LargeTable(tmp_path, n_jobs=2)).sample(3)) == 3
    path = tmp_path / "part-1.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 2] = b"x" * (len(content) // 2 - len(content) // 4)
    path.write_bytes(content)  # its end, with the schema, is as it was
    with pytest.raises(DataError, match=r"part-1\.parquet' cannot be read"):
        quick().fit(LargeTable(tmp_path, n_jobs=2))


def test_an_encoded_table_is_kept_for_further_fits(tmp_path, caplog):
    frame, cache = table(), tmp_path / "cache"
    cache.mkdir()
    path = tmp_path / "part.parquet"
    frame.to_parquet(path)
    kept = LargeTable(path, cache_dir=cache, keep=True)
    models = [quick(condition_on=["label"], constraints=None) for _ in range(3)]
    first = models[0].fit(kept)
    assert [one.name for one in cache.iterdir()] == ["synthgan-cache"]
    with caplog.at_level(logging.INFO, "synthgan"):
        second = models[1].fit(kept)
    assert "that of an earlier fit" in caplog.text
    assert "counting values" not in caplog.text
    third = models[2].fit(path)
    assert weights(first) == weights(second) == weights(third)
    assert first.sample(9).equals(second.sample(9))
    assert first.score(frame) == second.score(frame)
    second.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert again.sample(9, random_state=1).equals(first.sample(9, random_state=1))
    path.touch()
    with pytest.raises(DataError, match=r"other data .* \(files\); delete it, or give"):
        quick(condition_on=["label"], constraints=None).fit(kept)
    with pytest.raises(DataError, match=r"\(files, encoder, constraints, condition_on\); delete"):
        quick(encoder=GridEncoder(min_support=9)).fit(kept)
    (cache / "synthgan-cache" / "table.synthgan").write_text("of another program")
    with pytest.raises(DataError, match=r"synthgan-cache' holds no encoded table"):
        quick().fit(kept)


def test_a_cache_that_cannot_be_completed_is_removed(tmp_path):
    frame = table()
    for i, rows in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[rows].to_parquet(tmp_path / f"part-{i}.parquet")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "mine.txt").write_text("kept")
    path = tmp_path / "part-1.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"part-1\.parquet' cannot be read"):
        quick().fit(LargeTable(sorted(tmp_path.glob("*.parquet")), cache_dir=cache, keep=True))
    assert [one.name for one in cache.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("keep", [False, True])
def test_a_full_disk_leaves_no_cache(tmp_path, keep):
    resource = pytest.importorskip("resource")
    frame, cache = table(), tmp_path / "cache"
    cache.mkdir()
    frame.to_parquet(tmp_path / "part.parquet")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"encoded table cannot be written to '.*cache': File"):
            quick().fit(LargeTable(tmp_path / "part.parquet", cache_dir=cache, keep=keep))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(cache.iterdir())


def test_only_files_are_kept_in_a_given_place(tmp_path):
    with pytest.raises(ParameterError, match="keep=True needs cache_dir, the folder where"):
        quick().fit(LargeTable(tmp_path, keep=True))
    with pytest.raises(ParameterError, match="keep=True is for files, whose changes can be seen"):
        quick().fit(LargeTable(lambda: iter([table()]), tmp_path, keep=True))


def test_a_table_that_changes_while_it_is_read_is_refused():
    frame, reads = table(), []

    def shrinking():
        reads.append(1)
        return iter([frame.iloc[len(reads) :]])

    with pytest.raises(DataError, match="the table has changed while it was read: 297 rows were"):
        quick().fit(LargeTable(shrinking))


def related(n=400):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "low": rng.gamma(2, size=n).round(2),
            "first": rng.integers(1, 99, n),
            "second": rng.integers(1, 99, n),
            "town": rng.choice(["Bonn", "Lyon", "Rome"], n),
        }
    )
    frame["high"] = (frame["low"] + rng.gamma(1, size=n)).round(2)
    frame["sum"] = frame["first"] + frame["second"]
    frame["country"] = frame["town"].map({"Bonn": "DE", "Lyon": "FR", "Rome": "IT"})
    return frame


def test_relations_are_found_and_verified_in_all_rows(monkeypatch, caplog):
    monkeypatch.setattr(passes, "_SAMPLE", 200)
    frame = related()
    rare = frame.assign(town="Oslo", country="NO").iloc[:8]
    model = quick(constraints=["auto", Inequality("low", "high")])
    model.fit(in_parts(pd.concat([frame, rare], ignore_index=True)))
    names = {type(one).__name__ for one in model.constraints_.constraints_}
    assert names == {"DependentColumn", "Formula", "Inequality"}
    fake = model.sample(200)
    assert (fake["sum"] == fake["first"] + fake["second"]).all()
    assert (fake["low"] <= fake["high"]).all()
    pairs = {"Bonn": "DE", "Lyon": "FR", "Rome": "IT", "Oslo": "NO"}
    assert fake["country"].equals(fake["town"].map(pairs))


def test_relations_that_some_rows_violate_are_left_out(monkeypatch, caplog):
    monkeypatch.setattr(passes, "_SAMPLE", 200)
    frame = related()
    sample, _ = in_parts(frame).draw(200, np.random.default_rng(passes._SAMPLE_SEED))
    outside = np.flatnonzero(~frame["high"].isin(sample["high"]))[:3]
    frame.loc[outside, ["town", "country"]] = ["Bonn", "IT"]
    with caplog.at_level(logging.INFO, "synthgan"):
        model = quick(constraints="auto").fit(in_parts(frame))
    assert "DependentColumn(column='country', of='town') is left out: 3 row(s)" in caplog.text
    assert [type(one).__name__ for one in model.constraints_.constraints_] == ["Formula"]
    assert set(model.sample(50)["country"]) <= {"DE", "FR", "IT"}


def test_relations_of_a_table_in_one_sample_are_those_of_the_whole():
    frame = related()
    fixed = FixedCombinations(["town", "country"])
    for constraints in (["auto"], [Inequality("low", "high"), fixed]):
        one = quick(constraints=constraints).fit(frame)
        other = quick(constraints=constraints).fit(in_parts(frame))
        assert weights(one) == weights(other)
        assert one.sample(30).equals(other.sample(30))


def test_given_constraints_that_rows_violate_are_refused(monkeypatch):
    monkeypatch.setattr(passes, "_SAMPLE", 10)
    frame = related()
    low = frame.assign(high=frame["low"].where(np.arange(400) > 1, frame["low"] - 1))
    other = frame.assign(country=frame["country"].where(np.arange(400) > 1, "XX"))
    given = {"2 row.s. violate Inequality": (low, Inequality("low", "high")),
             "2 row.s. violate Depend": (other, DependentColumn("country", of="town"))}  # fmt: skip
    for message, (table, one) in given.items():
        with pytest.raises(DataError, match=message):
            quick(constraints=[one]).fit(in_parts(table))


def test_combinations_of_all_rows_are_learnt(monkeypatch):
    monkeypatch.setattr(passes, "_SAMPLE", 100)
    frame = pd.concat([related(), related().assign(town="Oslo").iloc[:7]], ignore_index=True)
    rare = frame.assign(town="Wien").iloc[:2]
    model = quick(constraints=[FixedCombinations(["town", "country"])])
    with pytest.warns(DataWarning, match=r"row\(s\) hold a combination of columns"):
        model.fit(in_parts(pd.concat([frame, rare], ignore_index=True)))
    towns = {row[0] for row in model.constraints_.constraints_[0].combinations_}
    assert towns <= {"Bonn", "Lyon", "Rome", "Oslo"}


def test_identifiers_are_replaced():
    frame = table().assign(patient=[f"P-{i:05d}" for i in range(300)])
    model = quick(constraints=None).fit(in_parts(frame))
    fake = model.sample(30)
    assert list(fake.columns) == list(frame.columns)
    assert fake["patient"].str.fullmatch(r"P-\d{5,}").all()
    assert "patient" not in model.encoder_.schema_.names


def test_very_many_rows_are_drawn_without_a_shuffle(monkeypatch):
    for module in (training_data, training_set):
        monkeypatch.setattr(module, "MOST_SHUFFLED", 250)
    model = quick(epochs="auto", max_steps=5).fit(in_parts(table()))
    assert model.n_steps_ == 5
    assert len(model.sample(3)) == 3


def test_what_is_not_possible_in_passes_is_refused():
    frame = table()
    source = in_parts(frame)
    refused = {
        "groups is not possible .*: each row is another": (quick(), (source, None, "n")),
        "y is not possible .*: keep the target as a column": (quick(), (source, [1] * 300)),
        "preset is not possible": (quick(preset="thesis-thyroid", constraints=None), (source,)),
        "privacy is not possible": (
            quick(privacy=DifferentialPrivacy(epsilon=1, delta=1e-6)), (source,)),
    }  # fmt: skip
    for message, (model, arguments) in refused.items():
        with pytest.raises(ParameterError, match=message):
            model.fit(*arguments)
    people = frame.assign(patient=[f"P-{i // 3:05d}" for i in range(300)])
    with pytest.raises(DataError, match="column 'patient' seems to identify people who have sev"):
        quick(constraints=None).fit(in_parts(people))


def test_the_command_line_learns_parts(tmp_path, capsys):
    frame = table()
    for i, rows in enumerate(np.array_split(np.arange(len(frame)), 2)):
        frame.iloc[rows].to_parquet(tmp_path / f"part-{i}.parquet")
    paths = sorted(str(path) for path in tmp_path.glob("*.parquet"))
    out = str(tmp_path / "m.synthgan")
    options = ["--out", out, "--max-steps", "3", "--epochs", "1"]
    main(["fit", *paths, *options])
    assert "part-0.parquet and 1 more" in capsys.readouterr().out
    assert synthgan.load(out).sample(4).shape == (4, 5)
    main(["fit", str(tmp_path), "--kind", "table", "--cache-dir", str(tmp_path), *options])
    with pytest.raises(SystemExit):
        main(["fit", *paths, *options, "--sep", ";"])
    assert "--sep is for one file that is read at once" in capsys.readouterr().err
