"""SQL over the lake's tables, by DuckDB, which reads only the columns and files a query needs.

Belongs here: making every table a view. Results come back with the dtypes of `frames`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from pique_assets.analysis.errors import ExtraMissing
from pique_assets.analysis.frames import to_frame
from pique_assets.analysis.sources import DateLike, LakeLike, open_lake
from pique_assets.lake import SCHEMAS, partitioned_schema

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


def sql(
    query: str,
    *,
    parameters: Sequence[object] | Mapping[str, object] | None = None,
    lake: LakeLike | None = None,
    judge: str | None = None,
    start: DateLike | None = None,
    end: DateLike | None = None,
) -> pd.DataFrame:
    """The answer to a DuckDB query that finds every table of the lake as a view, `judge` and `date` included.

    Args:
        query: one SELECT, e.g. `select status, count(*) from evaluations group by all`.
        parameters: values for the query's `?` or `$name`.
        lake: the lake or its address, as for `load`.
        judge: only this judge's rows.
        start: first date wanted.
        end: last date wanted (included).

    Raises:
        ExtraMissing: DuckDB is not installed; the message names the extra that brings it.
        NoLake: no lake was given or found.
        ValueError: the statement is no query.
        duckdb.Error: the query is wrong, or a file cannot be read.
    """
    try:
        import duckdb
    except ImportError:
        raise ExtraMissing("duckdb") from None
    source = open_lake(lake)
    with duckdb.connect() as connection:
        if not source.is_local:
            connection.register_filesystem(source.filesystem)
        for name in SCHEMAS:
            files = source.partitions(name, judge=judge, start=start, end=end)
            uris = [source.uri(name, judge=f.judge, date=f.date, evaluation=f.evaluation) for f in files]
            _create_view(connection, name, uris)
        answer = connection.sql(query, params=parameters)
        if answer is None:
            raise ValueError(f"this statement has no rows to show: {query!r}; ask with one SELECT")
        return to_frame(_without_wide_integers(answer.to_arrow_table()))


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, uris: list[str]) -> None:
    schema = partitioned_schema(name)
    if not uris:
        connection.register(name, schema.empty_table())
        return
    files = ", ".join(f"'{uri.replace(chr(39), chr(39) * 2)}'" for uri in uris)
    # The partition's types are said outright: a judge named 007 is no number.
    connection.execute(
        f"create view {name} as select {', '.join(schema.names)} from read_parquet([{files}], "
        "hive_partitioning = true, hive_types = {'judge': varchar, 'date': date})"
    )


def _without_wide_integers(table: pa.Table) -> pa.Table:
    """DuckDB sums integers in 128 bits, which pandas would show as objects; those that fit become Int64."""
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            try:
                table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
            except pa.ArrowInvalid:
                continue
    return table
