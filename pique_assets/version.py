"""The release of this package, as it is installed.

Belongs here: the one name that takes a look at the installed distribution, which costs more than the rest of a
package's head. Does not: anything else.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "pique-assets"


def _installed_version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown: the package is used from a folder that was never installed"


__version__ = _installed_version()
