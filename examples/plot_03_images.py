"""
Handwritten digits
==================

The digits of scikit-learn have 8 by 8 pixels. They are learnt together with their labels, so any
digit can be asked for. A classifier that has seen synthetic digits only then reads real digits.
"""

# %%
# Half of the images are learnt. The other half is the holdout. A fully connected network
# (``fcn``) is fast and good for images this small.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from synthgan import ImageGANSynthesizer

torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8)
model = ImageGANSynthesizer(network="fcn", batch_size=100, max_steps=3000, random_state=0)
model.fit(X[::2], y[::2])

# %%
# Sixteen of each digit are asked for.

labels = np.repeat(np.arange(10), 16)
fake = model.sample(conditions=pd.DataFrame({"y": labels}), random_state=0)
real = np.concatenate([X[1::2][y[1::2] == digit][:16] for digit in range(10)])


def mosaic(images):
    """Put images side by side, a row for each digit."""
    apart = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return np.block([list(row) for row in apart.reshape(10, 16, 10, 10)])


figure, axes = plt.subplots(1, 2, figsize=(12, 4.2))
for axis, title, images in zip(axes, ("real", "synthetic"), (real, fake), strict=True):
    axis.imshow(mosaic(images), cmap="magma", interpolation="bicubic")
    axis.set(title=title, xticks=[], yticks=[])
figure.tight_layout()

# %%
# Share of real holdout digits that a classifier reads correctly.

made, made_labels = model.sample(1500, return_y=True, random_state=1)
for name, (images, digits) in {
    "real": (X[::2], y[::2]),
    "synthetic": (made, made_labels),
}.items():
    reader = SVC().fit(images.reshape(len(images), -1), digits)
    print(f"trained on {name:9} digits: {reader.score(X[1::2].reshape(-1, 64), y[1::2]):.3f}")
