"""The resource for the ledger.

Belongs here: where the ledger is, and opening it. Does not: what a ledger keeps, which is the room `ledger`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from pique_assets import ledger as ledger_room
from pique_assets.home import find_address, require_intended

if TYPE_CHECKING:
    from pique_assets.home import FoundAddress


class LedgerResource(dg.ConfigurableResource[Any]):
    """Where the durable record of submissions is kept."""

    # A Postgres address may carry a password.
    url: str = Field(
        default="",
        repr=False,
        description="The absolute path of a file on one host, `postgresql://user@host/database` where several hosts "
        "share the ledger. Left out, the ledger is found by the rule of `pique_assets.home`, as by every command.",
    )

    project: str = Field(
        default="",
        description="A place in the project, from which its root is looked for; the working directory when left out.",
    )

    def place(self) -> FoundAddress:
        """Where the ledger is, and what decided that; the address may hold a password.

        Raises:
            HomeUnknown: Nothing says where, or what says so is a relative path.
        """
        return find_address("ledger", explicit=self.url, project=self.project or None)

    @contextmanager
    def ledger(self, *, create: bool = True, say: Callable[[str], None] | None = None) -> Iterator[ledger_room.Ledger]:
        """The open ledger, its schema up to date.

        Args:
            create: Make a ledger where there is none.
            say: Hears of a ledger that is made; the log of this module when left out.

        Raises:
            HomeUnknown: As for `place`.
            LedgerMissing, LedgerNotMade: There is no ledger, and none is to be made.
            LedgerUnavailable: The ledger can't be opened; nothing may be submitted without it.
        """
        place = self.place()
        if create:
            require_intended(place)
        ledger = ledger_room.Ledger.open(place.address, create=create, say=say or logging.getLogger(__name__).warning)
        try:
            yield ledger
        finally:
            ledger.close()
