"""Where the ledger and the lake are: one rule for the code location, the command line, the receiver and notebooks.

Belongs here: finding. Does not: opening, which the rooms `ledger` and `lake` do. This module makes no file, and imports
nothing heavy.

Whatever opens the ledger or the lake asks here, so that all processes find the same two; a second ledger would have
everything evaluated again. In this order, the first that is given counts:

1. what the caller says: `LedgerResource(url=...)`, `resources_for(..., home=...)`, `--ledger`, `load(..., lake=...)`;
2. `PIQUE_LEDGER_URL` for the ledger, `PIQUE_LAKE` for the lake;
3. `PIQUE_HOME`, the folder that holds both;
4. `.pique` in the project's root: the nearest folder upwards with `dg.toml`, `pyproject.toml` or `workspace.yaml`.

A variable counts the same in the environment and in the file `.env` of the project's root, which Dagster reads too. The
working directory alone never decides, and a relative path is refused: each process would understand it in its own way.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Kept = Literal["ledger", "lake"]
"""What a home holds."""

HOME_VARIABLE: Final = "PIQUE_HOME"
"""Names the folder that holds ledger and lake."""

LEDGER_VARIABLE: Final = "PIQUE_LEDGER_URL"
"""Names the ledger: a path or a database URL."""

LAKE_VARIABLE: Final = "PIQUE_LAKE"
"""Names the lake: a folder, or a URL such as gs://bucket/lake."""

LEDGER_OPTION: Final = "--ledger"
"""The option by which somebody names the ledger to a command."""

PROJECT_FILES: Final = ("dg.toml", "pyproject.toml", "workspace.yaml")
"""A folder that holds one of these is the root of a project."""

HOME_FOLDER: Final = ".pique"
"""The home's name in a project's root."""

LOCAL_PIQUE_FOLDER: Final = "local_pique"
"""Where in a home the local Pique has its state."""

_VARIABLES: Final[dict[Kept, str]] = {"ledger": LEDGER_VARIABLE, "lake": LAKE_VARIABLE}
_NAMES_IN_HOME: Final[dict[Kept, str]] = {"ledger": "ledger.db", "lake": "lake"}

# Where the first release kept ledgers of real Piques.
_EARLIER_FOLDERS: Final = ("production", "sandbox")


class HomeUnknown(ValueError):
    """Nothing says where ledger and lake are, or what says it depends on the working directory."""


