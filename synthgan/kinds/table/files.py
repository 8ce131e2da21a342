"""Tables on the command line: reading, training and writing."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthgan.io.escaping import printable
from synthgan.kinds.options import estimator_arguments, split_names, text_names

__all__ = [
    "add_fit_options",
    "add_reading_options",
    "add_sample_options",
    "check_out",
    "fit",
    "read_sets",
    "text_columns",
    "train_table",
    "write",
    "write_parts",
]

_OF_TEXT = ("sep", "encoding", "decimal", "na")


def add_fit_options(tables: Any) -> None:
    """Add options of ``synthgan fit``."""
    add_reading_options(tables)
    tables.add_argument(
        "--metadata",
        metavar="M.json",
        help="SDV metadata of the table: types of columns, identifiers, people (default: found)",
    )
    _add_cache(tables)
    tables.add_argument(
        "--epsilon",
        type=float,
        help="train with (epsilon, delta)-differential privacy; needs --delta (default: no "
        "guarantee)",
    )
    tables.add_argument(
        "--delta", type=float, help="delta of that guarantee, below 1 / number of people"
    )
    tables.add_argument(
        "--public",
        metavar="FILE",
        help="JSON file of what is known without the table: an object of columns, each with a list "
        "of labels, or with [lowest, highest]",
    )
    tables.add_argument(
        "--unit",
        metavar="COLUMN",
        help="column with the person of each row, for --epsilon (default: each row is a person)",
    )
    tables.add_argument(
        "--max-rows",
        type=int,
        help="with --unit: at most so many rows of a person are learnt (default: 1)",
    )
    tables.add_argument(
        "--target",
        metavar="COLUMN",
        help="column to be predicted, for --epsilon: its dependence on pairs of other columns is "
        "measured, too",
    )


def _add_cache(tables: Any) -> None:
    tables.add_argument(
        "--cache-dir",
        metavar="FOLDER",
        help="folder for the encoded table while it is learnt; the table is then read in passes, "
        "as those of several files are (default: the folder of temporary files)",
    )


def add_reading_options(tables: Any) -> None:
    """Add options of commands that read tables."""
    _add_dialect(tables, "default: found")
    tables.add_argument(
        "--na",
        action="append",
        metavar="TEXT",
        help="text of missing cells, beside empty ones; may be repeated (default: NA, NaN, null "
        "and others, and a dot among numbers)",
    )
    tables.add_argument(
        "--dtype",
        action="append",
        metavar="COLUMN=TYPE",
        help="type of a column: string, number, category or date; may be repeated",
    )
    tables.add_argument(
        "--no-header", action="store_const", const=True, help="the first line names no columns"
    )


def add_sample_options(tables: Any) -> None:
    """Add options of ``synthgan sample``."""
    _add_dialect(tables, "default: as the training table")
    tables.add_argument(
        "--na", metavar="TEXT", help="text of missing cells (default: as the training table)"
    )
    tables.add_argument(
        "-j",
        "--jobs",
        type=int,
        help="processes that write the parts of --format; the files do not depend on it (default: "
        "1)",
    )


def _add_dialect(tables: Any, default: str) -> None:
    tables.add_argument(
        "--sep",
        metavar="CHARACTER",
        help="separator of a text file: a character, comma, semicolon, tab, pipe or space "
        f"({default})",
    )
    tables.add_argument(
        "--encoding", help=f"encoding of a text file, such as utf-8 or cp1252 ({default})"
    )
    tables.add_argument(
        "--decimal", choices=(".", ","), help=f"decimal mark of a text file ({default})"
    )


def train_table(table: Any, groups: Any = None, **parameters: Any) -> Any:
    """Fit a table, with a progress bar if standard error is a terminal."""
    from synthgan.synthesizers.tabular import TabularGANSynthesizer

    return TabularGANSynthesizer(**parameters, verbose=int(sys.stderr.isatty())).fit(
        table, groups=groups
    )


def fit(parsed: argparse.Namespace) -> tuple[Any, str]:
    """Fit a model; return it and a short description of its data."""
    from synthgan.io.tables import read_file

    path, *others = parsed.data
    columns = parsed.condition_on
    condition_on = columns if columns == "any" else split_names(columns)
    parameters = estimator_arguments(parsed, condition_on) | _guarantee(parsed)
    in_parts = Path(path).is_dir() or (not Path(path).exists() and "*" in path)
    if others or in_parts or parsed.cache_dir is not None:
        return _fit_in_passes(parsed, parameters)
    found = read_file(path, **_reading(parsed))
    print(printable(found.about), flush=True)
    table, groups = found.table, parsed.groups
    if parsed.metadata is not None:
        table, groups, parameters["constraints"] = _declared(parsed, table)
    model = train_table(table, groups, **parameters)
    if model.privacy_ is None:  # how values are written is no part of a guarantee
        model.dialect_ = found.dialect
    return model, path


def _declared(parsed: argparse.Namespace, given: Any) -> tuple[Any, Any, Any]:
    """Return table, groups and constraints as metadata declare them."""
    from synthgan.synthesizers.metadata import read_metadata

    metadata = read_metadata(parsed.metadata)
    table = metadata.prepare(given)
    for name, spec in metadata.columns.items():
        if spec["sdtype"] == "datetime" and name in text_names(given):
            table[name] = given[name]  # `fit` reads such text, and samples come in its format
    groups = metadata.groups if parsed.groups is None else parsed.groups
    return table, groups, metadata.constraints


def _fit_in_passes(parsed: argparse.Namespace, parameters: dict[str, Any]) -> tuple[Any, str]:
    """Fit a table in parts, or one with a folder for its cache, part by part."""
    from synthgan.scale.large_table import LargeTable

    words = ("sep", "encoding", "decimal", "na", "dtype", "no_header", "metadata")
    given = [name for name in words if getattr(parsed, name) is not None]
    if given:
        raise ValueError(
            f"--{given[0].replace('_', '-')} is for one file that is read at once; parts are "
            "Parquet, Feather, or CSV in UTF-8 with a header and decimal points."
        )
    table = LargeTable(parsed.data, cache_dir=parsed.cache_dir)
    n_parts = len(table.paths())
    model = train_table(table, parsed.groups, **parameters)
    some = f" and {n_parts - 1} more" if n_parts > 1 else ""
    return model, f"{table.paths()[0]}{some}"


def _guarantee(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the parameter `privacy` for differential privacy, if it is asked for."""
    names = ("epsilon", "delta", "public", "unit", "max_rows", "target")
    given = {name: getattr(parsed, name) for name in names if getattr(parsed, name) is not None}
    if not given:
        return {}
    missing = [name for name in ("epsilon", "delta") if name not in given]
    if missing:
        option = f"--{next(iter(given)).replace('_', '-')}"
        raise ValueError(f"{option} needs --{missing[0]}: give both --epsilon and --delta.")
    if parsed.privacy is not None:
        raise ValueError("--privacy is not for --epsilon; give one of them.")
    if parsed.metadata is not None:
        raise ValueError(
            "--metadata is not for --epsilon; give --public, which declares labels and ranges."
        )
    from synthgan.privacy.differential import DifferentialPrivacy

    if parsed.public is not None:
        given["public"] = _read_public(parsed.public)
    return {"privacy": DifferentialPrivacy(**given)}


