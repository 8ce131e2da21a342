"""Text tables as people have them: what is found, and what is refused by line."""

import warnings

import pandas as pd
import pytest

from synthgan.exceptions import ArchiveError, DataError, DataWarning, ParameterError
from synthgan.io.tables import Dialect, read_file, read_table, to_csv_text, write_table
from synthgan.io.tables.dialect import ColumnStyle

NA = pd.NA


def read(folder, content, name="t.csv", **words):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, **words)


def cells(table):
    return {name: table[name].tolist() for name in table}


# Text, columns, what the line says; the text is written back as it was.
FOUND = {
    "commas": ("a,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}, "separator ','"),
    "semicolons": ("a;b\n1;x\n2;y\n", {"a": [1, 2], "b": ["x", "y"]}, "separator ';'"),
    "tabs": ("a\tb c\n1\tx y\n", {"a": [1], "b c": ["x y"]}, "separator tab"),
    "pipes": ("a|b\n1|x, y\n2|z\n", {"a": [1, 2], "b": ["x, y", "z"]}, "separator '|'"),
    "one column": ("name\nAnna\nMatt\n", {"name": ["Anna", "Matt"]}, "2 rows, 1 column"),
    "one column, commas": ("name\nDoe, J\nRoe, K\n", {"name": ["Doe, J", "Roe, K"]}, "1 column"),
    "one column, decimal comma": ("x\n1,5\n2,5\n", {"x": [1.5, 2.5]}, "decimal comma"),
    "quoted separators": ('a,b\n1,"x;y"\n2,"z;w"\n', {"a": [1, 2], "b": ["x;y", "z;w"]}, "','"),
    "quoted line breaks": ('a,b\n1,"x\ny"\n2,z\n', {"a": [1, 2], "b": ["x\ny", "z"]}, "2 rows"),
    "all quoted": ('"a","b"\n"1","x"\n"2",""\n', {"a": [1, 2], "b": ["x", NA]}, "separator ','"),
    "as R writes": ('"a","b"\n1,"x"\nNA,NA\n', {"a": [1, NA], "b": ["x", NA]}, "cells 'NA'"),
    "decimal comma": ("a;b\r\n1,5;x\r\n2,25;y\r\n", {"a": [1.5, 2.25], "b": ["x", "y"]}, "comma"),
    "quoted decimal comma": ('a,b\n"1,5",x\n"2,5",y\n', {"a": [1.5, 2.5], "b": ["x", "y"]}, "co"),
    "thousands": ("a\tb\n1,234\t.5\n12,345,678\t.25\n", {"a": [1234, 12345678], "b": [0.5, 0.25]},
                  "thousands ','"),
    "thousands and fractions": ("a;b\n1.234,50;x\n12,00;y\n", {"a": [1234.5, 12], "b": ["x", "y"]},
                                "decimal comma, thousands '.'"),
    "narrow thousands": ("a;b\n1\u202f234,5;x\n12,5;y\n", {"a": [1234.5, 12.5], "b": ["x", "y"]},
                         "decimal comma"),
    "1,234 in a file of semicolons": ("a;b\n1,234;x\n2,345;y\n",
                                      {"a": [1.234, 2.345], "b": ["x", "y"]}, "decimal comma"),
    "1,234 in a file of tabs": ("a\tb\n1,234\tx\n2,345\ty\n", {"a": [1234, 2345], "b": ["x", "y"]},
                                "thousands ','"),
    "0,123 is no thousand": ("a\tb\n0,123\tx\n2,345\ty\n", {"a": [0.123, 2.345], "b": ["x", "y"]},
                             "decimal comma"),
    "telephone numbers": ("a;b\n612 345 678;1\n611 222 333;2\n",
                          {"a": ["612 345 678", "611 222 333"], "b": [1, 2]}, "';'"),
    "fixed decimals": ("a,b\n1.50,1\n2.00,1.5\n", {"a": [1.5, 2], "b": [1, 1.5]}, "2 columns"),
    "truth": ("a,b,c\nTRUE,true,True\nFALSE,false,False\n",
              {"a": [True, False], "b": [True, False], "c": [True, False]}, "3 columns"),
    "SAS": ("a,b\n.,x\n1.5,.\n2.5,y\n", {"a": [NA, 1.5, 2.5], "b": ["x", ".", "y"]}, "cells '.'"),
    "spaces": ("a, b\n1, x\n2, y z\n", {"a": [1, 2], "b": ["x", "y z"]}, "2 columns"),
    "as Excel writes": ("sep=;\r\na;b\r\n1,5;2\r\n", {"a": [1.5], "b": [2]}, "separator ';'"),
    "old Mac": ("a,b\r1,x\r", {"a": [1], "b": ["x"]}, "1 row, 2 columns"),
    "codes": ("zip,id\n00501,12345678901234567\n12345,2\n",
              {"zip": ["00501", "12345"], "id": ["12345678901234567", "2"]}, "2 columns"),
    "codes and commas": ("zip;x\n00501;1,5\n12345;2,5\n",
                         {"zip": ["00501", "12345"], "x": [1.5, 2.5]}, "decimal comma"),
    "days": ("a,b\n2024-01-31,2024-02-30\n", {"a": [pd.Timestamp("2024-01-31")],
                                               "b": ["2024-02-30"]}, "1 row"),
    "moments": ("a,b\n2024-01-31T08:30,2024-01-31 08:30:01\n",
                {"a": [pd.Timestamp("2024-01-31 08:30")],
                 "b": [pd.Timestamp("2024-01-31 08:30:01")]}, "1 row"),
    "midnights": ("a,b\n2024-01-31 00:00:00,1\n", {"a": [pd.Timestamp("2024-01-31")], "b": [1]},
                  "1 row"),
    "offsets": ("a,b\n2024-01-31T08:30Z,\n,2024-01-31 08:30:01+02:00\n",
                {"a": [pd.Timestamp("2024-01-31 08:30Z"), pd.NaT],
                 "b": [pd.NaT, pd.Timestamp("2024-01-31 08:30:01+02:00")]}, "2 rows"),
    "offsets of summer": ("a,b\n2024-01-31T08:30+01:00,1\n2024-07-31T08:30+02:00,2\n",
                          {"a": ["2024-01-31T08:30+01:00", "2024-07-31T08:30+02:00"], "b": [1, 2]},
                          "2 rows"),
    "an index": (",a\n0,x\n1,y\n", {"Unnamed: 0": [0, 1], "a": ["x", "y"]}, "2 columns"),
    "backslashes": ('a,b\n1,"x \\"y\\", z"\n2,w\n', {"a": [1, 2], "b": ['x "y", z', "w"]}, "','"),
    "apostrophes": ("'a','b'\n'x, y','z'\n'u','v'\n", {"a": ["x, y", "u"], "b": ["z", "v"]},
                    "quotation mark '"),
    "stray marks": ('a\tb\n1\t"odd\n2\t5" pipe\n', {"a": [1, 2], "b": ['"odd', '5" pipe']},
                    "no quotation marks"),
    "a path": ('a,b\n1,"C:\\x\\"\n2,"D:\\"\n', {"a": [1, 2], "b": ["C:\\x\\", "D:\\"]}, "','"),
    "exact": ("a,b\n0,x\n5,y\n0.02222222222222222,z\n",
              {"a": [0, 5, 0.02222222222222222], "b": ["x", "y", "z"]}, "3 rows"),
    "exponents": ("a,b\n1e-07,1\n0.5,2\n", {"a": [1e-7, 0.5], "b": [1, 2]}, "2 columns"),
    "nothing in a column": ("a,b\n1,\n2,\n", {"a": [1, 2], "b": [NA, NA]}, "2 columns"),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_dialects_are_found_and_written_back(tmp_path, case, codec):
    text, columns, said = FOUND[case]
    found = read(tmp_path, text.encode(codec))
    assert found.table.pipe(cells) == columns
    assert said in found.about
    write_table(found.table, tmp_path / "again.csv", found.dialect)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "t.csv").read_bytes()


# Read right, but written more plainly.
PLAINER = {
    "comments": ("# by hand\n#\na,b\n1,2\n", {"a": [1], "b": [2]}, "a,b\n1,2\n"),
    "a name with a hash": ("#CHROM\tPOS\n1\t22\n", {"#CHROM": [1], "POS": [22]},
                           '"#CHROM"\tPOS\n1\t22\n'),
    "blank lines": ("\na,b\n\n1,2\n   \n3,4\n\n", {"a": [1, 3], "b": [2, 4]}, "a,b\n1,2\n3,4\n"),
    "no last line end": ("a,b\n1,2", {"a": [1], "b": [2]}, "a,b\n1,2\n"),
    "the end of files of DOS": ("a,b\r\n1,2\r\n\x1a", {"a": [1], "b": [2]}, "a,b\r\n1,2\r\n"),
    "separators at the end": ("a,b,\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}, "a,b\n1,2\n3,4\n"),
    "of rows only": ("a,b\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}, "a,b\n1,2\n3,4\n"),
    "two words for missing": ("a,b\nNA,1\nNA,2\n,3\n5,4\n",
                              {"a": [NA, NA, NA, 5], "b": [1, 2, 3, 4]},
                              "a,b\nNA,1\nNA,2\nNA,3\n5,4\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", PLAINER)
def test_what_is_written_more_plainly(tmp_path, case):
    text, columns, plain = PLAINER[case]
    found = read(tmp_path, text)
    assert found.table.pipe(cells) == columns
    assert to_csv_text(found.table, found.dialect) == plain


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", r"t.csv' is not a CSV table: it is empty"),
        ("\n \n", r"it is empty"),
        ("a,b\n", r"t.csv' holds no rows but a header"),
        ("a,b\n1,2\n3\n", r"line 3 has 1 cell, the header 2; separators are ','"),
        ("# c\na,b\n\n1,2\n3,4,5\n", r"line 5 has 3 cells, the header 2"),
        ('a,b\n1,"x\ny"\n2,3\n4\n', r"line 5 has 1 cell, the header 2"),
        ("a,b\n" + "1,2\n" * 70000 + "3\n", r"line 70002 has 1 cell"),
        ("a,b,a\n1,2,3\n", r"column names \['a'\] occur more than once: rename them, or give head"),
        ("a,b\n1,x\0y\n", r"holds NUL bytes"),
        ("x,y\n" + "a" * 200000 + ",1\n", r"line 2: field larger than field limit"),
        ("<!DOCTYPE html>\n<p>", r"is an HTML page, which is not read"),
        ('[{"a": 1}]', r"is a JSON file"),
    ],
)
def test_what_is_no_table(tmp_path, content, error):
    with pytest.raises(DataError, match=error):
        read(tmp_path, content)


def test_files_that_are_none(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        read_table(tmp_path)
    with pytest.raises(DataError, match=r"cannot be read: No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"'/dev/null' cannot be read: Not a regular file"):
        read_table("/dev/null")


def test_many_columns_make_a_long_line(tmp_path):
    names = [f"column_{i}" for i in range(6000)]
    found = read(tmp_path, ";".join(names) + "\n" + "1;" * 5999 + "1\n")
    assert found.table.columns.tolist() == names
    assert found.table.sum().sum() == 6000


@pytest.mark.parametrize(
    ("text", "codec", "found"),
    [
        ("id,name\n" + "1,Anna\n" * 50000 + "2,Zoë\n", "latin-1", "cp1252"),
        ("id,unit\n1,20 °C\n", "cp1252", "cp1252"),
        ("id,price\n1,5 € “net”\n", "cp1252", "cp1252"),
        ("id,name\n1,José Núñez\n", "utf-8", "utf-8"),
        ("id,name\n1,Анна\n", "utf-8", "utf-8"),
        ("id,name\n1,Anna\n", "utf-16-le", "utf-16-le"),
        ("id,name\n1,Anna\n", "utf-16-be", "utf-16-be"),
        ("\ufeffid,name\n1,Anna\n", "utf-32-le", "utf-32-le"),
        ("id,name\n1,A\x81\n", "latin-1", "latin-1"),
    ],
)
def test_encodings(tmp_path, text, codec, found):
    (tmp_path / "t.csv").write_bytes(text.encode(codec))
    table, dialect = read_table(tmp_path / "t.csv", return_dialect=True)
    assert dialect.encoding == found
    (*_, last) = text.split(",")
    assert table.iloc[-1, -1] == last.strip()
    write_table(table, tmp_path / "again.csv", dialect)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "t.csv").read_bytes()


def test_overrides(tmp_path):
    table = read(tmp_path, "a;b|c\n1,5;NA|x\n").table
    assert table.shape == (1, 2)
    found = read(tmp_path, "a;b|c\n1,5;NA|x\n", sep="pipe", na=["x"])
    assert found.table.pipe(cells) == {"a;b": ["1,5;NA"], "c": [NA]}
    text = "country;x;n\nNA;1,234;7\nDE;2,345;8\n"
    assert read(tmp_path, text).table["country"].tolist() == [NA, "DE"]
    found = read(tmp_path, text, na=["7"], decimal=".", dtype={"x": "string"})
    assert found.table.pipe(cells) == {
        "country": ["NA", "DE"], "x": ["1,234", "2,345"], "n": [NA, 8]
    }  # fmt: skip
    assert read(tmp_path, text, decimal=".").table["x"].tolist() == [1234, 2345]
    assert read(tmp_path, "a\n00501\n", dtype={"a": "number"}).table["a"].tolist() == [501]
    assert read(tmp_path, "a\nx\n", dtype={"a": "category"}).table["a"].dtype == "category"
    assert read(tmp_path, "a\n1\n", dtype={"a": "string"}).table["a"].tolist() == ["1"]
    assert read(tmp_path, "a\n\n2024-01-31\n", dtype={"a": "date"}).table["a"].dtype.kind == "M"
    polish = read(tmp_path, "a,b\n1,Łódź\n".encode("cp1250"), encoding="cp1250")
    assert polish.table["b"].tolist() == ["Łódź"]
    bare = read(tmp_path, "1,2.50\n3,4.75\n", header=False)
    assert bare.table.pipe(cells) == {"0": [1, 3], "1": [2.5, 4.75]}
    assert to_csv_text(bare.table, bare.dialect) == "1,2.50\n3,4.75\n"
    spaced = read(tmp_path, "a b\n1 2\n", "t.txt", sep="space").table
    assert spaced.to_dict("list") == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"sep": "::"}, ParameterError, r"sep='::' is not allowed; give one character, or one of"),
        ({"sep": '"'}, ParameterError, r"sep="),
        ({"encoding": "klingon"}, ParameterError, r"encoding='klingon' is not known"),
        ({"encoding": "zip"}, ParameterError, r"encoding='zip' is not known"),
        ({"decimal": ";"}, ParameterError, r"decimal=';' is not allowed"),
        ({"na": "NA"}, ParameterError, r"na='NA' is not allowed; give a list of texts"),
        ({"dtype": {"b": "string"}}, ParameterError, r"dtype names 'b', which is no column"),
        ({"dtype": {"é": "int"}}, ParameterError, r"dtype='int' of column 'é' is not allowed"),
        ({"dtype": {"é": "number"}}, DataError, r"column 'é' as number cannot hold 'x'; give"),
        ({"dtype": {"é": "date"}}, DataError, r"column 'é' as date cannot hold '1'"),
        ({"encoding": "ascii"}, DataError, r"not a CSV table: 'ascii' codec can't decode"),
    ],
)
def test_overrides_that_do_not_fit(tmp_path, words, error, message):
    with pytest.raises(error, match=message):
        read(tmp_path, "é\n1\nx\n", **words)


