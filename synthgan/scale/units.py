"""Parts of a table, and runs of them that processes read apart from each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from synthgan.exceptions import DataError
from synthgan.scale.reading import Batch, columns_of, read_batches, row_groups_of

__all__ = ["FilePart", "FragmentPart", "FunctionPart", "Part", "in_units", "read_parts"]

_BYTES_OF_UNIT = 2**25  # in files; a unit takes a second or so


class Part(Protocol):
    """A part of a table, which can be read again and again."""

    @property
    def name(self) -> str:
        """Name of the part in messages."""

    @property
    def n_bytes(self) -> int:
        """Size where it lies; 0 if it is not known."""

    def read(self) -> Iterator[Batch]:
        """Read the part batch by batch."""


@dataclass(frozen=True)
class FilePart:
    """A file, or some row groups of a Parquet file."""

    path: Path
    batch_rows: int
    n_bytes: int
    row_groups: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """See `Part.name`."""
        return str(self.path)

    def read(self) -> Iterator[Batch]:
        """See `Part.read`."""
        return read_batches(self.path, self.batch_rows, self.row_groups)


@dataclass(frozen=True)
class FragmentPart:
    """A fragment of an Arrow data set."""

    fragment: Any
    schema: Any
    batch_rows: int
    n_bytes: int = _BYTES_OF_UNIT

    @property
    def name(self) -> str:
        """See `Part.name`."""
        return str(getattr(self.fragment, "path", "the table"))

    def read(self) -> Iterator[Batch]:
        """See `Part.read`."""
        import pyarrow

        for batch in self.fragment.to_batches(schema=self.schema, batch_size=self.batch_rows):
            yield Batch(pyarrow.Table.from_batches([batch]))


@dataclass(frozen=True)
class FunctionPart:
    """All tables that a function's iterator returns."""

    function: Callable[[], Any]
    name: str = "the table"
    n_bytes: int = 0

    def read(self) -> Iterator[Batch]:
        """See `Part.read`."""
        return map(Batch, self.function())


def in_units(parts: Sequence[Part]) -> list[tuple[Part, ...]]:
    """Divide parts into runs that are large enough to be read by a process of its own.

    They depend on the data only, so that results do not depend on the number of processes.
    """
    units: list[tuple[Part, ...]] = []
    held: list[Part] = []
    for part in parts:
        for piece in _pieces(part):
            held.append(piece)
            if sum(one.n_bytes for one in held) >= _BYTES_OF_UNIT:
                units.append(tuple(held))
                held = []
    return [*units, tuple(held)] if held else units


def _pieces(part: Part) -> Iterator[Part]:
    """Divide a large Parquet file by its row groups."""
    sizes = None
    if isinstance(part, FilePart) and part.n_bytes > 2 * _BYTES_OF_UNIT:
        sizes = row_groups_of(part.path)
    if sizes is None or not isinstance(part, FilePart):
        yield part
        return
    first, n_bytes = 0, 0
    for i, size in enumerate(sizes):
        n_bytes += size
        if n_bytes >= _BYTES_OF_UNIT or i == len(sizes) - 1:
            yield replace(part, n_bytes=n_bytes, row_groups=tuple(range(first, i + 1)))
            first, n_bytes = i + 1, 0


def read_parts(
    parts: Sequence[Part], first: tuple[str, dict[Any, str]] | None
) -> Iterator[tuple[Batch, float]]:
    """Read parts batch by batch, each with the share of the parts that is read with it.

    Parameters
    ----------
    parts : sequence of Part
    first : (str, dict) or None
        Name and columns of the part that the others must be like; None: the first that has rows.

    Raises
    ------
    DataError
        A part that cannot be read, or that has other columns or types.
    """
    for i, part in enumerate(parts, 1):
        for batch in part.read():
            columns = columns_of(batch.table)
            if first is None:
                first = (part.name, columns)
            _check_columns(first, (part.name, columns))
            yield batch.select(list(first[1])), i / len(parts) if len(parts) > 1 else 0.0


def _check_columns(first: tuple[str, dict[Any, str]], part: tuple[str, dict[Any, str]]) -> None:
    """Refuse a part that has other columns or types than the first one."""
    (first_name, ours), (name, theirs) = first, part
    lacks, more = [x for x in ours if x not in theirs], [x for x in theirs if x not in ours]
    differ = [f"lacks columns {lacks!r}"] if lacks else []
    differ += [f"has further columns {more!r}"] if more else []
    if differ:
        raise DataError(
            f"{name!r} {' and '.join(differ)}, unlike {first_name!r}; all parts must have the same "
            "columns."
        )
    for column, kind in ours.items():
        if theirs[column] != kind:
            raise DataError(
                f"column {column!r} is {theirs[column]} in {name!r} and {kind} in {first_name!r}; "
                "convert it to one type."
            )
