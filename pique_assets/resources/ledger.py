"""The resource for the ledger. Not here: what a ledger keeps, which is `ledger`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from pique_assets.ledger import Ledger


class LedgerResource(dg.ConfigurableResource[Any]):
    """Where the durable record of submissions is kept."""

    # A Postgres address may carry a password.
    url: str = Field(
        repr=False,
        description="SQLAlchemy address: `sqlite:////path/ledger.db` on one host, "
        "`postgresql+psycopg://user@host/database` where several hosts share the ledger.",
    )

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The open ledger, its schema up to date.

        Raises:
            LedgerUnavailable: It can't be opened; nothing may be submitted without it (design section 6).
        """
        from pique_assets.ledger import Ledger

        ledger = Ledger.open(self.url)
        try:
            yield ledger
        finally:
            ledger.close()
