"""A generator and what is around it, to plain data and back, with all checks of an archive."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from synthgan.exceptions import ArchiveError, DataError, DataWarning
from synthgan.gan.isolation import without_memory
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.specs import NETWORKS
from synthgan.gan.sampling import Sampler, candidates_at_a_time, grids_at_a_time
from synthgan.gan.training.memory import free_bytes, sampling_bytes
from synthgan.refine.critic import Critic
from synthgan.refine.quantile_map import QuantileMap
from synthgan.state import fields
from synthgan.state.archive import Archive, Arrays
from synthgan.synthesizers.parameters import describe, rebuild
from synthgan.synthesizers.training_run import networks_of
from synthgan.trees.boosted import Trees

__all__ = [
    "divided",
    "generator_without_memory",
    "model_of",
    "network_archive",
    "restore_refinements",
    "take_weights",
    "warn_where_unsaved",
]

# Of this machine, not of the model; and the networks to go on from are not saved either.
_NOT_SAVED = ("callbacks", "device", "warm_start")
_CRITIC, _QUANTILES = "critic.", "quantiles."  # prefixes of their arrays
_N_DRAWN = 2**11  # grids at a time, where the best of several are kept; more of more candidates
# Grids, their features, and their bins, for each cell; logits and draws for each level.
_CHOICE_BYTES, _LEVEL_BYTES = 64, 32
_MOST_LEVELS, _MOST_LEVELS_EACH = 2**24, 64  # of columns of levels together, or each


def network_archive(
    model: Any, record: dict[str, Any], arrays: Arrays, critic: bool, seed: bool
) -> Archive:
    """Return all that an archive holds of a fitted model of one generator.

    Parameters
    ----------
    model : BaseGANSynthesizer
    record, arrays : dict
        What is needed to decode grids.
    critic, seed : bool
        As in `SavedModel.save`.

    Raises
    ------
    ArchiveError
        A class, a parameter or weights that cannot be saved.
    """
    _check_levels(model)
    return Archive(
        _manifest_of(model, seed), record, _weights_of(model), _tables_of(model, arrays, critic)
    )


def warn_where_unsaved(model: Any, encoder_state: Callable[[], Any]) -> None:
    """Warn before training where `save` will refuse; `encoder_state` describes the encoder."""
    try:
        _check_levels(model)
        _parameters_of(model)
        encoder_state()
    except (ArchiveError, DataError) as error:
        warnings.warn(
            f"the model can be used, but not saved: {' '.join(str(error).split())}",
            DataWarning,
            stacklevel=5,
        )


def _manifest_of(model: Any, with_seed: bool) -> dict[str, Any]:
    """Describe a fitted model.

    Raises
    ------
    ArchiveError
        A class or a parameter that is not synthgan's own.
    """
    described = _parameters_of(model)
    given = described["parameters"]["random_state"]
    if not with_seed:
        described["parameters"]["random_state"] = None
    return {
        "class": type(model).__name__,
        **described,
        "seed": _said_of_seed(model, given, with_seed),
        "known_columns": list(dict.fromkeys(group.column for group in model.known_groups_)),
        "n_steps": model.n_steps_,
        "versions": model.versions_,
        "history": model.history_.to_dict("list"),
    }


def _said_of_seed(model: Any, given: Any, with_seed: bool) -> str:
    """Describe whether there was a seed, and whether the file has it."""
    if given is None:
        return getattr(model, "seed_", "none")
    return "stored" if with_seed else "not stored"


def _parameters_of(model: Any) -> dict[str, Any]:
    """Describe the parameters of the constructor, and the network that was built."""
    given = model.get_params(deep=False).items()
    return {
        "parameters": {name: describe(v, name) for name, v in given if name not in _NOT_SAVED},
        "network": describe(model.network_, "network"),
    }


def _weights_of(model: Any) -> Arrays:
    """Return the generator's weights, wherever they lie.

    Raises
    ------
    ArchiveError
        Some are no longer finite.
    """
    tensors = model.generator_.state_dict()
    weights = {name: t.detach().cpu().contiguous().numpy() for name, t in tensors.items()}
    if odd := _not_finite(weights):
        raise ArchiveError(
            f"the generator's {odd!r} holds NaN or infinite weights and cannot be saved: lower the "
            "learning rate and fit again."
        )
    return weights


def _tables_of(model: Any, arrays: Arrays, with_trees: bool) -> Arrays:
    """Return the arrays of the encoder and of refinements, perhaps without the critic's trees."""
    kept = model.critic_
    if kept is not None and not with_trees:
        kept = replace(kept, trees=Trees.none())
    refined = {_CRITIC: kept, _QUANTILES: model.quantile_map_}
    own = {
        f"{prefix}{name}": array
        for prefix, one in refined.items()
        if one is not None
        for name, array in one.to_arrays().items()
    }
    return {**arrays, **own}


