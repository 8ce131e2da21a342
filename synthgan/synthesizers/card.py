"""Model cards: what a model makes, how it was trained, what its file holds; knows no record."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from numbers import Integral
from typing import Any

from synthgan.exceptions import ParameterError
from synthgan.io.escaping import escape_code, escape_markdown

__all__ = ["write_card"]

_MAKES = {"table": "rows of a table", "signal": "windows of a signal", "image": "images"}
# Parameters of a run and a machine, which say nothing of the model.
_UNTOLD = ("callbacks", "device", "random_state", "verbose", "warm_start")
_ALWAYS = (
    "parameters, names and types of columns, shares of missing values, the weights of the "
    "generator, and the losses of training"
)
_NEVER = "a copy of the training records, the discriminator network, and what is needed to train on"


def write_card(model: Any, report: Any = None) -> str:
    """Describe a fitted model in Markdown; see `BaseGANSynthesizer.model_card`."""
    measured = [] if report is None else ["", *_measured(report)]
    lines = [
        f"# {type(model).__name__}",
        "",
        f"Makes {_MAKES[model.kind]}; a generative adversarial network, trained with synthgan.",
        "",
        "## What it makes",
        "",
        *_DATA[model.kind](model),
        "",
        "## How it was trained",
        "",
        *_training(model),
        *measured,
        "",
        "## Privacy",
        "",
        *_privacy(model),
    ]
    return "\n".join(lines) + "\n"


def _table(model: Any) -> list[str]:
    n = model.n_features_in_
    columns = list(model.schema_)
    of_y = [column.name for column in columns[n:]]
    lines = [f"- rows of {_count(n, 'column')}, as {_container(model.container_.kind)}"]
    if of_y:
        lines.append(f"- y: {_names(of_y)}")
    told = list(dict.fromkeys(group.column for group in model.known_groups_))
    if told:
        lines.append(f"- conditions that the networks were taught: {_names(told)}")
    kept = [f"{type(c).__name__} of {_names(c.uses)}" for c in model.constraints_.constraints_]
    if kept:
        lines.append(f"- relations between columns: {'; '.join(kept)}")
    rows = [
        f"| {escape_code(c.name)} | {escape_markdown(c.kind)} | {escape_code(c.dtype)} |"
        for c in columns
    ]
    return [*lines, "", "| column | kind | dtype |", "|---|---|---|", *rows]


def _signals(model: Any) -> list[str]:
    container, n_samples = model.encoder_.container_, model.n_samples_
    rate = "of no known rate"
    if model.fs_hz_ is not None:
        rate = f"at {model.fs_hz_:g} Hz ({n_samples / model.fs_hz_:g} s)"
    leads = _count(model.n_leads_, "lead")
    units = [unit if unit else "?" for unit in container.units]
    named = [
        f"{escape_code(lead)} in {escape_markdown(unit)}"
        for lead, unit in zip(container.leads, units, strict=False)
    ]
    return [
        f"- windows of {_count(n_samples, 'sample')} {rate}, {leads}, as "
        f"{_container(container.kind)} of {escape_code(container.dtype)}",
        *([f"- leads: {', '.join(named)}"] if named else []),
        *_labels(model),
    ]


def _images(model: Any) -> list[str]:
    height, width, n_channels = model.image_shape_
    colour = "grey" if n_channels == 1 else "colour"
    container = model.encoder_.container_
    return [
        f"- {colour} images of {height} x {width}, as {_container(container.kind)} of "
        f"{escape_code(container.dtype)}",
        *_labels(model),
    ]


def _labels(model: Any) -> list[str]:
    labels = [
        f"{escape_code(column.name)} ({escape_markdown(column.kind)})"
        for column in model.labels_.schema
    ]
    return [f"- labels that may be asked: {', '.join(labels)}"] if labels else []


def _training(model: Any) -> list[str]:
    n_weights = sum(weights.numel() for weights in model.generator_.parameters())
    given = {
        name: value
        for name, value in _changed(model).items()
        if name not in _UNTOLD and name != "preset"
    }
    seed = model.get_params(deep=False)["random_state"]
    told = "an int, not shown here" if isinstance(seed, Integral) else "a generator"
    if seed is None and getattr(model, "seed_", "none") == "not stored":
        seed, told = 0, "there was one; the file does not hold it"
    lines = [
        f"- preset: {'default recipe' if model.preset is None else escape_code(model.preset)}",
        *[f"- {escape_code(f'{name}={value!r}')}" for name, value in given.items()],
        *([] if seed is None else [f"- seed: {told}"]),
        f"- network: {escape_code(repr(model.network_))}, a generator of {n_weights:,} weights",
        f"- {_count(model.n_steps_, 'step')}{_of_history(model.history_)}",
    ]
    if model.critic_ is not None:
        n_trees = len(model.critic_.trees)
        lines.append(f"- of several candidates {_count(n_trees, 'boosted tree')} choose")
    versions = [
        f"{escape_markdown(name)} {escape_markdown(number)}"
        for name, number in model.versions_.items()
    ]
    return [*lines, f"- versions: {', '.join(versions)}"]


def _of_history(history: Any) -> str:
    if not len(history) or not {"epoch", "seconds"} <= set(history.columns):
        return ""
    last = history.iloc[-1]
    return f", {last['epoch']:.3g} epochs, {last['seconds']:.3g} s"


def _measured(report: Any) -> list[str]:
    """Give the report as a section of its own, one level lower."""
    if not hasattr(report, "to_markdown") or not hasattr(report, "summary"):
        raise ParameterError(f"report={report!r} is no Report; give what synthgan.evaluate gives.")
    lines = report.to_markdown().rstrip().splitlines()
    return [f"#{line}" if line.startswith("#") else line for line in lines]


def _privacy(model: Any) -> list[str]:
    holds = {"table": _table_holds, "signal": _signal_holds, "image": _image_holds}
    never = f"- It does not hold {_NEVER}."
    if model.critic_ is not None:
        never += (
            " The trees are a discriminator, too: they were trained on synthetic rows only, with "
            "targets from other trees that saw the training rows and are not in the file."
        )
    return [
        f"- The file holds {_ALWAYS}; {holds[model.kind](model)}.",
        never,
        "- There is no guarantee such as differential privacy, and a network can remember "
        "records. `synthgan.evaluate` with a holdout measures what some attacks learn from what "
        "the model makes. It does not measure what the file itself gives away, which may be more: "
        "share the file only with people who may see the data.",
    ]


def _table_holds(model: Any) -> str:
    encoder = model.encoder_
    if encoder.scaling != "quantile":
        values = "limits of each column, which may be its lowest and highest value, and all labels"
    elif encoder.min_support == 1:
        values = "every value of every column, as min_support=1"
    else:
        values = (
            f"values and labels that {encoder.min_support} or more people share, and averages of "
            "rarer ones of as many; a person is a row where no groups were given or found"
        )
    if model.constraints_.constraints_:
        values += "; relations between columns, some with the values that go together"
    if model.critic_ is None:
        return values
    return f"{values}; trees that choose among generated rows, and shares of rows in bins"


def _signal_holds(model: Any) -> str:
    scale = "limits of each lead, which may be its lowest and highest sample"
    if not model.is_quantised_:
        scale = (
            "the mean and the mean spectrum of each lead, and how sizes and heights of windows "
            "spread (means of 5 or more)"
        )
    return f"{scale}{_label_values(model)}"


def _image_holds(model: Any) -> str:
    scale = "limits of the pixels, which may be their lowest and highest value"
    return f"{scale}{_label_values(model)}"


def _label_values(model: Any) -> str:
    encoder = model.labels_.encoder
    if encoder is None:
        return ""
    return f"; labels that {encoder.min_support} or more people share"


def _container(kind: str) -> str:
    names = {
        "pandas": "a pandas DataFrame", "array": "an array", "table": "a table",
        "windows": "SignalWindows", "stack": "an ImageStack",
    }  # fmt: skip
    return names.get(kind, f"a {escape_markdown(kind)} table")


def _changed(model: Any) -> dict[str, Any]:
    """Return the parameters that are not as the constructor has them."""
    defaults = inspect.signature(type(model)).parameters
    given = model.get_params(deep=False)
    return {name: x for name, x in given.items() if repr(x) != repr(defaults[name].default)}


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _names(names: Iterable[Any]) -> str:
    return ", ".join(escape_code(name) for name in names)


_DATA = {"table": _table, "signal": _signals, "image": _images}