class LedgerNotMade(ValueError):
    """There is no ledger at an address that looks like a typing error, or like one that another release understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAddress:
    """An address, and what decided for that address.

    Attributes:
        address: An absolute path, or a URL; that of a database may hold a password.
        because: What decided, for people.
    """

    address: str
    because: str


def project_root(start: str | os.PathLike[str] | None = None) -> Path | None:
    """The root of the project that a folder or file lies in, or None where it lies in none.

    Args:
        start: Where the search upwards begins; the working directory when left out.
    """
    here = Path(start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder
    return None


def setting(name: str, *, project: str | os.PathLike[str] | None = None) -> str | None:
    """A variable of the environment, else of the file `.env` in the project's root; None where neither has it.

    Args:
        name: The variable.
        project: A place in the project; the working directory when left out.
    """
    if value := os.environ.get(name):
        return value
    root = project_root(project)
    if root is None or not (root / ".env").is_file():
        return None
    # Imported only where there is such a file: every command and every run would pay for the import.
    from dotenv import dotenv_values

    return dotenv_values(root / ".env").get(name) or None


def home(
    *, explicit: str | os.PathLike[str] | None = None, project: str | os.PathLike[str] | None = None
) -> FoundAddress:
    """The folder that holds ledger and lake, where nothing names the ledger or the lake itself.

    Args:
        explicit: What the caller says; a relative path begins at the project's root.
        project: A place in the project; the working directory when left out.

    Raises:
        HomeUnknown: The message says what to set.
    """
    root = project_root(project)
    if explicit is not None:
        named = Path(explicit).expanduser()
        if named.is_absolute():
            return FoundAddress(address=str(named), because="the setting `home`")
        if root is not None:
            return FoundAddress(
                address=str(root / named), because=f"the setting `home`, below the project's root {root}"
            )
        raise HomeUnknown(f"home is {str(explicit)!r}, a relative path, and {_no_project(project)}: write it absolute")
    if value := setting(HOME_VARIABLE, project=project):
        return FoundAddress(address=_absolute(value, named_by=HOME_VARIABLE), because=HOME_VARIABLE)
    if root is not None:
        return FoundAddress(address=str(root / HOME_FOLDER), because=f"the project's root is {root}")
    raise HomeUnknown(
        f"nothing says where ledger and lake are: {_no_project(project)}. Set {HOME_VARIABLE} to the folder that holds "
        "them, or start this in the project"
    )


def find_address(
    kept: Kept, *, explicit: str | None = None, project: str | os.PathLike[str] | None = None
) -> FoundAddress:
    """Where the ledger or the lake is: a path or a URL.

    Args:
        kept: Which of the two.
        explicit: What the code location says; left out, the rule of this module decides.
        project: A place in the project; the working directory when left out.

    Raises:
        HomeUnknown: Nothing says where, or what says so is a relative path; the message says what to set.
    """
    if explicit:
        address = _absolute_address(explicit, named_by=f"the {kept} of the code location")
        return FoundAddress(address=address, because="the code location says so")
    variable = _VARIABLES[kept]
    if value := setting(variable, project=project):
        return FoundAddress(address=_absolute_address(value, named_by=variable), because=variable)
    found = home(project=project)
    return FoundAddress(address=in_home(found.address, kept), because=found.because)


def in_home(folder: str, kept: Kept) -> str:
    """The path of the ledger or the lake in the folder that holds both."""
    return str(Path(folder) / _NAMES_IN_HOME[kept])


def require_intended(place: FoundAddress) -> None:
    """Refuse to have a ledger begun where that can only be a mistake; a ledger that exists is never refused.

    A ledger that is begun by mistake has everything evaluated again. A path that somebody typed counts as a mistake if
    its folder does not exist, or if its folder holds another ledger.

    Raises:
        LedgerNotMade: The message says what is there instead, and what to do.
    """
    path = Path(place.address.removeprefix("sqlite:///"))
    if (is_url(place.address) and not place.address.startswith("sqlite:///")) or path.exists():
        return
    begin = f"if a new ledger is meant, begin it with `pique-assets ledger create --ledger {path}`"
    for environment in _EARLIER_FOLDERS:
        earlier = path.parent / environment / path.name
        if earlier.exists():
            raise LedgerNotMade(
                f"there is no ledger at {path}, but one of an earlier release at {earlier}, which kept a folder for "
                f"each environment: move what is in {earlier.parent} to {path.parent}; {begin}"
            )
    if place.because not in (LEDGER_VARIABLE, HOME_VARIABLE, LEDGER_OPTION):
        return
    if not path.parent.is_dir():
        raise LedgerNotMade(f"there is no ledger at {path} ({place.because}), nor its folder; {begin}")
    if others := sorted(other.name for other in path.parent.glob("*.db") if other.stat().st_size):
        raise LedgerNotMade(
            f"there is no ledger at {path} ({place.because}), but {', '.join(others)} beside it: is that the one? "
            f"{begin[0].upper()}{begin[1:]}"
        )


def is_url(address: str) -> bool:
    """Whether an address is a URL; in a path, no character has a meaning."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", address) is not None


def _absolute_address(address: str, *, named_by: str) -> str:
    if not is_url(address):
        return _absolute(address, named_by=named_by)
    scheme, _, path = address.partition("://")
    if scheme.startswith("sqlite"):
        # SQLAlchemy's form: the path follows a third slash.
        _absolute(path.removeprefix("/"), named_by=named_by)
    return address


def _absolute(path: str, *, named_by: str) -> str:
    expanded = Path(path).expanduser()
    if not expanded.is_absolute():
        raise HomeUnknown(
            f"{named_by} is {path!r}, a relative path: each process would look for it in its own working directory, "
            "and a ledger that is not found has everything evaluated again; write an absolute path"
        )
    return str(expanded)


def _no_project(project: str | os.PathLike[str] | None) -> str:
    start = Path(project or Path.cwd()).absolute()
    return f"no folder from {start} upwards has {', '.join(PROJECT_FILES[:-1])} or {PROJECT_FILES[-1]}"
