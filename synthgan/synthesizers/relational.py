"""RelationalGANSynthesizer: tables that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator

from synthgan.records.related import Relation

__all__ = ["RelationalGANSynthesizer"]


class RelationalGANSynthesizer(BaseEstimator):
    """Train GANs on related tables and generate synthetic ones whose keys agree."""

    kind = "relational"

    def __init__(self, relations: str | Sequence[Relation] = "auto", random_state: Any = None):
        self.relations = relations
        self.random_state = random_state

    def fit(self, X: Mapping[str, Any], y: Any = None) -> RelationalGANSynthesizer:
        """Train on a dict of tables."""
        raise NotImplementedError

    def sample(
        self,
        n: int | None = None,
        conditions: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> dict[str, Any]:
        """Generate n rows of the topmost tables, and all rows that belong to them."""
        raise NotImplementedError
