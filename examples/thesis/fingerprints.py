"""
Fingerprints, irises, digits
============================

The first two systems of the thesis are trained on fingerprints and irises. This example uses
simulated images, because the Anguli and IITD images may not be redistributed. scikit-learn's digits
show labels. The networks of the thesis, reduced to the size of the images, are compared with the
default recipe.

``python examples/thesis/fingerprints.py --minutes 20`` sets the training time of each model. A zip
archive or a folder of images (``fingers.zip --size 275 400``) replaces the simulated fingerprints.
"""

# %%
# Images: every second one is used for training, the others are the holdout. A zip archive is read
# in place.

import argparse
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from synthgan import FCN, ImageGANSynthesizer, SampleGrid, evaluate
from synthgan.datasets import make_fingerprints, make_irises
from synthgan.io.images import read_images, save_images
from synthgan.report import HistoryDisplay, ImageDisplay, plot_grids

torch.set_num_threads(1)
parser = argparse.ArgumentParser()
parser.add_argument("images", nargs="?", help="zip archive or folder")
parser.add_argument("--size", type=int, nargs=2, default=(64, 64), help="height and width")
parser.add_argument("--minutes", type=float, default=0.3, help="for each model")
options, _ = parser.parse_known_args()
seconds = 60 * options.minutes
with tempfile.TemporaryDirectory() as folder:
    archive = options.images
    if archive is None:
        archive = Path(folder) / "fingers.zip"
        save_images(make_fingerprints(1000, tuple(options.size), random_state=0), archive)
    fingers = read_images(archive, size=tuple(options.size)).values
learnt, unseen = fingers[::2], fingers[1::2]

# %%
# The fully connected network of the thesis, a quarter as wide, and the default recipe. Nine
# synthetic images are drawn after every tenth of the run, always from the same noise (Fig. 6.4).

pictures = SampleGrid(every_epochs=5)
thesis = ImageGANSynthesizer(
    "thesis-fingerprints",
    network=FCN(width=(64, 128, 256, 512), dropout=0.3, latent_dim=100),
    max_time=seconds,
    callbacks=[pictures],
    random_state=0,
).fit(learnt)
default = ImageGANSynthesizer(max_time=seconds, random_state=0).fit(learnt)
epochs = sorted(pictures.grids_)[:: max(1, len(pictures.grids_) // 6)]
plot_grids({epoch: pictures.grids_[epoch] for epoch in epochs}, plt.figure(), n_wide=3)
HistoryDisplay(thesis.history_).plot(plt.figure(figsize=(6, 3)).subplots())

# %%
# Real and synthetic images, and their measures.

for name, model in {"thesis": thesis, "default": default}.items():
    fake = model.sample(len(unseen))
    ImageDisplay.from_images(unseen, fake, random_state=0).plot(plt.figure())
    report = evaluate(learnt, fake, holdout=unseen, kind="image", sections=["fidelity"])
    print(name)
    print(report.to_frame()[["value", "ceiling", "floor"]].round(3).to_string())

# %%
# Images do not have to be square.

eyes = make_irises(600, shape=(60, 80), random_state=0)
model = ImageGANSynthesizer(max_time=seconds, random_state=0).fit(eyes[::2])
ImageDisplay.from_images(eyes[1::2], model.sample(16), random_state=0).plot(plt.figure())

# %%
# Digits with their class as label. A classifier is trained on synthetic digits only, and tested on
# real digits.

digits, shown = load_digits(return_X_y=True)
model = ImageGANSynthesizer(max_time=seconds, random_state=0).fit(digits[::2], shown[::2])
fake, labels = model.sample(2000, return_y=True)
for name, (X, y) in {"real": (digits[::2], shown[::2]), "synthetic": (fake, labels)}.items():
    print(f"trained on {name} digits: {SVC().fit(X, y).score(digits[1::2], shown[1::2]):.3f}")

# %%
# When run as a script, save the pictures.

if "sphinx_gallery" not in sys.modules:
    out = Path("image-figures")
    out.mkdir(exist_ok=True)
    for number in plt.get_fignums():
        plt.figure(number).savefig(out / f"figure-{number}.png", dpi=110)
    print(f"Pictures written to {out}")
