"""The encoder and the synthesizer of profiles."""

from __future__ import annotations

import time

import numpy as np

from synthgan.encoding import CellGroup
from synthgan.encoding.record_encoder import RecordEncoder
from synthgan.gan import FCN, Adam, Loss
from synthgan.synthesizers.base import BaseGANSynthesizer
from synthgan.synthesizers.labelled import learn_labels, sample_records
from synthgan.synthesizers.recipes import Preset, find_encoder


class Arrays:
    def restore(self, values, info=None):
        return values


class ProfileEncoder(RecordEncoder):
    is_quantised, container_ = True, Arrays()

    def fit(self, X, y=None):
        return self.from_state({"n": np.shape(X)[1]}, {})

    def encode(self, values):
        return np.rint(1 + 254 * values).astype(np.uint8).reshape(-1, *self.grid_shape_)

    def decode(self, grids):
        return (grids.reshape(len(grids), -1) - 1.0) / 254

    def to_state(self):
        return {"n": self.n_features_in_}, {}

    def from_state(self, record, arrays):
        self.n_features_in_ = record["n"]
        self.grid_shape_ = (1, record["n"])
        self.cell_groups_ = [CellGroup("continuous", (i,)) for i in range(record["n"])]
        return self

    def _read(self, X):
        return np.asarray(X)


class ProfileGANSynthesizer(BaseGANSynthesizer):
    kind, encoder_class, presets = "profile", ProfileEncoder, {}
    recipe = Preset(
        {
            "encoder": ProfileEncoder(),
            "network": FCN(width=32, depth=1),
            "loss": Loss(),
            "optimizer": Adam(),
            "epochs": 20,
            "batch_size": 50,
        }
    )

    def fit(self, X, y=None, groups=None):
        begun, encoder = time.perf_counter(), find_encoder(self, self.recipe)
        data = learn_labels(self, encoder.fit(X), np.asarray(X), None, y)
        self._fit_grids(data, self.recipe, begun)
        return self

    def sample(self, n=None, conditions=None, random_state=None, return_y=False):
        size = self.encoder_.n_features_in_
        return sample_records(self, n, conditions, random_state, return_y, self._draw_values, size)
