"""BaseGANSynthesizer: the only room where records meet networks."""

from __future__ import annotations

import copy
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

import synthgan
from synthgan.encoding import CellGroup
from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.gan.callbacks import Callback, Progress
from synthgan.gan.heads import CellHead, TanhHead
from synthgan.gan.losses import find_loss
from synthgan.gan.networks import build_networks, find_network
from synthgan.gan.trainer import Adam, GridData, TrainConfig, Trainer, find_device, generate
from synthgan.io.archive import read_archive, write_archive
from synthgan.presets import Preset

__all__ = ["BaseGANSynthesizer"]

_NOT_SAVED = ("callbacks", "device")  # of this machine, not of the model
_LARGEST_BATCH = 500
_FEWEST_STEPS, _MOST_STEPS = 1500, 12_000
_STEPS_PER_ROW = 0.65


class BaseGANSynthesizer(BaseEstimator, metaclass=ABCMeta):
    """What all synthesizers share: parameters, training on grids, sampling grids, archives.

    A subclass turns its records into grids and back. Parameters are documented there.
    """

    _parameter_constraints: dict[str, Any] = {
        "preset": [str, None],
        "encoder": "no_validation",
        "network": "no_validation",
        "loss": "no_validation",
        "optimizer": [Adam, None],
        "latent_dim": [Interval(Integral, 1, None, closed="left"), None],
        "epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left"), None],
        "discriminator_threshold": [Interval(Real, 0, None, closed="left"), None],
        "callbacks": [list, tuple, None],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        preset: str | None = None,
        encoder: Any = None,
        network: Any = None,
        loss: Any = None,
        optimizer: Adam | None = None,
        latent_dim: int | None = None,
        epochs: int | str | None = None,
        batch_size: int | str | None = None,
        discriminator_threshold: float | None = None,
        callbacks: Sequence[Callback] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.preset = preset
        self.encoder = encoder
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.latent_dim = latent_dim
        self.epochs = epochs
        self.batch_size = batch_size
        self.discriminator_threshold = discriminator_threshold
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _resolve(self, name: str, preset: Preset) -> Any:
        """Return a parameter, or what the preset or the default recipe says where it is None."""
        value = getattr(self, name)
        if value is None:
            value = preset.parameters[name]
        return clone(value, safe=False)

    def _fit_grids(
        self,
        grids: np.ndarray,
        half_widths: np.ndarray | None,
        groups: Sequence[CellGroup],
        preset: Preset,
    ) -> None:
        """Train a generator of grids; sets the learned attributes."""
        device = find_device(self.device)
        network = find_network(self._resolve("network", preset))
        self.latent_dim_ = int(self._resolve("latent_dim", preset))
        config = self._train_config(len(grids), preset)
        self.cell_groups_ = list(groups)
        self.grid_shape_ = grids.shape[1:]
        self.is_quantised_ = grids.dtype == np.uint8
        head = self._head().to(device)
        free = [cell for g in groups if g.kind == "continuous" for cell in g.cells]
        data = GridData(grids, half_widths, free, device)
        callbacks = [*(self.callbacks or ()), *([Progress()] if self.verbose else [])]
        strangers = [callback for callback in callbacks if not isinstance(callback, Callback)]
        if strangers:
            raise ParameterError(f"callbacks hold {strangers!r}; give Callback objects.")
        # Layers draw their first weights, and dropout its masks, from torch's global generator.
        on_cuda = device.type == "cuda"
        with torch.random.fork_rng(devices=[device] if on_cuda else []):
            torch.default_generator.manual_seed(config.seed)
            if on_cuda:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(config.seed)
            generator, discriminator = build_networks(
                network, self.grid_shape_, 0, self.latent_dim_, groups
            )
            state = Trainer(config, head, callbacks).fit(
                generator.to(device), discriminator.to(device), data
            )
        self.network_ = network
        self.generator_ = state.average.cpu()
        self.history_ = pd.DataFrame(state.history)
        self.n_steps_ = state.step

    def _train_config(self, n_rows: int, preset: Preset) -> TrainConfig:
        batch_size = self._resolve("batch_size", preset)
        if batch_size == "auto":
            batch_size = min(_LARGEST_BATCH, n_rows // 3)
        batch_size = max(2, min(int(batch_size), n_rows))
        epochs = self._resolve("epochs", preset)
        if epochs == "auto":
            n_steps = np.clip(_STEPS_PER_ROW * n_rows, _FEWEST_STEPS, _MOST_STEPS)
            epochs = max(1, round(n_steps * batch_size / n_rows))
        return TrainConfig(
            n_epochs=int(epochs),
            batch_size=batch_size,
            latent_dim=self.latent_dim_,
            optimizer=self._resolve("optimizer", preset),
            loss=find_loss(self._resolve("loss", preset)),
            discriminator_threshold=float(self._resolve("discriminator_threshold", preset)),
            seed=_draw_seed(self.random_state),
        )

    def _head(self) -> nn.Module:
        """Return the thesis' tanh for grey levels, cells by their groups otherwise."""
        return TanhHead() if self.is_quantised_ else CellHead(self.cell_groups_)

    def _sample_grids(self, n: int, random_state: Any) -> np.ndarray:
        """Draw grids, shape (n, *grid_shape_), in the dtype of the training grids."""
        check_is_fitted(self)
        if isinstance(n, bool) or not isinstance(n, Integral) or n < 0:
            raise ParameterError(f"n={n!r} is not allowed; give a number of rows, 0 or more.")
        device = find_device(self.device)
        generator = self.generator_
        if device.type != "cpu":
            generator = copy.deepcopy(generator).to(device)
        seed = _draw_seed(self.random_state if random_state is None else random_state)
        head = self._head().to(device)
        grids = generate(generator, head, int(n), self.latent_dim_, seed)
        if not self.is_quantised_:
            return grids
        grids = np.rint(grids).astype(np.uint8)
        flat = grids.reshape(len(grids), -1)
        for group in self.cell_groups_:
            # What no row ever holds is no value of a fake either.
            cells = list(group.cells)
            if group.kind == "null":
                flat[:, cells] = 0
            elif group.presence is None:
                flat[:, cells] = np.maximum(flat[:, cells], group.lowest)
        return flat.reshape(grids.shape)

    def save(self, path: Any) -> None:
        """Write the fitted model to one file, whole or not at all.

        The file holds parameters, schema, encoder tables and the generator's weights; not the
        discriminator, which has seen the records.

        Parameters
        ----------
        path : str or path
            Usually ends in ``.synthgan``.

        Raises
        ------
        ArchiveError
            A parameter that is not synthgan's own, for instance a network class of yours.
        """
        check_is_fitted(self)
        record, arrays = self._encoder_state()
        manifest = {
            "class": type(self).__name__,
            "parameters": {
                name: _describe(value, name)
                for name, value in self.get_params(deep=False).items()
                if name not in _NOT_SAVED
            },
            "network": _describe(self.network_, "network"),
            "latent_dim": self.latent_dim_,
            "n_steps": self.n_steps_,
            "versions": {
                "synthgan": synthgan.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "pandas": pd.__version__,
            },
            "history": self.history_.to_dict("list"),
        }
        weights = {
            name: tensor.detach().cpu().contiguous().numpy()
            for name, tensor in self.generator_.state_dict().items()
        }
        write_archive(path, manifest, record, weights, arrays)

    @classmethod
    def load(cls, path: Any) -> BaseGANSynthesizer:
        """Read a model that `save` wrote; nothing is unpickled.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        model : the class that was saved

        Raises
        ------
        ArchiveError
            No such file, no synthgan archive, a damaged or a newer one.
        """
        manifest, record, weights, arrays = read_archive(path)
        try:
            return cls._from_archive(manifest, record, weights, arrays)
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
            raise ArchiveError(f"{str(path)!r} holds no loadable model: {error}.") from error

    @classmethod
    def _from_archive(
        cls,
        manifest: dict[str, Any],
        record: dict[str, Any],
        weights: dict[str, np.ndarray],
        arrays: dict[str, np.ndarray],
    ) -> BaseGANSynthesizer:
        ours = [c for c in (cls, *cls.__subclasses__()) if c.__module__.startswith("synthgan.")]
        known = {c.__name__: c for c in ours}
        if manifest["class"] not in known:
            raise ValueError(f"class {manifest['class']!r} is not one of {sorted(known)}")
        parameters = {name: _rebuild(value) for name, value in manifest["parameters"].items()}
        model = known[manifest["class"]](**parameters)
        model._restore_encoder(record, arrays)
        model.network_ = _rebuild(manifest["network"])
        model.latent_dim_ = int(manifest["latent_dim"])
        model.history_ = pd.DataFrame(manifest["history"])
        model.n_steps_ = int(manifest["n_steps"])
        # Weights are drawn first and then replaced; leave torch's global generator alone.
        with torch.random.fork_rng(devices=[]):
            generator, _ = build_networks(
                model.network_, model.grid_shape_, 0, model.latent_dim_, model.cell_groups_
            )
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
        generator.load_state_dict(tensors)
        model.generator_ = generator.requires_grad_(False).eval()
        return model

    @abstractmethod
    def _encoder_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what is needed to decode grids, as plain data and arrays."""

    @abstractmethod
    def _restore_encoder(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Take back what `_encoder_state` gave; sets all learned attributes but the networks."""


def _draw_seed(random_state: Any) -> int:
    """Draw a seed for torch; None draws from the system, not from numpy's global state."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**31 - 1))
    return int(check_random_state(random_state).randint(2**31 - 1))


def _parts() -> dict[str, type]:
    """Classes that a parameter may be an object of, by name: the only ones an archive may name."""
    from synthgan.encoding import GridEncoder
    from synthgan.gan.losses import Loss
    from synthgan.gan.networks import CNN, FCN

    return {part.__name__: part for part in (Adam, CNN, FCN, GridEncoder, Loss)}


def _describe(value: Any, name: str) -> Any:
    """Turn a parameter into JSON-ready plain data."""
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return {"tuple": [_describe(item, name) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_describe(k, name), _describe(v, name)] for k, v in value.items()]}
    if value is None or isinstance(value, str | int | float):
        return value
    if type(value) in _parts().values():
        inner = value.get_params(deep=False)
        return {
            "part": type(value).__name__,
            "parameters": {key: _describe(item, f"{name}__{key}") for key, item in inner.items()},
        }
    raise ArchiveError(
        f"parameter {name}={value!r} cannot be saved; plain values and objects of "
        f"{sorted(_parts())} can: keep the fitted object with joblib instead."
    )


def _rebuild(value: Any) -> Any:
    """Turn what `_describe` gave into a parameter."""
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_rebuild(item) for item in value["tuple"])
    if "dict" in value:
        return {_rebuild(k): _rebuild(v) for k, v in value["dict"]}
    parameters = {key: _rebuild(item) for key, item in value["parameters"].items()}
    return _parts()[value["part"]](**parameters)
