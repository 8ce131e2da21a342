"""Tables in other formats than text; the first bytes decide, not the suffix."""

import gzip
import io
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.tables import read_file, read_table, write_table

TABLE = pd.DataFrame(
    {
        "n": pd.array([1, None, 3], "Int64"),
        "x": pd.array([0.5, 2.25, None], "Float64"),
        "flag": pd.array([True, False, None], "boolean"),
        "code": pd.array(["00501", None, "=1+1"], "string"),
        "seen": pd.to_datetime(["2024-01-31 08:30:00", None, "2024-02-29 00:00:00"]).astype(
            "M8[us]"
        ),
    }
)


@pytest.mark.parametrize("suffix", ["parquet", "feather", "xlsx"])
@pytest.mark.parametrize("name", ["t.csv", "t"])
def test_what_is_written_is_read_back_whatever_its_name(tmp_path, suffix, name):
    pytest.importorskip("openpyxl" if suffix == "xlsx" else "pyarrow")
    write_table(TABLE, tmp_path / f"t.{suffix}")
    (tmp_path / name).write_bytes((tmp_path / f"t.{suffix}").read_bytes())
    for path in (tmp_path / f"t.{suffix}", tmp_path / name):
        found = read_file(path)
        pd.testing.assert_frame_equal(found.table.astype({"seen": "M8[us]"}), TABLE)
        assert found.dialect is None
    noun = {"parquet": "a Parquet file", "feather": "a Feather file", "xlsx": "an Excel workbook"}
    assert f"{name} read ({noun[suffix]}): 3 rows, 5 columns" in found.about


def test_types_that_only_some_formats_have(tmp_path):
    pytest.importorskip("pyarrow")
    table = TABLE.assign(
        level=pd.Categorical(["a", "b", "a"]), small=np.array([1, 2, 3], np.int8),
        zoned=pd.to_datetime(["2024-01-31"] * 3).tz_localize("Europe/Madrid"),
    )  # fmt: skip
    for suffix in ("parquet", "feather"):
        write_table(table, tmp_path / f"t.{suffix}")
        read = read_table(tmp_path / f"t.{suffix}")
        assert read["level"].dtype == "category"
        assert str(read["small"].dtype) == "Int8"
        assert str(read["zoned"].dtype.tz) == "Europe/Madrid"
    table.set_index("n").to_parquet(tmp_path / "index.parquet")
    assert read_table(tmp_path / "index.parquet")["n"].tolist() == [1, pd.NA, 3]


