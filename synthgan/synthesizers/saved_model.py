"""SavedModel: a fitted model in one file; subclasses define what is in it."""

from __future__ import annotations

import os
import platform
from abc import ABCMeta, abstractmethod
from importlib.metadata import version
from typing import Any, TypeVar

from sklearn.utils.validation import check_is_fitted

import synthgan
from synthgan.exceptions import ArchiveError
from synthgan.gan.training.ranks import own_rank
from synthgan.kinds import all_kinds
from synthgan.state import fields
from synthgan.state.archive import Archive, read_archive, refusing, write_archive
from synthgan.synthesizers.card import write_card

__all__ = ["Model", "SavedModel", "library_versions"]

_LIBRARIES = ("numpy", "pandas", "scikit-learn", "torch")

Model = TypeVar("Model", bound="SavedModel")


class SavedModel(metaclass=ABCMeta):
    """What can be written to one file once it is fitted, and read again."""

    def save(self, path: Any, critic: bool = True, seed: bool = False) -> None:
        """Write the fitted model to one file, completely or not at all.

        Of several processes that have trained together, rank 0 writes it.

        The file holds parameters, schema, encoder tables, the generator's weights, and of a table
        the trees that choose among candidates. These trees were trained on synthetic rows only;
        their targets come from other trees that saw the training rows, and are not saved. The
        discriminator network is not in the file. See docs/privacy.md.

        Parameters
        ----------
        path : str, path or binary file
            Usually ends in ``.synthgan``. An open file, such as ``io.BytesIO()``, is written to.
        critic : bool, default=True
            Whether to write the trees that choose among candidates. Without them generated rows
            are a little easier to tell from real ones.
        seed : bool, default=False
            Whether to write `random_state`. Who has the seed and all training rows but one can
            train again, and so confirm a guess of that row.

        Raises
        ------
        ArchiveError
            A class or a parameter that is not synthgan's own, for instance a network of yours;
            weights that are not finite; a folder that cannot be written to.
        """
        check_is_fitted(self)
        cls, classes = type(self), _savable(SavedModel)
        if classes.get(cls.__name__) is not cls:
            raise ArchiveError(
                f"class {cls.__name__} cannot be saved; {sorted(classes)} can: keep the fitted "
                "object with joblib instead."
            )
        archive = self._to_archive(critic, seed)
        if own_rank() == 0 or not isinstance(path, str | os.PathLike):
            write_archive(path, *archive)

    @classmethod
    def load(cls: type[Model], path: Any) -> Model:
        """Read a model that `save` wrote; nothing is unpickled.

        Parameters
        ----------
        path : str, path or binary file

        Returns
        -------
        model : the class that was saved

        Raises
        ------
        ArchiveError
            No such file, no synthgan archive, a damaged or a newer one.
        """
        archive = read_archive(path)
        with refusing(path):
            return cls._class_of(archive)._from_archive(archive, True)

    @classmethod
    def inspect(cls: type[Model], path: Any) -> Model:
        """Read a model without its weights: enough for `model_card`.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        model : the class that was saved
            It cannot sample.

        Raises
        ------
        ArchiveError
            As `load`.
        """
        archive = read_archive(path, with_weights=False)
        with refusing(path):
            return cls._class_of(archive)._from_archive(archive, False)

    def model_card(self, report: Any = None) -> str:
        """Describe the fitted model in Markdown: output, training, privacy.

        Parameters
        ----------
        report : Report or None, default=None
            Result of `synthgan.evaluate` of a sample; its findings are added to the card.

        Returns
        -------
        card : str
            Markdown with names and types of the columns, and no value of a record.

        Raises
        ------
        ParameterError
            `report` is none.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        return write_card(self, report)

    @classmethod
    def _class_of(cls: type[Model], archive: Archive) -> type[Model]:
        """Return the class that an archive names: the estimator of a kind, and a `cls`."""
        name, classes = archive.manifest.get("class"), _savable(cls)
        if not isinstance(name, str) or name not in classes:
            raise ArchiveError(f"class {fields.brief(name)} is not one of {sorted(classes)}")
        return classes[name]

    @abstractmethod
    def _to_archive(self, critic: bool, seed: bool) -> Archive:
        """Return all that `save` writes."""

    @classmethod
    @abstractmethod
    def _from_archive(cls: type[Model], archive: Archive, with_weights: bool) -> Model:
        """Build a model from what `_to_archive` returned, perhaps without weights.

        Raises
        ------
        Exception
            Of any kind, where parts do not fit together.
        """


def library_versions() -> dict[str, str]:
    """Return the versions of what trains a model."""
    ours = {"synthgan": synthgan.__version__, "python": platform.python_version()}
    return {**ours, **{name: version(name) for name in _LIBRARIES}}


def _savable(cls: type) -> dict[str, type]:
    """Return the classes that an archive may name: estimators of kinds that are a `cls`."""
    estimators = [kind.estimator() for kind in all_kinds().values()]
    return {one.__name__: one for one in estimators if issubclass(one, cls)}
