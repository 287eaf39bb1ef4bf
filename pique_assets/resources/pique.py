"""The resource for the Pique API.

Belongs here: the address and the key. Does not: HTTP, which is the room `api`.
"""

from __future__ import annotations

from typing import Any

import dagster as dg
from pydantic import Field

from pique_assets import api as api_room


class PiqueResource(dg.ConfigurableResource[Any]):
    """Where Pique is, and the key of requests to Pique."""

    base_url: str = Field(
        description="Address of the API without `/v1`: https://api.getpique.ai, https://api-sandbox.getpique.ai, "
        "or a loopback address of the local Pique."
    )
    # Dagster's config takes no SecretStr; repr=False keeps the key out of reprs.
    api_key: str = Field(repr=False, description="The `X-API-Key`; give it as an EnvVar.")

    def client(self) -> api_room.PiqueClient:
        """A new client, to be used as a context manager; threads may share the client.

        Raises:
            ValueError: The address is neither https nor loopback.
            BrokenEnvironment: A variable of the environment about proxies or certificates cannot be used.
        """
        return api_room.PiqueClient(base_url=self.base_url, api_key=self.api_key)
