"""The user's code location, as a command reads it: its evaluations, and its resources ready for use.

Belongs here: loading the module and preparing its resources. Does not: what is done with them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.home import project_root
from pique_assets.resource_keys import resources_of_asset
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource

_Resource = TypeVar("_Resource", PiqueResource, LedgerResource, LakeResource, MediaStorageResource)


class CodeLocationUnusable(Exception):
    """The module can't be loaded, or lacks what a command needs; the text says what to do."""


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


def load_code_location(module_name: str) -> CodeLocation:
    """Load a module that has `EVALUATIONS` and `defs`, from the project's root or wherever Python finds it.

    Raises:
        CodeLocationUnusable: There is no such module, it lacks one of the two, or a resource can't be prepared.
    """
    evaluations, resources = _loaded(module_name)
    return CodeLocation(
        evaluations=evaluations,
        pique=_prepared(resources.get("pique"), PiqueResource),
        ledger=_prepared(resources.get("ledger"), LedgerResource),
        media_storage=_prepared(resources.get("media_storage"), MediaStorageResource),
    )


def load_home(module_name: str) -> CodeLocationHome:
    """The same, for ledger and lake alone: neither Pique nor a key need be known.

    Raises:
        CodeLocationUnusable: As for `load_code_location`.
    """
    _, resources = _loaded(module_name)
    return CodeLocationHome(
        ledger=_prepared(resources.get("ledger"), LedgerResource), lake=_prepared(resources.get("lake"), LakeResource)
    )


def _loaded(module_name: str) -> tuple[Sequence[Evaluation], dict[str, object]]:
    """Its evaluations, and the resources that all of them share, by name."""
    folder = project_root() or Path.cwd()
    sys.path.insert(0, str(folder))
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise CodeLocationUnusable(
            f"there is no module {module_name} in {folder}: start this in the project's folder, or name the module "
            "with --module"
        ) from None
    evaluations, defs = getattr(module, "EVALUATIONS", None), getattr(module, "defs", None)
    if not isinstance(defs, dg.Definitions) or not evaluations:
        raise CodeLocationUnusable(
            f"{module.__file__} must have `EVALUATIONS`, a list of Evaluation, and `defs`, the Definitions that "
            "build_defs made of them"
        )
    return evaluations, _shared_resources(evaluations, defs=defs)


def _shared_resources(evaluations: Sequence[Evaluation], *, defs: dg.Definitions) -> dict[str, object]:
    """The resources of all these evaluations, which may be some of what a code location has.

    Raises:
        CodeLocationUnusable: Two of them have ledgers, or Piques, of their own.
    """
    shared: dict[str, object] = {}
    for evaluation in evaluations:
        for asset in evaluation.submitting_assets:
            for name, resource in resources_of_asset(evaluation.asset_key(asset), defs=defs).items():
                if shared.setdefault(name, resource) != resource:
                    raise CodeLocationUnusable(
                        f"EVALUATIONS are not all of one {name}: {evaluation.name!r} has another than those before it; "
                        "keep those of each in a module of their own, and name it with --module"
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
    prepared = resource.process_config_and_initialize()
    if not isinstance(prepared, kind):
        raise CodeLocationUnusable(f"its {kind.__name__} prepared itself as something else")
    return prepared
