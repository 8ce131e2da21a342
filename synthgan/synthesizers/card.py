"""Model cards: output, training and stored values of a model, in Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from numbers import Integral
from typing import Any

from synthgan.exceptions import ParameterError
from synthgan.io.escaping import escape_code, escape_markdown
from synthgan.kinds import Kind, find_kind
from synthgan.privacy.differential import Ledger

__all__ = [
    "code_names",
    "container_name",
    "count",
    "describe_labels",
    "label_values",
    "write_card",
]

# Parameters of a run and a machine, which do not describe the model, and what stands elsewhere.
_LEFT_OUT = (
    "callbacks", "device", "preset", "random_state", "relations", "verbose", "warm_start",
)  # fmt: skip
_ALWAYS = (
    "parameters, names and types of columns, shares of missing values, the weights of the "
    "generator, and the losses of training"
)
_NEVER = "a copy of the training records, the discriminator network, and what is needed to train on"


def write_card(model: Any, report: Any = None) -> str:
    """Describe a fitted model in Markdown; see `BaseGANSynthesizer.model_card`."""
    kind = find_kind(model.kind)
    measured = [] if report is None else ["", *_measured(report)]
    lines = [
        f"# {type(model).__name__}",
        "",
        f"Makes {kind.makes}; a generative adversarial network, trained with synthgan.",
        "",
        "## What it makes",
        "",
        *kind.describe(model),
        "",
        "## How it was trained",
        "",
        *_training(model),
        *measured,
        "",
        "## Privacy",
        "",
        *_privacy(model, kind),
    ]
    return "\n".join(lines) + "\n"


def describe_labels(model: Any) -> list[str]:
    """Name the labels that users may ask for."""
    labels = [
        f"{escape_code(column.name)} ({escape_markdown(column.kind)})"
        for column in model.labels_.schema
    ]
    return [f"- labels for conditions: {', '.join(labels)}"] if labels else []


def _training(model: Any) -> list[str]:
    parameters = model.get_params(deep=False)
    given = {name: value for name, value in _changed(model).items() if name not in _LEFT_OUT}
    seed = parameters["random_state"]
    what = "an int, not shown here" if isinstance(seed, Integral) else "a generator"
    if seed is None and getattr(model, "seed_", "none") == "not stored":
        seed, what = 0, "there was one; the file does not hold it"
    preset = parameters.get("preset")
    recipe = "default recipe" if preset is None else escape_code(preset)
    versions = [
        f"{escape_markdown(name)} {escape_markdown(number)}"
        for name, number in model.versions_.items()
    ]
    return [
        *([f"- preset: {recipe}"] if "preset" in parameters else []),
        *[f"- {escape_code(f'{name}={value!r}')}" for name, value in given.items()],
        *([] if seed is None else [f"- seed: {what}"]),
        *[line for name, part in _parts(model).items() for line in _networks(part, name)],
        f"- versions: {', '.join(versions)}",
    ]


def _parts(model: Any) -> dict[str, Any]:
    """Return the models of single tables by name; "" is a model that is not of several."""
    parts: dict[str, Any] = getattr(model, "models_", {"": model})
    return parts


def _networks(model: Any, name: str) -> list[str]:
    """Describe the networks and trees of a model of one table."""
    of = f"of {escape_code(name)}: " if name else ""
    n_weights = sum(weights.numel() for weights in model.generator_.parameters())
    lines = [
        f"- {of}network: {escape_code(repr(model.network_))}, a generator of {n_weights:,} weights",
        f"- {of}{count(model.n_steps_, 'step')}{_of_history(model.history_)}",
    ]
    if model.critic_ is not None:
        lines.append(
            f"- {of}{count(len(model.critic_.trees), 'boosted tree')} choose among candidates"
        )
    return lines


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


def _privacy(model: Any, kind: Kind) -> list[str]:
    never = f"- It does not hold {_NEVER}."
    if any(part.critic_ is not None for part in _parts(model).values()):
        never += (
            " The trees are a discriminator, too: they were trained on synthetic rows only, with "
            "targets from other trees that saw the training rows and are not in the file."
        )
    if (ledger := getattr(model, "privacy_", None)) is not None:
        return _guarantee(ledger)
    return [
        f"- The file holds {_ALWAYS}; {kind.holds(model)}.",
        never,
        "- There is no guarantee such as differential privacy, and a network can memorise "
        "records. `synthgan.evaluate` with a holdout measures what some attacks learn from "
        "generated records. It does not measure what the file itself reveals, which may be more: "
        "share the file only with people who may see the data.",
    ]


def _guarantee(ledger: Ledger) -> list[str]:
    """Describe a guarantee of differential privacy, and what was spent on what."""
    unit = "a row is added or removed"
    if ledger.unit is not None:
        unit = f"all learnt rows of one {escape_code(ledger.unit)} are added or removed"
    rows = [
        f"| {escape_markdown(one.what)} | {one.mechanism} | {one.n_numbers:,} | {one.scale:.3g} | "
        f"{one.rho:.3g} | {one.delta:.1g} |"
        for one in ledger.releases
    ]
    return [
        f"- The file, and all rows that are ever sampled from it, are ({ledger.epsilon:g}, "
        f"{ledger.delta:g})-differentially private: neighbouring tables are those from which "
        f"{unit}. Column names, their order and dtypes, and values that were declared as public, "
        "are not protected.",
        "- The guarantee is about this file alone: the epsilons of several models of the same "
        "people add up.",
        f"- Spent: epsilon {ledger.spent_epsilon:.3g}, for these releases (rho is the cost as "
        "zero-concentrated differential privacy; noise is a standard deviation, in rows):",
        "",
        "| what | mechanism | numbers | noise | rho | delta |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def label_values(model: Any) -> str:
    """List the labels that the file holds."""
    encoder = model.labels_.encoder
    if encoder is None:
        return ""
    return f"; labels that {encoder.min_support} or more people share"


def container_name(kind: str) -> str:
    """Name a container with its article."""
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


def count(n: int, noun: str) -> str:
    """Write a number and its noun."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def code_names(names: Iterable[Any]) -> str:
    """Write names as code, joined by commas."""
    return ", ".join(escape_code(name) for name in names)
