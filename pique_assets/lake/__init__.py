"""The lake: payloads to rows, declared tables, atomic Parquet.

Belongs here: everything between a raw answer of Pique and a file an analyst reads. Does not: Dagster, HTTP and the
ledger; the tables are a pure function of payloads and records given by the caller.
"""

from pique_assets.lake.catalog import metric_catalog
from pique_assets.lake.errors import (
    FileMissing,
    FileUnreadable,
    LakeError,
    LakeOfAnotherPique,
    SchemaMismatch,
    TableUnknown,
)
from pique_assets.lake.location import PartitionFile, as_date
from pique_assets.lake.metrics import escape_key, join_path, metric_values, restore_metrics, split_path
from pique_assets.lake.normalise import normalise, normalised_parts
from pique_assets.lake.parquet_files import TableWriter, WrittenFile
from pique_assets.lake.partition_status import partition_status
from pique_assets.lake.payload import (
    SOURCE_POLLED,
    SOURCE_WEBHOOK,
    Payload,
    payloads_parts,
    payloads_table,
    stored_payloads,
)
from pique_assets.lake.scorecard import OVERALL, scorecard_daily, wilson_interval
from pique_assets.lake.storage import Lake, write_result_tables
from pique_assets.lake.tables import (
    COLUMN_DOCS,
    SCHEMAS,
    TABLE_DOCS,
    TABLES,
    build_table,
    partitioned_schema,
    table_spec,
)

__all__ = [
    "COLUMN_DOCS",
    "OVERALL",
    "SCHEMAS",
    "SOURCE_POLLED",
    "SOURCE_WEBHOOK",
    "TABLES",
    "TABLE_DOCS",
    "FileMissing",
    "FileUnreadable",
    "Lake",
    "LakeError",
    "LakeOfAnotherPique",
    "PartitionFile",
    "Payload",
    "SchemaMismatch",
    "TableUnknown",
    "TableWriter",
    "WrittenFile",
    "as_date",
    "build_table",
    "escape_key",
    "join_path",
    "metric_catalog",
    "metric_values",
    "normalise",
    "normalised_parts",
    "partition_status",
    "partitioned_schema",
    "payloads_parts",
    "payloads_table",
    "restore_metrics",
    "scorecard_daily",
    "split_path",
    "stored_payloads",
    "table_spec",
    "wilson_interval",
    "write_result_tables",
]