def _read_public(path: str) -> dict[str, Any]:
    from synthgan.exceptions import DataError

    try:
        public = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path!r} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise DataError(f"{path!r} is no JSON: {error}.") from error
    if not isinstance(public, dict):
        raise DataError(f"{path!r} holds no JSON object of columns.")
    return public


def _reading(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `read_file`."""
    dtypes = {}
    for text in parsed.dtype or []:
        name, equals, kind = text.rpartition("=")
        if not equals or not name:
            raise ValueError(f"--dtype {text!r} is not allowed; give COLUMN=string, for instance.")
        dtypes[name] = kind
    return {
        "sep": parsed.sep,
        "encoding": parsed.encoding,
        "decimal": parsed.decimal,
        "na": parsed.na,
        "dtype": dtypes,
        "header": not parsed.no_header,
    }


def read_sets(
    paths: Sequence[str | None], parsed: argparse.Namespace, read_array: Callable[[str], Any]
) -> list[Any]:
    """Read tables, each in its own dialect; what is text in the real table is text in all."""
    from synthgan.io.tables import Dialect, read_file

    words = _reading(parsed)
    sets: list[Any] = []
    texts: set[str] = set()
    for path in paths:
        if path is None or path.endswith(".npy"):
            sets.append(None if path is None else read_array(path))
            continue
        found = read_file(path, **words)
        other = sorted(texts & set(found.table.columns) - text_names(found.table))
        if other:
            dtype = {**words["dtype"], **dict.fromkeys(other, "string")}
            found = read_file(path, **{**words, "dtype": dtype})
        texts = texts or text_names(found.table)
        dialect = found.dialect
        if dialect is None or replace(dialect, columns=()) != Dialect():
            print(printable(found.about), flush=True)
        sets.append(found.table)
    return sets


def text_columns(model: Any) -> dict[str, str]:
    """Return the columns that a model learnt from text, as dtypes for `read_table`."""
    forms = [form.name for form in model.forms_.forms if not _is_whole(form.dtype)]
    levels = [
        column.name
        for column in model.schema_
        if column.kind == "string"
        or (column.categories and all(isinstance(level, str) for level in column.categories))
    ]
    return dict.fromkeys((str(name) for name in (*forms, *levels)), "string")


def _is_whole(dtype: str) -> bool:
    return "int" in dtype.casefold()


def check_out(parsed: argparse.Namespace) -> None:
    """Raise an error if options do not fit the suffix of the output file."""
    from synthgan.io.tables import check_suffix, is_text_name

    if parsed.format is None:
        check_suffix(parsed.out)
        is_text = is_text_name(parsed.out)
    else:
        is_text = parsed.format.startswith("csv")
    if parsed.jobs is not None and parsed.format is None:
        raise ValueError(
            "--jobs is for folders of parts, and --out is one file: give --format, such as parquet."
        )
    given = [name for name in (*_OF_TEXT, "csv_safe") if getattr(parsed, name)]
    if given and not is_text:
        raise ValueError(
            f"--{given[0].replace('_', '-')} is for text files, not for {parsed.out!r}."
        )


def write(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    """Write rows in the dialect of the training table; return the plural noun for them."""
    from synthgan.io.tables import write_table

    dialect = _dialect_of(model, parsed, [str(name) for name in fake])
    write_table(fake, parsed.out, dialect, safe=parsed.csv_safe)
    return "rows"


def write_parts(model: Any, seed: int, parsed: argparse.Namespace) -> int:
    """Write a folder of parts; return the number of rows."""
    if parsed.n is None:
        raise ValueError("--format needs -n, a number of rows; conditions are for one file.")
    dialect = None
    if parsed.format.startswith("csv"):
        dialect = _dialect_of(model, parsed, [str(name) for name in model.columns_])
    n_rows = model.sample_to(
        parsed.out, parsed.n, parsed.jobs, seed, parsed.format, dialect, parsed.csv_safe
    )
    return int(n_rows)


def _dialect_of(model: Any, parsed: argparse.Namespace, names: list[str]) -> Any:
    from synthgan.io.tables import Dialect, is_tabbed

    sep = "tab" if parsed.sep is None and is_tabbed(parsed.out) else parsed.sep
    return (getattr(model, "dialect_", None) or Dialect()).overridden(
        sep, parsed.encoding, parsed.decimal, parsed.na, names
    )
