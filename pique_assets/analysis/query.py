"""SQL over the lake's tables, by DuckDB, which reads only the columns and files a query needs.

Belongs here: making every table a view. Results come back with the dtypes of `frames`.
"""

from __future__ import annotations

from collections import defaultdict
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
    """The answer to a DuckDB query that finds every table of the lake as a view, with the columns `load` gives.

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
            uris: dict[str, list[str]] = defaultdict(list)
            for file in source.partitions(name, judge=judge, start=start, end=end):
                uri = source.uri(name, judge=file.judge, date=file.date, evaluation=file.evaluation)
                uris[file.evaluation].append(uri)
            _create_view(connection, name, uris)
        answer = connection.sql(query, params=parameters)
        if answer is None:
            raise ValueError(f"this statement has no rows to show: {query!r}; ask with one SELECT")
        return to_frame(_without_wide_integers(answer.to_arrow_table()))


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, uris: Mapping[str, Sequence[str]]) -> None:
    """Make a table a view of its files, which are given by evaluation."""
    schema = partitioned_schema(name)
    if not uris:
        connection.register(name, schema.empty_table())
        return
    # The partition's types are said outright: a judge named 007 is no number.
    parts = [
        f"select {_columns(schema, evaluation=evaluation)} "
        f"from read_parquet([{', '.join(_quoted(uri) for uri in files)}], "
        "hive_partitioning = true, hive_types = {'judge': varchar, 'date': date})"
        for evaluation, files in uris.items()
    ]
    connection.execute(f"create view {name} as {' union all '.join(parts)}")


def _columns(schema: pa.Schema, *, evaluation: str) -> str:
    said = {"evaluation": f"{_quoted(evaluation)} as evaluation"}
    return ", ".join(said.get(name, name) for name in schema.names)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _without_wide_integers(table: pa.Table) -> pa.Table:
    """DuckDB sums integers in 128 bits, which pandas would show as objects; those that fit become Int64."""
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            try:
                table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
            except pa.ArrowInvalid:
                continue
    return table
