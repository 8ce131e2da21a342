"""Fit an encoder from summaries: of a whole table, or of its parts, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from synthgan.encoding.tables.cells import ColumnCells
from synthgan.encoding.tables.fitting import fit_cells, share_gaps
from synthgan.encoding.tables.schema import Schema
from synthgan.encoding.tables.summary import ColumnSummary, TableSummary
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import Support
from synthgan.records.tables import Container, read_table

__all__ = ["FittedInPasses"]


class FittedInPasses:
    """Methods of an encoder of tables that learn it from summaries."""

    summary_: TableSummary
    container_: Container
    column_cells_: list[ColumnCells]
    schema_: Schema

    def partial_fit(self: Any, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Learn the rows of a further part of a table, each of another person.

        After all parts, labels and numbers of few different values are encoded as if `fit` had seen
        the whole table. Of a column of more than 131 072 different numbers, levels are learnt from
        a sketch, whose quantiles are within .0005 of their place; of one of more labels, the rarest
        are taken for rare ones. ``summary_`` holds counts of values of the parts: do not publish an
        encoder with it.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            With the columns of the first part.
        y : Ignored
        groups : None
            People cannot be counted in passes.

        Returns
        -------
        self : GridEncoder
            It can encode as soon as there are `min_support` rows.

        Raises
        ------
        DataError
            A column that cannot be encoded, or that is of another type in earlier parts.
        ParameterError
            `groups`, or a parameter that does not fit the data.
        """
        self._check_parameters()
        if groups is not None:
            raise ParameterError(
                "groups cannot be counted in passes, where each row is another person: give one "
                "row of each person, or call fit on the whole table."
            )
        before = getattr(self, "summary_", None)
        frame, container = read_table(self, X, reset=before is None)
        if before is None:
            self.container_ = container
        summary = TableSummary.of(frame, self._support, before)
        self.summary_ = summary if before is None else before.merged(summary)
        return self._fit_if_enough()

    def merge(self: Any, other: Any) -> Any:
        """Learn what another encoder has learnt by `partial_fit` of other parts of the same table.

        Parameters
        ----------
        other : GridEncoder
            With the same parameters.

        Returns
        -------
        self : GridEncoder

        Raises
        ------
        DataError
            Other columns, or columns of another type.
        ParameterError
            Other parameters, or encoders that were not fitted by `partial_fit`.
        """
        for one in (self, other):
            if not hasattr(one, "summary_"):
                raise ParameterError(
                    f"merge needs encoders that were fitted by partial_fit; {one!r} was not."
                )
        if self.get_params() != other.get_params():
            raise ParameterError(
                f"merge needs encoders of equal parameters; got {self.get_params()!r} and "
                f"{other.get_params()!r}."
            )
        self.summary_ = self.summary_.merged(other.summary_)
        return self._fit_if_enough()

    def fit_summary(self: Any, summary: TableSummary) -> Any:
        """Fit the encoder from the summary of a table, which is not kept."""
        self._check_parameters()
        self.set_columns([column.facts.name for column in summary.columns])
        return self._fit_summary(summary)

    def _fit_if_enough(self: Any) -> Any:
        if self.summary_.n_rows >= self._support.least:
            self._fit_summary(self.summary_)
        return self

    def _fit_summary(self: Any, summary: TableSummary) -> Any:
        names = [column.facts.name for column in summary.columns]
        least = self._support.least

        def alike(i: int, j: int) -> bool:
            return summary.gaps_alike(i, j, least)

        return self._fit_columns(summary.columns, names, alike)

    @property
    def _support(self: Any) -> Support:
        return Support(1 if self.is_quantised else self.min_support)

    def _check_parameters(self: Any) -> None:
        self._validate_params()
        if not self.is_quantised and not (isinstance(self.limits, str) and self.limits == "minmax"):
            raise ParameterError(
                f"limits={self.limits!r} need a min-max scaling; scaling='quantile' has none: "
                "leave limits='minmax'."
            )

    def _fit_columns(
        self: Any,
        summaries: Iterable[ColumnSummary],
        names: Collection[Any],
        alike: Callable[[int, int], bool],
    ) -> Any:
        """Fit the cells of all columns, and place them."""
        own_limits = self.limits if isinstance(self.limits, dict) else {}
        unknown = [name for name in own_limits if name not in names]
        if unknown:
            raise DataError(f"limits are given for columns {unknown!r}, which the table lacks.")
        found = [self._fit_column(summary, own_limits) for summary in summaries]
        if not self.is_quantised:
            found = share_gaps(found, alike)
            if self.min_support > 1:
                found = [cells.forget_rare() for cells in found]
        self.column_cells_ = found
        self.schema_ = Schema(tuple(cells.column for cells in found))
        self._place_cells()
        return self

    def _fit_column(self: Any, summary: ColumnSummary, own_limits: dict[Any, Any]) -> ColumnCells:
        column = summary.column()
        return fit_cells(
            column,
            summary,
            scaling_name=self.scaling,
            rounding=self.rounding,
            limits=own_limits.get(column.name, "minmax") if own_limits else self.limits,
            limits_are_its_own=column.name in own_limits,
            keep_outliers=self.outliers == "keep",
            min_pool=self.min_pool or 1,
            max_one_hot=self.max_one_hot,
            max_one_hot_numeric=self.max_one_hot_numeric,
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "column_cells_")
