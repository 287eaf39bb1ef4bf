"""Which resources belong together in which environment.

Belongs here: `resources_for`. Does not: the resources themselves.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Literal

import dagster as dg

from pique_assets.api.address import BASE_URLS
from pique_assets.home import home, in_home
from pique_assets.resources.lake import LakeResource
from pique_assets.resources.ledger import LedgerResource
from pique_assets.resources.media_storage import MediaStorageResource
from pique_assets.resources.pique import PiqueResource

Environment = Literal["local", "sandbox", "production"]

Resources = dict[str, dg.ConfigurableResource[Any]]


def resources_for(
    environment: Environment,
    *,
    home: str | os.PathLike[str] | None = None,
    project: str | os.PathLike[str] | None = None,
) -> Resources:
    """The resources of an environment, ready for `build_defs`.

    The API key always comes from `PIQUE_API_KEY`. `local` reads the local Pique's address from `PIQUE_BASE_URL`, which
    `make run` and `make dev` set; `sandbox` and `production` use Pique's own. Ledger and lake are where
    `pique_assets.home` finds them when a run starts, for every environment alike: a ledger belongs to one Pique and
    refuses another, so that scores of the local Pique never meet real ones.

    Args:
        environment: `local`, `sandbox` or `production`.
        home: Folder for ledger and lake, whatever the environment variables say; a relative path begins at the
            project's root.
        project: A place in the project, from which its root is looked for; the calling module's file when left out.

    Returns:
        Resources by key: `pique`, `ledger`, `lake`, `media_storage`.

    Raises:
        ValueError: The environment is none of the three, or `home` is relative and there is no project.
    """
    if environment not in ("local", *BASE_URLS):
        raise ValueError(f"environment {environment!r} is unknown: use 'local', 'sandbox' or 'production'")
    base_url = BASE_URLS.get(environment) or dg.EnvVar("PIQUE_BASE_URL")
    # The caller's file, not the working directory: Dagster loads one code location from wherever it was started.
    within = str(project or sys._getframe(1).f_globals.get("__file__") or "")
    if home is None:
        ledger, lake = LedgerResource(project=within), LakeResource(project=within)
    else:
        ledger, lake = _in_home(home, project=within)
    return {
        "pique": PiqueResource(base_url=base_url, api_key=dg.EnvVar("PIQUE_API_KEY")),
        "ledger": ledger,
        "lake": lake,
        "media_storage": MediaStorageResource(),
    }


def _in_home(folder: str | os.PathLike[str], *, project: str) -> tuple[LedgerResource, LakeResource]:
    address = home(explicit=folder, project=project or None).address
    return LedgerResource(url=in_home(address, "ledger")), LakeResource(root=in_home(address, "lake"))
