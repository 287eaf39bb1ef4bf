"""A detector's metrics as rows, and the rows as metrics again: lossless in value and type, for any JSON.

Belongs here: flattening and restoring one value. Columns are assembled in `rows`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from pique_assets.lake.json_text import is_storable, to_json
from pique_assets.lake.metric_paths import escape_key, split_path


@dataclass(frozen=True, slots=True)
class JsonText:
    """A value kept as JSON: a list, an int beyond 64 bits, or a string UTF-8 cannot hold."""

    kind: str
    text: str
    length: int | None = None


MetricCell = tuple[str, object]
"""metric_path, and the value: a scalar, an empty object, or its JsonText."""

_KIND_OF: Final[Mapping[type, str]] = {
    float: "float",
    int: "int",
    bool: "bool",
    str: "string",
    type(None): "null",
    dict: "object",
}
_STORED_IN: Final[Mapping[type, str]] = {
    float: "value_double",
    int: "value_int",
    bool: "value_bool",
    str: "value_string",
}
_KEPT_AS_THEY_ARE: Final = frozenset({float, bool, type(None)})
_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1


class EscapedKeys(dict[str, str]):
    """Segments by key, escaped once: a batch of payloads repeats the same few keys endlessly."""

    def __missing__(self, key: str) -> str:
        """Escape a key met for the first time."""
        segment = self[key] = escape_key(key)
        return segment


def flatten_metrics(metrics: object, keys: EscapedKeys) -> list[MetricCell]:
    """One cell per leaf, sorted by path; objects are leaves only when empty, lists always.

    Raises:
        NotReadable: a list nested too deep to be written as JSON.
    """
    if not isinstance(metrics, dict) or not metrics:
        return [("", _leaf(metrics))]
    cells: list[MetricCell] = []
    # A stack of our own, because nesting is the sender's choice and Python's stack is not.
    pending: list[tuple[str, dict[str, object]]] = [("", metrics)]
    while pending:
        prefix, fields = pending.pop()
        for key, value in fields.items():
            path = prefix + keys[key]
            if type(value) in _KEPT_AS_THEY_ARE:
                cells.append((path, value))
            elif isinstance(value, dict) and value:
                pending.append((path + ".", value))
            else:
                cells.append((path, _leaf(value)))
    cells.sort()
    return cells


def metric_columns(values: Sequence[object]) -> dict[str, list[object]]:
    """The columns value_kind to list_length of `detector_metrics`, from the values of cells."""
    types = list(map(type, values))
    columns: dict[str, list[object]] = {"value_kind": list(map(_KIND_OF.get, types))}
    for stored, name in _STORED_IN.items():
        columns[name] = [v if t is stored else None for v, t in zip(values, types, strict=True)]
    columns["value_json"] = [None] * len(values)
    columns["list_length"] = [None] * len(values)
    for row, value in enumerate(values):
        if isinstance(value, JsonText):
            columns["value_kind"][row] = value.kind
            columns["value_json"][row] = value.text
            columns["list_length"][row] = value.length
    return columns


def restore_metrics(table: pa.Table) -> dict[tuple[str, int], object]:
    """The metrics of every detector result, by (job_id, detector_index), from a `detector_metrics` table.

    Each equals what the payload held, in value and type (30 and 30.0 differ, as do True and 1). A detector
    result that had no metrics has no entry; one whose metrics were null has None.

    Raises:
        ValueError: a path that `normalise` never writes, or two rows that contradict each other.
        KeyError: the table lacks a column.
    """
    restored: dict[tuple[str, int], object] = {}
    jobs, indexes, paths = (table.column(name).to_pylist() for name in ("job_id", "detector_index", "metric_path"))
    for job_id, index, path, value in zip(jobs, indexes, paths, metric_values(table), strict=True):
        keys = split_path(path)
        if not keys:
            restored[job_id, index] = value
            continue
        fields = restored.setdefault((job_id, index), {})
        for key in keys[:-1]:
            fields = _as_object(fields, path).setdefault(key, {})
        _as_object(fields, path)[keys[-1]] = value
    return restored


def metric_values(table: pa.Table) -> list[object]:
    """The value of every row of a `detector_metrics` table, in value and type as it was sent.

    Raises:
        KeyError: the table lacks a column.
    """
    kinds = table.column("value_kind").to_pylist()
    texts = table.column("value_json").to_pylist()
    stored = {_KIND_OF[type_]: table.column(name).to_pylist() for type_, name in _STORED_IN.items()}
    nothing = [None] * len(kinds)
    return [
        _value(kind, stored.get(kind, nothing)[row], text)
        for row, (kind, text) in enumerate(zip(kinds, texts, strict=True))
    ]


def _value(kind: str, stored: object, text: str | None) -> object:
    if text is not None:
        return json.loads(text)
    return {} if kind == "object" else stored


def _leaf(value: object) -> object:
    if isinstance(value, str):
        return value if is_storable(value) else JsonText("string", to_json(value))
    if isinstance(value, int):
        return value if _INT64_MIN <= value <= _INT64_MAX else JsonText("int", to_json(value))
    if isinstance(value, list):
        return JsonText("list", to_json(value), len(value))
    return value


def _as_object(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"metric path {path!r} goes through a value that is no object")
    return value
