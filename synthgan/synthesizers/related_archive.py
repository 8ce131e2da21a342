"""Several models in one archive: their parts side by side, with a number before each name."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.exceptions import ArchiveError
from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.families.elapsed import ElapsedTime
from synthgan.families.keys import KeyMaker
from synthgan.families.links import Link
from synthgan.families.moved_columns import MovedColumn
from synthgan.records.related import Relation
from synthgan.records.tables import Container
from synthgan.state import fields
from synthgan.state.archive import Archive, Arrays
from synthgan.synthesizers.child_table import ChildTableSynthesizer
from synthgan.synthesizers.parameters import describe, rebuild
from synthgan.synthesizers.tabular import TabularGANSynthesizer

__all__ = ["related_archive", "restore_related"]

_RANKS = "summaries."  # prefix of arrays
# Of this machine, or part of each table's own model.
_NOT_SAVED = ("relations", "tables", "callbacks", "device")
_CLASSES: dict[str, Any] = {
    cls.__name__: cls for cls in (TabularGANSynthesizer, ChildTableSynthesizer)
}


def related_archive(model: Any, critic: bool, seed: bool) -> Archive:
    """Return all that an archive holds of related tables."""
    given = model.get_params(deep=False).items()
    parameters = {name: describe(v, name) for name, v in given if name not in _NOT_SAVED}
    random_state = parameters["random_state"]
    if not seed:
        parameters["random_state"] = None
    stored = "none" if random_state is None else "stored" if seed else "not stored"
    manifest: dict[str, Any] = {
        "class": type(model).__name__,
        "parameters": parameters,
        "seed": getattr(model, "seed_", stored) if random_state is None else stored,
        "versions": model.versions_,
        "tables": [],
    }
    relations = list(model.relations_)
    schema: dict[str, Any] = {
        "relations": [one.to_dict() for one in relations],
        "links": [[relations.index(one), link.to_dict()] for one, link in model.links_.items()],
        "keys": model.keys_.to_dict(),
        "containers": {name: one.to_dict() for name, one in model.containers_.items()},
        "columns": model.columns_,
        "made": model.made_,
        "moved": [one.to_dict() for one in model.moved_],
        "elapsed": [one.to_dict() for one in model.elapsed_],
        "tables": [],
    }
    weights: Arrays = {}
    arrays: Arrays = {}
    for i, (name, own) in enumerate(model.models_.items()):
        part = own._to_archive(critic, seed)
        manifest["tables"].append(part.manifest)
        schema["tables"].append(
            {
                "name": name,
                "n_rows": model.n_rows_[name],
                "lonely": model.orphans_.get(name, 0.0),
                "hidden": model.hidden_[name],
                "schema": part.schema,
            }
        )
        weights |= {f"{i}.{key}": array for key, array in part.weights.items()}
        arrays |= {f"{i}.{key}": array for key, array in part.arrays.items()}
        if name in model.ranks_:
            schema["tables"][i]["ranks"], own_ranks = model.ranks_[name].to_state()
            arrays |= {f"{i}.{_RANKS}{key}": array for key, array in own_ranks.items()}
    return Archive(manifest, schema, weights, arrays)


def restore_related(cls: Any, archive: Archive, with_weights: bool) -> Any:
    """Build related tables from what `related_archive` returned.

    Raises
    ------
    Exception
        Of any kind, where parts do not fit together.
    """
    head = fields.read_fields(
        archive.manifest,
        "manifest",
        **dict.fromkeys(("class", "format", "parameters", "versions"), fields.plain),
        seed=fields.one_of("none", "stored", "not stored"),
        tables=fields.list_of(fields.plain),
    )
    if "moved" not in archive.schema:
        raise ArchiveError("an earlier version of synthgan made it, and coded rows otherwise")
    body = fields.read_fields(
        {"elapsed": [], **archive.schema},
        "schema",
        relations=fields.list_of(Relation.from_dict),
        links=fields.list_of(fields.tuple_of(fields.whole(0), Link.from_dict)),
        keys=KeyMaker.from_dict,
        containers=_mapping(Container.from_dict),
        columns=_mapping(_names),
        made=_mapping(_names),
        moved=fields.list_of(MovedColumn.from_dict),
        elapsed=fields.list_of(ElapsedTime.from_dict),
        tables=fields.list_of(fields.plain),
    )
    parameters = {name: rebuild(value) for name, value in head["parameters"].items()}
    made = body["made"]
    relations = [
        Relation(one.child, one.key, None, one.order) if one.child in made else one
        for one in body["relations"]
    ]
    model = cls(relations=relations, **parameters)
    model._validate_params()
    model.relations_, model.keys_ = tuple(body["relations"]), body["keys"]
    model.links_ = {body["relations"][i]: link for i, link in body["links"]}
    model.containers_, model.columns_ = body["containers"], body["columns"]
    model.moved_, model.elapsed_ = list(body["moved"]), list(body["elapsed"])
    model.made_, model.versions_, model.seed_ = made, head["versions"], head["seed"]
    model.models_, model.n_rows_, model.orphans_, model.hidden_ = {}, {}, {}, {}
    model.ranks_ = {}
    if len(head["tables"]) != len(body["tables"]):
        raise ArchiveError("manifest and schema have other tables")
    for i, (manifest, record) in enumerate(zip(head["tables"], body["tables"], strict=True)):
        _restore_table(model, archive, i, manifest, record, with_weights)
    _check(model)
    return model


def _restore_table(
    model: Any, archive: Archive, i: int, manifest: Any, record: Any, with_weights: bool
) -> None:
    """Add the model of one table."""
    table = fields.read_fields(
        {"ranks": None, **record} if isinstance(record, dict) else record,
        "table",
        ranks=fields.optional(fields.plain),
        name=fields.text,
        n_rows=fields.whole(1),
        lonely=fields.number(0),
        hidden=_names,
        schema=fields.plain,
    )
    name, own = table["name"], fields.one_of(*_CLASSES)(manifest.get("class"))
    arrays = _of(archive.arrays, i)
    ranks = {
        key.removeprefix(_RANKS): arrays.pop(key) for key in [*arrays] if key.startswith(_RANKS)
    }
    part = Archive(
        {"format": archive.manifest["format"], **manifest},
        table["schema"],
        _of(archive.weights, i),
        arrays,
    )
    model.models_[name] = _CLASSES[own]._from_archive(part, with_weights)
    model.n_rows_[name], model.orphans_[name] = table["n_rows"], table["lonely"]
    model.hidden_[name] = table["hidden"]
    if table["ranks"] is not None and own == TabularGANSynthesizer.__name__:
        model.ranks_[name] = ConditionalRanks.from_state(
            table["ranks"], ranks, *_split(model.models_[name], table)
        )


def _split(own: Any, table: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return the columns of a table that are known, and the summaries that are ranks."""
    ranked = set(_names(table["ranks"].get("order")))
    if not ranked <= set(table["hidden"]):
        raise ArchiveError("ranks of columns that are no summaries")
    known = _names(table["ranks"].get("known"))
    # Text that is dates in several forms has a column of the form beside it, which is not known.
    if not set(known) <= {column.name for column in own.schema_} - ranked:
        raise ArchiveError("ranks given columns that are not there")
    return known, list(ranked)


