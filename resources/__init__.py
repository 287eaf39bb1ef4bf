"""The code location's own resources: in which environment it runs, and where that has Pique, ledger, lake and media.

A module for each environment, with one name, `RESOURCES`; `PIQUE_ENVIRONMENT` chooses one. Edit them as you edit
`definitions.py`. Not here: the resource classes, which are the package's (`pique_assets.resources`).
"""

from __future__ import annotations

import os
from importlib import import_module

from pique_assets import Resources

ENVIRONMENTS = ("local", "sandbox", "production")


def chosen_resources() -> Resources:
    """The resources of the environment that `PIQUE_ENVIRONMENT` names; those of `local` where nothing is said.

    Raises:
        ValueError: It names no environment.
    """
    environment = os.environ.get("PIQUE_ENVIRONMENT") or "local"
    if environment not in ENVIRONMENTS:
        raise ValueError(f"PIQUE_ENVIRONMENT is {environment!r}: set it to one of {', '.join(ENVIRONMENTS)}")
    # The others are left alone: each may need extras that are not installed here.
    resources: Resources = import_module(f"{__name__}.{environment}").RESOURCES
    return resources
