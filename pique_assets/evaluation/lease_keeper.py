"""Keeps the leases of this process alive while it works, and lets them end soon after it dies.

Here: one background thread that renews, and the question to the ledger whether a lease is still held. Not here: what a
lease means, which is `ledger`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from pique_assets.ledger import Lease, LeaseLost, Ledger, LedgerUnavailable

CONFIRMATIONS: Final = 3


class LeaseKeeper:
    """Renews held leases at a quarter of their life: three renewals may fail before one is lost.

    A lease that can't be renewed is dropped; the worker that holds it learns so at its next write, which the ledger
    refuses.
    """

    def __init__(self, ledger: Ledger, *, lease_s: float) -> None:
        self._ledger = ledger
        self._lease_s = lease_s
        self._held: dict[int, Lease] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_stopped, name="lease-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[None]:
        """Keep this lease alive inside the block."""
        with self._lock:
            self._held[lease.submission_id] = lease
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(lease.submission_id, None)

    def confirm(self, lease: Lease) -> None:
        """Make sure, by the ledger and not by a clock of this process, that a lease is held from now on.

        To be called directly before an act that nobody else may do at the same time.

        Raises:
            LeaseLost: Somebody took over, or the ledger answers too slowly for anybody to hold a lease.
            LedgerUnavailable: The ledger can't say.
        """
        for _ in range(CONFIRMATIONS):
            asked_at = time.monotonic()
            self._ledger.renew_lease(lease, lease_s=self._lease_s)
            # A process that was stopped between the ledger's answer and this line knows no more than before.
            if time.monotonic() - asked_at < self._lease_s / 2:
                return
        raise LeaseLost(
            f"submission {lease.submission_id}: {CONFIRMATIONS} answers of the ledger in a row took more than half of "
            f"a lease of {self._lease_s:g} s"
        )

    def _renew_until_stopped(self) -> None:
        while not self._stopped.wait(self._lease_s / 4):
            with self._lock:
                held = list(self._held.values())
            for lease in held:
                self._renew(lease)

    def _renew(self, lease: Lease) -> None:
        try:
            self._ledger.renew_lease(lease, lease_s=self._lease_s)
        except LeaseLost:
            with self._lock:
                self._held.pop(lease.submission_id, None)
        except LedgerUnavailable:
            # Passing trouble: the next round tries again, and the worker's own write fails closed meanwhile.
            return
