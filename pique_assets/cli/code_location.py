"""The user's code location, as a command reads it: its evaluations, and its resources ready for use.

Belongs here: preparing the resources of what was loaded. Does not: finding and loading it (`loaded_definitions`), and
what is done with the evaluations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import dagster as dg

from pique_assets.cli.loaded_definitions import CodeLocationUnusable, load_definitions
from pique_assets.config import Evaluation
from pique_assets.resource_keys import KEY_PREFIXES
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource
from pique_assets.unique_names import DeclaredEvaluation, declared_evaluations

_Resource = TypeVar("_Resource", PiqueResource, LedgerResource, LakeResource, MediaStorageResource)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLocation:
    """What a command needs of a code location."""

    evaluations: Sequence[Evaluation]
    pique: PiqueResource
    ledger: LedgerResource
    media_storage: MediaStorageResource


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLocationHome:
    """Where the runs of a code location keep their record and their tables."""

    ledger: LedgerResource
    lake: LakeResource


def load_code_location(named: str | None, *, only: Sequence[str] = ()) -> CodeLocation:
    """Load the evaluations of a code location, and what they need.

    Args:
        named: A module or a file; None for the project's own.
        only: Names of the wanted evaluations; none for all.

    Raises:
        CodeLocationUnusable: It can't be loaded, has no such evaluation, or a resource can't be prepared.
    """
    declared, resources = _loaded(named, only=only)
    return CodeLocation(
        evaluations=[one.evaluation for one in declared],
        pique=_prepared(resources.get("pique"), PiqueResource),
        ledger=_prepared(resources.get("ledger"), LedgerResource),
        media_storage=_prepared(resources.get("media_storage"), MediaStorageResource),
    )


def load_home(named: str | None) -> CodeLocationHome:
    """The same, for ledger and lake alone: neither Pique nor a key need be known.

    Raises:
        CodeLocationUnusable: As for `load_code_location`.
    """
    _, resources = _loaded(named, only=())
    return CodeLocationHome(
        ledger=_prepared(resources.get("ledger"), LedgerResource), lake=_prepared(resources.get("lake"), LakeResource)
    )


def declared_in(named: str | None) -> tuple[str, list[Evaluation]]:
    """The module or file of a code location, and its evaluations; nothing of its resources need be known.

    Raises:
        CodeLocationUnusable: It can't be loaded, or has no evaluation.
    """
    where, declared, _ = _declared(named)
    return where, [one.evaluation for one in declared]


def _declared(named: str | None) -> tuple[str, list[DeclaredEvaluation], dg.Definitions]:
    loaded = load_definitions(named)
    declared = declared_evaluations(loaded.definitions.metadata or {})
    if not declared:
        raise CodeLocationUnusable(
            f"{loaded.where} has no evaluation: build_defs(evaluations=...) or the component "
            "pique_assets.PiqueEvaluations declares some; name another module or file with --module"
        )
    return loaded.where, declared, loaded.definitions


def _loaded(named: str | None, *, only: Sequence[str]) -> tuple[list[DeclaredEvaluation], dict[str, object]]:
    """The wanted evaluations, and the resources that all of them share, by name."""
    where, declared, definitions = _declared(named)
    names = [one.evaluation.name for one in declared]
    if unknown := sorted(set(only) - set(names)):
        raise CodeLocationUnusable(f"unknown evaluation {', '.join(unknown)}; {where} has {', '.join(names)}")
    wanted = [one for one in declared if not only or one.evaluation.name in only]
    return wanted, _shared_resources(wanted, resources=definitions.resources or {})


def _shared_resources(declared: Sequence[DeclaredEvaluation], *, resources: Any) -> dict[str, object]:  # noqa: ANN401
    """The resources of all these evaluations, which may be some of what a code location has.

    Raises:
        CodeLocationUnusable: Two of them have ledgers, or Piques, of their own.
    """
    shared: dict[str, object] = {}
    for one in declared:
        for name in KEY_PREFIXES:
            resource = resources.get(one.keys.key(name))
            if shared.setdefault(name, resource) != resource:
                raise CodeLocationUnusable(
                    f"the evaluations are not all of one {name}: {one.evaluation.name!r} has another than those before "
                    "it; name those of one with --evaluation, which may be repeated"
                )
    return shared


def _prepared(resource: object, kind: type[_Resource]) -> _Resource:
    """The resource with its environment variables read."""
    if not isinstance(resource, kind):
        raise CodeLocationUnusable(f"the code location's `defs` have no {kind.__name__}; resources_for(...) makes one")
    declared = [getattr(resource, name) for name in kind.model_fields]
    variables = [value for value in declared if isinstance(value, dg.EnvVar)]
    if unset := [variable.env_var_name for variable in variables if not variable.get_value()]:
        raise CodeLocationUnusable(f"set the environment variable {' and '.join(unset)}: the code location reads it")
    # In a block: left to Python's end, Dagster's context complains that half of Python is gone.
    with resource.process_config_and_initialize_cm() as prepared:
        if not isinstance(prepared, kind):
            raise CodeLocationUnusable(f"its {kind.__name__} prepared itself as something else")
        return prepared
