"""Under which keys the resources of one `build_defs` reach Dagster.

Belongs here: the keys, and how a function gets the resources under these keys. Does not: the resources (`resources`).

Dagster refuses to merge definitions that have one key for two resources, and a code location may well have a `lake` of
its own. So a function names a resource in its parameters (`pique`, `ledger`, `lake`, `media_storage`), and the key adds
whose resource that is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import dagster as dg

_Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.SensorEvaluationContext
_Result = TypeVar("_Result")

KEY_PREFIXES: Final = {
    "pique": "pique_api",
    "ledger": "pique_ledger",
    "lake": "pique_lake",
    "media_storage": "pique_media_storage",
}


@dataclass(frozen=True, eq=False, repr=False)
class ResourceKeys:
    """The keys of the resources of one `build_defs`; `name` is what its evaluations are called together."""

    name: str

    def __post_init__(self) -> None:
        """Refuse a name that can't be part of a key.

        Raises:
            ValueError: The message says what can.
        """
        if not (self.name.isascii() and f"_{self.name}".isidentifier()):
            raise ValueError(f"build_defs can't name anything after {self.name!r}: use letters, digits and underscores")

    def key(self, resource: str) -> str:
        """The key of `pique`, `ledger`, `lake` or `media_storage`."""
        return f"{KEY_PREFIXES[resource]}_{self.name}"

    def keyed(self, resources: Mapping[str, Any]) -> dict[str, Any]:
        """The resources by their keys in Dagster; resources that are not of this package keep their keys.

        Raises:
            ValueError: One of the four is missing.
        """
        if missing := [resource for resource in KEY_PREFIXES if resource not in resources]:
            raise ValueError(
                f"build_defs has no resource {' and no '.join(map(repr, missing))}; `resources_for(...)` makes all four"
            )
        return {self.key(name) if name in KEY_PREFIXES else name: resource for name, resource in resources.items()}

    def bind(self, function: Callable[..., _Result]) -> BoundFunction[_Result]:
        """The function as Dagster calls it: with its context alone, the other parameters being these resources."""
        # Not by `inspect.signature`, which makes fifty calls for each of the functions that a code location loads.
        first, *wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
        keys = {name: self.key(name) for name in wanted}

        def bound(context: _Context, **_also_given: object) -> _Result:
            # When a test calls a sensor, Dagster hands the resources over as arguments, too.
            return function(context, **{name: getattr(context.resources, key) for name, key in keys.items()})

        # Computed once: Dagster asks for the signature of each asset a dozen times, to know the kind of context.
        parameter = inspect.Parameter(
            first, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=function.__annotations__[first]
        )
        bound.__signature__ = inspect.Signature([parameter])  # type: ignore[attr-defined]
        bound.__name__ = function.__name__
        # Dagster before 1.13.24 would take the annotation of what is returned for a single output's type.
        bound.__annotations__ = {}
        return BoundFunction(bound, set(keys.values()))


@dataclass(frozen=True, eq=False, repr=False)
class BoundFunction(Generic[_Result]):
    """A function that takes a context alone, and the keys of the resources that the function finds there."""

    call: Callable[..., _Result]
    required_resource_keys: set[str]
