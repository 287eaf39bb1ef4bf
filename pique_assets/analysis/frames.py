"""Tables as pandas frames whose types never depend on the rows.

Belongs here: loading, and the choice of dtypes: nullable integers and booleans, so that a missing count is
no NaN and an empty day no object column.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionDtype

from pique_assets.analysis.sources import DateLike, LakeLike, open_lake


def load(
    name: str,
    *,
    lake: LakeLike | None = None,
    judge: str | None = None,
    start: DateLike | None = None,
    end: DateLike | None = None,
) -> pd.DataFrame:
    """A table of the lake as a frame, with the columns `judge`, `date` and `evaluation` in front.

    Evaluations that share a judge share its partitions: where two of them have the same content on a date, both have
    its rows, and a join needs all three columns.

    Integers are Int64, booleans boolean, text string, numbers float64, instants datetime64[us, UTC] and
    `date` datetime64[us], whether or not there are rows.

    Args:
        name: name of the table, e.g. `evaluations`; `tables()` lists them.
        lake: the lake or its address; by default the project's, as `pique-assets where` says.
        judge: only this judge's rows.
        start: first date wanted.
        end: last date wanted (included).

    Raises:
        NoLake: no lake was given or found.
        pique_assets.lake.TableUnknown: no such table; the message lists them.
        pique_assets.lake.FileUnreadable: a file is damaged.
        pique_assets.lake.SchemaMismatch: a file is of another version.
    """
    return to_frame(open_lake(lake).read_all(name, judge=judge, start=start, end=end))


def to_frame(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame with the dtypes `load` promises."""
    fields = [field.with_type(_readable(field.type)) for field in table.schema]
    frame: pd.DataFrame = table.cast(pa.schema(fields)).to_pandas(types_mapper=_dtype)
    return frame


def _readable(arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_date(arrow):
        return pa.timestamp("us")
    if pa.types.is_timestamp(arrow):
        return pa.timestamp("us", tz="UTC" if arrow.tz else None)
    return arrow


def _dtype(arrow: pa.DataType) -> ExtensionDtype | None:
    if pa.types.is_uint64(arrow):
        return pd.UInt64Dtype()
    if pa.types.is_integer(arrow):
        return pd.Int64Dtype()
    if pa.types.is_boolean(arrow):
        return pd.BooleanDtype()
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return pd.StringDtype("pyarrow")
    return None
