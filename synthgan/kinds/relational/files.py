"""Related tables on the command line: folders of tables, and relations between them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from synthgan.io.escaping import printable
from synthgan.kinds.options import estimator_arguments, split_names, text_names

__all__ = [
    "add_relations",
    "evaluate_arguments",
    "fit",
    "read_sets",
    "table_of_conditions",
    "write",
]


def add_relations(tables: Any) -> None:
    """Add the option of commands that read related tables."""
    tables.add_argument(
        "--relations",
        metavar="R.json",
        help="relations between the tables of a folder: a JSON list of objects with child, key, "
        "parent and order, or SDV metadata (default: found by names and values)",
    )


def fit(parsed: argparse.Namespace) -> tuple[Any, str]:
    """Fit a model; return it and a short description of its data."""
    from synthgan.io.related import read_table_files
    from synthgan.synthesizers.relational import RelationalGANSynthesizer

    folder, *others = parsed.data
    if others:
        raise ValueError(f"{len(parsed.data)} paths are given; give one folder of tables.")
    for option in ("preset", "groups"):
        if getattr(parsed, option) is not None:
            raise ValueError(
                f"--{option} is not for related tables; a person is a row of the topmost table "
                "with all that belongs to it."
            )
    relations = _relations(parsed)
    files = read_table_files(folder, follow_links=parsed.follow_links)
    for file in files.values():
        print(printable(file.about), flush=True)
    parameters = estimator_arguments(parsed, _columns(parsed.condition_on, [*files]))
    del parameters["preset"]
    model: Any = RelationalGANSynthesizer(relations, **parameters)
    model.set_params(verbose=int(sys.stderr.isatty()))
    model.fit({name: file.table for name, file in files.items()})
    for name, file in files.items():
        model.models_[name].dialect_ = file.dialect
    return model, f"the {len(files)} tables of {folder}"


def _relations(parsed: argparse.Namespace) -> Any:
    from synthgan.io.related import read_relations

    return "auto" if parsed.relations is None else read_relations(parsed.relations)


def _columns(text: str | None, tables: Sequence[str]) -> dict[str, list[str]] | None:
    """Return the columns of conditions by table, of names such as patients.age."""
    wanted: dict[str, list[str]] = {}
    for name in split_names(text) or ():
        table = next((one for one in tables if name.startswith(f"{one}.")), None)
        if table is None:
            raise ValueError(
                f"--condition-on {name!r} names no table; give names such as {tables[0]}.COLUMN."
            )
        wanted.setdefault(table, []).append(name.removeprefix(f"{table}."))
    return wanted or None


def table_of_conditions(path: str, model: Any) -> str:
    """Return the table that a file of conditions is named after, or the topmost one."""
    stem = Path(path).name.partition(".")[0]
    return stem if stem in model.models_ else next(iter(model.models_))


def read_sets(
    paths: Sequence[str | None], parsed: argparse.Namespace, read_array: Callable[[str], Any]
) -> list[Any]:
    """Read folders; what is text in a real table is text in all of the same name."""
    from synthgan.io.related import read_table_files

    sets: list[Any] = []
    texts: dict[str, set[str]] = {}
    for path in paths:
        if path is None:
            sets.append(None)
            continue
        files = read_table_files(path, follow_links=parsed.follow_links)
        dtypes = {
            name: dict.fromkeys(sorted(other), "string")
            for name, file in files.items()
            if (other := texts.get(name, set()) & set(file.table) - text_names(file.table))
        }
        if dtypes:
            files = read_table_files(path, follow_links=parsed.follow_links, dtypes=dtypes)
        texts = texts or {name: text_names(file.table) for name, file in files.items()}
        sets.append({name: file.table for name, file in files.items()})
    return sets


def evaluate_arguments(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the relations between the real tables, given or to be found."""
    return {"relations": _relations(parsed)}


def write(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    """Write a file for each table; return the plural noun for them, with their rows."""
    from synthgan.io.related import write_tables

    dialects = {name: getattr(model.models_.get(name), "dialect_", None) for name in fake}
    write_tables(
        parsed.out,
        fake,
        suffix=f".{parsed.format or 'csv'}",
        dialects=dialects,
        safe=parsed.csv_safe,
        overwrite=parsed.overwrite,
    )
    return f"tables ({', '.join(f'{len(table)} {name}' for name, table in fake.items())})"