def _names(value: Any) -> list[Any]:
    """Check for a list of names of columns."""
    return list(fields.list_of(fields.name)(value))


def _mapping(check: Any) -> Any:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError("an object")
        return {name: check(item) for name, item in value.items()}

    return read


def _of(arrays: Arrays, i: int) -> Arrays:
    prefix = f"{i}."
    return {
        name.removeprefix(prefix): np.asarray(array)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _check(model: Any) -> None:
    """Refuse tables, relations and keys that do not fit together.

    Raises
    ------
    ArchiveError
    """
    names = set(model.models_)
    owned = {one.child for one in model.relations_}
    for one in model.relations_:
        if not {one.child, one.parent} <= names:
            raise ArchiveError(f"{one} names a table that is not there")
    for name, own in model.models_.items():
        if isinstance(own, ChildTableSynthesizer) != (name in owned):
            raise ArchiveError(f"table {fields.brief(name)} is of another class than its relations")
        keys = {c for one in model.relations_ if one.child == name for c in one.key}
        keys |= {c for one in model.relations_ if one.parent == name for c in one.parent_key}
        if set(model.keys_.dtypes_.get(name, ())) != keys:
            raise ArchiveError(f"table {fields.brief(name)} has other keys than its relations")
    if not {one.child for one in model.moved_} <= owned:
        raise ArchiveError("a column was moved from a table without a parent")
    for one in model.elapsed_:
        _check_elapsed(model, one)
    given = set(model.containers_)
    if not given <= names or set(model.columns_) != given or not set(model.made_) <= given:
        raise ArchiveError("containers and tables have other names")


def _check_elapsed(model: Any, one: ElapsedTime) -> None:
    """Refuse a time between dates that are not there."""
    owner = next((of for of in model.relations_ if of.child == one.child), None)
    if owner is None:
        raise ArchiveError("a time since a date of the parent, of a table without a parent")
    for table, date in ((one.child, one.date), (str(owner.parent), one.since)):
        own = model.models_[table]
        names = {column.name for column in own.schema_}
        if isinstance(own, ChildTableSynthesizer):
            names.add(own.timeline_.name)
        if date not in names:
            raise ArchiveError(f"table {fields.brief(table)} has no date {fields.brief(date)}")
