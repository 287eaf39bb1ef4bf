"""Public names of a package that are imported when they are first used (PEP 562).

Belongs here: the one `__getattr__` that all packages share. Does not: which names a package has; each says that itself,
once, in its imports under `TYPE_CHECKING`, which type checkers read as well.

Dagster loads the code location for every run and step, and a notebook should not pay for Dagster: so a package that is
imported costs nothing, and `from pique_assets import ledger as ledger_room` may stand at the head of any module.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import get_data


def lazy_names(package: str) -> Callable[[str], object]:
    """Make a package's `__getattr__`.

    Args:
        package: Its ``__name__``.

    Returns:
        What imports a name, and keeps it in the package, at its first use.

    Raises:
        AttributeError: Raised by what is returned: the package has no such name.
    """

    def find(name: str) -> object:
        module = _module_of(package).get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(import_module(module), name)
        setattr(sys.modules[package], name, found)
        return found

    return find


def lazy_dir(package: str) -> Callable[[], list[str]]:
    """Make a package's `__dir__`, which lists its public names beside what is imported already.

    Args:
        package: Its ``__name__``.
    """
    return lambda: sorted({*vars(sys.modules[package]), *_module_of(package)})


@cache
def _module_of(package: str) -> dict[str, str]:
    """The module of each name, as the imports under `TYPE_CHECKING` in the package's source say."""
    blocks = [node for node in ast.parse(get_data(package, "__init__.py") or b"").body if isinstance(node, ast.If)]
    lines = [line for block in blocks for line in block.body if isinstance(line, ast.ImportFrom)]
    return {alias.name: str(line.module) for line in lines for alias in line.names}
