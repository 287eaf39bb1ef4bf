"""YAML as people write it: each value is read as its text says.

Belongs here: the reading. Does not: what a document means.

PyYAML reads YAML 1.1, in which the aspect ratio 9:16 is the number 556, the language `no` is false, a date is no text,
and the second of two equal keys wins; real judge files have all of these. This reader takes the values that JSON has,
by the rules of YAML 1.2.

By aliases, a document of a few lines can stand for more values than any memory holds, or contain itself. The reader
counts what a document stands for before it makes any value.
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

DEEPEST = 64
"""Most levels of a document, each alias written out; a judge has half a dozen."""

MOST_VALUES = 100_000
"""Most values of a document, each alias written out."""


def read_yaml(text: str) -> object:
    """A document of mappings, lists, texts, numbers, true, false and null.

    Raises:
        ValueError: The text is no such document, or has more than `DEEPEST` levels or `MOST_VALUES` values; the
            message says where.
    """
    try:
        document: object = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    return document


class _Loader(yaml.SafeLoader):
    # Dictionaries of this class alone: a change to those of yaml.SafeLoader would reach every user of PyYAML.
    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]
    yaml_constructors: ClassVar[dict[str | None, Callable[..., Any]]] = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        # The constructor under None refuses unknown tags, and says where they stand.
        if tag is None or tag.removeprefix(_TAG) in ("null", "bool", "str", "seq", "map")
    }

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._level = 0
        # Levels and values of each complete node, by the node's id(), which stays unique: the document keeps all nodes.
        self._extents: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        is_alias = self.check_event(yaml.AliasEvent)
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self._level += 1
        if self._level > DEEPEST:
            raise yaml.composer.ComposerError(None, None, f"more than {DEEPEST} levels", mark)
        node = super().compose_node(parent, index)
        self._level -= 1
        if node is not None and is_alias and id(node) not in self._extents:
            raise yaml.composer.ComposerError(None, None, "the alias stands in what it is an alias of", mark)
        if node is not None and not is_alias:
            self._extents[id(node)] = self._extent(node)
        return node

    def _extent(self, node: yaml.Node) -> tuple[int, int]:
        if isinstance(node, yaml.ScalarNode):
            try:
                node.value.encode()
            except UnicodeEncodeError:
                raise yaml.composer.ComposerError(None, None, "half a surrogate pair", node.start_mark) from None
            return 1, 1
        children = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        extents = [self._extents[id(child)] for child in children]
        levels = 1 + max((levels for levels, _ in extents), default=0)
        values = 1 + sum(values for _, values in extents)
        if levels > DEEPEST or values > MOST_VALUES:
            reason = f"with its aliases written out it has more than {DEEPEST} levels or {MOST_VALUES} values"
            raise yaml.composer.ComposerError(None, None, reason, node.start_mark)
        return levels, values

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                shown = repr(key)[:80]
                raise yaml.constructor.ConstructorError(None, None, f"the key {shown} is no text", node.start_mark)
            if key in seen:
                shown = repr(key)[:80]
                raise yaml.constructor.ConstructorError(None, None, f"the key {shown} stands twice", node.start_mark)
            seen.add(key)
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
