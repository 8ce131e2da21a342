"""Related tables in training and sampling: what is known of the rows of each."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd

from synthgan.constraints import Inequality
from synthgan.constraints.order_search import find_lows
from synthgan.exceptions import (
    DataError,
    ParameterError,
    SynthganWarning,
    user_level,
    without_notices_of,
)
from synthgan.families.date_order import date_order
from synthgan.families.families import Families
from synthgan.families.known_tables import KnownTables
from synthgan.families.links import Link, linked_rows
from synthgan.forms import Forms
from synthgan.privacy import Support
from synthgan.records.related import RelatedTables, Relation
from synthgan.synthesizers.child_table import ChildTableSynthesizer
from synthgan.synthesizers.recipes import find_encoder, find_preset
from synthgan.synthesizers.tabular import TabularGANSynthesizer

__all__ = [
    "TableModel",
    "as_dates",
    "as_typed",
    "draw_child",
    "learn_child",
    "least_support",
    "of_table",
    "read_related_tables",
]

TableModel = TabularGANSynthesizer | ChildTableSynthesizer


def read_related_tables(
    related: RelatedTables, models: Mapping[str, TableModel]
) -> tuple[KnownTables, dict[Relation, Link]]:
    """Recognise the columns of all tables, and sum up the families, children first.

    Returns
    -------
    tables : KnownTables
        Those of `related` without keys, with summaries of their children.
    links : dict of Relation to Link
    """
    bare = {n: frame.drop(columns=related.keys(n)) for n, frame in related.frames.items()}
    tables = KnownTables(related.relations, {}, related.rows)
    typed = {name: as_typed(frame) for name, frame in bare.items()}
    plain = KnownTables(related.relations, typed, related.rows)
    links: dict[Relation, Link] = {}
    hidden: dict[str, list[pd.DataFrame]] = {name: [] for name in bare}
    below: dict[str, list[ChildTableSynthesizer]] = {name: [] for name in bare}
    for name in reversed(list(bare)):
        summaries = pd.concat([pd.DataFrame(index=bare[name].index), *hidden[name]], axis=1)
        tables.hidden[name] = list(summaries.columns)
        owner, model = related.owner(name), models[name]
        dated = pd.concat([typed[name], summaries], axis=1)
        order = None if owner is None else owner.order
        _keep_in_order(model, dated, below[name], list(bare[name]), order, _people(related, name))
        if owner is None or not isinstance(model, ChildTableSynthesizer):
            tables.frames[name] = pd.concat([bare[name], summaries], axis=1)
            continue
        parent, owners = str(owner.parent), related.rows[owner]
        with of_table(name), without_notices_of(summaries.columns):
            frame = model.read(
                bare[name], summaries, owner.order, typed[parent], owners,
                _people(related, name),
            )  # fmt: skip
        tables.frames[name] = frame
        taken = {*bare[parent].columns, *(c for one in hidden[parent] for c in one.columns)}
        known, people = plain.of_parents(parent), _people(related, parent)
        n_tables = len(related.children(parent))
        made = model.sum_up(name, owners, plain.frames[parent], known, taken, people, n_tables)
        hidden[parent].append(made)
        below[parent].append(model)
        for one in related.links(name):
            links[one] = _read_link(one, related, hidden[str(one.parent)])
    return tables, links


def least_support(model: TableModel) -> int:
    """Return how many people must share what is stored of a table: `min_support` of the encoder."""
    return int(find_encoder(model, find_preset(model)).min_support)


def _keep_in_order(
    model: TableModel,
    table: pd.DataFrame,
    children: list[ChildTableSynthesizer],
    dates: list[Hashable],
    order: Hashable | None,
    people: np.ndarray,
) -> None:
    """Add constraints between dates of a table and the ends of the families of its rows.

    Where another constraint rewrites a date already, the ends are cut off there.
    """
    support = Support(least_support(model), people)
    given = model.constraints
    wanted = ["auto"] if given is None else [given] if isinstance(given, str) else list(given)
    rewritten = {name for one in wanted if not isinstance(one, str) for name in one.rewrites}
    # A date that a family's end is counted from keeps its order with other dates, too.
    lows = find_lows(table[dates], support) if children and "auto" in wanted else {}
    for child in children:
        summaries = child.summaries_
        for one in date_order(table, summaries, dates, order, support):
            if isinstance(one, Inequality):
                more = [name for name in lows.get(one.high, ()) if name not in one.lows]
                one = Inequality([*one.lows, *more], one.high) if more else one
            if not rewritten.intersection(one.rewrites):
                wanted.append(one)
                rewritten.update(one.rewrites)
            if isinstance(one, Inequality) and summaries.last in one.lows:
                child.summaries_ = replace(summaries, upper=one.high)
    if children:
        model.constraints = wanted


def _read_link(one: Relation, related: RelatedTables, hidden: list[pd.DataFrame]) -> Link:
    """Learn how rows are linked to a further table, and count them there."""
    rows, name = related.rows[one], f"{one.child}: linked by {one.key[0]}"
    above = related.rows_above(one.child, str(one.parent))
    is_above = above is not None and bool((rows == above)[(rows >= 0) & (above >= 0)].all())
    if not is_above:
        counts = np.bincount(rows[rows >= 0], minlength=len(related.frames[str(one.parent)]))
        hidden.append(pd.DataFrame({name: counts}))
    return Link(name, float((rows < 0).mean()), is_above)


def learn_child(
    name: str,
    model: ChildTableSynthesizer,
    related: RelatedTables,
    tables: KnownTables,
    links: Mapping[Relation, Link],
) -> float:
    """Train on a child table whose parents are known.

    A row without a parent gets one of which nothing is known.

    Returns
    -------
    orphans : float
        Rows without a parent, for each row of the parent table.
    """
    owner = related.owner(name)
    if owner is None:
        raise KeyError(name)
    owners, n = related.rows[owner], len(related.frames[str(owner.parent)])
    is_orphan = owners < 0
    n_orphans = int(is_orphan.sum())
    owners = np.where(is_orphan, n + np.cumsum(is_orphan) - 1, owners)
    clock = model.timeline_.clock(tables.frames[name])
    ends = np.zeros((2, n + n_orphans))
    ends[0, owners[::-1]], ends[1, owners] = clock[::-1], clock
    families = Families(tables.of_parents(str(owner.parent)), ends[0, :n], ends[1, :n])
    families = families.extended(model.summaries_.number, ends[:, n:])
    drawn = [one for one in tables.links(name) if not links[one].is_above]
    none = np.zeros((len(owners), 0), dtype=np.int64)
    rows = np.column_stack([none, *(tables.rows[one] for one in drawn)])
    model.learn(families, owners, tables.of_links(rows, drawn), _people(related, name))
    return n_orphans / n


def draw_child(
    name: str,
    model: ChildTableSynthesizer,
    tables: KnownTables,
    links: Mapping[Relation, Link],
    orphans: float,
    rng: np.random.Generator,
) -> None:
    """Generate the rows of a child table for the generated rows of its parent; add them.

    `orphans` is the number of rows without a parent, for each row of the parent table.
    """
    owner = tables.owner(name)
    if owner is None:
        raise KeyError(name)
    parent = str(owner.parent)
    n = len(tables.frames[parent])
    n_orphans = round(orphans * n)
    families = Families.of_parents(
        tables.of_parents(parent), tables.frames[parent],
        model.summaries_, model.timeline_, model.pace_, rng,
    )  # fmt: skip
    if n_orphans:
        some = rng.integers(n, size=n_orphans)
        families = families.extended(
            model.summaries_.number, np.array([families.start[some], families.end[some]])
        )
    drawn = [one for one in tables.links(name) if not links[one].is_above]

    def draw_links(n: int, rng: np.random.Generator) -> tuple[np.ndarray, pd.DataFrame]:
        rows = np.zeros((n, len(drawn)), dtype=np.int64)
        for i, one in enumerate(drawn):
            link = links[one]
            numbers = tables.frames[str(one.parent)][link.number].to_numpy(np.float64)
            rows[:, i] = linked_rows(numbers, link.missing, n, rng)
        return rows, tables.of_links(rows, drawn)

    seed = int(rng.integers(2**31 - 1))
    table, clock, owners, linked = model.draw_families(families, draw_links, seed)
    tables.frames[name] = model.restore_rows(table, clock, owners, tables.frames[parent], rng)
    tables.rows[owner] = np.where(owners < n, owners, -1)
    for one, to in zip(drawn, linked.T, strict=True):
        tables.rows[one] = to
    for one in tables.links(name):
        if links[one].is_above:
            above = tables.rows_above(name, str(one.parent))
            if above is None:
                raise KeyError(one)
            some = linked_rows(np.ones(len(tables.frames[str(one.parent)])), 0.0, len(table), rng)
            above = np.where(above < 0, some, above)
            missing = rng.random(len(table)) < links[one].missing
            tables.rows[one] = np.where(missing, -1, above)


def as_typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with dates as dates, wherever they are recognised; nothing is announced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SynthganWarning)
        return Forms.find(frame, Support(), on_mix="text").read(frame)


def as_dates(order: pd.Series) -> pd.Series:
    """Read an order column of text."""
    name = order.name
    return as_typed(order.to_frame())[name]


def _people(related: RelatedTables, name: str) -> np.ndarray:
    people = related.roots(name)
    return np.arange(len(related.frames[name])) if people is None else people


@contextmanager
def of_table(name: str) -> Iterator[None]:
    """Name the table in errors and warnings of synthgan."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except (DataError, ParameterError) as error:
            raise type(error)(f"table {name!r}: {error}") from error
    for one in caught:
        text = (
            f"table {name!r}: {one.message}" if isinstance(one.message, SynthganWarning) else None
        )
        warnings.warn(text or str(one.message), one.category, stacklevel=user_level())
