"""synthgan: train a GAN on private records and generate synthetic ones."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.2.0"

_HOMES = {
    "Adam": "synthgan.gan",
    "CNN": "synthgan.gan",
    "CNN1d": "synthgan.gan",
    "Callback": "synthgan.gan",
    "Checkpoint": "synthgan.gan",
    "DifferentialPrivacy": "synthgan.privacy.differential",
    "FCN": "synthgan.gan",
    "FixedCombinations": "synthgan.constraints",
    "GANImputer": "synthgan.synthesizers.imputer",
    "GANOverSampler": "synthgan.synthesizers.oversampler",
    "GridEncoder": "synthgan.encoding",
    "Identifier": "synthgan.constraints",
    "ImageEncoder": "synthgan.encoding",
    "ImageGANSynthesizer": "synthgan.synthesizers.image",
    "Inequality": "synthgan.constraints",
    "LargeTable": "synthgan.scale.large_table",
    "Loss": "synthgan.gan",
    "Predicate": "synthgan.constraints",
    "Progress": "synthgan.gan",
    "Range": "synthgan.constraints",
    "RareLabels": "synthgan.constraints",
    "Relation": "synthgan.records.related",
    "RelationalGANSynthesizer": "synthgan.synthesizers.relational",
    "SampleGrid": "synthgan.gan",
    "SampledRows": "synthgan.synthesizers.sampled_rows",
    "Schema": "synthgan.encoding",
    "SignalEncoder": "synthgan.encoding",
    "SignalGANSynthesizer": "synthgan.synthesizers.signal",
    "TabularGANSynthesizer": "synthgan.synthesizers.tabular",
    "evaluate": "synthgan.report",
    "read_metadata": "synthgan.synthesizers.metadata",
    "read_relations": "synthgan.io.related",
    "read_table": "synthgan.io.tables",
    "read_tables": "synthgan.io.related",
    "write_relations": "synthgan.io.related",
    "write_table": "synthgan.io.tables",
    "write_tables": "synthgan.io.related",
}

__all__ = ["__version__", "load", *_HOMES]


def load(path: Any) -> Any:
    """Read a model of any class that its ``save`` wrote; nothing is unpickled.

    Parameters
    ----------
    path : str or path
        A ``.synthgan`` file.

    Returns
    -------
    model : the synthesizer that was saved

    Raises
    ------
    synthgan.exceptions.ArchiveError
        No such file, no synthgan archive, a damaged or a newer one.
    """
    return importlib.import_module("synthgan.synthesizers.saved_model").SavedModel.load(path)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'synthgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