def model_of(archive: Archive, cls: Any) -> tuple[Any, set[Any]]:
    """Return a model with its parameters and its history, and the columns that it knows.

    Raises
    ------
    Exception
        Of any kind, where parts do not fit together.
    """
    head = fields.read_fields(
        {"seed": "stored", **archive.manifest},  # archives of format 1 do not say so
        "manifest",
        **dict.fromkeys(("class", "format", "parameters", "network"), fields.plain),
        known_columns=fields.list_of(fields.optional(fields.name)),
        n_steps=fields.whole(0),
        seed=fields.one_of("none", "stored", "not stored"),
        versions=_texts,
        history=_history,
    )
    model = cls(**_parameters(head["parameters"], cls))
    model.network_ = rebuild(head["network"])
    if type(model.network_) not in NETWORKS.values():
        raise ArchiveError(f"network is {fields.brief(head['network'])}")
    model.history_, model.n_steps_ = pd.DataFrame(head["history"]), head["n_steps"]
    model.versions_, model.seed_ = head["versions"], head["seed"]
    return model, set(head["known_columns"])


def divided(arrays: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
    """Return the arrays of the encoder, and those of each refinement without its prefix."""
    left, refinements = dict(arrays), dict[str, Arrays]()
    for prefix in (_CRITIC, _QUANTILES):
        own = [name for name in arrays if name.startswith(prefix)]
        refinements[prefix] = {name.removeprefix(prefix): left.pop(name) for name in own}
    return left, refinements


def restore_refinements(
    model: Any, arrays: dict[str, Arrays], sampler: Sampler, features: Callable[..., np.ndarray]
) -> None:
    """Restore what is learnt of generated grids; `features` are what the critic sees of them."""
    if quantiles := arrays[_QUANTILES]:
        model.quantile_map_ = QuantileMap.from_arrays(quantiles, sampler.head.n_numbers)
    if critic := arrays[_CRITIC]:
        n_features = features(np.zeros((1, *model.grid_shape_), np.float32)).shape[1]
        model.critic_ = Critic.from_arrays(critic, features, n_features, sampler.known.n_features)


def generator_without_memory(model: Any, known: KnownCells) -> nn.Module:
    """Return the generator of a restored model on the meta device: it has sizes, and no weights.

    Raises
    ------
    ArchiveError
        A network that no archive can hold.
    """
    _check_levels(model)
    with without_memory():
        generator = networks_of(model, known)[0]
    generator.requires_grad_(False).eval()
    unsaved = {name for name, _ in generator.named_buffers()} - set(generator.state_dict())
    if unsaved:
        raise ArchiveError(f"the network has buffers that no archive holds: {sorted(unsaved)}")
    return generator


def take_weights(model: Any, weights: Arrays, sampler: Sampler, candidates: int) -> None:
    """Load weights into the generator of a model, if there is memory for it.

    Parameters
    ----------
    model : BaseGANSynthesizer
        Of which only the weights are missing.
    weights : dict of str to ndarray
    sampler : Sampler
        On the CPU.
    candidates : int
        Grids that are made for each one that is kept.

    Raises
    ------
    Exception
        Of any kind, where weights do not fit the network.
    """
    wanted = model.generator_.state_dict()
    if strange := sorted(set(wanted) ^ set(weights)):
        raise ArchiveError(f"weights and network differ in {fields.brief(strange)}")
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    for name, tensor in tensors.items():
        ours, theirs = (f"{tuple(t.shape)} of {t.dtype}" for t in (wanted[name], tensor))
        if ours != theirs:
            raise ArchiveError(f"weight {name!r} is {theirs}, where the network has {ours}")
    if odd := _not_finite(weights):
        raise ArchiveError(f"weight {odd!r} holds NaN or infinite numbers")
    _check_memory(model, sampler, candidates)
    # Weights lie in memory as the network's do.
    copies = {
        name: torch.empty_strided(tensor.shape, wanted[name].stride(), dtype=tensor.dtype).copy_(
            tensor
        )
        for name, tensor in tensors.items()
    }
    model.generator_.load_state_dict(copies, assign=True)


def _parameters(record: Any, cls: Any) -> dict[str, Any]:
    """Rebuild constructor parameters; those that an older synthgan did not have keep defaults."""
    names = [name for name in cls._get_param_names() if name not in _NOT_SAVED]
    if not isinstance(record, dict) or not set(record) <= set(names):
        raise ArchiveError(f"manifest has parameters that {cls.__name__} does not have")
    return {name: rebuild(value) for name, value in record.items()}


def _check_memory(model: Any, sampler: Sampler, candidates: int) -> None:
    """Refuse a network that makes no grid of the encoder's, or needs more memory than is free."""
    n_drawn = 1  # grids made at a time, at the least, to choose from
    if model.critic_ is not None:
        n_drawn = max(candidates, min(_N_DRAWN, candidates_at_a_time(sampler.n_cells)))
    n_passed = min(n_drawn, grids_at_a_time(sampler.n_cells))
    shape, n_bytes = sampling_bytes(
        model.generator_, sampler.latent_dim, sampler.known.n_conditions, n_passed
    )
    if shape != (n_passed, *model.grid_shape_):
        raise ArchiveError(f"the network makes {shape}, where grids are {model.grid_shape_}")
    if model.critic_ is not None:
        n_bytes += _CHOICE_BYTES * n_drawn * sampler.n_cells
    n_bytes += _LEVEL_BYTES * n_passed * math.prod(_n_columns_and_levels(model))
    free = free_bytes(torch.device("cpu"))
    if free is not None and n_bytes > free:
        raise ArchiveError(
            f"its network needs about {n_bytes / 1e9:.1f} GB; {free / 1e9:.1f} GB are free"
        )


def _check_levels(model: Any) -> None:
    """Refuse columns of so many levels that no archive may hold them: all take room for the most.

    Raises
    ------
    ArchiveError
    """
    n_columns, n_levels = _n_columns_and_levels(model)
    if n_columns * n_levels > max(_MOST_LEVELS, n_columns * _MOST_LEVELS_EACH):
        raise ArchiveError(
            f"{n_columns} columns of levels take room for {n_levels} levels each, of which one has "
            f"so many; {_MOST_LEVELS} in all are allowed: give the encoder a smaller max_one_hot."
        )


def _n_columns_and_levels(model: Any) -> tuple[int, int]:
    sizes = [len(group.cells) for group in model.cell_groups_ if group.kind == "one_hot"]
    return len(sizes), max(sizes, default=0)


def _not_finite(weights: Arrays) -> str | None:
    """Name an array that holds NaN or infinite numbers."""
    return next((name for name, array in weights.items() if not np.isfinite(array).all()), None)


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError("an object of strings")
    return value


def _history(value: Any) -> dict[str, Any]:
    items = fields.list_of(fields.plain_number)
    if not isinstance(value, dict):
        raise ValueError("an object of lists")
    columns = {name: list(items(column)) for name, column in value.items()}
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError("an object of lists of one length")
    return columns
