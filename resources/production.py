"""Pique itself, with a ledger and a lake that any number of hosts share.

The environment says where: `PIQUE_API_KEY`, `PIQUE_LEDGER_URL` (postgresql://user:password@host/database), `PIQUE_LAKE`
(gs://bucket/lake). Every command, receiver and notebook that has these finds the same ledger and lake. The extras
`postgres` and `gcs` have to be installed. For one host, `RESOURCES = resources_for("production")` is all that has to be
here: ledger and lake are then a file and a folder in the project's home.
"""

from __future__ import annotations

import dagster as dg

from pique_assets import LakeResource, LedgerResource, MediaStorageResource, PiqueResource, Resources

RESOURCES: Resources = {
    "pique": PiqueResource(base_url="https://api.getpique.ai", api_key=dg.EnvVar("PIQUE_API_KEY")),
    "ledger": LedgerResource(url=dg.EnvVar("PIQUE_LEDGER_URL")),
    "lake": LakeResource(root=dg.EnvVar("PIQUE_LAKE")),
    "media_storage": MediaStorageResource(),
}
