"""The resource for the ledger. Not here: what a ledger keeps, which is `ledger`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from pique_assets.home import FoundAddress
    from pique_assets.ledger import Ledger


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
        """Where the ledger is, and why there; the address may hold a password.

        Raises:
            HomeUnknown: Nothing says so, or by a path that each working directory would understand in its own way.
        """
        from pique_assets.home import FoundAddress, absolute_ledger, ledger_place

        if self.url:
            address = absolute_ledger(self.url, named_by="the ledger's url")
            return FoundAddress(address=address, because="the code location says so")
        return ledger_place(project=self.project or None)

    @contextmanager
    def ledger(self, *, create: bool = True, say: Callable[[str], None] | None = None) -> Iterator[Ledger]:
        """The open ledger, its schema up to date.

        Args:
            create: Make a ledger where there is none.
            say: Hears of a ledger that is made; the log of this module when left out.

        Raises:
            HomeUnknown: As for `place`.
            LedgerMissing, LedgerNotMade: There is none, and none is to be made.
            LedgerUnavailable: It can't be opened; nothing may be submitted without it.
        """
        from pique_assets.home import require_intended
        from pique_assets.ledger import Ledger

        place = self.place()
        if create:
            require_intended(place)
        ledger = Ledger.open(place.address, create=create, say=say or logging.getLogger(__name__).warning)
        try:
            yield ledger
        finally:
            ledger.close()
