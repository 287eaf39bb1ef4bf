"""Who of several runs works on an item: claims some items at a time, and keeps their leases alive while they are sent.

Belongs here: the items of a run that wait for their turn, what happens to those that another run holds, one background
thread that renews leases, and the question to the ledger whether a lease is still held. Does not: what a lease means
(`ledger`), and sending (`uploads`, `social_posts`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

from pique_assets.evaluation.engine import Engine
from pique_assets.evaluation.plan import WantedContent
from pique_assets.ledger import UNSENT_STATES, Lease, LeaseLost, Ledger, LedgerError, LedgerUnavailable, Submission
from pique_assets.media import ContentItem

CONFIRMATIONS: Final = 3
# Times a lease: a holder that still lives after that long finishes the item itself.
WAITED_FOR_A_HOLDER: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One item that is ours to send.

    Attributes:
        item: The content.
        submission: As the ledger had it when the item was claimed.
        lease: The right to work on it, kept alive until `ClaimQueue.drop`.
        attempt: How many times this run has claimed the item.
    """

    item: ContentItem
    submission: Submission
    lease: Lease
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    item: ContentItem
    attempt: int = 1
    look_again_at: float = 0.0
    give_up_at: float | None = None


class ClaimQueue:
    """The items that a run is to send, each handed out once the ledger has given it to this run.

    Several items are claimed in one transaction. What another run holds is asked for again while and after the rest is
    sent, until its holder has sent it or has been dead for a while. Items are taken and put back by one thread; `drop`
    may be called by any.

    Args:
        engine: Its ledger gives the items, its limits name the length of a lease.
        wanted: The partition's content.
        positions: Of the items to be sent.
        keeper: Keeps the leases alive.
        on_known: Hears of each item that needs nothing any more, or that another run goes on holding.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        wanted: WantedContent,
        positions: Sequence[int],
        keeper: LeaseKeeper,
        on_known: Callable[[ContentItem], None],
    ) -> None:
        self._ledger = engine.ledger
        self._limits = engine.limits
        self._wanted = wanted
        self._positions = positions
        self._next = 0
        self._put_back: deque[list[_Entry]] = deque()
        self._held_elsewhere: list[_Entry] = []
        self._keeper = keeper
        self._on_known = on_known

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be taken, now or later."""
        return not (self._put_back or self._held_elsewhere or self._next < len(self._positions))

    @property
    def pause_s(self) -> float | None:
        """Seconds until `take` may have something that another run holds now; None where another run holds nothing."""
        if not self._held_elsewhere:
            return None
        return max(0.0, min(entry.look_again_at for entry in self._held_elsewhere) - time.monotonic())

    def take(self, at_most: int) -> list[Claimed]:
        """Claim the next items; what was put back comes first, and in the groups in which it was.

        Returns:
            Fewer than asked for where they are not to be had; none where nothing is to be had at this moment.

        Raises:
            LedgerUnavailable: The ledger can't be read or written.
        """
        while entries := self._entries(at_most):
            if claimed := self._claim(entries):
                return claimed
        return []

    def put_back(self, group: Sequence[Claimed], *, another_attempt: bool) -> None:
        """Have these items claimed again, together and before all others.

        Args:
            group: Items whose leases are lost or given back.
            another_attempt: Whether that counts as a further attempt.
        """
        self._put_back.appendleft([_Entry(item=one.item, attempt=one.attempt + another_attempt) for one in group])

    def drop(self, claimed: Claimed) -> None:
        """Stop keeping the lease of an item that has been worked on."""
        self._keeper.drop(claimed.lease)

    def give_back(self, claimed: Claimed) -> None:
        """Let another run have an item that was not begun; should the ledger fail, the lease runs out."""
        self.drop(claimed)
        with suppress(LedgerError):
            self._ledger.release_lease(claimed.lease)

    def rest(self) -> list[ContentItem]:
        """All items that were not taken, for a run that sends no more; nothing is left in the queue then."""
        waiting = [entry for group in self._put_back for entry in group] + self._held_elsewhere
        items = [entry.item for entry in waiting]
        items += [self._wanted.items[position] for position in self._positions[self._next :]]
        self._put_back.clear()
        self._held_elsewhere.clear()
        self._next = len(self._positions)
        return items

    def _entries(self, at_most: int) -> list[_Entry]:
        if self._put_back:
            group = self._put_back.popleft()
            if len(group) > at_most:
                self._put_back.appendleft(group[at_most:])
            return group[:at_most]
        positions = self._positions[self._next : self._next + at_most]
        if positions:
            self._next += len(positions)
            return [_Entry(item=self._wanted.items[position]) for position in positions]
        now = time.monotonic()
        due = [entry for entry in self._held_elsewhere if entry.look_again_at <= now][:at_most]
        self._held_elsewhere = [entry for entry in self._held_elsewhere if entry not in due]
        return due

    def _claim(self, entries: Sequence[_Entry]) -> list[Claimed]:
        orders = [self._wanted.order(entry.item) for entry in entries]
        claims = self._ledger.claim_submissions(orders, lease_s=self._limits.lease_s)
        now = time.monotonic()
        claimed = []
        for entry, claim in zip(entries, claims, strict=True):
            if claim.lease is not None:
                self._keeper.keep(claim.lease)
                claimed.append(
                    Claimed(item=entry.item, submission=claim.submission, lease=claim.lease, attempt=entry.attempt)
                )
            elif claim.submission.state in UNSENT_STATES and (entry.give_up_at is None or now < entry.give_up_at):
                self._wait_for_holder(entry, now=now)
            else:
                self._on_known(entry.item)
        return claimed

    def _wait_for_holder(self, entry: _Entry, *, now: float) -> None:
        lease_s = self._limits.lease_s
        self._held_elsewhere.append(
            replace(
                entry,
                look_again_at=now + min(1.0, lease_s / 4),
                give_up_at=entry.give_up_at or now + WAITED_FOR_A_HOLDER * lease_s,
            )
        )


