"""ChildTableSynthesizer: rows that belong to a parent, generated one after the other."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import torch

from synthgan.asking.conditions import bare_schema
from synthgan.encoding import GridEncoder
from synthgan.exceptions import grouped_notices, without_notices_of
from synthgan.families.coding import FamilyCoding
from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.families.date_limits import DateLimits
from synthgan.families.date_order import bounded, opened
from synthgan.families.ends import as_shares, rows_decide_end
from synthgan.families.exclusions import Exclusions
from synthgan.families.families import Families, some_families
from synthgan.families.number_coding import NumberCoding
from synthgan.families.numbering import Numbering
from synthgan.families.pace import Pace
from synthgan.families.shared import known_of_rows
from synthgan.families.state import FamilyState
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import Timeline, durations_of
from synthgan.gan.heads import to_network_scale
from synthgan.gan.known_cells import GivenCells, KnownCells
from synthgan.gan.sampling import Candidates
from synthgan.gan.training.callbacks import KeepBest
from synthgan.privacy import Support
from synthgan.records.tables import Container
from synthgan.refine.critic import Critic
from synthgan.synthesizers import row_marks
from synthgan.synthesizers.base import BaseGANSynthesizer
from synthgan.synthesizers.child_archive import describe_child, fit_context, restore_child
from synthgan.synthesizers.family_choice import (
    choose_families,
    describe_families,
    fit_family_critic,
    read_family_critic,
)
from synthgan.synthesizers.family_rows import draw_rows
from synthgan.synthesizers.few_people import PRIVACY_LEVELS
from synthgan.synthesizers.parameters import read_seconds
from synthgan.synthesizers.recipes import Preset, find_encoder, find_preset, resolve
from synthgan.synthesizers.table_parts import find_forms, fit_constraints, table_features
from synthgan.synthesizers.table_rules import child_run, n_candidates, table_recipe
from synthgan.synthesizers.tabular import TabularGANSynthesizer
from synthgan.synthesizers.training_run import seed_of_run
from synthgan.synthesizers.training_set import TrainingSet, keep_best

__all__ = ["ChildTableSynthesizer"]

_MOST_ONE_HOT = 200  # levels; labels of a child are often many, and its rows, too
_MOST_FAMILIES = 10_000  # from which the choice among families is learnt
_FAMILIES = 6  # generated for each one that is kept
_FAMILIES_EACH = 2  # synthetic ones for each real one
_MOST_CALIBRATED, _TIMES_CALIBRATED = 4000, 10  # generated rows, and times as many as real ones


class ChildTableSynthesizer(BaseGANSynthesizer):
    """A table whose rows belong to the rows of a parent table.

    The generator makes a row given what is known before it: the parent, the place, the row before,
    and means of the rows so far. That context stands beside the grid; it is never generated. Whole
    families are then chosen among several by boosted trees that see sums of their rows.

    The parameters are those of `TabularGANSynthesizer`.
    """

    kind = "table"
    encoder_class = GridEncoder
    recipe, presets = TabularGANSynthesizer.recipe, TabularGANSynthesizer.presets
    _candidates_of_known = 8
    _can_be_alone = False
    _on_one_thread = True

    encoder: GridEncoder | None
    privacy: str
    family_critic_: Critic | None

    _parameter_constraints = TabularGANSynthesizer._parameter_constraints
    __init__ = TabularGANSynthesizer.__init__

    def read(
        self,
        frame: pd.DataFrame,
        hidden: pd.DataFrame,
        order: Hashable | None,
        parent: pd.DataFrame,
        owners: np.ndarray,
        people: np.ndarray,
    ) -> pd.DataFrame:
        """Recognise columns and relations; everything of `fit` that needs no networks.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            Without keys; rows of a family stand together, in order.
        hidden : DataFrame of shape (n_rows, n_hidden)
            Summaries of families that the rows have themselves.
        order : hashable or None
        parent : DataFrame of shape (n_parents, n_parent_columns)
        owners : ndarray of int of shape (n_rows,)
        people : ndarray of int of shape (n_rows,)

        Returns
        -------
        typed : DataFrame of shape (n_rows, n_hidden + n_columns)
            Dates as dates.
        """
        self._validate_params()
        preset = find_preset(self)
        self._new_encoder = find_encoder(self, preset)
        if self.encoder is None:
            self._new_encoder.set_params(max_one_hot=_MOST_ONE_HOT)
        constraints = resolve(self, "constraints", preset)
        with grouped_notices():
            forms, support, _ = find_forms(frame, self._new_encoder, people, None, constraints)
            self.forms_, self._support, self.container_ = forms, support, Container()
            self.y_container_, self.dialect_, self.privacy_ = None, None, None
            typed = pd.concat([hidden, forms.read(frame)], axis=1)
            if order is not None:  # it is last, as in generated rows
                typed = pd.concat([typed.drop(columns=order), typed[[order]]], axis=1)
            self.timeline_ = Timeline.fit(typed, order, parent, owners, support)
            self.limits_ = DateLimits.fit(typed, parent, owners, support)
            own = self.without_order(self.timeline_.apply(typed, parent, owners))
            self.n_features_in_ = own.shape[1] - len(forms.marks)
            self.schema_ = bare_schema(own, support)
            self.constraints_ = fit_constraints(constraints, own, [], support, None, True)
            table = self.constraints_.apply(own)
            clock = self.timeline_.clock(typed)
            self.repeats_, self._copies = row_marks.find_copies(self, table, typed, owners, clock)
            copied = self.repeats_.columns
            self.numbers_ = NumberCoding.fit(table, clock, support, self.constraints_, copied)
            changed = self.numbers_.constrained(self.constraints_)
            durations = {
                name: durations_of(self.timeline_.order, table[name])
                for name, _ in self.timeline_.own
                if name not in changed
            }
            table = self.numbers_.apply(table, clock)
            self.coding_ = FamilyCoding.fit(table, owners, clock, support)
            self.pace_ = Pace.fit(self.timeline_.order, clock, owners, durations, support)
            self.pace_ = row_marks.count_rows(self, table, owners, clock)
            self.numbering_ = Numbering.fit(own, owners, support, changed)
            self._plain = own[self.numbers_.changed(self.constraints_)]
            self.plain_coding_ = FamilyCoding.fit(self._plain, owners, clock, support)
        self._table, self._clock, self._hidden = table, clock, list(hidden.columns)
        return typed

    def without_order(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return rows without the column that orders them."""
        order = self.timeline_.name
        return table if order is None else table.drop(columns=order)

    def sum_up(
        self,
        child: str,
        owners: np.ndarray,
        parents: pd.DataFrame,
        known: pd.DataFrame,
        taken: set[Hashable],
        people: np.ndarray,
        n_tables: int,
    ) -> pd.DataFrame:
        """Choose what of the families is summed up in the parent, and return it for all parents.

        `parents` are without keys, dates as dates; `known` has the columns of their ancestors, too;
        `people` are those of the parents; `n_tables` are summed up in them.
        """
        rows, n = self.coding_.read(self._table), len(parents)
        seen = known_of_rows(known, owners, self._clock, self.timeline_.order)
        summaries = Summaries.fit(child, self.coding_, rows, owners, n, taken, seen, n_tables)
        made = summaries.apply(self.coding_, self.timeline_, rows, self._clock, owners, n)
        dated = pd.concat([parents, made.set_axis(parents.index)], axis=1)
        support, dates = Support(self._support.least, people), list(parents.columns)
        steps = np.roll(self._clock, -1) - self._clock - self.lasts(self._table)
        if summaries.last in made and rows_decide_end(self.coding_, rows, steps, owners):
            self.summaries_ = opened(dated, summaries, dates, support)
            return made.drop(columns=summaries.last)
        self.summaries_ = bounded(dated, summaries, dates, support)
        return as_shares(self.summaries_, made, self.timeline_, parents)

    def learn(
        self, families: Families, owners: np.ndarray, links: pd.DataFrame, people: np.ndarray
    ) -> ChildTableSynthesizer:
        """Train on the table that `read` took.

        Parameters
        ----------
        families : Families
        owners : ndarray of int of shape (n_rows,)
            Every row has a parent among the families.
        links : DataFrame of shape (n_rows, n_columns)
            What is known of further tables that rows are linked to.
        people : ndarray of int of shape (n_rows,)
        """
        begun = time.perf_counter()
        preset, encoder, support = find_preset(self), self._new_encoder, self._support
        table, clock = self._table, self._clock
        n_people = len(np.unique(people))
        preset = table_recipe(self, preset, n_people, len(table))
        if self.encoder is None:
            encoder.set_params(min_pool=PRIVACY_LEVELS[self.privacy].min_pool(n_people))
        ends = clock + self.lasts(table)
        self.pace_ = self.pace_.of_parents(
            self.timeline_.order, ends, owners, families.parents, self.summaries_.upper
        )
        state = self._state(families)
        contexts, order, gaps = state.unroll(table, clock, owners, ends, self._copies)
        linked = links.iloc[order].reset_index(drop=True).add_prefix("linked: ")
        known = pd.concat([contexts, linked], axis=1)
        marked = row_marks.mark_rows(self, table, owners, clock, self._copies)
        own = marked.iloc[order].reset_index(drop=True)
        if self.timeline_.order is not None:
            gaps[order] = gaps.copy()
            own[self.timeline_.name] = row_marks.learnt_steps(self, gaps, owners, clock)[order]
        support = Support(support.least, people[order])
        self.exclusions_ = Exclusions.fit(table.iloc[order].reset_index(drop=True), known, support)
        decided = row_marks.decided_rows(self, owners, clock, self._copies, order)
        self.ranks_, own = ConditionalRanks.fit(
            own, known, support, self._hidden, decided, row_marks.marks_of(self)
        )
        own = self.ranks_.learnt(own)
        with grouped_notices(), without_notices_of(self.constraints_.residuals, up_to=1):
            encoder.fit(own, groups=support.people)
        grids, half_widths = encoder.encode_cells(own, warn=False)
        self.context_encoder_ = fit_context(known, int(encoder.min_support), support.people)
        labels = self.encode_context(known)
        groups = [g for g in self.context_encoder_.cell_groups_ if g.kind != "null"]
        self.encoder_, all_groups = encoder, encoder.cell_groups_
        usual = child_run(self, all_groups, n_people, len(grids))
        support = Support(int(encoder.min_support), support.people)
        data = TrainingSet(grids, all_groups, groups, support, usual, half_widths, labels)
        self._fit_grids(data, preset, begun)
        self._calibrate(labels, decided)
        self.family_critic_ = None
        is_late = time.perf_counter() > begun + (read_seconds(self.max_time) or np.inf)
        if self._n_candidates(preset) > 1 and not is_late:
            self._fit_family_critic(families, clock, owners, links, people)
        del self._table, self._plain, self._clock, self._hidden, self._copies, self._support
        del self._new_encoder
        return self

    def _calibrate(self, labels: np.ndarray, decided: dict[Hashable, np.ndarray]) -> None:
        """Learn how the ranks of generated rows are distributed."""
        if self.ranks_.columns:
            seed = seed_of_run(self)
            n = min(_MOST_CALIBRATED, _TIMES_CALIBRATED * len(labels))
            some = np.random.default_rng(seed).integers(len(labels), size=n)
            given = (labels[some], np.ones(labels[some].shape, dtype=bool))
            made = self.encoder_.decode(self.sample_grids(len(some), seed, given))
            self.ranks_.calibrate(made, {name: rows[some] for name, rows in decided.items()})

    def lasts(self, table: pd.DataFrame) -> np.ndarray:
        """Return how long after its own time each row ends, in units of the clock; 0: at once."""
        until = self.pace_.until
        if until is None:
            return np.zeros(len(table))
        return durations_of(self.timeline_.order, self.numbers_.restore_one(table, until))

    def _state(self, families: Families) -> FamilyState:
        return FamilyState(
            self.coding_, self.summaries_, families.parents, families.start, families.end,
            self.timeline_.order, self.pace_, self.repeats_,
        )  # fmt: skip

    def encode_context(self, known: pd.DataFrame) -> np.ndarray:
        """Return what is known before rows as cells, shape (n_rows, n_cells)."""
        grids = self.context_encoder_.encode(known[self.context_encoder_.columns_], warn=False)
        return grids.reshape(len(known), -1)

    def draw_families(
        self, families: Families, links: Any, seed: int
    ) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
        """Generate the rows of families.

        Parameters
        ----------
        families : Families
        links : callable
            ``links(n, rng)`` draws the rows of further tables to which rows are linked, and returns
            their numbers of shape (n, n_links) and what is known of them.
        seed : int

        Returns
        -------
        table : DataFrame of shape (n_rows, n_columns)
            As constraints have rewritten it, without the order column.
        clock, owners : ndarray of shape (n_rows,)
        linked : ndarray of int of shape (n_rows, n_links)
        """
        rng = np.random.default_rng(seed)
        critic = self.family_critic_
        copies = np.tile(np.arange(len(families.parents)), 1 if critic is None else _FAMILIES)
        table, clock, owners, linked = self._roll(some_families(families, copies), links, rng)
        if critic is not None and len(table):
            seen = self._describe(table, clock, owners, len(copies))
            known = self._known_of_families(families, links, rng)
            planned = self._state(families).number
            kept, owners = choose_families(critic, seen, known, owners, planned, rng)
            table = table.iloc[kept].reset_index(drop=True)
            clock, linked = clock[kept], linked[kept]
        return table, clock, owners, linked

    def _roll(
        self, families: Families, links: Any, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
        """Generate families row by row, all of them at once."""
        state = self._state(families)
        parts: list[tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]] = []
        while len(at := state.alive()):
            to, known = links(len(at), rng)
            context = pd.concat([state.context(at), known.add_prefix("linked: ")], axis=1)
            table, after, fits = draw_rows(self, state, at, context, rng)
            if not fits.all():
                state.stop(at[~fits])
                at, to, after = at[fits], to[fits], after[fits]
                table = table[fits].reset_index(drop=True)
            clock = state.clock[at]
            dated, ends = row_marks.dated_rows(self, table, clock), clock + self.lasts(table)
            state.take(at, self.coding_.read(table), after, ends, dated)
            parts.append((table, clock, at, to))
        if not parts:
            table = self.encoder_.decode(np.zeros((0, *self.grid_shape_), np.float32))
            none = np.zeros(0, dtype=np.int64)
            return self.without_order(table), np.zeros(0), none, links(0, rng)[0]
        tables, clocks, owners, linked = zip(*parts, strict=True)
        of = np.concatenate(owners)
        order = np.argsort(of, kind="stable")
        table = pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True)
        return table, np.concatenate(clocks)[order], of[order], np.concatenate(linked)[order]

    def restore_rows(
        self,
        table: pd.DataFrame,
        clock: np.ndarray,
        owners: np.ndarray,
        parents: pd.DataFrame,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Turn generated rows into those that `read` returned: relations hold, dates are dates."""
        own = self._plainly(table, clock, owners, rng)
        for column in self.schema_:
            if column.kind in ("string", "category") and own[column.name].dtype == object:
                own[column.name] = own[column.name].astype(column.pandas_dtype())
        if self.timeline_.order is not None:
            own[self.timeline_.name] = self.timeline_.from_clock(clock)
        if self.pace_.within is not None:
            own = self.timeline_.cut(own, self.pace_.until, parents[self.pace_.within], owners)
        dated = self.timeline_.restore(own, parents, owners)
        return self.forms_.settle(self.limits_.apply(dated, parents, owners))

    def _plainly(
        self, table: pd.DataFrame, clock: np.ndarray, owners: np.ndarray, rng: np.random.Generator
    ) -> pd.DataFrame:
        """Undo what constraints rewrote, number rows, and remove what is not recorded then."""
        own = self.numbers_.restore(row_marks.without_marks(self, table))
        own = self.constraints_.restore(own, rng)
        own = self.repeats_.copy(row_marks.rare_columns(self.constraints_), own, table, owners)
        return self.numbers_.recording.remove(self.numbering_.restore(own, owners), clock)

    def _fit_family_critic(
        self,
        families: Families,
        clock: np.ndarray,
        owners: np.ndarray,
        links: pd.DataFrame,
        people: np.ndarray,
    ) -> None:
        """Learn to distinguish real families from generated ones of the same parents."""
        rng = np.random.default_rng(seed_of_run(self))
        some = np.sort(rng.permutation(np.unique(owners))[:_MOST_FAMILIES])
        kept = np.flatnonzero(np.isin(owners, some))
        of = np.searchsorted(some, owners[kept])
        tables = self._table.iloc[kept], self._plain.iloc[kept]
        real = describe_families(self._codings(), tables, clock[kept], of, len(some))

        def draw_links(n: int, rng: np.random.Generator) -> tuple[np.ndarray, pd.DataFrame]:
            at = rng.integers(len(links), size=n)
            return at[:, None], links.iloc[at].reset_index(drop=True)

        chosen = some_families(families, some)
        known = self._known_of_families(chosen, draw_links, rng)
        copies = np.tile(np.arange(len(some)), _FAMILIES_EACH)
        table, times, of, _ = self._roll(some_families(chosen, copies), draw_links, rng)
        fake = self._describe(table, times, of, len(copies))
        support = Support(int(self.encoder_.min_support), people[np.searchsorted(owners, some)])
        self.family_critic_ = fit_family_critic(real, fake, known, support)

    def _codings(self) -> tuple[FamilyCoding, FamilyCoding]:
        return self.coding_, self.plain_coding_

    def _describe(
        self, table: pd.DataFrame, clock: np.ndarray, owners: np.ndarray, n: int
    ) -> np.ndarray:
        """Return the features for the choice among generated families."""
        plain = self._plainly(table, clock, owners, np.random.default_rng(0))
        return describe_families(self._codings(), (table, plain), clock, owners, n)

    def _known_of_families(
        self, families: Families, links: Any, rng: np.random.Generator
    ) -> np.ndarray:
        """Return features of what is known before the first row."""
        n = len(families.parents)
        known = links(n, rng)[1]
        context = self._state(families).context(np.arange(n))
        labels = self.encode_context(pd.concat([context, known.add_prefix("linked: ")], axis=1))
        cells = self._known_cells(torch.device("cpu"), None)
        grids = to_network_scale(torch.from_numpy(labels))
        return cells.features(cells.read(grids, grids)).numpy().astype(np.float64)

    def _known_cells(self, device: torch.device, examples: np.ndarray | None) -> KnownCells:
        given = None if examples is None else to_network_scale(torch.from_numpy(examples))
        return GivenCells(self.known_groups_, device, given)

    def _keep_best(self, held_out: np.ndarray, labels: np.ndarray | None) -> KeepBest:
        """Compare rows together with what is known before them."""
        cells = self._known_cells(torch.device("cpu"), labels)
        known = cells.features(cells.none(len(held_out), torch.device("cpu"))).numpy()
        twice = np.tile(known, (2, 1))
        return keep_best(
            np.hstack([self._features(held_out), known]),
            lambda fakes: np.hstack([self._features(fakes), twice]),
        )

    def _n_candidates(self, preset: Preset) -> int:
        return n_candidates(self, preset)

    def _features(self, grids: np.ndarray | Candidates) -> np.ndarray:
        return table_features(self, grids)

    def _encoder_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return describe_child(self)

    def _restore_encoder(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        critic = restore_child(self, record, arrays)
        self.known_groups_ = [g for g in self.context_encoder_.cell_groups_ if g.kind != "null"]
        n_known = self._known_cells(torch.device("cpu"), None).n_features
        self.family_critic_ = read_family_critic(critic, self._codings(), n_known)

    def _draw_one(self) -> None:
        none = np.zeros((1, math.prod(self.context_encoder_.grid_shape_)), np.float32)
        self.encoder_.decode(self.sample_grids(1, 0, (none, none == 0)))