def test_one_column_that_may_be_several(tmp_path):
    text = "a   b    c\n1   2.5  x\n10  3    y\n"
    with pytest.warns(DataWarning, match=r"is read as one column; if ' ' separates .* \(--sep\)"):
        assert read(tmp_path, text).table.shape == (2, 1)
    table = read(tmp_path, text, sep="space").table
    assert cells(table) == {"a": [1, 10], "b": [2.5, 3], "c": ["x", "y"]}


def test_utf8_with_a_few_other_bytes_is_refused(tmp_path):
    content = b"name,n\n" + "José Núñez,1\n".encode() * 9 + b"Jos\xe9,2\n"
    with pytest.raises(DataError, match=r"UTF-8, but for 1 byte, the first 0xe9 at 154; mend"):
        read(tmp_path, content)
    assert len(read(tmp_path, content, encoding="latin-1").table) == 10


def test_numbers_as_names_are_announced(tmp_path):
    with pytest.warns(DataWarning, match=r"names of columns are numbers, such as '1'.*--no-header"):
        table = read(tmp_path, "1,2.5,x\n3,4,y\n").table
    assert table.columns.tolist() == ["1", "2.5", "x"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(tmp_path, "name,2024\nx,4\n")


def test_what_an_encoding_lacks(tmp_path):
    table = pd.DataFrame({"a": ["Łódź"]})
    with pytest.raises(DataError, match=r"encoding cp1252 lacks 'Ł'; give another, such as utf-8"):
        write_table(table, tmp_path / "t.csv", Dialect(encoding="cp1252"))
    assert not (tmp_path / "t.csv").exists()


def test_formulas_are_escaped_with_any_separator():
    table = pd.DataFrame({"=t": ["=1;2", "-x", None], "n": [-1.5, 2.0, 0.5]})
    dialect = Dialect(";", decimal=",")
    assert to_csv_text(table, dialect, safe=True) == (
        '"\'=t";"n"\n"\'=1;2";-1,5\n"\'-x";2,0\n"";0,5\n'
    )
    formula = Dialect.from_dict(Dialect(columns=()).to_dict())
    formula = formula.overridden(missing="=1+1", names=["=t"])
    assert "\n=1+1" not in to_csv_text(table, formula, safe=True)
    assert "'=1+1" in to_csv_text(table, formula, safe=True)


@pytest.mark.parametrize(
    "change",
    [
        {"sep": ",,"}, {"sep": "\n"}, {"encoding": "zip"}, {"encoding": "../x"}, {"decimal": "x"},
        {"line_end": "x"}, {"quote": "x"}, {"columns": [{"name": "a"}]}, {"more": 1}, {"sep": 5},
        {"columns": [{**ColumnStyle("a").to_dict(), "offset": "+9"}]},
        {"columns": [{**ColumnStyle("a").to_dict(), "date": "%s"}]},
        {"columns": [{**ColumnStyle("a").to_dict(), "decimals": [1, 99]}]},
    ],
)  # fmt: skip
def test_dialects_of_archives_are_checked(change):
    record = Dialect(";").to_dict()
    assert Dialect.from_dict(record) == Dialect(";")
    with pytest.raises(ArchiveError):
        Dialect.from_dict({**record, **change})
