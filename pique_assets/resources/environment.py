"""Which resources belong together in which environment. Not here: the resources themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import dagster as dg

from pique_assets.resources.lake import LakeResource
from pique_assets.resources.ledger import LedgerResource
from pique_assets.resources.media_storage import MediaStorageResource
from pique_assets.resources.pique import PiqueResource

Environment = Literal["local", "sandbox", "production"]

# pique-api.md, "Hosts, auth, errors".
BASE_URLS = {"sandbox": "https://api-sandbox.getpique.ai", "production": "https://api.getpique.ai"}

Resources = dict[str, dg.ConfigurableResource[Any]]


def resources_for(environment: Environment, *, home: str | Path = ".pique") -> Resources:
    """The resources of an environment, ready for `build_defs`.

    The API key always comes from `PIQUE_API_KEY`. `local` keeps ledger and lake below `home` and reads the local
    Pique's address from `PIQUE_BASE_URL`, which `make run` and `make dev` set. `sandbox` and `production` use Pique's
    own address and keep ledger and lake below `home` too; replace those two entries to put them elsewhere.

    Args:
        environment: `local`, `sandbox` or `production`.
        home: Folder for ledger and lake. An environment other than `local` gets a subfolder of its own, so that
            scores of the local Pique never meet real ones.

    Returns:
        Resources by key: `pique`, `ledger`, `lake`, `media_storage`.

    Raises:
        ValueError: The environment is none of the three.
    """
    if environment not in ("local", *BASE_URLS):
        raise ValueError(f"environment {environment!r} is unknown: use 'local', 'sandbox' or 'production'")
    base_url = BASE_URLS.get(environment) or dg.EnvVar("PIQUE_BASE_URL")
    folder = Path(home).absolute()
    if environment != "local":
        folder = folder / environment
    return {
        "pique": PiqueResource(base_url=base_url, api_key=dg.EnvVar("PIQUE_API_KEY")),
        "ledger": LedgerResource(url=f"sqlite:///{folder / 'ledger.db'}"),
        "lake": LakeResource(root=str(folder / "lake")),
        "media_storage": MediaStorageResource(),
    }
