"""Boosted trees as plain arrays: evaluated by bit masks, stored and checked by themselves."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from synthgan.exceptions import ArchiveError
from synthgan.state.fields import array_of, read_arrays
from synthgan.trees.bins import find_bin

__all__ = ["MOST_LEAVES", "MOST_TREES", "Trees"]

MOST_LEAVES, MOST_TREES = 32, 600
_ROWS_AT_A_TIME = 256  # whose masks stay in the processor's cache
_MOST_COMBINATIONS = 1000  # of the bins of several features
_ALL = np.uint32(2**32 - 1)
# A float64 shifted by 52 bits is its exponent: this number, and the number of the highest bit.
_EXPONENT = 1023
# Names in archives, and in scikit-learn.
_TYPES = {
    "value": np.float64,
    "feature_idx": np.int64,
    "num_threshold": np.float64,
    "missing_go_to_left": np.uint8,
    "left": np.int64,
    "right": np.int64,
    "is_leaf": np.uint8,
}

# Thresholds by feature, and the leaves that each combination of bins allows, a row for each; the
# last bin of a feature is for missing values.
_Table = tuple[dict[int, np.ndarray], np.ndarray]


@dataclass
class Trees:
    """A sum of regression trees of at most 32 leaves.

    Parameters
    ----------
    sizes : ndarray of int of shape (n_trees,)
        Nodes of each tree; those of all trees lie one after another, the root of each first.
    value : ndarray of shape (n_nodes,)
        What a leaf adds.
    feature_idx, num_threshold, missing_go_to_left : ndarray of shape (n_nodes,)
        A row goes to the left child if its feature is at most the threshold, or if it is missing
        and missing values go there.
    left, right, is_leaf : ndarray of shape (n_nodes,)
        Children, numbered within their tree, are later nodes.

    References
    ----------
    Lucchese et al. (2015), QuickScorer: a fast algorithm to rank documents with additive ensembles
    of regression trees, doi 10.1145/2766462.2767733.
    """

    sizes: np.ndarray
    value: np.ndarray
    feature_idx: np.ndarray
    num_threshold: np.ndarray
    missing_go_to_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    is_leaf: np.ndarray

    def __len__(self) -> int:
        return len(self.sizes)

    def __getstate__(self) -> dict[str, np.ndarray]:
        """Leave out what is computed from the arrays."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def none(cls) -> Trees:
        """Return no trees, whose sum is 0."""
        return cls(np.zeros(0, np.int64), *(np.zeros(0, kind) for kind in _TYPES.values()))

    @classmethod
    def from_sklearn(cls, model: Any) -> Trees:
        """Take the trees of a fitted `HistGradientBoostingRegressor`."""
        nodes = [tree.nodes for (tree,) in model._predictors]
        joined = np.concatenate(nodes)
        return cls(
            np.array([len(n) for n in nodes]),
            *(joined[n].astype(kind) for n, kind in _TYPES.items()),
        )

    def first(self, n_trees: int) -> Trees:
        """Return the first trees."""
        n_nodes = int(self.sizes[:n_trees].sum())
        return Trees(
            self.sizes[:n_trees], *(getattr(self, f.name)[:n_nodes] for f in fields(self)[1:])
        )

    def split(self, counts: np.ndarray) -> list[Trees]:
        """Return runs of so many trees each."""
        ends = np.cumsum(counts)
        nodes = np.append(0, np.cumsum(self.sizes))[np.append(0, ends)]
        return [
            Trees(
                self.sizes[end - n : end],
                *(getattr(self, f.name)[first:last] for f in fields(self)[1:]),
            )
            for end, n, first, last in zip(ends, counts, nodes[:-1], nodes[1:], strict=True)
        ]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays, by their names in archives."""
        return {"tree_sizes": self.sizes, **{f"node_{n}": getattr(self, n) for n in _TYPES}}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], n_features: int) -> Trees:
        """Restore from the output of `to_arrays`.

        Raises
        ------
        ArchiveError
            They are no trees for so many features.
        """
        # A threshold is infinite in splits on missing values.
        nodes = {
            f"node_{name}": array_of(
                None, kinds="f" if kind is np.float64 else "iu", finite=name != "num_threshold"
            )
            for name, kind in _TYPES.items()
        }
        read = read_arrays(arrays, "the trees", tree_sizes=array_of(None, kinds="iu"), **nodes)
        sizes = read["tree_sizes"]
        is_sound = len(sizes) <= MOST_TREES and ((sizes >= 1) & (sizes < 2**40)).all()
        if not is_sound or {len(read[name]) for name in nodes} != {int(sizes.sum())}:
            raise ArchiveError("the trees have inconsistent sizes")
        arrays = {n: read[f"node_{n}"].astype(kind, copy=False) for n, kind in _TYPES.items()}
        trees = cls(sizes.astype(np.int64), **arrays)
        trees._check_nodes(n_features)
        return trees

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the sum of all trees for rows (n, n_features), shape (n,).

        The leaf of a row is the leftmost that no node forbids: a node whose condition is not met
        forbids the leaves on its left. What nodes of some features forbid is looked up by the bins
        of their values, for all trees at once.
        """
        total = np.zeros(len(x))
        if not len(self) or not len(x):
            return total
        tables, leaf_values = self._tables, self._leaf_values
        bins = [_bins_of(edges, x) for edges, _ in tables]
        first = np.arange(len(self)) * MOST_LEAVES - _EXPONENT
        shape = min(len(x), _ROWS_AT_A_TIME), len(self)
        masks, looked_up = np.empty((2, *shape), np.uint32)
        (numbers, values), ones = np.empty((2, *shape)), np.ones(len(self))
        for rows in gen_batches(len(x), _ROWS_AT_A_TIME):
            n = rows.stop - rows.start
            left, other, leaf = masks[:n], looked_up[:n], numbers[:n].view(np.int64)
            tables[0][1].take(bins[0][rows], axis=0, out=left, mode="clip")
            for at, (_, allowed) in zip(bins[1:], tables[1:], strict=True):
                allowed.take(at[rows], axis=0, out=other, mode="clip")
                np.bitwise_and(left, other, out=left)
            numbers[:n] = left
            leaf >>= 52
            leaf += first
            np.matmul(leaf_values.take(leaf, out=values[:n], mode="clip"), ones, out=total[rows])
        return total

    @cached_property
    def _leaves(self) -> tuple[np.ndarray, np.ndarray]:
        """Return by node how many leaves are below it, and the lowest of their numbers.

        Leaves of a tree are numbered from right to left; the leftmost is 31.
        """
        starts = np.cumsum(self.sizes) - self.sizes
        n_below, first = self.is_leaf.astype(np.int64), np.zeros(len(self.is_leaf), np.int64)
        places = range(int(self.sizes.max(initial=0)))
        for place in reversed(places):
            node, left, right = self._splits(starts, place)
            n_below[node] = n_below[left] + n_below[right]
        first[starts] = MOST_LEAVES - n_below[starts]
        for place in places:
            node, left, right = self._splits(starts, place)
            first[right], first[left] = first[node], first[node] + n_below[right]
        return n_below, first

    def _splits(self, starts: np.ndarray, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the nodes at one place of their trees that have children, and both children."""
        starts = starts[self.sizes > place]
        starts = starts[self.is_leaf[starts + place] == 0]
        node = starts + place
        return node, starts + self.left[node], starts + self.right[node]

    @cached_property
    def _leaf_values(self) -> np.ndarray:
        """Return the values of all leaves of all trees, 32 a tree, shape (n_trees * 32,)."""
        values = np.zeros((len(self), MOST_LEAVES))
        is_leaf, tree = self.is_leaf == 1, np.repeat(np.arange(len(self)), self.sizes)
        values[tree[is_leaf], self._leaves[1][is_leaf]] = self.value[is_leaf]
        return values.ravel()

    @cached_property
    def _tables(self) -> list[_Table]:
        """Return the thresholds of all features, and the leaves that their bins allow."""
        n_below, first = self._leaves
        splits = np.flatnonzero(self.is_leaf == 0)
        tree = np.repeat(np.arange(len(self)), self.sizes)[splits]
        starts = np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)[splits]
        left = starts + self.left[splits]
        on_left = (np.uint64(1) << n_below[left].astype(np.uint64)) - np.uint64(1)
        allowed = ~(on_left.astype(np.uint32) << first[left].astype(np.uint32))
        feature, threshold = self.feature_idx[splits], self.num_threshold[splits]
        tables: list[_Table] = []
        for f in np.unique(feature):
            own = feature == f
            edges, at = np.unique(threshold[own], return_inverse=True)
            table = np.full((len(edges) + 2, len(self)), _ALL)
            np.bitwise_and.at(table, (at + 1, tree[own]), allowed[own])
            table[:-1] = np.bitwise_and.accumulate(table[:-1], axis=0)
            missing = own & (self.missing_go_to_left[splits] == 0)
            np.bitwise_and.at(table, (len(edges) + 1, tree[missing]), allowed[missing])
            tables.append(({int(f): edges}, table))
        if not tables:  # all trees are leaves
            tables.append(({}, np.full((1, len(self)), _ALL)))
        return _join_small(tables)

    def _check_nodes(self, n_features: int) -> None:
        """Refuse trees with invalid or shared children, too many leaves, or unknown features."""
        starts = np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)
        place, size = np.arange(len(starts)) - starts, np.repeat(self.sizes, self.sizes)
        leads_on, feature = self.is_leaf == 0, self.feature_idx.astype(np.float64)
        goes_down = all(
            ((child > place) & (child < size))[leads_on].all() for child in (self.left, self.right)
        )
        is_known = ((feature >= 0) & (feature < n_features))[leads_on].all()
        are_numbers = not np.isnan(self.num_threshold).any()
        if not (goes_down and is_known and are_numbers) or not np.isin(self.is_leaf, (0, 1)).all():
            raise ArchiveError("the trees have invalid nodes")
        children = [
            (starts + child.astype(np.int64))[leads_on] for child in (self.left, self.right)
        ]
        n_parents = np.bincount(np.concatenate(children), minlength=len(starts))
        if (n_parents != (place > 0)).any() or size.max(initial=0) > 2 * MOST_LEAVES - 1:
            raise ArchiveError("the trees have shared nodes, or too many")


def _bins_of(edges: dict[int, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return the combination of the bins of some features, for each row."""
    combined = np.zeros(len(x), np.intp)
    for f, own in edges.items():
        combined = combined * (len(own) + 2) + find_bin(own, x[:, f], side="left")
    return combined


def _join_small(tables: list[_Table]) -> list[_Table]:
    """Join tables as long as the combinations of their bins are few."""
    joined: list[_Table] = []
    for edges, allowed in sorted(tables, key=lambda table: len(table[1])):
        if joined and len(joined[-1][1]) * len(allowed) <= _MOST_COMBINATIONS:
            others, theirs = joined.pop()
            both = (theirs[:, None] & allowed).reshape(-1, allowed.shape[1])
            joined.append(({**others, **edges}, both))
        else:
            joined.append((edges, allowed))
    return joined
