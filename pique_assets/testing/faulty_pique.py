"""A real local Pique behind the fault script, for as long as a ``with`` block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Unpack

from pique_assets.local.process import LocalPiqueOptions, running_local_pique
from pique_assets.local.record import JobRecord, read_record
from pique_assets.testing.faults import FaultScript
from pique_assets.testing.history import Exchange, History
from pique_assets.testing.proxy import FaultProxy


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyPique:
    """A running Pique as its clients see it; its secrets are never printed.

    Attributes:
        base_url: Where clients go: the faults are on this way, and on that of the upload URLs.
        direct_url: The local Pique itself, for looks that no fault should touch.
        data_dir: The local Pique's folder.
        pid: The local Pique's process.
        script: What goes wrong.
        exchanges: Keeps the history while requests come.
    """

    base_url: str
    direct_url: str
    data_dir: Path
    pid: int
    script: FaultScript
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    exchanges: History = field(repr=False)

    @property
    def history(self) -> tuple[Exchange, ...]:
        """Every request seen so far, in the order of arrival."""
        return self.exchanges.all()

    def records(self) -> list[JobRecord]:
        """The server's own record of its jobs: what was put, what was evaluated."""
        return read_record(self.data_dir)


@contextmanager
def running_faulty_pique(
    *,
    data_dir: Path,
    script: FaultScript | None = None,
    port: int = 0,
    webhook_url: str | None = None,
    **options: Unpack[LocalPiqueOptions],
) -> Iterator[FaultyPique]:
    """Start a local Pique behind a proxy that follows the script, and stop both at the end of the block.

    A block that ends without an exception ends with a look at the script: each required fault must have shown.

    Args:
        data_dir: Folder with all state of the local Pique.
        script: What goes wrong; without one, nothing does, and there is still a history.
        port: Of ``base_url``; 0 is any free one. Upload URLs name it: a URL outlives a restart on the same port.
        webhook_url: Receiver of the organisation's webhooks. They come through the proxy, as do those to a URL that a
            request names itself.
        options: Of the local Pique, which has one worker unless told otherwise.

    Raises:
        FaultsUnconsumed: Not every required fault has shown.
        LocalPiqueFailed: The local Pique did not start.
    """
    script = script or FaultScript()
    options.setdefault("workers", 1)
    history = History()
    with (
        FaultProxy(script=script, history=history, webhook_url=webhook_url, port=port) as proxy,
        running_local_pique(
            data_dir=data_dir,
            webhook_url=proxy.webhook_url,
            public_url=proxy.base_url,
            **options,
        ) as process,
        proxy.serving(pique_url=process.base_url, api_key=process.api_key),
    ):
        yield FaultyPique(
            base_url=proxy.base_url,
            direct_url=process.base_url,
            data_dir=data_dir,
            pid=process.pid,
            script=script,
            api_key=process.api_key,
            webhook_secret=process.webhook_secret,
            exchanges=history,
        )
    script.require_consumed()
