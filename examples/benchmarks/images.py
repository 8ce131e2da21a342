"""Images in a zip archive: how soon learning begins, and how much memory it takes.

``python examples/benchmarks/images.py`` makes 20 000 JPEGs of 64 x 64 and of 128 x 128 pixels, and
fits three steps of each in a process of its own. Prints the seconds from the call of fit to the
first step, and the peak of resident memory over that of a process that has only imported synthgan
and learnt ten images.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from synthgan.datasets import make_fingerprints

FIT = """
import json, resource, sys, time
import numpy as np, torch
from synthgan import Callback, ImageGANSynthesizer
torch.set_num_threads(1)

class Clock(Callback):
    def on_begin(self, run):
        self.begun = time.perf_counter()

def fit(source):
    clock = Clock()
    model = ImageGANSynthesizer(max_steps=3, callbacks=[clock], random_state=0)
    called = time.perf_counter()
    model.fit(source)
    return clock.begun - called

fit(np.zeros((10, 8, 8), np.uint8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seconds = fit(sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "extra_mib": (peak - before) / 1024}))
"""

parser = argparse.ArgumentParser()
parser.add_argument("-n", type=int, default=20_000)
parser.add_argument("--sides", type=int, nargs="*", default=(64, 128))
told = parser.parse_args()
for side in told.sides:
    few = make_fingerprints(200, (side, side), random_state=0)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for i in range(told.n):
                noisy = few[i % len(few)] + rng.normal(0, 5, (side, side))
                jpeg = io.BytesIO()
                Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(jpeg, "JPEG")
                archive.writestr(f"{i}.jpg", jpeg.getvalue())
        run = subprocess.run(
            [sys.executable, "-c", FIT, str(path)], capture_output=True, text=True, check=True
        )
    figures = json.loads(run.stdout)
    pixels = told.n * side * side / 2**20
    print(
        f"{told.n} images of {side} x {side}: first step after {figures['seconds']:.1f} s, "
        f"{figures['extra_mib']:.0f} MiB for {pixels:.0f} MiB of pixels"
    )
