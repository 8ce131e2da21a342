"""RelationalGANSynthesizer: tables that belong together."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from synthgan.asking.conditions import Conditions, count_rows
from synthgan.constraints.base import with_column
from synthgan.encoding import GridEncoder
from synthgan.exceptions import ParameterError, without_notices_of
from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.families.elapsed import replace_elapsed
from synthgan.families.keys import KeyMaker
from synthgan.families.known_tables import KnownTables
from synthgan.families.moved_columns import move_columns
from synthgan.gan.training.callbacks import Callback
from synthgan.gan.training.checkpoint import Checkpoint
from synthgan.randomness import draw_seed
from synthgan.records.related import RelatedTables, Relation
from synthgan.records.tables import plain_conditions, to_frame
from synthgan.state.archive import Archive
from synthgan.synthesizers.child_table import ChildTableSynthesizer
from synthgan.synthesizers.few_people import PRIVACY_LEVELS
from synthgan.synthesizers.parameters import read_seconds, refuse_guarantee
from synthgan.synthesizers.related_archive import related_archive, restore_related
from synthgan.synthesizers.related_tables import (
    TableModel,
    as_dates,
    as_typed,
    draw_child,
    learn_child,
    least_support,
    of_table,
    read_related_tables,
)
from synthgan.synthesizers.rollback import rollback_on_error
from synthgan.synthesizers.root_table import draw_root, learn_root
from synthgan.synthesizers.saved_model import SavedModel, library_versions
from synthgan.synthesizers.table_parts import identifier_columns
from synthgan.synthesizers.tabular import TabularGANSynthesizer

__all__ = ["RelationalGANSynthesizer"]

_PASSED_ON = (
    "epochs", "max_steps", "batch_size", "candidates", "privacy", "callbacks", "device", "verbose",
)  # fmt: skip
# Of rows of a table without a parent: an error in the numbers of their children is seen in all.
_CANDIDATES_OF_PARENTS = 8
_ON_ORPHANS = ("error", "drop")


class RelationalGANSynthesizer(SavedModel, BaseEstimator):
    """Train GANs on related tables and generate synthetic ones whose keys agree.

    A table without a parent is learnt as `TabularGANSynthesizer` learns it, with further columns
    that sum up the rows that belong to each of its rows: their number, first and last date, means
    and most frequent labels. A child table is generated row by row, given its parent and the rows
    before; among several such families, trees choose the most realistic ones. Keys are never
    learnt: new ones of the same pattern are made.

    Parameters
    ----------
    relations : list of Relation or {"auto"}, default="auto"
        Which table belongs to which. ``"auto"``: relations that names and values of columns allow
        in one way only; a `DataWarning` lists them.
    tables : dict of str to TabularGANSynthesizer or None, default=None
        Parameters of single tables, instead of those below.
    condition_on : dict of str to list, or None, default=None
        By table, columns that conditions of `sample` may fix; only tables without a parent.
    constraints : dict of str to list of Constraint, or None, default=None
        By table, relations between its columns; see `TabularGANSynthesizer`.
    epochs, max_steps, batch_size, candidates, privacy, callbacks, device, verbose
        Of the training on each table; see `TabularGANSynthesizer`. A `Checkpoint` keeps each table
        in a folder of its own, below the one that it is given.
    max_time : float, str or None, default=None
        About how long `fit` may take, for all tables together.
    on_orphans : {"error", "drop"}, default="error"
        What to do with rows whose key no parent has.
    random_state : int, RandomState instance or None, default=None
        Seed of fit and, where none is given there, of sample.

    Attributes
    ----------
    relations_ : tuple of Relation
        Those that were given or found.
    models_ : dict of str to TabularGANSynthesizer
        Fitted models, parents before children.

    Notes
    -----
    The unit of privacy is a row of the topmost table, with all rows that belong to it: values that
    fewer than ``min_support`` of them share are not stored.

    References
    ----------
    Gueye, Attabi and Dumas (2022), Row conditional-TGAN for generating synthetic relational
    databases, arXiv 2211.07588. Hudovernik, Jurkovic and Strumbelj (2024), Benchmarking the
    fidelity and utility of synthetic relational data, arXiv 2410.03411.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan import Relation, RelationalGANSynthesizer
    >>> rng = np.random.default_rng(0)
    >>> patients = pd.DataFrame({"id": range(50), "age": rng.integers(20, 90, 50)})
    >>> visits = pd.DataFrame({"patient": rng.integers(0, 50, 200), "day": rng.integers(0, 9, 200)})
    >>> relation = Relation("visits", "patient", "patients", parent_key="id")
    >>> model = RelationalGANSynthesizer([relation], epochs=2, random_state=0)
    >>> fake = model.fit({"patients": patients, "visits": visits}).sample(20)
    >>> len(fake["patients"]), bool(fake["visits"]["patient"].isin(fake["patients"]["id"]).all())
    (20, True)
    """

    kind = "relational"
    encoder_class = GridEncoder  # of each table
    presets: Mapping[str, Any] = {}

    _parameter_constraints: dict[str, Any] = {
        "relations": [StrOptions({"auto"}), list, tuple],
        "tables": [dict, None],
        "condition_on": [dict, None],
        "constraints": [dict, None],
        "epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "max_steps": [Interval(Integral, 1, None, closed="left"), None],
        "max_time": [Interval(Real, 0, None, closed="neither"), str, None],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left"), None],
        "candidates": [Interval(Integral, 1, None, closed="left"), None],
        "privacy": [StrOptions(set(PRIVACY_LEVELS))],
        "callbacks": [list, tuple, None],
        "on_orphans": [StrOptions(set(_ON_ORPHANS))],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        relations: str | Sequence[Relation] = "auto",
        tables: Mapping[str, TabularGANSynthesizer] | None = None,
        condition_on: Mapping[str, Sequence[Hashable]] | None = None,
        constraints: Mapping[str, Sequence[Any]] | None = None,
        epochs: int | str | None = None,
        max_steps: int | None = None,
        max_time: float | str | None = None,
        batch_size: int | str | None = None,
        candidates: int | None = None,
        privacy: str = "balanced",
        callbacks: Sequence[Callback] | None = None,
        on_orphans: str = "error",
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.relations = relations
        self.tables = tables
        self.condition_on = condition_on
        self.constraints = constraints
        self.epochs = epochs
        self.max_steps = max_steps
        self.max_time = max_time
        self.batch_size = batch_size
        self.candidates = candidates
        self.privacy = privacy
        self.callbacks = callbacks
        self.on_orphans = on_orphans
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @rollback_on_error
    def fit(self, X: Mapping[str, Any], y: Any = None) -> RelationalGANSynthesizer:
        """Train on related tables.

        Parameters
        ----------
        X : dict of str to DataFrame (or polars or pyarrow table)
        y : Ignored

        Returns
        -------
        self : RelationalGANSynthesizer

        Raises
        ------
        DataError
            Keys that are missing, not unique or without a parent; a table without rows; columns
            that cannot be encoded. The message names table and column.
        ParameterError, ValueError
            Relations that name unknown tables or columns, or form a cycle; a parameter that is not
            allowed.
        """
        begun = time.perf_counter()
        reason = "the number of rows of one person has no bound; fit one table with unit=..."
        refuse_guarantee(self.privacy, "related tables", reason)
        self._validate_params()
        related = RelatedTables.read(X, self._find_relations(X), self.on_orphans, as_dates)
        self.moved_ = move_columns(related, self._named_columns())
        self.elapsed_ = replace_elapsed(related, self._named_columns(), as_typed)
        self.relations_, self.containers_ = related.relations, related.containers
        self.made_ = related.made
        self.columns_ = {name: _read_columns(X[name]) for name in related.containers}
        self.n_rows_ = {name: len(frame) for name, frame in related.frames.items()}
        models = self._new_models(related)
        self.keys_ = KeyMaker.fit(related, max(map(least_support, models.values())))
        self.orphans_: dict[str, float] = {}
        tables, self.links_ = read_related_tables(related, models)
        self.hidden_ = tables.hidden
        seconds = read_seconds(self.max_time)
        end = None if seconds is None else begun + seconds
        self.models_: dict[str, TableModel] = {}
        self.ranks_: dict[str, ConditionalRanks] = {}
        for name, model in models.items():
            if end is not None:
                model.max_time = max(self._share_of_time(name) * (end - time.perf_counter()), 1e-3)
            with of_table(name), without_notices_of(tables.hidden[name]):
                if isinstance(model, ChildTableSynthesizer):
                    orphans = learn_child(name, model, related, tables, self.links_)
                    self.orphans_[name] = orphans
                else:
                    ranks = learn_root(name, model, models, tables)
                    if ranks is not None:
                        self.ranks_[name] = ranks
            tables.left_out[name] = identifier_columns(model)
            self.models_[name] = model
        self.versions_ = library_versions()
        return self

    def _find_relations(self, X: Mapping[str, Any]) -> Sequence[Relation]:
        if not isinstance(self.relations, str):
            return list(self.relations)
        from synthgan.records.relation_finding import find_table_relations

        return find_table_relations(X)

    def _named_columns(self) -> dict[str, set[Hashable]]:
        """Return the columns that the user's constraints name, by table."""
        given: dict[str, Any] = dict(self.constraints or {})
        given |= {name: own.constraints for name, own in (self.tables or {}).items()}
        return {
            name: {c for one in some if not isinstance(one, str) for c in one.uses}
            for name, some in given.items()
            if some is not None and not isinstance(some, str)
        }

    def _new_models(self, related: RelatedTables) -> dict[str, TableModel]:
        """Return an estimator for each table, parents before children."""
        is_seeded = self.random_state is not None
        rng = np.random.default_rng(draw_seed(self.random_state))
        for parameter in ("tables", "condition_on", "constraints"):
            unknown = set(getattr(self, parameter) or ()) - set(related.frames)
            if unknown:
                raise ParameterError(
                    f"{parameter} names table {min(unknown)!r}, which is not there; the tables are "
                    f"{list(related.frames)!r}."
                )
        models: dict[str, TableModel] = {}
        for name in related.frames:
            own = (self.tables or {}).get(name)
            given = {one: getattr(self, one) for one in _PASSED_ON}
            given["callbacks"] = self._callbacks_of(len(models))
            given["condition_on"] = (self.condition_on or {}).get(name)
            given["constraints"] = (self.constraints or {}).get(name)
            if own is not None:
                given = clone(own).get_params(deep=False)
            is_child = related.owner(name) is not None
            if own is None and not is_child and given["candidates"] is None and related.relations:
                given["candidates"] = _CANDIDATES_OF_PARENTS
            if is_child and given["condition_on"] is not None:
                raise ParameterError(
                    f"condition_on names table {name!r}, whose rows belong to a parent; only "
                    "tables without a parent can have conditions."
                )
            cls = ChildTableSynthesizer if is_child else TabularGANSynthesizer
            models[name] = cls(**given)
            models[name].random_state = int(rng.integers(2**31 - 1)) if is_seeded else None
        first = next(iter(models))
        models[first].random_state = self.random_state
        return models

    def _callbacks_of(self, number: int) -> list[Callback] | None:
        """Return the callbacks of a table; each table has a folder of checkpoints of its own."""
        if self.callbacks is None:
            return None
        return [
            Checkpoint(Path(one.folder) / f"table-{number}", one.every_epochs, one.keep)
            if isinstance(one, Checkpoint)
            else one
            for one in self.callbacks
        ]

    def _share_of_time(self, name: str) -> float:
        """Return the share of the time that is left which a table may take: by its cells."""
        names = list(self.n_rows_)
        left = names[names.index(name) :]
        return self.n_rows_[name] / sum(self.n_rows_[one] for one in left)

    def sample(
        self,
        n: int | Mapping[str, int] | None = None,
        conditions: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> dict[str, Any]:
        """Generate synthetic tables.

        Parameters
        ----------
        n : int, dict of str to int, or None, default=None
            Rows of the first table without a parent; further such tables get rows in the
            proportions of the training tables. A dict gives the number of each of them. None: one,
            or as many as the conditions have rows.
        conditions : dict of str to (dict or DataFrame), or None, default=None
            By table without a parent, what must hold in its rows; see `TabularGANSynthesizer`.
        random_state : int, RandomState instance or None, default=None
            None: the estimator's own.

        Returns
        -------
        tables : dict of str to table
            Each in the container, with the columns, order and dtypes of `fit`.

        Raises
        ------
        DataError
            A condition on a column or value that is not known.
        ParameterError
            `n` or the table of a condition is not allowed.
        SamplingError
            Rows that meet the conditions are too rare.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        conditions = {} if conditions is None else conditions
        numbers = self._numbers(n, conditions)
        seed = draw_seed(random_state, self.random_state)
        rng = np.random.default_rng(seed)
        tables = KnownTables(self.relations_, {}, {})
        for name, model in self.models_.items():
            hidden = self.hidden_[name]
            if isinstance(model, ChildTableSynthesizer):
                draw_child(name, model, tables, self.links_, self.orphans_[name], rng)
            else:
                unasked = {*hidden, *(one.name for one in self.moved_)}
                columns = {c.name: c for c in model.schema_ if c.name not in unasked}
                wanted = plain_conditions(conditions.get(name))
                wanted = model.forms_.read_conditions(wanted)
                wanted = Conditions(wanted, columns, numbers[name])
                own_seed = int(rng.integers(2**31 - 1)) if tables.frames else seed
                draw_root(name, self.models_, tables, wanted, own_seed, self.ranks_.get(name))
            tables.left_out[name], tables.hidden[name] = identifier_columns(model), hidden
        return self._write(tables, rng)

    def _numbers(
        self, n: int | Mapping[str, int] | None, conditions: Mapping[str, Any]
    ) -> dict[str, int]:
        """Return how many rows each table without a parent gets."""
        roots = [m for m in self.models_ if not isinstance(self.models_[m], ChildTableSynthesizer)]
        for given, what in ((n, "n"), (conditions, "conditions")):
            unknown = (
                [one for one in given if one not in roots] if isinstance(given, Mapping) else []
            )
            if unknown or (what == "conditions" and not isinstance(given, Mapping)):
                raise ParameterError(
                    f"{what}={given!r} is not allowed; the tables without a parent are {roots!r}: "
                    "give a dict of these."
                )
        if isinstance(n, Mapping):
            return {name: count_rows(n.get(name, 0), None) for name in roots}
        first = count_rows(n, plain_conditions(conditions.get(roots[0])))
        rest = {name: round(first * self.n_rows_[name] / self.n_rows_[roots[0]]) for name in roots}
        return {**{k: max(v, int(first > 0)) for k, v in rest.items()}, roots[0]: first}

    def _write(self, tables: KnownTables, rng: np.random.Generator) -> dict[str, Any]:
        """Make keys, and put tables into the containers of `fit`."""
        numbers = {name: len(frame) for name, frame in tables.frames.items()}
        keys = self.keys_.make(self.relations_, numbers, tables.rows, rng)
        whole = {
            name: pd.concat([self.models_[name].forms_.write(frame), keys[name]], axis=1)
            for name, frame in tables.frames.items()
        }
        for one in self.moved_:
            owner = tables.owner(one.child)
            if owner is not None:
                above, frame = whole[str(owner.parent)], whole[one.child]
                values = one.restore(above[one.name], tables.rows[owner], rng)
                whole[one.child] = with_column(frame, one.column, values.set_axis(frame.index))
        for own in self.elapsed_:
            owner = tables.owner(own.child)
            if owner is not None:
                child, frame = tables.frames[own.child], whole[own.child]
                since = tables.frames[str(owner.parent)][own.since].iloc[tables.rows[owner]]
                learnt = frame.get(own.column.name)
                values = own.restore(child[own.date], since.set_axis(child.index), learnt, rng)
                whole[own.child] = with_column(frame, own.column.name, values.set_axis(frame.index))
        made = {}
        for name, container in self.containers_.items():
            frame, owner = whole[name], tables.owner(name)
            if name in self.made_ and owner is not None:
                rows = tables.rows[owner]
                frame = pd.concat(
                    [
                        frame,
                        whole[str(owner.parent)][self.made_[name]].iloc[rows].set_axis(frame.index),
                    ],
                    axis=1,
                )
            made[name] = container.restore(frame[self.columns_[name]])
        return made

    def _to_archive(self, critic: bool, seed: bool) -> Archive:
        return related_archive(self, critic, seed)

    @classmethod
    def _from_archive(cls, archive: Archive, with_weights: bool) -> RelationalGANSynthesizer:
        return restore_related(cls, archive, with_weights)


def _read_columns(table: Any) -> list[Hashable]:
    return list(to_frame(table)[0].columns)
