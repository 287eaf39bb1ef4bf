"""Thin Dagster resources over the rooms: where Pique, the ledger, the lake and the media storage are.

Belongs here: addresses and secrets as Dagster config, and opening the room behind each. Does not: any work. A resource
loads its room when somebody uses the resource, never when the code location is loaded.
"""

from __future__ import annotations

from pique_assets.resources.environment import resources_for
from pique_assets.resources.lake import LakeResource
from pique_assets.resources.ledger import LedgerResource
from pique_assets.resources.media_storage import MediaStorageResource
from pique_assets.resources.pique import PiqueResource

__all__ = ["LakeResource", "LedgerResource", "MediaStorageResource", "PiqueResource", "resources_for"]
