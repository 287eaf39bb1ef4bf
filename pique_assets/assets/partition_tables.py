"""The lake as one partition of one evaluation sees it.

Belongs here: which files are the date's, and what Dagster is told of them. Does not: files and schemas (`lake`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets import lake as lake_room
from pique_assets.assets.lineage import column_lineage
from pique_assets.config import Evaluation
from pique_assets.metadata import Metadata, table_metadata

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.lake import Lake, WrittenFile


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PartitionTables:
    """Reads and writes the tables of one date of one evaluation."""

    lake: Lake
    evaluation: Evaluation
    date: str

    @property
    def where(self) -> dict[str, str]:
        """The date's file in any table, as `Lake` wants it named."""
        return {"judge": self.evaluation.judge_folder, "date": self.date, "evaluation": self.evaluation.name}

    def read(self, table_name: str, *, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows an upstream asset wrote for this date, or these columns of them.

        Raises:
            FileMissing: It has not been materialised yet.
        """
        return self.lake.read(table_name, columns=columns, **self.where)

    def read_upstream(self, table_name: str, *, columns: Sequence[str] | None = None) -> pa.Table:
        """The same for an asset, which can't go on without them.

        Raises:
            dagster.Failure: The table has not been materialised yet; the text says what to do.
        """
        try:
            return self.read(table_name, columns=columns)
        except lake_room.FileMissing:
            job = f"{self.evaluation.name}_everything"
            # Asked for again by itself, it would be as absent as now.
            raise dg.Failure(
                f"the table {table_name} of {self.evaluation.name} {self.date} is not there yet: materialise the "
                f"assets before this one first, or launch the job {job}, which runs all in order",
                allow_retries=False,
            ) from None

    def earlier(self, table_name: str) -> Iterator[PartitionTables]:
        """The dates before this one that have this table, the last one first."""
        files = self.lake.partitions(table_name, judge=self.evaluation.judge_folder)
        dates = sorted({str(file.date) for file in files if file.evaluation == self.evaluation.name}, reverse=True)
        for date in dates:
            if date < self.date:
                yield replace(self, date=date)

    def write(self, table_name: str, table: pa.Table, *, more: Metadata | None = None) -> dg.MaterializeResult[None]:
        """Replace this date's file, and say so to Dagster.

        Args:
            table_name: Name of the table in the lake.
            table: All its rows for this date.
            more: Metadata beyond the usual.

        Returns:
            The materialisation; its data version is the hash of the file, so an unchanged re-run shows unchanged.
        """
        return self.materialised(table_name, self.lake.write(table_name, table, **self.where), more=more)

    def materialised(
        self, table_name: str, written: WrittenFile, *, asset: str | None = None, more: Metadata | None = None
    ) -> dg.MaterializeResult[None]:
        """What Dagster is told of a file that was written, by the asset of another name where one is given."""
        metadata = table_metadata(
            table_name,
            written.first_rows,
            row_count=written.row_count,
            written=written,
            lineage=column_lineage(table_name, evaluation=self.evaluation),
        )
        return dg.MaterializeResult(
            asset_key=self.evaluation.asset_key(asset or table_name),
            metadata={**(more or {}), **metadata},
            data_version=dg.DataVersion(written.sha256),
        )
