import numpy as np
import pandas as pd
import pytest

from synthgan.scale import units
from synthgan.scale.reading import to_pandas
from synthgan.scale.units import FilePart, FunctionPart, in_units

parquet = pytest.importorskip("pyarrow.parquet")


def test_units_are_runs_of_parts_in_order(tmp_path):
    size = units._BYTES_OF_UNIT
    sizes = [size // 3, size // 3, size // 3 + 9, size + 1, 5]
    parts = [FilePart(tmp_path / f"{i}.csv", 9, n) for i, n in enumerate(sizes)]
    assert in_units(parts) == [tuple(parts[:3]), (parts[3],), (parts[4],)]
    assert in_units([FunctionPart(list)]) == [(FunctionPart(list),)]
    assert in_units([]) == []


def test_large_files_are_divided_by_row_groups(tmp_path, monkeypatch):
    path = tmp_path / "part.parquet"
    frame = pd.DataFrame({"x": np.arange(100), "label": ["a", "b"] * 50})
    frame.to_parquet(path, row_group_size=10)
    part = FilePart(path, 7, path.stat().st_size)
    monkeypatch.setattr(units, "_BYTES_OF_UNIT", part.n_bytes // 4)
    found = in_units([part])
    assert 1 < len(found) < 10
    groups = [i for unit in found for one in unit for i in one.row_groups]
    assert groups == list(range(10))
    batches = [batch for unit in found for one in unit for batch in one.read()]
    assert pd.concat([to_pandas(b.table) for b in batches])["x"].tolist() == frame["x"].tolist()
    path.write_bytes(b"no Parquet")
    assert in_units([part]) == [(part,)]
