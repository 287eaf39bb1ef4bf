"""The resource for the lake. Not here: tables and files, which are `lake`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from pique_assets.lake import Lake


class LakeResource(dg.ConfigurableResource[Any]):
    """Where the Parquet tables are."""

    root: str = Field(description="Folder or gs:// URL under which every table has its folder.")

    storage_options: dict[str, Any] = Field(
        default_factory=dict, repr=False, description="What the file system of a gs:// root needs, such as a project."
    )

    def lake(self) -> Lake:
        """The lake at this root."""
        from pique_assets.lake import Lake

        return Lake(self.root, storage_options=self.storage_options)
