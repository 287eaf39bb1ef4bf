"""Turning rows of Python values into Arrow columns of a declared table.

Belongs here: the transposing, and the one table that is large enough to need care, `detector_metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from pique_assets.lake.columns import TableSpec
from pique_assets.lake.metrics import MetricCell, metric_columns
from pique_assets.lake.result_tables import DETECTOR_METRICS

Row = tuple[object, ...]

# Python objects of so many rows become Arrow at once, so that memory stays near the size of the tables.
_ROWS_A_BATCH: Final = 50_000

_OWNER_COLUMNS: Final = ("job_id", "detector_index", "detector_name", "payload_sha256")


class MetricColumns:
    """Columns of `detector_metrics`, filled one detector result at a time.

    What all metrics of a result share (its owner) is kept once and repeated by Arrow.
    """

    def __init__(self) -> None:
        self._schema = DETECTOR_METRICS.schema
        self._batches: list[pa.Table] = [self._schema.empty_table()]
        self._owners: list[Row] = []
        self._owner_of: list[int] = []
        self._cells: list[MetricCell] = []

    def add(self, owner: Row, cells: list[MetricCell]) -> None:
        """Add the metrics of one result; `owner` is job_id, detector_index, detector_name, payload_sha256."""
        self._owner_of.extend([len(self._owners)] * len(cells))
        self._owners.append(owner)
        self._cells.extend(cells)
        if len(self._cells) >= _ROWS_A_BATCH:
            self._close_batch()

    def table(self) -> pa.Table:
        """All metrics added so far."""
        self._close_batch()
        return pa.concat_tables(self._batches)

    def _close_batch(self) -> None:
        owner_of = pa.array(self._owner_of, pa.int64())
        columns = {name: owned.take(owner_of) for name, owned in self._owner_columns().items()}
        cells: dict[str, list[object]] = {"metric_path": [path for path, _ in self._cells]}
        cells |= metric_columns([value for _, value in self._cells])
        columns |= {name: pa.array(values, self._schema.field(name).type) for name, values in cells.items()}
        self._batches.append(pa.table([columns[name] for name in self._schema.names], schema=self._schema))
        self._owners, self._owner_of, self._cells = [], [], []

    def _owner_columns(self) -> dict[str, pa.Array]:
        return {
            name: pa.array([owner[place] for owner in self._owners], self._schema.field(name).type)
            for place, name in enumerate(_OWNER_COLUMNS)
        }


def to_table(spec: TableSpec, rows: Sequence[Row]) -> pa.Table:
    """A table with the declared schema from rows whose cells are in the declared order."""
    schema = spec.schema
    arrays = [pa.array([row[place] for row in rows], field.type) for place, field in enumerate(schema)]
    return pa.table(arrays, schema=schema)
