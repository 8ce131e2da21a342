"""Any table in any dialect is read back equal, and written again byte for byte."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from synthgan.io.tables import Dialect, read_table, write_table
from synthgan.io.tables.columns import _MISSING
from synthgan.io.tables.dialect import ColumnStyle

CODECS = [("utf-8", False), ("utf-8", True), ("utf-16-le", True), ("utf-16-be", True),
          ("cp1252", False)]  # fmt: skip
MAYBE = st.one_of(st.none(), st.none(), st.booleans())


def texts(codec):
    # Bytes that cp1252 does not define, NUL and lone surrogates are in no text file.
    letters = st.characters(
        codec="cp1252" if codec == "cp1252" else "utf-8", exclude_characters="\0"
    )
    some = st.text(
        st.one_of(st.sampled_from(" ;,\t|\"'\\\r\n#=.é1"), letters), min_size=1, max_size=9
    )
    return some.filter(lambda text: text.strip() and text.strip() not in _MISSING)


@st.composite
def tables(draw):
    """Draw a dialect and a table whose first row tells the kind of each column."""
    codec, has_bom = draw(st.sampled_from(CODECS))
    decimal = draw(st.sampled_from(".,"))
    thousands = draw(st.sampled_from(["", "", "." if decimal == "," else ",", "\xa0"]))
    escape = draw(st.sampled_from(["", "", "\\"]))
    date = draw(st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"]))
    n = draw(st.integers(0, 6))

    def cells(strategy, first):
        return [first, *draw(st.lists(st.one_of(st.none(), strategy), min_size=n, max_size=n))]

    dates = st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2100-01-01"))
    if "f" not in date:
        dates = dates.map(lambda moment: moment.replace(microsecond=0))
    floats = st.just(1e15) | st.floats(-(10**15), 10**15, allow_nan=False).map(
        lambda x: 0.0 if x == 0 else x
    )
    whole = st.integers(-(10**15) + 1, 10**15 - 1)
    table = pd.DataFrame(
        {
            "n": pd.array(cells(whole, 1234567), "Int64"),
            "größe": pd.array(cells(floats, 0.5), "Float64"),
            "flag": pd.array(cells(st.booleans(), True), "boolean"),
            "seen": pd.Series(cells(dates, pd.Timestamp("2024-01-31 08:30:59")), dtype="M8[us]"),
            "code": pd.array(
                cells(st.from_regex("[0-9]{2,20}", fullmatch=True), "00501"), "string"
            ),
            "text": pd.array(cells(texts(codec), 'a "b"'), "string"),
        }
    )
    gaps = draw(st.sampled_from(["", "NA", "."]))
    styles = [
        ColumnStyle("n", thousands=thousands, missing=gaps),
        ColumnStyle("größe", missing=gaps),
        ColumnStyle("flag", truth=draw(st.sampled_from(["True", "TRUE", "true"]))),
        ColumnStyle("seen", date=date, is_quoted=draw(st.booleans())),
        ColumnStyle("text", is_quoted=draw(st.booleans()), missing="NA" if gaps == "NA" else ""),
    ]
    dialect = Dialect(
        draw(st.sampled_from(",;\t|")), codec, decimal, draw(st.sampled_from(["\n", "\r\n", "\r"])),
        escape=escape, has_bom=has_bom, header_is_quoted=draw(st.booleans()),
        is_spaced=draw(st.booleans()), names_sep=draw(st.booleans()), columns=tuple(styles),
    )  # fmt: skip
    return table, dialect


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_any_table_in_any_dialect_is_read_back_equal(tmp_path, pair):
    table, dialect = pair
    path, again = tmp_path / "t.csv", tmp_path / "again.csv"
    write_table(table, path, dialect)
    read, found = read_table(path, return_dialect=True)
    pd.testing.assert_frame_equal(read.astype({"seen": "M8[us]"}), table)
    for part in ("sep", "encoding", "decimal", "line_end", "has_bom", "names_sep", "is_spaced"):
        assert getattr(found, part) == getattr(dialect, part), part
    write_table(read, again, found)
    assert again.read_bytes() == path.read_bytes()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["\x1a"], ",")
@example(["\x1a", "\x1a"], ";")
@given(st.lists(texts("utf-8"), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_any_column_of_text_alone_is_read_back_equal(tmp_path, cells, sep):
    table = pd.DataFrame({"text": pd.array(["some text", *cells, None], "string")})
    write_table(table, tmp_path / "t.csv", Dialect(sep))
    read = read_table(tmp_path / "t.csv")
    pd.testing.assert_frame_equal(read, table)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(texts("utf-8").map(str.strip), min_size=2, max_size=5, unique=True),
    st.sampled_from(",;\t|"),
)
def test_any_names_are_read_back_equal(tmp_path, names, sep):
    table = pd.DataFrame([["a"] * len(names)] * 3, columns=names, dtype="string")
    write_table(table, tmp_path / "t.csv", Dialect(sep))
    numbers = sum(name[:1].isdigit() for name in names)
    if 2 * numbers <= len(names):
        assert read_table(tmp_path / "t.csv").columns.tolist() == names


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "csv.bz2", "csv.xz", "csv.zip", "tsv", "txt"])
def test_tables_of_pandas_are_written_back_byte_for_byte(tmp_path, clinic, suffix):
    path, again = tmp_path / f"t.{suffix}", tmp_path / f"again.{suffix}"
    clinic.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    table, dialect = read_table(path, return_dialect=True)
    write_table(table, again, dialect)
    read = pd.read_csv(again, sep=dialect.sep, dtype=str)
    pd.testing.assert_frame_equal(read, pd.read_csv(path, sep=dialect.sep, dtype=str))
    if "." not in suffix:
        assert again.read_bytes() == path.read_bytes()
