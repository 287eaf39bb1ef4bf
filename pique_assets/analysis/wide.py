"""Metrics with a column for each, made at read time.

Belongs here: pivoting `detector_metrics`. The lake has a row for each metric because the names of metrics are
data and one name has several types among detectors (docs/contract.md, traps 6 and 7).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import pandas as pd
import pyarrow.compute as pc

from pique_assets.analysis.sources import DateLike, LakeLike, open_lake
from pique_assets.lake import metric_values

_KEYS: Final = ("judge", "date", "evaluation", "job_id", "detector_index", "detector_name")
_EXACT_INT: Final = 2**53
_INT64: Final = range(-(2**63), 2**63)


def wide(
    *,
    detector: str | None = None,
    lake: LakeLike | None = None,
    judge: str | None = None,
    start: DateLike | None = None,
    end: DateLike | None = None,
) -> pd.DataFrame:
    """One row per job and detector result, one column per metric path.

    The rows' index is judge, date, evaluation, job_id, detector_index and detector_name. A column of one kind has its
    dtype (Int64, float64, boolean, string); integers among floats make floats where exact; anything else,
    lists included, is an object column of the values as sent. Null and absent metrics are both missing here;
    `load` tells them apart.

    Args:
        detector: only this detector; without it, detectors that use the same path share its column.
        lake: the lake or its address, as for `load`.
        judge: only this judge's rows.
        start: first date wanted.
        end: last date wanted (included).

    Raises:
        NoLake: no lake was given or found.
    """
    table = open_lake(lake).read_all("detector_metrics", judge=judge, start=start, end=end)
    if detector is not None:
        table = table.filter(pc.equal(table["detector_name"], detector))
    rows = list(zip(*(table[name].to_pylist() for name in _KEYS), strict=True))
    place = {key: number for number, key in enumerate(dict.fromkeys(rows))}
    columns: dict[str, dict[int, object]] = defaultdict(dict)
    for key, path, value in zip(rows, table["metric_path"].to_pylist(), metric_values(table), strict=True):
        columns[path][place[key]] = value
    index = pd.MultiIndex.from_arrays(
        [
            pd.to_datetime(pd.Series(level)).astype("datetime64[us]") if name == "date" else level
            for name, level in zip(_KEYS, _levels(list(place)), strict=True)
        ],
        names=list(_KEYS),
    )
    return pd.DataFrame({path: _series(columns[path], len(place)) for path in sorted(columns)}).set_axis(index)


def _levels(keys: list[tuple[object, ...]]) -> list[list[object]]:
    return [[key[position] for key in keys] for position in range(len(_KEYS))]


def _series(values: dict[int, object], length: int) -> pd.Series[Any]:
    cells = [values.get(place) for place in range(length)]
    dtype = _dtype([value for value in cells if value is not None])
    return pd.Series(cells, dtype=dtype)


def _dtype(values: list[object]) -> str:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "boolean"
    if kinds == {str}:
        return "string[python]"
    if kinds == {int} and all(value in _INT64 for value in values):
        return "Int64"
    if kinds and kinds <= {int, float} and all(_is_exact(value) for value in values):
        return "float64"
    return "object"


def _is_exact(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= _EXACT_INT)
