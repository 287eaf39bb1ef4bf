"""What is wrong with a value that somebody declared, said in one sentence that names the field and what to give.

For every room that has a declaration: a frozen dataclass whose annotations say what its fields take. Belongs here: the
check of types against the annotations, and the error. Does not: what a value of the right type may be, which only the
declaration knows.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import Field, dataclass
from typing import Literal, Union, get_args, get_origin

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class DeclarationInvalid(ValueError):
    """A declaration has a value that it can't have.

    Attributes:
        field: Name of the field; the field of a field follows a dot.
    """

    def __init__(self, message: str, *, field: str) -> None:
        """Keep which field is meant, beside the sentence."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a field takes.

    Attributes:
        classes: Values of exactly these classes are taken without a further look.
        others: Values of these classes and of their subclasses are taken as well.
        values: The only texts that are taken, where not every text is.
        words: What to give, for people.
    """

    classes: frozenset[type]
    others: tuple[type, ...]
    values: tuple[str, ...]
    words: str


def require_types(declared: object, *, owner: str, instead: Mapping[str, str] | None = None) -> None:
    """Refuse a field whose value is not of its annotated type; True is no number, and a subclass of `str` no text.

    Args:
        declared: A dataclass without slots, of a module whose annotations are kept as text.
        owner: How the sentence calls the declaration, such as ``evaluation 'ads': `` or ``Limits.``.
        instead: What to give, by field, where a sentence of its own says more than the type does.

    Raises:
        DeclarationInvalid: The sentence names the field, its value and what to give.
    """
    declaration = declared.__class__
    named = _KNOWN_NAMES.get(declaration) or _named_classes(declaration)
    for name, value in vars(declared).items():
        # Enough nearly always, and cheap: a code location is loaded for every run and step.
        if value.__class__.__name__ in named[name]:
            continue
        field = _wanted(declaration, name)
        is_taken = value in field.values if value.__class__ is str else value.__class__ in field.classes
        if not is_taken and not isinstance(value, field.others):
            words = (instead or {}).get(name) or field.words
            kind = type(value).__name__
            what = repr(value) if field.values and kind == "str" else f"{value!r}, {_article(kind)} {kind}"
            if not _is_shown(declaration, name):
                what = f"{_article(kind)} {kind}"
            raise DeclarationInvalid(f"{owner}{name} is {what}: give {words}", field=name)


def _is_shown(declaration: type, name: str) -> bool:
    """Whether the value may be shown: a field that is kept out of the repr may hold a secret."""
    fields: Mapping[str, Field[object]] = vars(declaration)["__dataclass_fields__"]
    return fields[name].repr


_KNOWN_NAMES: dict[type, dict[str, frozenset[str]]] = {}


def _named_classes(declaration: type) -> dict[str, frozenset[str]]:
    """The names of the classes in each field's annotation, which stands there as text."""
    _KNOWN_NAMES[declaration] = named = {
        name: frozenset("NoneType" if part == "None" else part.rpartition(".")[2] for part in text.split(" | "))
        for name, text in declaration.__annotations__.items()
    }
    return named


_KNOWN: dict[tuple[type, str], _Wanted] = {}


def _wanted(declaration: type, name: str) -> _Wanted:
    # Of one field alone: to evaluate all annotations would cost more than the rest of the declaration.
    if (declaration, name) not in _KNOWN:
        annotation = eval(declaration.__annotations__[name], vars(sys.modules[declaration.__module__]))
        _KNOWN[declaration, name] = _wanted_by(annotation)
    return _KNOWN[declaration, name]


def _wanted_by(annotation: object) -> _Wanted:
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    values = tuple(value for option in options if get_origin(option) is Literal for value in get_args(option))
    named = [get_origin(option) or option for option in options if get_origin(option) is not Literal]
    classes = {one for one in named if isinstance(one, type)}
    words = [_WORDS.get(one, one.__name__) for one in named if isinstance(one, type) and one is not type(None)]
    if values:
        words.append(f"one of {', '.join(map(repr, values))}")
    if float in classes:
        classes.add(int)
    return _Wanted(
        classes=frozenset(classes),
        others=tuple(one for one in classes if one not in _WORDS),
        values=values,
        words=" or ".join(words),
    )


def _article(word: str) -> str:
    return "an" if word[0].lower() in "aeiou" else "a"
