"""The rows of all tables, as inputs for the rows that belong to them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from synthgan.records.related import LinkedTables, Relation

__all__ = ["KnownTables"]


@dataclass
class KnownTables(LinkedTables):
    """Real rows in training, generated ones in sampling.

    Parameters
    ----------
    relations, frames, rows
        See `LinkedTables`. Frames have no keys, but summaries of their children; dates are dates.
    left_out : dict of str to list of hashable
        By table, columns without information: identifiers.
    hidden : dict of str to list of hashable
        By table, the summaries among its columns.
    """

    left_out: dict[str, list[Hashable]] = field(default_factory=dict)
    hidden: dict[str, list[Hashable]] = field(default_factory=dict)

    def of_parents(self, name: str) -> pd.DataFrame:
        """Return what is known of the rows of a parent: its cells, and those of its ancestors."""
        known = self.frames[name].drop(columns=self.left_out.get(name, []))
        owner, rows = self.owner(name), np.arange(len(known))
        while owner is not None:
            above = str(owner.parent)
            rows = np.where(rows < 0, -1, self.rows[owner][rows])
            cells = self._own(above).reindex(np.where(rows < 0, len(self.frames[above]), rows))
            known = pd.concat([known, cells.set_axis(known.index).add_prefix(f"{above}.")], axis=1)
            owner = self.owner(above)
        return known

    def of_links(self, rows: np.ndarray, relations: Sequence[Relation]) -> pd.DataFrame:
        """Return what is known of the rows of further tables, `rows` of shape (n, n_relations)."""
        known = [pd.DataFrame(index=pd.RangeIndex(len(rows)))]
        for one, to in zip(relations, rows.T, strict=True):
            own = self._own(str(one.parent))
            cells = own.reindex(np.where(to < 0, len(own), to)).reset_index(drop=True)
            known.append(cells.add_prefix(f"{one.parent} ({one.key[0]})."))
        return pd.concat(known, axis=1)

    def _own(self, name: str) -> pd.DataFrame:
        dropped = [*self.left_out.get(name, []), *self.hidden.get(name, [])]
        return self.frames[name].drop(columns=dropped)
