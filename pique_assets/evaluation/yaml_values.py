"""YAML as people write it: what stands there is what is meant.

Here: the reading. Not here: what a document means. PyYAML reads YAML 1.1, in which the aspect ratio 9:16 is the number
556, the language `no` is false, a date is no text, and the second of two equal keys wins; all of that stands in real
judges. Read here are the values of JSON by the rules of YAML 1.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, ClassVar

import yaml

_TAG = "tag:yaml.org,2002:"
_NUMBER = _TAG + "number"
_VALUES = (
    (_TAG + "null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (_TAG + "bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    (_NUMBER, r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
)
_INTEGER = re.compile(r"[-+]?[0-9]+")


def read_yaml(text: str) -> object:
    """A document of mappings, lists, texts, numbers, true, false and null.

    Raises:
        ValueError: It is no such document; the message says where.
    """
    try:
        document: object = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    return document


class _Loader(yaml.SafeLoader):
    # Of its own, or those of yaml.SafeLoader would change for everybody.
    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]
    yaml_constructors: ClassVar[dict[str | None, Callable[..., Any]]] = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        # None: says where an unknown tag stands.
        if tag is None or tag.removeprefix(_TAG) in ("null", "bool", "str", "seq", "map")
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is no text", node.start_mark)
            if key in keys[:position]:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", node.start_mark)
        constructed: dict[object, object] = super().construct_mapping(node, deep=deep)
        return constructed

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        text = str(self.construct_scalar(node))
        number = float(text)
        if not math.isfinite(number):
            raise yaml.constructor.ConstructorError(None, None, f"the number {text} is too large", node.start_mark)
        return int(text) if _INTEGER.fullmatch(text) else number


for _tag, _pattern, _first in _VALUES:
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), _first)
_Loader.add_constructor(_NUMBER, _Loader.construct_number)
