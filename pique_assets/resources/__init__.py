"""Thin Dagster resources over the rooms: where Pique, the ledger, the lake and the media storage are.

Here: addresses and secrets as Dagster config, and opening the room behind them. Not here: any work. The rooms are
imported when a resource is used, never at load of the code location.
"""

from __future__ import annotations

from pique_assets.resources.environment import resources_for
from pique_assets.resources.lake import LakeResource
from pique_assets.resources.ledger import LedgerResource
from pique_assets.resources.media_storage import MediaStorageResource
from pique_assets.resources.pique import PiqueResource

__all__ = ["LakeResource", "LedgerResource", "MediaStorageResource", "PiqueResource", "resources_for"]