def test_workbooks(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    write_table(TABLE, tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert (sheet["D4"].value, sheet["D4"].data_type) == ("=1+1", "s")  # text, and no formula
    assert sheet["D2"].value == "00501"
    zoned = TABLE.assign(seen=TABLE["seen"].dt.tz_localize("UTC"))
    write_table(zoned, tmp_path / "t.xlsx")
    assert read_table(tmp_path / "t.xlsx")["seen"][0] == "2024-01-31 08:30:00+00:00"
    write_table(TABLE, tmp_path / "t.xlsx", safe=True)
    assert read_table(tmp_path / "t.xlsx")["code"].tolist() == ["00501", pd.NA, "'=1+1"]
    with pytest.raises(DataError, match=r"as an Excel workbook: text has control characters"):
        write_table(TABLE.assign(code="a\x01"), tmp_path / "t.xlsx")
    words = {"na": ["00501"], "dtype": {"n": "string"}}
    read = read_table(tmp_path / "t.xlsx", **words)
    assert read["code"].tolist() == [pd.NA, pd.NA, "'=1+1"]
    assert read["n"].tolist() == ["1", pd.NA, "3"]
    with pd.ExcelWriter(tmp_path / "two.xlsx") as writer:
        TABLE.to_excel(writer, sheet_name="patients", index=False)
        TABLE.to_excel(writer, sheet_name="wards")
    with pytest.warns(DataWarning, match=r"has 2 sheets; the first one, 'patients', is read"):
        assert len(read_table(tmp_path / "two.xlsx").columns) == 5
    bare = read_table(tmp_path / "t.xlsx", header=False)
    assert (bare.columns.tolist(), len(bare)) == (["0", "1", "2", "3", "4"], 4)


def test_stata(tmp_path):
    table = pd.DataFrame({"n": [1, 2], "x": [0.5, np.nan], "s": ["a", "b"]})
    for version in (114, 118):
        table.to_stata(tmp_path / "t.dta", write_index=False, version=version)
        found = read_file(tmp_path / "t.dta")
        assert "a Stata file" in found.about
        pd.testing.assert_frame_equal(found.table, table, check_dtype=False)


def ibm(value):
    """Return a number as SAS transport files hold it: a sign, a power of 16, a fraction."""
    power = 0
    while value >= 1:
        value, power = value / 16, power + 1
    return bytes([64 + power]) + int(value * 2**56).to_bytes(7, "big")


def test_sas_transport_files(tmp_path):
    def padded(*parts):
        text = b"".join(parts)
        return text.ljust(-(-len(text) // 80) * 80)

    def header(name, end="0" * 30):
        return f"HEADER RECORD*******{name:<8}HEADER RECORD!!!!!!!{end}  ".encode()

    def variable(kind, length, name, place):
        numbers = (kind, 0, length, place + 1)
        start = b"".join(n.to_bytes(2, "big") for n in numbers) + name.ljust(8).encode()
        return (start + b" " * 40 + b"\0" * 28 + (8 * place).to_bytes(4, "big")).ljust(140, b"\0")

    stamps = padded(b"SAS     SAS     SASLIB  6.06") + padded(b"16FEB11:10:07:55")
    member = header("MEMBER", "000000000000000001600000000140")
    content = (
        header("LIBRARY") + stamps + member + header("DSCRPTR") + stamps
        + header("NAMESTR", "000000000200000000000000000000")
        + padded(variable(1, 8, "AGE", 0), variable(2, 8, "ARM", 1))
        + header("OBS") + padded(ibm(71.5), b"placebo ", b".".ljust(8, b"\0"), b"drug    ")
    )  # fmt: skip
    (tmp_path / "dm.xpt").write_bytes(content)
    found = read_file(tmp_path / "dm.xpt")
    assert "a SAS transport file" in found.about
    assert found.table.to_dict("list") == {"AGE": [71.5, None], "ARM": ["placebo", "drug"]}


def test_packed_text_whatever_its_name(tmp_path):
    text = "a;b\n1,5;x\n2,5;y\n"
    (tmp_path / "t.csv").write_bytes(gzip.compress(text.encode("cp1252"), mtime=0))
    found = read_file(tmp_path / "t.csv")
    assert found.table.to_dict("list") == {"a": [1.5, 2.5], "b": ["x", "y"]}
    assert "(text, gzip, separator ';', encoding utf-8, decimal comma)" in found.about
    for suffix in ("gz", "bz2", "xz", "zip"):
        write_table(found.table, tmp_path / f"t.csv.{suffix}", found.dialect)
        content = (tmp_path / f"t.csv.{suffix}").read_bytes()
        pd.testing.assert_frame_equal(read_table(tmp_path / f"t.csv.{suffix}"), found.table)
        assert pd.read_csv(tmp_path / f"t.csv.{suffix}", sep=";", decimal=",")["a"].sum() == 4
        write_table(found.table, tmp_path / f"t.csv.{suffix}", found.dialect)
        assert (tmp_path / f"t.csv.{suffix}").read_bytes() == content  # no date in it
    (tmp_path / "t.csv").write_text("BZh,PAR1\n1,2\n")
    assert read_table(tmp_path / "t.csv").columns.tolist() == ["BZh", "PAR1"]
    (tmp_path / "t.csv").write_text("PAR1,b\n1,2\n")
    assert read_table(tmp_path / "t.csv").columns.tolist() == ["PAR1", "b"]
    for name in ("P", "FEA1,FEA2", "RDX,ORC", "ORC"):
        (tmp_path / "t.csv").write_text(f"{name}\n{'1,2' if ',' in name else 1}\n")
        assert ",".join(read_table(tmp_path / "t.csv").columns) == name


def zipped(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"$FL2@(#) SPSS DATA FILE", r"is an SPSS file, which is not read: export it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, r"is an old Excel workbook \(.xls\)"),
        (b"\x89HDF\r\n\x1a\n", r"is an HDF5 file"),
        (b"SQLite format 3\0", r"is an SQLite database"),
        (b"%PDF-1.7\n", r"is a PDF file"),
        (b"\x28\xb5\x2f\xfd\0", r"is compressed with Zstandard, which is not read: unpack it"),
        (gzip.compress(b"X\n\0\0\0\3", mtime=0), r"is an R file, which is not read: write it with"),
        (gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], r"is a damaged or encrypted archive"),
        (b"PK\3\4broken", r"is a damaged or encrypted archive"),
        (zipped(a="1", b="2"), r"is a zip archive of 2 files; a table is read from an"),
        (zipped(**{"xl/workbook.bin": ""}), r"\(.xlsb\), which is not read"),
        (b"PAR1 no more PAR1", r"is a Parquet file that cannot be read"),
        (b"\0" * 12 + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf" + b"\0" * 300, r"is a SAS file that"),
    ],
    ids=lambda part: "file" if isinstance(part, bytes) else None,  # archives hold the time
)  # fmt: skip
def test_other_formats_are_refused_by_name(tmp_path, content, message):
    pytest.importorskip("pyarrow")
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("suffix", ["xls", "dta", "sav", "sas7bdat", "json", "rds"])
def test_formats_that_are_not_written(tmp_path, suffix):
    with pytest.raises(DataError, match=rf"\.{suffix} is not a format that is written; give .csv"):
        write_table(TABLE, tmp_path / f"t.{suffix}")


def test_options_of_text(tmp_path):
    pytest.importorskip("pyarrow")
    write_table(TABLE, tmp_path / "t.parquet")
    for words in ({"sep": ","}, {"encoding": "utf-8"}, {"decimal": "."}):
        with pytest.raises(ParameterError, match=r"is for text; '.*t.parquet' is a Parquet file"):
            read_table(tmp_path / "t.parquet", **words)
    assert read_table(tmp_path / "t.parquet", na=["00501"])["code"].isna().tolist() == [1, 1, 0]
    write_table(TABLE[:0], tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"holds no rows"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("suffix", "library", "extra"),
    [("xlsx", "openpyxl", "excel"), ("parquet", "pyarrow", "parquet"),
     ("feather", "pyarrow", "parquet")],
)  # fmt: skip
def test_a_library_that_is_not_installed(tmp_path, monkeypatch, suffix, library, extra):
    pytest.importorskip(library)
    path = tmp_path / f"t.{suffix}"
    write_table(TABLE, path)
    for name in [n for n in sys.modules if n.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    message = rf"needs {library}: pip install 'synthgan\[{extra}\]'"
    with pytest.raises(DataError, match=message):
        read_table(path)
    with pytest.raises(DataError, match=message):
        write_table(TABLE, tmp_path / f"new.{suffix}")