class LeaseKeeper:
    """Renews held leases at a quarter of their life: three renewals may fail before one is lost.

    A lease that can't be renewed is dropped; the worker that holds it learns so at its next write, which the ledger
    refuses.

    Attributes:
        lease_s: How long a renewed lease lasts.
    """

    def __init__(self, ledger: Ledger, *, lease_s: float) -> None:
        self._ledger = ledger
        self.lease_s = lease_s
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

    def keep(self, lease: Lease) -> None:
        """Keep this lease alive from now on."""
        with self._lock:
            self._held[lease.submission_id] = lease

    def drop(self, lease: Lease) -> None:
        """Keep this lease alive no longer."""
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
            self._ledger.renew_lease(lease, lease_s=self.lease_s)
            if self._is_fresh(asked_at):
                return
        raise LeaseLost(
            f"submission {lease.submission_id}: {CONFIRMATIONS} answers of the ledger in a row took more than half of "
            f"a lease of {self.lease_s:g} s"
        )

    @contextmanager
    def confirmed_by_write(self, lease: Lease) -> Iterator[None]:
        """Take a write that renews the lease for its confirmation, unless its answer came too late for that.

        Raises:
            LeaseLost, LedgerUnavailable: As `confirm` says.
        """
        asked_at = time.monotonic()
        yield
        if not self._is_fresh(asked_at):
            self.confirm(lease)

    def _is_fresh(self, asked_at: float) -> bool:
        """A process that was stopped between the ledger's answer and this line knows no more than before."""
        return time.monotonic() - asked_at < self.lease_s / 2

    def _renew_until_stopped(self) -> None:
        while not self._stopped.wait(self.lease_s / 4):
            with self._lock:
                held = list(self._held.values())
            for lease in held:
                self._renew(lease)

    def _renew(self, lease: Lease) -> None:
        try:
            self._ledger.renew_lease(lease, lease_s=self.lease_s)
        except LeaseLost:
            with self._lock:
                self._held.pop(lease.submission_id, None)
        except LedgerUnavailable:
            # Passing trouble: the next round tries again, and the worker's own write fails closed meanwhile.
            return
