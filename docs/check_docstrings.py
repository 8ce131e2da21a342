"""Check that the reference lists every public name, and validate their docstrings by numpydoc.

Run it in the root of the repository: python docs/check_docstrings.py
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpydoc.hooks.validate_docstrings import parse_config
from numpydoc.validate import ERROR_MSGS, validate

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
# Modules whose names are all public.
PUBLIC = (
    "synthgan", "synthgan.datasets", "synthgan.exceptions", "synthgan.gan", "synthgan.metrics",
    "synthgan.metrics.relational", "synthgan.metrics.signals", "synthgan.report",
)  # fmt: skip
NOT_LISTED = {
    "__version__", "ComparedTables", "grouped_notices", "images", "notice", "read_sets",
    "relational", "signals", "user_level", "without_notices_of",
}  # fmt: skip
# Short methods say in one line what they take and return.
NOT_OF_METHODS = {"PR01", "RT01", "YD01"}


def listed_names() -> list[str]:
    """Return the names on the pages of the reference."""
    entry = re.compile(r"^   ((?:\w+\.)*\w+)$", re.M)
    pages = sorted(REFERENCE.glob("*.rst"))
    return [f"synthgan.{name}" for page in pages for name in entry.findall(page.read_text())]


def missing_names(listed: list[str]) -> Iterator[str]:
    """Return the public names that no page lists."""
    last = {name.rpartition(".")[2] for name in listed}
    for module in PUBLIC:
        for name in importlib.import_module(module).__all__:
            if name not in last | NOT_LISTED:
                yield f"{module}.{name}"


def find(name: str) -> Any:
    """Return the object of a dotted name."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        for part in parts[n:]:
            found = getattr(found, part)
        return found
    raise ImportError(name)


def own_methods(kind: type) -> Iterator[str]:
    """Return the public methods that synthgan defines."""
    for name in dir(kind):
        method = inspect.getattr_static(kind, name)
        method = getattr(method, "__func__", getattr(method, "fget", method))
        is_ours = inspect.isfunction(method) and method.__module__.startswith("synthgan")
        if is_ours and not name.startswith("_"):
            yield name


def checks() -> set[str]:
    """Return the checks of pyproject.toml; with "all", the others there are left out."""
    named = set(parse_config(ROOT)["checks"])
    return set(ERROR_MSGS) - named if "all" in named else named


def main() -> int:
    """Print what is wrong, and return 1 if anything is."""
    listed, wanted = listed_names(), checks()
    wrong = [f"{name}: not in docs/reference/" for name in missing_names(listed)]
    n_names = 0
    for name in listed:
        found = find(name)
        methods = own_methods(found) if inspect.isclass(found) else ()
        for full in (name, *(f"{name}.{method}" for method in methods)):
            n_names += 1
            is_short = full != name or getattr(found, "_is_protocol", False)
            kept = wanted - NOT_OF_METHODS if is_short else wanted
            errors = validate(full)["errors"]
            wrong += [f"{full}: {code} {text}" for code, text in errors if code in kept]
    print(*wrong, f"{len(wrong)} errors in {n_names} docstrings", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
