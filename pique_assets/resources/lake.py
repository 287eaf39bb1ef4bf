"""The resource for the lake.

Belongs here: where the lake is, and opening it. Does not: tables and files, which are the room `lake`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from pique_assets import lake as lake_room
from pique_assets.home import find_address

if TYPE_CHECKING:
    from pique_assets.home import FoundAddress


class LakeResource(dg.ConfigurableResource[Any]):
    """Where the Parquet tables are."""

    root: str = Field(
        default="",
        description="Folder or gs:// URL under which every table has its folder. Left out, the lake is found by the "
        "rule of `pique_assets.home`, as every command and notebook finds it.",
    )

    project: str = Field(
        default="",
        description="A place in the project, from which its root is looked for; the working directory when left out.",
    )

    storage_options: dict[str, Any] = Field(
        default_factory=dict, repr=False, description="What the file system of a gs:// root needs, such as a project."
    )

    def place(self) -> FoundAddress:
        """Where the lake is, and what decided that.

        Raises:
            HomeUnknown: Nothing says where, or what says so is a relative path.
        """
        return find_address("lake", explicit=self.root, project=self.project or None)

    def lake(self) -> lake_room.Lake:
        """The lake there.

        Raises:
            HomeUnknown: As for `place`.
        """
        return lake_room.Lake(self.place().address, storage_options=self.storage_options)
