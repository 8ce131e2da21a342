"""
A patient as a picture
======================

The networks see each row as a small grey image, the grid. This example shows the grids of a clinic
and reads one of them. No model is trained.
"""

# %%
# An encoder is fitted to a table. It maps rows to grids, and grids back to rows.

import warnings

import matplotlib.pyplot as plt
import numpy as np

from synthgan import GridEncoder
from synthgan.datasets import make_clinic
from synthgan.exceptions import OutlierWarning

warnings.simplefilter("ignore", OutlierWarning)  # the ends of columns are clipped
clinic = make_clinic(2000, random_state=0)
encoder = GridEncoder().fit(clinic)
grids = encoder.transform(clinic)
print(grids.shape)
print(encoder.inverse_transform(grids[:2]).T)

# %%
# Sixty patients. A number is one cell, from dark (the lowest value of the column) to bright (the
# highest). A label is several cells, of which one is bright. Black cells are empty.

n_wide, n_high = 12, 5
gap = np.full((len(grids), grids.shape[1] + 1, grids.shape[2] + 1), np.nan)
gap[:, :-1, :-1] = grids
wall = np.block(
    [list(row) for row in gap[: n_wide * n_high].reshape(n_high, n_wide, *gap.shape[1:])]
)
figure, axis = plt.subplots(figsize=(11, 4.7))
axis.imshow(wall, cmap="inferno", vmin=0, vmax=255)
axis.axis("off")
figure.tight_layout()

# %%
# The order of cells is Z-order (Morton order): cells of one column, and of columns that stand side
# by side in the table, lie together. So a small filter of a convolution sees them together.

names = {}
for group in encoder.cell_groups_:
    cells = group.cells if group.presence is None else (*group.cells, group.presence)
    names.update(dict.fromkeys(cells, "" if group.kind == "null" else str(group.column)))
kinds = sorted({name for name in names.values() if name})
size = grids.shape[1]
figure, axis = plt.subplots(figsize=(8, 6))
shown = np.full(grids.shape[1] * grids.shape[2], np.nan)
for cell, name in names.items():
    if name:
        shown[cell] = kinds.index(name)
axis.imshow(shown.reshape(size, -1), cmap="tab20", vmin=0, vmax=19, alpha=0.75)
for name in kinds:
    rows, across = np.divmod([cell for cell, of in names.items() if of == name], grids.shape[2])
    for down, right in zip(rows, across, strict=True):
        axis.text(right, down, name.replace("_", "\n"), ha="center", va="center", fontsize=7)
axis.set(xticks=[], yticks=[], title="Which column a cell belongs to")
figure.tight_layout()
