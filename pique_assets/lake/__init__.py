"""The lake: payloads to rows, declared tables, atomic Parquet.

Belongs here: everything between a raw answer of Pique and a file an analyst reads. Does not: Dagster, HTTP and the
ledger; the tables are a pure function of payloads and records given by the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.lake.catalog import CATALOGUED as CATALOGUED
    from pique_assets.lake.catalog import metric_catalog as metric_catalog
    from pique_assets.lake.commit_mark import partition_status as partition_status
    from pique_assets.lake.errors import FileMissing as FileMissing
    from pique_assets.lake.errors import LakeError as LakeError
    from pique_assets.lake.location import PartitionFile as PartitionFile
    from pique_assets.lake.location import as_date as as_date
    from pique_assets.lake.metrics import metric_values as metric_values
    from pique_assets.lake.metrics import restore_metrics as restore_metrics
    from pique_assets.lake.parquet_files import TableWriter as TableWriter
    from pique_assets.lake.parquet_files import WrittenFile as WrittenFile
    from pique_assets.lake.payload import Payload as Payload
    from pique_assets.lake.payload import payloads_parts as payloads_parts
    from pique_assets.lake.payload import stored_payloads as stored_payloads
    from pique_assets.lake.result_rows import normalise as normalise
    from pique_assets.lake.scorecard import scorecard_daily as scorecard_daily
    from pique_assets.lake.storage import Lake as Lake
    from pique_assets.lake.storage import write_result_tables as write_result_tables
    from pique_assets.lake.tables import COLUMN_DOCS as COLUMN_DOCS
    from pique_assets.lake.tables import SCHEMAS as SCHEMAS
    from pique_assets.lake.tables import TABLE_DOCS as TABLE_DOCS
    from pique_assets.lake.tables import TABLES as TABLES
    from pique_assets.lake.tables import build_table as build_table
    from pique_assets.lake.tables import partitioned_schema as partitioned_schema
    from pique_assets.lake.tables import table_spec as table_spec
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "catalog": "CATALOGUED metric_catalog",
            "commit_mark": "partition_status",
            "errors": "FileMissing LakeError",
            "location": "PartitionFile as_date",
            "metrics": "metric_values restore_metrics",
            "parquet_files": "TableWriter WrittenFile",
            "payload": "Payload payloads_parts stored_payloads",
            "result_rows": "normalise",
            "scorecard": "scorecard_daily",
            "storage": "Lake write_result_tables",
            "tables": "COLUMN_DOCS SCHEMAS TABLES TABLE_DOCS build_table partitioned_schema table_spec",
        },
    )
