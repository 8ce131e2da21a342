"""Model cards of signals."""

from __future__ import annotations

from typing import Any

from synthgan.io.escaping import escape_code, escape_markdown
from synthgan.synthesizers.card import container_name, count, describe_labels, label_values

__all__ = ["describe", "holds"]


def describe(model: Any) -> list[str]:
    """Describe the output of the model."""
    container, n_samples = model.encoder_.container_, model.n_samples_
    rate = "with an unknown sampling rate"
    if model.fs_hz_ is not None:
        rate = f"at {model.fs_hz_:g} Hz ({n_samples / model.fs_hz_:g} s)"
    leads = count(model.n_leads_, "lead")
    units = [unit if unit else "?" for unit in container.units]
    named = [
        f"{escape_code(lead)} in {escape_markdown(unit)}"
        for lead, unit in zip(container.leads, units, strict=False)
    ]
    return [
        f"- windows of {count(n_samples, 'sample')} {rate}, {leads}, as "
        f"{container_name(container.kind)} of {escape_code(container.dtype)}",
        *([f"- leads: {', '.join(named)}"] if named else []),
        *describe_labels(model),
        *_beats(model),
    ]


def _beats(model: Any) -> list[str]:
    """Name the lead whose beats give the heart rate, if that is a condition."""
    leads = model.encoder_.container_.leads
    if not model.labels_.measured or len(leads) < 2:
        return []
    return [f"- heart rates are those of lead {escape_code(leads[model.beat_lead_])}"]


def holds(model: Any) -> str:
    """Describe which values of training records are in the model file."""
    scale = "limits of each lead, which may be its lowest and highest sample"
    if not model.is_quantised_:
        scale = (
            "the mean and the mean spectrum of each lead, and the distributions of the sizes and "
            "heights of windows (means of 5 or more windows)"
        )
        if model.encoder_.high_band_ is not None:
            scale += ", and the mean spectrum and the loudness of the noise above its cells' band"
    return f"{scale}{label_values(model)}"
