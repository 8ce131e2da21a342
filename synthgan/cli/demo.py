"""synthgan demo: trains a model on a simulated clinic or hospital and evaluates it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from synthgan.cli.evaluate import print_summary
from synthgan.io.escaping import printable

__all__ = ["add"]

_FEWEST_ROWS = 20
_HOSPITAL = ("patients", "stays")  # all four tables take several minutes


def add(commands: Any) -> None:
    """Add the command to the subparsers."""
    demo = commands.add_parser(
        "demo", help="train a model on a simulated clinic or hospital and evaluate it"
    )
    demo.add_argument(
        "--kind",
        choices=("table", "relational"),
        default="table",
        help="a table of a clinic, or the patients and the stays of a hospital, which are two "
        "related tables (default: %(default)s)",
    )
    demo.add_argument("--out", default="synthgan-demo", help="output folder (default: %(default)s)")
    demo.add_argument(
        "--rows", type=int, help="number of simulated rows (default: 2000; 400 patients)"
    )
    demo.add_argument("--epochs", type=int, help="training epochs (default: 400)")
    demo.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    demo.set_defaults(command=_demo)


def _demo(parsed: argparse.Namespace) -> None:
    if parsed.rows is not None and parsed.rows < _FEWEST_ROWS:
        raise ValueError(f"--rows {parsed.rows} is too few; give {_FEWEST_ROWS} or more.")
    out = Path(parsed.out)
    out.mkdir(parents=True, exist_ok=True)
    run = _clinic if parsed.kind == "table" else _hospital
    report, paths = run(parsed, out)
    report.to_html(out / "report.html")
    files = ", ".join(map(str, (*paths, out / "report.html")))
    print(f"\nWritten: {printable(files)}")


def _clinic(parsed: argparse.Namespace, out: Path) -> tuple[Any, list[Path]]:
    """Train on a table; return the report, and the files that are written."""
    from synthgan.datasets import make_clinic
    from synthgan.io.tables import write_table
    from synthgan.kinds.table.files import train_table
    from synthgan.report import evaluate

    n = parsed.rows or 2000
    rows = make_clinic(2 * n, random_state=parsed.seed)
    real, holdout = rows.iloc[:n], rows.iloc[n:]
    print(f"Training on {len(real)} simulated patients with {real.shape[1]} columns ...")
    start = time.perf_counter()
    model = train_table(real, epochs=parsed.epochs or 400, random_state=parsed.seed)
    print(f"Training took {time.perf_counter() - start:.0f} s. Evaluating ...")
    fake = model.sample(len(real), random_state=parsed.seed + 1)
    report = evaluate(real, fake, holdout=holdout, target="outcome", model=model)
    print_summary(report)
    print("\nThe first synthetic patients:")
    print(fake.head().to_string(index=False))
    write_table(real, out / "real.csv")
    write_table(fake, out / "fake.csv")
    return report, [out / "real.csv", out / "fake.csv"]


def _hospital(parsed: argparse.Namespace, out: Path) -> tuple[Any, list[Path]]:
    """Train on related tables; return the report, and the folders that are written."""
    from synthgan.datasets import hospital_relations, make_hospital
    from synthgan.io.related import write_relations, write_tables
    from synthgan.report import evaluate
    from synthgan.synthesizers.relational import RelationalGANSynthesizer

    n = parsed.rows or 400
    real, holdout = (
        {name: table for name, table in make_hospital(n, seed).items() if name in _HOSPITAL}
        for seed in (parsed.seed, parsed.seed + 1)
    )
    relations = [one for one in hospital_relations() if one.child in _HOSPITAL]
    print(f"Training on {n} simulated patients and their {len(real['stays'])} stays ...")
    start = time.perf_counter()
    model = RelationalGANSynthesizer(
        relations, epochs=parsed.epochs or 400, random_state=parsed.seed
    ).fit(real)
    print(f"Training took {time.perf_counter() - start:.0f} s. Evaluating ...")
    fake = model.sample(n, random_state=parsed.seed + 1)
    report = evaluate(real, fake, holdout=holdout, relations=relations, model=model)
    print_summary(report)
    for name, table in fake.items():
        print(f"\nThe first synthetic {name}:")
        print(table.head().to_string(index=False))
    write_relations(out / "relations.json", relations)
    for folder, tables in (("real", real), ("fake", fake)):
        write_tables(out / folder, tables, overwrite=True)
    return report, [out / "relations.json", out / "real", out / "fake"]
