"""The lake: payloads to rows, declared tables, atomic Parquet.

Belongs here: everything between a raw answer of Pique and a file an analyst reads. Does not: Dagster, HTTP and the
ledger; the tables are a pure function of payloads and records given by the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.lake.catalog import CATALOGUED as CATALOGUED, metric_catalog as metric_catalog
    from pique_assets.lake.commit_mark import partition_status as partition_status
    from pique_assets.lake.errors import FileMissing as FileMissing, LakeError as LakeError
    from pique_assets.lake.location import PartitionFile as PartitionFile, as_date as as_date
    from pique_assets.lake.metrics import metric_values as metric_values, restore_metrics as restore_metrics
    from pique_assets.lake.normalised import normalise as normalise
    from pique_assets.lake.parquet_files import TableWriter as TableWriter, WrittenFile as WrittenFile
    from pique_assets.lake.payload import (
        Payload as Payload,
        payloads_parts as payloads_parts,
    )
    from pique_assets.lake.schemas import (
        SCHEMAS as SCHEMAS,
        build_table as build_table,
        partitioned_schema as partitioned_schema,
    )
    from pique_assets.lake.scorecard import OVERALL as OVERALL, scorecard_daily as scorecard_daily
    from pique_assets.lake.storage import Lake as Lake, write_result_tables as write_result_tables
    from pique_assets.lake.tables import (
        COLUMN_DOCS as COLUMN_DOCS,
        TABLE_DOCS as TABLE_DOCS,
        TABLES as TABLES,
        table_spec as table_spec,
    )
else:
    __getattr__ = lazy_names(__name__)
