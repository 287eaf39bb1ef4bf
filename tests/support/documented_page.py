"""What a page of Pique's documentation names, and which of it is tested.

Belongs here: the words of a page, which each test module lists: endpoints, headers, fields, allowed values, limits,
statuses and errors. Every test says which of them it is about, and a last one finds the rest. Does not: the pages,
whose addresses are in docs/contract.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., object])

PAYLOADS = Path(__file__).parents[1] / "contract" / "payloads"


@dataclass
class DocumentedPage:
    """One page by its name in docs/contract.md, with its words by section."""

    name: str
    sections: Mapping[str, tuple[str, ...]]
    _tested: set[str] = field(default_factory=set)

    @property
    def words(self) -> list[str]:
        return [f"{section}: {word}" for section, words in self.sections.items() for word in words]

    def tests(self, section: str, words: Iterable[str] | str) -> Callable[[Test], Test]:
        """Say that a test is about these words of a section; a word the page does not have is an error."""
        named = [words] if isinstance(words, str) else list(words)
        unknown = set(named) - set(self.sections[section])
        assert named, f"{self.name}: a test of {section} names no word"
        assert not unknown, f"{self.name} has no {section} {sorted(unknown)}"
        self._tested |= {f"{section}: {word}" for word in named}
        return lambda test: test

    def untested(self) -> list[str]:
        return [word for word in self.words if word not in self._tested]


def documented(name: str) -> dict[str, Any]:
    """A documented payload."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def paths(value: object, *, prefix: str = "") -> set[str]:
    """Every field of a payload, such as ``results[].metrics.video_specs.fps``."""
    return set(_paths(value, prefix))


def _paths(value: object, prefix: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{prefix}{key}"
            yield from _paths(item, f"{prefix}{key}.")
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, f"{prefix.removesuffix('.')}[].")


def at(value: Any, path: str) -> Any:
    """The value at a path; the first element of each list."""
    for part in path.split("."):
        value = value[part.removesuffix("[]")]
        if part.endswith("[]"):
            value = value[0]
    return value
