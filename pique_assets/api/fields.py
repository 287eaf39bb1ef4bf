"""How a field of Pique's JSON is read: what all wire models share.

Belongs here: the base model, the reading of single values, and the canonical writing of JSON. The models
themselves are in ``models``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

LONGEST_ID: Final = 255
"""Far longer than any id that was seen, and short enough for an address and for any database's index."""

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200


def _as_utc(value: datetime) -> datetime:
    # Pique writes every time with a Z; a time without a zone can only be meant the same way.
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time outside the calendar") from None


def _missing_if_unreadable(value: object, read: ValidatorFunctionWrapHandler) -> object:
    try:
        return read(value)
    except ValidationError:
        return None


def _in_our_time(value: datetime) -> datetime:
    # "Never" and "not set" are written as the calendar's ends; with those nobody can reckon, nor a database keep them.
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError("a time of another century")
    return value


UtcDatetime = Annotated[datetime, AfterValidator(_as_utc)]

# One odd field must not make a finished job unreadable for ever: a value that does not fit reads as missing.
LENIENT = WrapValidator(_missing_if_unreadable)
Text = Annotated[str | None, Field(strict=True), LENIENT]
Flag = Annotated[bool | None, Field(strict=True), LENIENT]
Number = Annotated[float | None, Field(strict=True), LENIENT]
Items = Annotated[tuple[object, ...] | None, LENIENT]
Time = Annotated[Annotated[UtcDatetime, AfterValidator(_in_our_time)] | None, LENIENT]
Count = Annotated[int | None, LENIENT]
Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
OptionalId = Annotated[Id | None, LENIENT]


class WireModel(BaseModel):
    """A frozen model that keeps unknown fields, reads null as missing, and shows only what it declares."""

    # An error about an answer must not print the answer: it may hold a signed URL.
    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_means_missing(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        known = cls.model_fields
        return {name: value for name, value in data.items() if value is not None or name not in known}

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """Leave out fields we do not know: any of them may be a credential."""
        declared = type(self).model_fields
        return ((name, value) for name, value in super().__repr_args__() if name in declared)


def renamed(data: object, names: Mapping[str, str]) -> object:
    """Give a webhook's fields their polled names, where the polled name is missing.

    Args:
        data: An object of the payload; anything else is returned as it is.
        names: The polled name of each webhook name.
    """
    if not isinstance(data, Mapping):
        return data
    fields = dict(data)
    for webhook_name, polled_name in names.items():
        if fields.get(polled_name) is None and fields.get(webhook_name) is not None:
            fields[polled_name] = fields.pop(webhook_name)
    return fields


def parsed(body: bytes) -> object:
    """Read JSON. An integer of more digits than Python takes for one is kept as text, and spoils nothing else.

    Raises:
        ValueError: It is no JSON, or no Unicode.
        RecursionError: It is nested too deep.
    """
    return json.loads(body, parse_int=_integer)


def _integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits


def canonical_json(value: object) -> str:
    """Write JSON such that equal values are equal texts, whatever their key order, 30 or 30.0."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _plain(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
