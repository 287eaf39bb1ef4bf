"""Public names of a package that are imported when they are first used (PEP 562).

Belongs here: the one `__getattr__` that all packages share. Does not: which names a package has; each says that itself,
once for type checkers and once in a table, and a test holds the two together.

Dagster loads the code location for every run and step, and a notebook should not pay for Dagster: so a package that is
imported costs nothing, and `from pique_assets import ledger` may stand at the head of any module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, names_of: Mapping[str, str]) -> Callable[[str], object]:
    """Make a package's `__getattr__`.

    Args:
        package: Its ``__name__``.
        names_of: The public names, separated by spaces, by the module of the package that has them.

    Returns:
        What imports a name, and keeps it in the package, at its first use.

    Raises:
        AttributeError: Raised by what is returned: the package has no such name.
    """

    def find(name: str) -> object:
        for module, names in names_of.items():
            if name in names.split():
                found: object = getattr(import_module(f"{package}.{module}"), name)
                setattr(sys.modules[package], name, found)
                return found
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find
