"""The schema of YAML, made of the declarations of Python: names, types, defaults and descriptions stand there alone.

Belongs here: how a field of a declaration looks in YAML, and where its description comes from. Does not: which fields a
component has beside these (`component`).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from inspect import cleandoc
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import dagster as dg
import pydantic
from pydantic_core import ErrorDetails, InitErrorDetails


def descriptions_of(declaration: type) -> dict[str, str]:
    """What the docstring of a declaration says of each field, in its section `Attributes` or `Args`."""
    section = re.split(r"\n(?:Attributes|Args):\n", cleandoc(declaration.__doc__ or ""))[-1]
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for line in section.splitlines():
        if begin := re.match(r"    (\w+): (.*)", line):
            words = found.setdefault(begin[1], [begin[2]])
        elif line.startswith("        "):
            words.append(line.strip())
    return {name: " ".join(lines) for name, lines in found.items()}


def fields_in_yaml(
    declaration: type, *, instead: Mapping[str, Any] | None = None, but: Container[str] = ()
) -> dict[str, Any]:
    """The fields of a declaration as `pydantic.create_model` wants them: type, default and description.

    Args:
        declaration: A dataclass.
        instead: The model of a field that is a declaration of its own, by the field's name.
        but: Fields that YAML writes otherwise.
    """
    hints, descriptions = get_type_hints(declaration), descriptions_of(declaration)
    return {
        field.name: (
            _annotated((instead or {}).get(field.name), hints[field.name], description=descriptions[field.name]),
            pydantic.Field(**_default(field)),
        )
        for field in fields(declaration)
        if field.name not in but
    }


def _annotated(model: object, annotation: object, *, description: str) -> Any:  # noqa: ANN401 - an annotation
    if model is not None:
        return Annotated[model, dg.Resolver.default(description=description)]
    # Values are checked by the declaration alone, whose sentences say what to give.
    return Annotated[Any, dg.Resolver.default(model_field_type=_in_yaml(annotation), description=description)]


def model_of(declaration: type) -> type[dg.Model]:
    """A model with the fields of a declaration, all of them plain values."""
    name = f"{declaration.__name__}Model"
    made = type(name, (dg.Model, dg.Resolvable), {"__doc__": (declaration.__doc__ or "").partition("\n")[0]})
    model: type[dg.Model] = pydantic.create_model(name, __base__=made, **fields_in_yaml(declaration))
    return model


def _in_yaml(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    """The options of an annotation that YAML can write; a path, a date and an `EnvVar` are written as text."""
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    plain = [option for option in options if _is_plain(option)]
    return Union[tuple(plain)]  # noqa: UP007 - made of values


def _is_plain(option: object) -> bool:
    return option in (str, int, float, bool, type(None)) or get_origin(option) is Literal


def _default(field: Field[Any]) -> dict[str, Any]:
    if field.default is not MISSING:
        is_plain = field.default is None or isinstance(field.default, str | int | float)
        return {"default": field.default if is_plain else None}
    return {"default": None} if field.default_factory is not MISSING else {}


@cache
def saying_what_to_give(model: type[pydantic.BaseModel]) -> type[pydantic.BaseModel]:
    """The model, with a sentence for each mistake; Dagster's own model has an error for each option of each union."""

    class Saying(model):  # type: ignore[misc, valid-type]
        model_config = pydantic.ConfigDict(title=model.__name__)

        @pydantic.model_validator(mode="wrap")
        @classmethod
        def _say(cls, value: Any, handler: pydantic.ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - any YAML
            try:
                return handler(value)
            except pydantic.ValidationError as invalid:
                mistakes = _mistakes(invalid, value=value, model=model)
                raise pydantic.ValidationError.from_exception_data(model.__name__, mistakes) from None

    Saying.__name__ = model.__name__
    Saying.__doc__ = model.__doc__
    return Saying


def _mistakes(
    invalid: pydantic.ValidationError, *, value: object, model: type[pydantic.BaseModel]
) -> list[InitErrorDetails]:
    found: dict[tuple[int | str, ...], InitErrorDetails] = {}
    errors = sorted(invalid.errors(), key=lambda error: len(error["loc"]), reverse=True)
    for error in errors:
        # What is neither a field nor the number of an item is the name of an option.
        path = tuple(part for part in error["loc"] if isinstance(part, int) or re.fullmatch(r"[a-z_]+", part))
        path = path[:-1] if path[-1:] == ("str",) else path
        # A template is text: that a value is no text is no mistake where another option has a better word.
        if path in found or any(other[: len(path)] == path for other in found):
            continue
        sentence = _sentence(path, error=error, value=value, model=model)
        # Of pydantic's own types, because Dagster makes the errors once more, with their places in the file.
        said = InitErrorDetails(type="value_error", loc=path, input=error["input"], ctx={"error": ValueError(sentence)})
        found[path] = said
    return list(found.values())


def _sentence(
    path: tuple[int | str, ...], *, error: ErrorDetails, value: object, model: type[pydantic.BaseModel]
) -> str:
    owner = ""
    for number, part in enumerate(path):
        if isinstance(part, int):
            entry = value["evaluations"][part] if path[0] == "evaluations" and isinstance(value, dict) else {}
            owner = f"evaluation {entry.get('name', part)!r}: " if isinstance(entry, dict) else ""
            path = path[number + 1 :]
            break
    field = ".".join(map(str, path)) or "evaluations"
    if error["type"] == "extra_forbidden":
        among = model if not owner else _model_at(model, ("evaluations",))
        return f"{owner}{field} is no field: give one of {', '.join(_model_at(among, path[:-1]).model_fields)}"
    if error["type"] == "missing":
        return f"{owner}{field} is left out: give it"
    return f"{owner}{field} is {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _model_at(model: type[pydantic.BaseModel], path: tuple[int | str, ...]) -> type[pydantic.BaseModel]:
    for part in path:
        found = model.model_fields.get(str(part))
        inner = None if found is None else _model_among(found.annotation)
        model = inner or model
    return model


def _model_among(annotation: object) -> type[pydantic.BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    return next((found for option in get_args(annotation) if (found := _model_among(option))), None)
