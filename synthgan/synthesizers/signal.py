"""SignalGANSynthesizer: windows of signals, such as electrocardiograms."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from synthgan.encoding import SignalEncoder
from synthgan.encoding.signals.containers import SignalContainer, read_signals
from synthgan.encoding.signals.properties import PROPERTIES, measure
from synthgan.exceptions import ArchiveError, DataWarning, ParameterError
from synthgan.gan.heads import Head, SignalHead, TanhHead
from synthgan.gan.networks.protocol import OscillatorGenerator
from synthgan.gan.training.callbacks import Callback
from synthgan.gan.training.config import Adam
from synthgan.gan.training.interrupts import leaving_out
from synthgan.gan.training.trainer import find_device
from synthgan.metrics.signals import amplitudes, signal_coverage
from synthgan.privacy import Support
from synthgan.records.beats import can_beat
from synthgan.records.signals import SignalWindows, beat_lead
from synthgan.refine.calibration import FEWEST_WINDOWS, Calibration
from synthgan.refine.pauses import draw_again, share_kept
from synthgan.refine.tempo import Tempo
from synthgan.state import fields
from synthgan.synthesizers.base import BaseGANSynthesizer
from synthgan.synthesizers.durations import count_samples
from synthgan.synthesizers.labelled import draw_to_score, learn_labels, sample_records
from synthgan.synthesizers.parameters import NOT_DESCRIBED, refuse_guarantee
from synthgan.synthesizers.recipes import SIGNAL, SIGNAL_PRESETS, find_encoder, find_preset
from synthgan.synthesizers.rollback import rollback_on_error
from synthgan.synthesizers.shared_parameters import store_parameters

__all__ = ["SignalGANSynthesizer"]

_MOST_SCORED = _MOST_MEASURED = 2000  # windows
_FEWEST_DRAWN, _LEAST_SUPPORT = 200, 5  # windows to compare with few; people
_TEMPO, _LAST_WAVE = "heart_rate_bpm", 3  # the property, and the last oscillator of `CNN1d`
_CALIBRATION = "calibration."  # prefix of its arrays in an archive
_FEWEST_COVERED, _FEWEST_SAMPLES = 20, 8  # windows, and samples of each
_BATCH = 16  # windows


class SignalGANSynthesizer(BaseGANSynthesizer):
    """Train a GAN on windows of a signal and generate synthetic windows.

    Parameters left as None follow the preset, and without a preset the default recipe.

    Parameters
    ----------
    preset : {"thesis-ecg-fcn", "thesis-ecg-cnn"} or None, default=None
        Named parameter set. Parameters that you give override it.
    encoder : SignalEncoder or None, default=None
        Encodes windows as grids.
    network : {"cnn1d", "cnn", "fcn"}, network spec or None, default=None
        The networks: a short name, `CNN1d`, `CNN`, `FCN`, or any object with
        ``build(shape, n_conditions, latent_dim) -> (generator, discriminator)``.
    epochs : int, {"auto"} or None, default=None
        Passes over the training windows. ``"auto"``: by their number.
    batch_size : int, {"auto"} or None, default=None
        Windows a step; at most their number. ``"auto"``: 16, and at most a third of them.
    condition_on : list of str or None, default=None
        Conditions of `sample` beside y: columns of ``info`` of SignalWindows, and
        ``"heart_rate_bpm"``, which is measured. The networks then learn to follow it.
    fs_hz : float or None, default=None
        Samples per second; SignalWindows bring their own.

    Attributes
    ----------
    encoder_ : SignalEncoder
        Fitted on X.
    calibration_ : Calibration or None
        Correction of size, height and spectrum that `sample` applies to generated windows; None
        for fewer than 20 windows (`fit` warns), or for grey levels.
    tempo_ : (int, float) or None
        The oscillator of the generator that determines the heart rate, and the logarithm of how
        many beats a minute one cycle in a window makes; None if there is none.
    pauses_kept_ : float
        Share of windows with pauses that `sample` keeps: 0 where no training window has pauses.
    labels_ : Labels
        The labels that conditions may name.
    beat_lead_ : int
        Place of the lead whose beats give the heart rate: an ECG lead of SignalWindows, in a unit
        of voltage, where there is one; otherwise the first.
    fs_hz_ : float or None
    generator_ : torch.nn.Module
        The averaged generator, on the CPU.
    history_ : DataFrame
        One row for each logged step: epoch, step, losses, mean outputs of the discriminator,
        seconds.
    n_leads_, n_samples_ : int
        Of a window.
    n_features_in_ : int
        Samples of a window.
    feature_names_in_ : ndarray of str
        Only when X is a table whose column names are all strings.

    See Also
    --------
    SignalEncoder : Turns windows into grids and back.
    synthgan.io.records.read_records : Reads PhysioNet records.

    References
    ----------
    E. Piacentino, Generative Adversarial Network based Machine for Fake Data Generation, master
    thesis, UPC Barcelona, 2019.

    Examples
    --------
    >>> from synthgan import SignalGANSynthesizer
    >>> from synthgan.datasets import make_ecg
    >>> windows = make_ecg(20, n_samples=500, fs_hz=250, random_state=0)
    >>> model = SignalGANSynthesizer(fs_hz=250, max_steps=2, random_state=0).fit(windows)
    >>> model.sample(3).shape
    (3, 500)
    >>> model.sample(1, duration_s=10).shape
    (1, 2500)
    """

    kind = "signal"
    encoder_class = SignalEncoder
    recipe, presets = SIGNAL, SIGNAL_PRESETS
    privacy: str
    fs_hz: float | None
    properties = tuple(PROPERTIES)
    own_fields = {
        "fs_hz": fields.optional(fields.number(1e-9)),
        "pauses_kept": fields.number(0, 1),
        "tempo": fields.optional(fields.tuple_of(fields.whole(0, _LAST_WAVE), fields.number())),
    }

    _parameter_constraints = {
        **BaseGANSynthesizer._parameter_constraints,
        "fs_hz": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        preset: str | None = None,
        encoder: SignalEncoder | None = None,
        network: Any = None,
        loss: Any = None,
        optimizer: Adam | None = None,
        epochs: int | str | None = None,
        max_steps: int | None = None,
        max_time: float | str | None = None,
        batch_size: int | str | None = None,
        condition_on: Sequence[str] | None = None,
        privacy: str = "balanced",
        fs_hz: float | None = None,
        callbacks: Sequence[Callback] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        store_parameters(self, locals())

    @rollback_on_error
    def fit(self, X: Any, y: Any = None, groups: Any = None) -> SignalGANSynthesizer:
        """Train on windows.

        Parameters
        ----------
        X : SignalWindows, or array-like of shape (n, n_samples) or (n, n_leads, n_samples)
            Also a DataFrame, polars or pyarrow table of a row a window; at least two windows.
        y : Series, DataFrame or array-like of shape (n,) or (n, n_outputs), optional
            Labels, such as a diagnosis, that conditions of `sample` may name.
        groups : str, array-like of shape (n,), or None, default=None
            Who each window belongs to: a column of ``info`` of SignalWindows, or one value a
            window. Labels are then stored only where 5 people share them. None: ``patient`` or
            ``record`` of ``info`` where there is one, else each window is of another person.

        Returns
        -------
        self : SignalGANSynthesizer

        Raises
        ------
        DataError, ValueError
            Data that cannot be encoded; the message says where.
        ParameterError, ValueError
            A parameter that is not allowed.
        """
        begun = time.perf_counter()
        refuse_guarantee(self.privacy, "signals", NOT_DESCRIBED)
        self._validate_params()
        preset = find_preset(self)
        encoder = find_encoder(self, preset)
        values, container = read_signals(self, X, reset=True, min_windows=2)
        self.fs_hz_ = self._sampling_rate(container)
        self.beat_lead_ = beat_lead(container.leads, container.units)
        info = X.info if isinstance(X, SignalWindows) else None
        self.calibration_: Calibration | None = None
        self.pauses_kept_ = 1.0
        self.tempo_: tuple[int, float] | None = None
        encoder.fit(X)
        data = learn_labels(self, encoder, values, info, y, groups, self._measure, _BATCH)
        self._fit_grids(data, preset, begun)
        if not encoder.is_quantised:
            with leaving_out("calibration"):
                self._calibrate(values, data.support.people)
        return self

    def sample(
        self,
        n: int | None = None,
        conditions: Any = None,
        random_state: Any = None,
        return_y: bool = False,
        duration_s: float | None = None,
        on_missing: str = "error",
    ) -> Any:
        """Generate synthetic windows.

        Parameters
        ----------
        n : int or None, default=None
            How many; None: one, or as many as `conditions` has rows.
        conditions : dict, DataFrame (or polars or pyarrow table) or None, default=None
            What must hold in every window. A dict maps labels to a value, a range ``(low, high)``,
            ends included, or a list of values. A DataFrame asks for one window for each of its
            rows, in order. Labels are those of `condition_on` and the columns of y, ``"y"`` where
            it has no name. What can be measured is measured on the result, and windows that do not
            hold it are drawn again; a single heart rate is held within 3 %.
        random_state : int, RandomState instance or None, default=None
            None: the estimator's own, so that an int there gives the same windows at each call.
        return_y : bool, default=False
            Return (X, y) instead of X; y must have been given to `fit`. What `conditions` leave
            open is drawn as often as it was learnt together with what they ask of y.
        duration_s : float or None, default=None
            Seconds of each recording, which may be longer than the windows of `fit`: one patient
            throughout, without seams. Needs ``network="cnn1d"``.
        on_missing : {"error", "warn"}, default="error"
            If too few windows meet the conditions. ``"warn"``: return those, with a `DataWarning`.

        Returns
        -------
        X : as given to `fit`
            Same container, leads, names and dtype.
        y : as given to `fit`
            Only with `return_y`.

        Raises
        ------
        DataError
            A condition on a label or value that is not known.
        ParameterError
            `n` is negative or no integer, `return_y` without y in fit, `duration_s` without a
            sampling rate or with a network that has one length.
        SamplingError
            Windows that meet the conditions are too rare; the message tells how rare.
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from synthgan import SignalGANSynthesizer
        >>> from synthgan.datasets import make_ecg
        >>> X, y = make_ecg(20, n_samples=500, fs_hz=250, return_y=True, random_state=0)
        >>> model = SignalGANSynthesizer(max_steps=2, random_state=0).fit(X, y)
        >>> fake, labels = model.sample(
        ...     4, conditions={"diagnosis": "Myocardial infarction"}, return_y=True
        ... )
        >>> fake.shape, labels.unique().tolist()
        ((4, 500), ['Myocardial infarction'])
        """
        check_is_fitted(self)
        n_samples = count_samples(self, duration_s)
        draw, size = partial(self._draw_values, n_samples=n_samples), self.n_leads_ * n_samples
        return sample_records(
            self, n, conditions, random_state, return_y, draw, size, on_missing, self._measure
        )

    def score(self, X: Any, y: Any = None) -> float:
        """Measure how similar a sample is to X.

        Parameters
        ----------
        X : as given to `fit`
            Windows to compare with, preferably not used in training.
        y : Ignored

        Returns
        -------
        score : float
            Mean of `synthgan.metrics.signals.amplitudes` and, of 20 windows or more,
            `signal_coverage`; 0..1, higher is better, the same at each call.
        """
        check_is_fitted(self)
        real, _ = read_signals(self, X, reset=False, min_windows=2)
        real = real[np.random.default_rng(0).permutation(len(real))[:_MOST_SCORED]]
        fake = draw_to_score(self, len(real), self._draw_values)
        fs_hz, n_samples = self.fs_hz_, self.n_samples_
        if fs_hz is None or not 1 <= fs_hz <= 2 * n_samples:  # spectra could not be compared
            fs_hz = n_samples / 2
        # Samples that are held change no statistic, and make the shortest windows long enough.
        real, fake = (np.repeat(x, -(-_FEWEST_SAMPLES // x.shape[2]), axis=2) for x in (real, fake))
        values = [amplitudes(real, fake, fs_hz=fs_hz, random_state=0).value]
        if len(real) >= _FEWEST_COVERED:
            values.append(signal_coverage(real, fake, fs_hz=fs_hz, random_state=0).value)
        return float(np.mean(values))

    def _calibrate(self, values: np.ndarray, people: np.ndarray | None) -> None:
        """Calibrate first the heart rate, then sizes, heights and spectra, which depend on it."""
        if len(values) < FEWEST_WINDOWS:
            warnings.warn(
                f"{len(values)} windows are too few to calibrate samples: amplitudes, heights and "
                f"heart rates may be wrong; give {FEWEST_WINDOWS} windows or more.",
                DataWarning,
                stacklevel=4,
            )
            return
        rows = np.random.default_rng(0).permutation(len(values))[:_MOST_MEASURED]
        some, support = values[rows], Support(_LEAST_SUPPORT, people).take(rows)
        self._match_tempo(some)
        fake = self._draw_stored(max(len(some), _FEWEST_DRAWN), None, 0)
        self.calibration_ = Calibration.fit(some[:, self.encoder_.kept_], fake, support)
        made = self.encoder_.complete(self._calibrated(fake))
        self.pauses_kept_ = share_kept(some, made, self.beat_lead_, self.fs_hz_)

    def _match_tempo(self, real: np.ndarray) -> None:
        """Match the heart rates of real windows, if an oscillator of the generator sets them."""
        generator, fs_hz = self.generator_, self.fs_hz_
        if not isinstance(generator, OscillatorGenerator):
            return
        if fs_hz is None or not can_beat(fs_hz, self.n_samples_):
            return
        theirs = PROPERTIES[_TEMPO](real, fs_hz, self.beat_lead_)
        if not Tempo.is_known(theirs):
            return
        with generator.record_rates() as heard:
            fake = self.encoder_.complete(self._draw_stored(max(len(real), _FEWEST_DRAWN), None, 0))
        ours = PROPERTIES[_TEMPO](fake, fs_hz, self.beat_lead_)
        tempo = Tempo.fit(theirs, ours, torch.cat(heard).cpu().numpy())
        if tempo is not None:
            generator.change_rates(tempo.wave, tempo.middle, tempo.factor, tempo.shift)
            self.tempo_ = (tempo.wave, tempo.offset)

    def _sampling_rate(self, container: SignalContainer) -> float | None:
        given, own = self.fs_hz, container.fs_hz
        if given is not None and own is not None and given != own:
            raise ParameterError(
                f"fs_hz={given!r} does not fit the windows, which have {own:g} Hz; leave it None, "
                "or resample them."
            )
        return given if own is None else own

    def _measure(self, names: list[str], values: np.ndarray) -> dict[str, np.ndarray]:
        if names and self.fs_hz_ is None:
            raise ParameterError(f"condition_on={names!r} needs fs_hz, the samples per second.")
        return measure(names, values, self.fs_hz_, self.beat_lead_)

    def _draw_values(
        self,
        n: int,
        known: tuple[np.ndarray, np.ndarray] | None,
        seed: int,
        given: pd.DataFrame,
        n_samples: int | None = None,
    ) -> np.ndarray:
        asked = given.get(_TEMPO, pd.Series(np.nan, given.index))
        tempo = pd.to_numeric(asked, errors="coerce").to_numpy(dtype=float, na_value=np.nan)

        def draw(rows: np.ndarray, seed: int) -> np.ndarray:
            some = None if known is None else (known[0][rows], known[1][rows])
            with self._at_tempo(tempo[rows]):
                stored = self._draw_stored(len(rows), some, seed, n_samples)
            return self.encoder_.complete(self._calibrated(stored))

        return draw_again(draw, n, seed, self.beat_lead_, self.fs_hz_, self.pauses_kept_)

    def _at_tempo(self, asked: np.ndarray) -> AbstractContextManager[None]:
        """Within the context, set the oscillator that determines the heart rate, where asked."""
        generator, is_free = self.generator_, bool(np.isnan(asked).all())
        if self.tempo_ is None or is_free or not isinstance(generator, OscillatorGenerator):
            return nullcontext()
        wave, offset = self.tempo_
        return generator.at_rates(wave, torch.from_numpy(np.log(asked) - offset))

    def _calibrated(self, stored: np.ndarray) -> np.ndarray:
        return stored if self.calibration_ is None else self.calibration_.apply(stored)

    def _draw_stored(
        self,
        n: int,
        known: tuple[np.ndarray, np.ndarray] | None,
        seed: int,
        n_samples: int | None = None,
    ) -> np.ndarray:
        """Draw the leads that are stored, as the generator makes them."""
        if n_samples in (None, self.n_samples_):
            paths = self.encoder_.paths(self.sample_grids(n, seed, known))
        else:
            device, n_cells = find_device(self.device), self.encoder_.count_cells(n_samples)
            c = self._conditions(n, known).to(device)
            paths = self._sampler(device).extend(self._generator_on(device), c, seed, n_cells)
        return self.encoder_.decode_paths(paths, n_samples, np.random.default_rng(seed))

    def _head(self) -> Head:
        return TanhHead() if self.is_quantised_ else SignalHead(self.cell_groups_)

    def _encoder_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        record, arrays = super()._encoder_state()
        made = {} if self.calibration_ is None else self.calibration_.to_arrays()
        arrays = {**arrays, **{f"{_CALIBRATION}{name}": array for name, array in made.items()}}
        own = {"fs_hz": self.fs_hz_, "pauses_kept": self.pauses_kept_, "tempo": self.tempo_}
        return {**record, **own}, arrays

    def _restore_encoder(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        kept = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_CALIBRATION)}
        if isinstance(record, dict):  # earlier versions kept all windows, and set no tempo
            record = {"pauses_kept": 1.0, "tempo": None, **record}
        super()._restore_encoder(record, arrays)
        plain = {name.removeprefix(_CALIBRATION): array for name, array in kept.items()}
        shape = (len(self.encoder_.kept_), self.encoder_.n_samples_)
        self.calibration_ = Calibration.from_arrays(plain, *shape) if plain else None
        self.fs_hz_, self.pauses_kept_ = record["fs_hz"], record["pauses_kept"]
        self.tempo_ = None if record["tempo"] is None else tuple(record["tempo"])
        self.n_leads_, self.n_samples_ = self.encoder_.n_leads_, self.encoder_.n_samples_
        container = self.encoder_.container_
        self.beat_lead_ = beat_lead(container.leads, container.units)
        if self.labels_.measured and self.fs_hz_ is None:
            raise ArchiveError("labels are measured of signals without a sampling rate")
