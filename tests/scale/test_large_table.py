import gzip

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from synthgan.exceptions import DataError, ParameterError
from synthgan.scale.large_table import LargeTable, is_large_table

pyarrow = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
dataset = pytest.importorskip("pyarrow.dataset")


def frame(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "n": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "label": rng.choice(["a", "b"], n),
            "flag": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
        }
    ).astype({"day": "datetime64[ms]"})


def write(folder, n_parts=3, suffix="parquet"):
    parts = [frame(20 + i, i) for i in range(n_parts)]
    for i, part in enumerate(parts):
        path = folder / f"part-{i}.{suffix}"
        {
            "parquet": lambda p=part, path=path: p.to_parquet(path),
            "feather": lambda p=part, path=path: p.to_feather(path),
            "csv": lambda p=part, path=path: p.to_csv(path, index=False),
            "csv.gz": lambda p=part, path=path: p.to_csv(path, index=False, sep=";"),
        }[suffix]()
    return pd.concat(parts, ignore_index=True)


def read(table):
    return pd.concat(list(table.frames("a test")), ignore_index=True)


@pytest.mark.parametrize("suffix", ["parquet", "feather", "csv", "csv.gz"])
def test_all_rows_are_read_in_the_order_of_the_names(tmp_path, suffix):
    whole = write(tmp_path, suffix=suffix)
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / "notes.md").write_text("not a part")
    paths = sorted(tmp_path.glob(f"*.{suffix}"))
    for data in (tmp_path, str(tmp_path / f"*.{suffix}"), paths):
        found = read(LargeTable(data, batch_rows=7))
        assert_frame_equal(found, whole, check_dtype=suffix in ("parquet", "feather"))


def test_batches_are_as_small_as_wanted_and_of_equal_dtypes(tmp_path):
    write(tmp_path)
    batches = list(LargeTable(tmp_path, batch_rows=6).frames("a test"))
    assert max(map(len, batches)) == 6
    assert len({str(batch.dtypes) for batch in batches}) == 1


def test_gaps_do_not_change_dtypes():
    tables = [pyarrow.table({"n": [1, None], "b": [True, None], "t": [None, None]}),
              pyarrow.table({"n": [1, 2], "b": [True, False], "t": ["a", "b"]})]  # fmt: skip
    first, second = LargeTable(lambda: iter(tables)).frames("a test")
    assert first.dtypes.tolist() == second.dtypes.tolist()


def test_data_sets_and_functions_are_read(tmp_path):
    whole = write(tmp_path)
    assert_frame_equal(read(LargeTable(dataset.dataset(tmp_path))), whole)
    assert_frame_equal(read(LargeTable(lambda: iter([whole[:9], whole[9:]]))), whole)


@pytest.mark.parametrize("n", [1, 10, 50, 63, 1000])
def test_a_sample_is_of_different_rows_in_order(tmp_path, n):
    whole = write(tmp_path)
    sample, n_rows = LargeTable(tmp_path, batch_rows=7).draw(n, np.random.default_rng(0))
    assert sum(n_rows) == len(whole)
    assert len(sample) == min(n, len(whole))
    places = [np.flatnonzero(whole["x"] == x)[0] for x in sample["x"]]
    assert places == sorted(set(places))


def test_a_sample_takes_all_rows_equally_often():
    whole = pd.DataFrame({"x": np.arange(60)})
    table = LargeTable(lambda: (whole[i : i + 25] for i in range(0, 60, 25)))
    rng = np.random.default_rng(0)
    drawn = [table.draw(15, rng)[0]["x"] for _ in range(100)]
    counts = np.bincount(np.concatenate(drawn), None, 60)
    assert np.abs(counts - 25).max() < 18  # four standard deviations


def test_what_is_no_table_is_refused(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    refused = {"is a folder without": empty, "matches no": f"{tmp_path}/*.parquet",
               "cannot be read: No such file": tmp_path / "absent.parquet"}  # fmt: skip
    for message, data in refused.items():
        with pytest.raises(DataError, match=message):
            read(LargeTable(data))
    with pytest.raises(ParameterError, match="data=3 is not allowed; give a path"):
        read(LargeTable(3))
    with pytest.raises(DataError, match="the table has no rows"):
        LargeTable(lambda: iter([])).draw(3, np.random.default_rng(0))


def test_parts_that_differ_are_named(tmp_path):
    write(tmp_path)
    frame().drop(columns="x").assign(more=1).to_parquet(tmp_path / "part-3.parquet")
    with pytest.raises(DataError, match=r"part-3.*lacks columns \['x'\] and has further col"):
        read(LargeTable(tmp_path))
    frame().assign(x="a").to_parquet(tmp_path / "part-3.parquet")
    with pytest.raises(DataError, match=r"column 'x' is string in .*part-3.* and double in"):
        read(LargeTable(tmp_path))
    moved = frame()[["day", "flag", "label", "n", "x"]]
    moved.to_parquet(tmp_path / "part-3.parquet")
    assert list(read(LargeTable(tmp_path)).columns) == list(frame().columns)


def test_a_damaged_part_is_named(tmp_path):
    write(tmp_path)
    path = tmp_path / "part-1.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"part-1\.parquet' cannot be read: "):
        LargeTable(tmp_path).draw(3, np.random.default_rng(0))
    with gzip.open(tmp_path / "odd.csv.gz", "wt") as file:
        file.write("x,y\n1,2\n3\n")
    with pytest.raises(DataError, match=r"odd\.csv\.gz' cannot be read: "):
        read(LargeTable(tmp_path / "odd.csv.gz"))


def test_only_places_of_tables_are_large_tables(tmp_path):
    assert all(map(is_large_table, ["a", tmp_path, [tmp_path], LargeTable("a"), lambda: iter([])]))
    assert not any(map(is_large_table, [frame(), np.zeros((3, 2)), [[1, 2]], [], None]))
