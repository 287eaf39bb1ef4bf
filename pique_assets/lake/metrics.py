r"""A detector's metrics as cells of `detector_metrics`, and these as metrics again: lossless for any JSON.

Belongs here: the paths of metrics, the columns that a value is kept in, and the way back. Does not: which rows there
are beside it (`normalised`).

A path is the keys joined with dots. Keys are data, free text with dots and slashes, so a path escapes: `\\` a
backslash, `\.` a dot, `\e` the empty key, `\uXXXX` NUL and lone surrogates. The empty path is the metrics value itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from pique_assets.lake.json_text import is_storable, to_json

_SPECIAL: Final = re.compile("[\\\\.\x00\ud800-\udfff]")
_SEGMENT: Final = re.compile(r"\\e|(?:[^\\.]|\\[\\.]|\\u[0-9a-f]{4})+")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-f]{4})|([\\.]))")

_KIND_OF: Final[Mapping[type, str]] = {
    float: "float",
    int: "int",
    bool: "bool",
    str: "string",
    type(None): "null",
    dict: "object",
    list: "list",
}
_STORED_IN: Final[Mapping[type, str]] = {
    float: "value_double",
    int: "value_int",
    bool: "value_bool",
    str: "value_string",
}
# Which values of a type its column can hold, where not all.
_FITS: Final[Mapping[type, Callable[[Any], bool]]] = {int: range(-(2**63), 2**63).__contains__, str: is_storable}


def escape_key(key: str) -> str:
    """One key as a segment of a path."""
    return _SPECIAL.sub(_escaped, key) if key else "\\e"


def join_path(keys: tuple[str, ...]) -> str:
    """The path of nested keys; no keys at all is the metrics value itself."""
    return ".".join(escape_key(key) for key in keys)


def split_path(path: str) -> tuple[str, ...]:
    """The keys that a path was joined from.

    Raises:
        ValueError: An unknown escape or an empty segment: `join_path` wrote no such path.
    """
    keys: list[str] = []
    position = -1
    while path and position < len(path):
        segment = _SEGMENT.match(path, position + 1)
        if segment is None or path[segment.end() : segment.end() + 1] not in ("", "."):
            raise ValueError(f"metric path {path!r} cannot be read after character {position + 1}")
        keys.append("" if segment[0] == "\\e" else _ESCAPE.sub(_unescaped, segment[0]))
        position = segment.end()
    return tuple(keys)


class MetricPaths(dict[str, str]):
    """Paths below one prefix by key, each worked out once: payloads repeat the same few keys endlessly."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self._prefix = prefix
        self._below: dict[str, MetricPaths] = {}

    def __missing__(self, key: str) -> str:
        """The path of a key that is met for the first time."""
        path = self[key] = self._prefix + escape_key(key)
        return path

    def below(self, key: str) -> MetricPaths:
        """Paths of what is nested under a key."""
        paths = self._below.get(key)
        if paths is None:
            paths = self._below[key] = MetricPaths(f"{self[key]}.")
        return paths


def flatten_metrics(metrics: object, paths: MetricPaths) -> dict[str, object]:
    """The values of one detector's metrics by path; an object is a value only when empty, a list always.

    Args:
        metrics: The value that was sent.
        paths: Those of all keys met so far.
    """
    if not isinstance(metrics, dict) or not metrics:
        return {"": metrics}
    values: dict[str, object] = {}
    # A stack of our own, because nesting is the sender's choice and Python's stack is not.
    pending = [(metrics, paths)]
    while pending:
        fields, paths = pending.pop()
        for key, value in fields.items():
            if type(value) is dict and value:
                pending.append((value, paths.below(key)))
            else:
                values[paths[key]] = value
    return values


def metric_columns(values: Sequence[Any]) -> dict[str, list[Any]]:
    """The columns value_kind to list_length of `detector_metrics`, from the values of its rows.

    Raises:
        NotReadable: A list is nested too deep to be written as JSON.
    """
    types = list(map(type, values))
    columns: dict[str, list[Any]] = {"value_kind": list(map(_KIND_OF.get, types))}
    for stored, name in _STORED_IN.items():
        columns[name] = [value if kind is stored else None for value, kind in zip(values, types, strict=True)]
    columns["value_json"] = [None] * len(values)
    columns["list_length"] = [None] * len(values)
    for row, kind in enumerate(types):
        if kind is list:
            columns["value_json"][row] = to_json(values[row]) if values[row] else "[]"
            columns["list_length"][row] = len(values[row])
    for stored, fits in _FITS.items():
        column = columns[_STORED_IN[stored]]
        for row in [row for row, value in enumerate(column) if value is not None and not fits(value)]:
            # No column of its type can hold this one, so its JSON does.
            columns["value_json"][row], column[row] = to_json(column[row]), None
    return columns


def metric_values(table: pa.Table) -> list[object]:
    """The value of every row of a `detector_metrics` table, in value and type as it was sent.

    Raises:
        KeyError: The table lacks a column.
    """
    kinds = table.column("value_kind").to_pylist()
    texts = table.column("value_json").to_pylist()
    stored = {_KIND_OF[type_]: table.column(name).to_pylist() for type_, name in _STORED_IN.items()}
    nothing = [None] * len(kinds)
    return [
        _value(kind, stored.get(kind, nothing)[row], text)
        for row, (kind, text) in enumerate(zip(kinds, texts, strict=True))
    ]


def restore_metrics(table: pa.Table) -> dict[tuple[str, int], object]:
    """The metrics of every detector result, by (job_id, detector_index), from a `detector_metrics` table.

    Each equals what the payload held, in value and type (30 and 30.0 differ, as do True and 1). A detector
    result that had no metrics has no entry; one whose metrics were null has None.

    Raises:
        ValueError: A path that `normalise` never writes, or two rows that contradict each other.
        KeyError: The table lacks a column.
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


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in "\\." else f"\\u{ord(character):04x}"


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]


def _value(kind: str, stored: object, text: str | None) -> object:
    if text is not None:
        return json.loads(text)
    return {} if kind == "object" else stored


def _as_object(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"metric path {path!r} goes through a value that is no object")
    return value
