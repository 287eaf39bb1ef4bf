"""The definitions of a code location: which module or file has them, and what is in there once it is loaded.

Belongs here: the rule by which a code location is found, which is that of `dg` where the project has one, and loading.
Does not: evaluations and resources (`code_location`).
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
from dotenv import load_dotenv

from pique_assets.cli.text_table import one_line
from pique_assets.home import project_root

DEFAULT_MODULE = "definitions"
"""What is loaded where no file of the project names a module."""

LONGEST_REASON = 600

# What `@dg.definitions` makes of a function; Dagster has no public name for the class.
_LAZY = type(dg.definitions(lambda: dg.Definitions()))


class CodeLocationUnusable(Exception):
    """The code location can't be loaded, or lacks what a command needs; the text says what to do."""


class NoCodeLocation(CodeLocationUnusable):
    """There is no such module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDefinitions:
    """What a code location has; `where` names the module or file for people."""

    definitions: dg.Definitions
    where: str


def load_definitions(named: str | None) -> LoadedDefinitions:
    """Load a code location, with the project's file `.env` in the environment as Dagster has it.

    Args:
        named: A module, or a Python file; None for what `dg.toml` or `pyproject.toml` names, else `definitions`.

    Raises:
        CodeLocationUnusable: There is none, it fails, or it has no definitions.
    """
    root = project_root() or Path.cwd()
    load_dotenv(root / ".env")
    # As Python itself would: a project's folder, and the folder that new projects keep their package in.
    sys.path[:0] = [str(folder) for folder in (root, root / "src") if folder.is_dir()]
    settings = _dg_settings(root)
    target = named or _named_by_project(root, settings)
    try:
        if named is None and settings.get("autoload_defs"):
            module = import_module(settings["root_module"])
            return LoadedDefinitions(
                definitions=dg.load_from_defs_folder(path_within_project=_folder_of(module)), where=str(root)
            )
        module = _from_file(Path(target)) if target.endswith(".py") else import_module(target)
        return LoadedDefinitions(definitions=_definitions_in(module), where=str(module.__file__))
    except CodeLocationUnusable:
        raise
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{target}.".startswith(f"{error.name}."):
            raise NoCodeLocation(
                f"there is no module {target} in {root}: start this in the project's folder, or name the code "
                "location's module or file with --module"
            ) from None
        raise CodeLocationUnusable(_why_not(error, target=target)) from error


def _dg_settings(root: Path) -> dict[str, Any]:
    """The table `project` of dg's settings; empty where the project has none."""
    found: dict[str, Any] = _toml(root / "dg.toml").get("project") or _tool(root, "dg").get("project") or {}
    return found


def _named_by_project(root: Path, dg_settings: dict[str, Any]) -> str:
    if dg_settings.get("root_module"):
        return str(dg_settings.get("code_location_target_module") or f"{dg_settings['root_module']}.definitions")
    return str(_tool(root, "dagster").get("module_name") or DEFAULT_MODULE)


def _tool(root: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = _toml(root / "pyproject.toml").get("tool", {}).get(name, {})
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        raise CodeLocationUnusable(f"{path} can't be read: {error}") from None


def _from_file(path: Path) -> ModuleType:
    path = path.absolute()
    if not path.is_file():
        raise CodeLocationUnusable(f"there is no file {path}: name a module or a Python file with --module")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _folder_of(module: ModuleType) -> Path:
    return Path(next(iter(module.__path__)))


def _definitions_in(module: ModuleType) -> dg.Definitions:
    found = [value for value in vars(module).values() if isinstance(value, (dg.Definitions, _LAZY))]
    if not found:
        raise CodeLocationUnusable(
            f"{module.__file__} has no Definitions: name the module or the file that has them with --module"
        )
    made = [value if isinstance(value, dg.Definitions) else value() for value in found]
    # Merged by some, imported by others: what is merged already holds what it was merged from.
    whole = max(made, key=lambda definitions: len(definitions.metadata or {}))
    return whole


def _why_not(error: Exception, *, target: str) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    reason = one_line(f"{type(cause).__name__}: {cause}")[:LONGEST_REASON]
    return f"{target} can't be loaded: {reason} (`dg check defs` says where)"
