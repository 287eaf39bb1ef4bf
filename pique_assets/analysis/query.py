"""SQL over the lake's tables, by DuckDB, which reads only the columns and files a query needs.

Belongs here: making every table a view. Results come back with the dtypes of `frames`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow as pa

from pique_assets.analysis.frames import to_frame
from pique_assets.analysis.sources import DateLike, LakeLike, open_lake
from pique_assets.extras import ExtraMissing
from pique_assets.lake import SCHEMAS, partitioned_schema

if TYPE_CHECKING:
    import duckdb
_PATH: Final = "path_in_the_lake"
_END_OF_PATH: Final = r"'/judge=([^/]+)/date=([^/]+)/([^/]+)\.parquet$'"
# DuckDB computes these once for a file, and passes over files that a query's conditions exclude.
_OF_THE_PATH: Final = {
    "judge": f"regexp_extract({_PATH}, {_END_OF_PATH}, 1) as judge",
    "date": f"cast(regexp_extract({_PATH}, {_END_OF_PATH}, 2) as date) as date",
    "evaluation": f"regexp_extract({_PATH}, {_END_OF_PATH}, 3) as evaluation",
}
_GLOB: Final = re.compile(r"[*?\[]")


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
        ValueError: the statement is no query, or the lake is where DuckDB can't read.
        duckdb.Error: the query is wrong, or a file cannot be read.
    """
    try:
        import duckdb
    except ImportError:
        raise ExtraMissing("analysis", "duckdb") from None
    source = open_lake(lake)
    with duckdb.connect() as connection:
        if not source.is_local:
            connection.register_filesystem(source.filesystem)
        for name in SCHEMAS:
            uris = [
                source.uri(name, judge=file.judge, date=file.date, evaluation=file.evaluation)
                for file in source.partitions(name, judge=judge, start=start, end=end)
            ]
            _create_view(connection, name, uris)
        answer = connection.sql(query, params=parameters)
        if answer is None:
            raise ValueError(f"this statement has no rows to show: {query!r}; ask with one SELECT")
        return to_frame(_without_wide_integers(answer.to_arrow_table()))


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, uris: Sequence[str]) -> None:
    """Make a table a view of its files."""
    schema = partitioned_schema(name)
    if not uris:
        connection.register(name, schema.empty_table())
        return
    columns = ", ".join(_OF_THE_PATH.get(column, column) for column in schema.names)
    types = connection.from_arrow(schema.empty_table()).types
    # By the declaration, so that a file that was written before a column was declared has null there.
    declared = ", ".join(
        f"{_quoted(column)}: {{name: {_quoted(column)}, type: {_quoted(str(type_))}, default_value: null}}"
        for column, type_ in zip(schema.names, types, strict=True)
        if column not in _OF_THE_PATH
    )
    # Not by hive_partitioning: it would also read the folders above the lake, which may be named in that way too.
    connection.execute(
        f"create view {name} as select {columns} from read_parquet([{', '.join(map(_pattern, uris))}], "
        f"filename = '{_PATH}', hive_partitioning = false, schema = map {{{declared}}})"
    )


def _pattern(uri: str) -> str:
    """The one file at this address, as DuckDB reads addresses: as patterns, as soon as one of `*?[` is in them."""
    if _GLOB.search(uri) and "\\" in uri:
        raise ValueError(
            f"DuckDB can't name {uri}, with a backslash and one of *?[ in it: use load(), or move the lake"
        )
    return _quoted(_GLOB.sub(r"[\g<0>]", uri))


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
