"""Who may work on what, and until when: claims and leases.

Belongs here: the intent that is written before the first request, at most one live submission for each work key, and
at most one worker for each submission. Does not: what a worker then records (`transitions.py`), nor what is due
(`due.py`).

A worker shows its lease's token at each write. What a dead worker left is free when its lease has run out: an upload
that an inventory still asks for is resumed by `claim_submissions` of the next run of its date; the others are found by
`claim_orphans` and `claim_begun_long_ago`, and jobs at Pique by `Ledger.claim_due`.

Times come from the caller's clock. Hosts that share a Postgres ledger must agree to within the length of a lease, or
one would take over from another that is still at work; the token then still keeps the first from overwriting anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.base import LedgerPart, ledger_write
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.errors import LeaseLost
from pique_assets.ledger.rows import (
    AnyRow,
    best_first,
    for_lease_holder,
    load,
    to_lease,
    to_leased_submission,
    to_unleased_submission,
)
from pique_assets.ledger.states import (
    DEAD_STATES,
    POLLED_STATES,
    UNANSWERED_STATES,
    Claim,
    Lease,
    LeasedSubmission,
    SubmissionOrder,
    SubmissionState,
)
from pique_assets.ledger.swaps import RELEASED
from pique_assets.ledger.tables import UNSENT, inventory, submissions, upload_targets

_ERASE_TARGETS_EVERY = timedelta(seconds=10)
_MAY_HAVE_IT = frozenset({SubmissionState.UPLOADING}) | POLLED_STATES

_CURRENT = for_lease_holder.where(submissions.c.work_key.in_(sa.bindparam("work_keys", expanding=True))).order_by(
    *best_first(submissions)
)
_HELD = sa.and_(
    submissions.c.submission_id == sa.bindparam("held_id"), submissions.c.lease_token == sa.bindparam("held_token")
)
# Which columns they set is said by the parameters of their execution.
_CHANGE_HELD = sa.update(submissions).where(_HELD)
_LEASE = sa.update(submissions).where(submissions.c.submission_id.in_(sa.bindparam("ids", expanding=True)))


class Leases(LedgerPart):
    """Who may work on what."""

    def claim_submissions(self, orders: Sequence[SubmissionOrder], *, lease_s: float) -> list[Claim]:
        """Find the submission that stands for each order, or write the intent; lease those of which work is left.

        A further attempt is written only when every earlier one is rejected or abandoned without a result. A
        transaction takes 500 orders.

        Returns:
            One claim per order, in their order; of orders with one work key the first gets the lease. ``lease`` is None
            if the submission is uploaded, finished or in doubt, if its social media POST was begun, or if another
            worker holds it.
        """
        first_of: dict[str, SubmissionOrder] = {}
        for order in orders:
            first_of.setdefault(order.work_key, order)
        answers: dict[str, Claim] = {}
        for chunk in chunks(list(first_of.values())):
            claimed = self._claim_chunk(chunk, lease_s=lease_s)
            answers.update({claim.submission.work_key: claim for claim in claimed})
        return [
            answers[order.work_key] if first_of[order.work_key] is order else _again(answers[order.work_key])
            for order in orders
        ]

    @ledger_write("upload", name="claim_submissions")
    def _claim_chunk(self, connection: Connection, orders: Sequence[SubmissionOrder], *, lease_s: float) -> list[Claim]:
        now, until = self._lease_times(lease_s)
        self._erase_expired_targets(connection, now=now)
        token = _new_token()
        before = _current(connection, orders)
        _insert_missing(connection, orders, before, token=token, now=now, until=until)
        known = frozenset(row.submission_id for row in before.values())
        if known:
            resumable = sa.select(submissions.c.submission_id).where(
                submissions.c.submission_id.in_(sorted(known)), submissions.c.live, UNSENT, is_free(now)
            )
            _grant(connection, resumable, token=token, now=now, until=until)
        after = _current(connection, orders)
        return [_claim(after[order.work_key], token=token, known=known) for order in orders]

    def claim_orphans(self, *, limit: int, lease_s: float, untouched_since: datetime) -> list[LeasedSubmission]:
        """Lease interrupted submissions that no present content asks for any more, oldest first.

        The content changed, vanished, or wants another judge configuration, so no uploads will resume them.

        Args:
            limit: how many at most.
            lease_s: how long the leases last.
            untouched_since: only those that no worker has claimed, renewed, released or written since.
        """
        wanted = _orphans(now=self._clock(), untouched_since=untouched_since, limit=limit)
        # There are hardly ever any: the question need not queue with the writers.
        return self._lease_orphans(wanted, lease_s=lease_s) if self._is_any(wanted) else []

    @ledger_write("upload", name="claim_orphans")
    def _lease_orphans(
        self, connection: Connection, wanted: sa.Select[int], *, lease_s: float
    ) -> list[LeasedSubmission]:
        return self._lease_interrupted(connection, wanted, lease_s=lease_s)

    def has_orphans(self, *, now: datetime, untouched_since: datetime) -> bool:
        """Whether `claim_orphans` would find anything; looks at what is unsent, not at what exists."""
        return self._is_any(_orphans(now=now, untouched_since=untouched_since, limit=1))

    def claim_begun_long_ago(self, *, begun_before: datetime, limit: int, lease_s: float) -> list[LeasedSubmission]:
        """Lease uploads that were begun long ago and whose end nobody knows, oldest first.

        Args:
            begun_before: only those whose PUT was begun before this.
            limit: how many at most.
            lease_s: how long the leases last.
        """
        wanted = _begun_long_ago(begun_before=begun_before, now=self._clock(), limit=limit)
        return self._lease_begun_long_ago(wanted, lease_s=lease_s) if self._is_any(wanted) else []

    @ledger_write("upload", name="claim_begun_long_ago")
    def _lease_begun_long_ago(
        self, connection: Connection, wanted: sa.Select[int], *, lease_s: float
    ) -> list[LeasedSubmission]:
        return self._lease_interrupted(connection, wanted, lease_s=lease_s)

    def has_begun_long_ago(self, *, begun_before: datetime) -> bool:
        """Whether `claim_begun_long_ago` would find anything; looks at what is unsent, not at what exists."""
        return self._is_any(_begun_long_ago(begun_before=begun_before, now=self._clock(), limit=1))

    def _is_any(self, wanted: sa.Select[int]) -> bool:
        with self._database.read() as connection:
            return connection.execute(wanted.limit(1)).first() is not None

    def _lease_interrupted(
        self, connection: Connection, wanted: sa.Select[int], *, lease_s: float
    ) -> list[LeasedSubmission]:
        now, until = self._lease_times(lease_s)
        self._erase_expired_targets(connection, now=now)
        return lease_selected(connection, wanted, now=now, until=until)

    @ledger_write("social")
    def claim_for_reconciliation(
        self, connection: Connection, submission_id: int, *, lease_s: float
    ) -> LeasedSubmission | None:
        """Lease one of `unreconciled`, to record what has become known of it.

        Returns:
            None if it is neither SUBMITTING nor IN_DOUBT any more, or if another worker holds it.
        """
        return self._lease_one(connection, submission_id, states=UNANSWERED_STATES, lease_s=lease_s)

    @ledger_write("collecting")
    def claim_to_give_up(
        self, connection: Connection, submission_id: int, *, lease_s: float
    ) -> LeasedSubmission | None:
        """Lease one submission that Pique has or may have, to record that nobody waits for it any more.

        Returns:
            None if it is not UPLOADING, UPLOADED, ABANDONED or GIVEN_UP, or if another worker holds it.
        """
        return self._lease_one(connection, submission_id, states=_MAY_HAVE_IT, lease_s=lease_s)

    def _lease_one(
        self, connection: Connection, submission_id: int, *, states: frozenset[SubmissionState], lease_s: float
    ) -> LeasedSubmission | None:
        now, until = self._lease_times(lease_s)
        wanted = sa.select(submissions.c.submission_id).where(
            submissions.c.submission_id == submission_id, submissions.c.state.in_(sorted(states)), is_free(now)
        )
        return next(iter(lease_selected(connection, wanted, now=now, until=until)), None)

    @ledger_write("upload")
    def renew_lease(self, connection: Connection, lease: Lease, *, lease_s: float) -> Lease:
        """Hold a lease longer; also one that has run out, if nobody has taken over.

        Raises:
            LeaseLost: somebody has, or the lease was given back.
        """
        now, until = self._lease_times(lease_s)
        if not _change_held(connection, lease, lease_expires_at=until, updated_at=now):
            raise LeaseLost(
                f"submission {lease.submission_id}: the lease was taken over or given back; stop working on it"
            )
        return Lease(submission_id=lease.submission_id, token=lease.token, expires_at=until)

    @ledger_write("upload")
    def release_lease(self, connection: Connection, lease: Lease, *, pique_status: str | None = None) -> None:
        """Give a lease back unused; one that is no longer held is no error.

        Args:
            pique_status: what Pique said of the job, to be remembered; None leaves what is known.
        """
        said = {} if pique_status is None else {"pique_status": pique_status}
        _change_held(connection, lease, **RELEASED, **said, updated_at=self._clock())

    def _erase_expired_targets(self, connection: Connection, *, now: datetime) -> None:
        """Forget signed URLs that no longer work; a ledger that claims all the time need not look each time."""
        last = self._targets_erased_at
        if last is not None and last <= now < last + _ERASE_TARGETS_EVERY:
            return
        expired = sa.select(upload_targets.c.submission_id).where(upload_targets.c.expires_at <= now)
        locked = expired.with_for_update(skip_locked=True)
        connection.execute(sa.delete(upload_targets).where(upload_targets.c.submission_id.in_(locked)))
        self._targets_erased_at = now


def is_free(now: datetime) -> sa.ColumnElement[bool]:
    """Nobody holds the submission, or whoever did is overdue."""
    return sa.or_(submissions.c.lease_token.is_(None), submissions.c.lease_expires_at <= now)


def lease_selected(
    connection: Connection, wanted: sa.Select[int], *, now: datetime, until: datetime
) -> list[LeasedSubmission]:
    """Lease the selected submissions (ids of which each `is_free`) with a new token, in the order of the selection."""
    ids = _grant(connection, wanted, token=_new_token(), now=now, until=until)
    return [
        LeasedSubmission(submission=to_leased_submission(row), lease=to_lease(row)) for row in load(connection, ids)
    ]


def _grant(connection: Connection, wanted: sa.Select[int], *, token: str, now: datetime, until: datetime) -> list[int]:
    """Lease the selected submissions, unless another transaction is at them; returns their ids, in order.

    The ids are locked first and updated then: on Postgres an UPDATE over a LIMIT with SKIP LOCKED may take more rows
    than the limit says. Skipping what others have locked also means that no two claims can wait for each other.
    """
    ids = list(connection.execute(wanted.with_for_update(skip_locked=True)).scalars())
    granted = {"lease_token": token, "lease_expires_at": until, "woken": False, "updated_at": now}
    for chunk in chunks(ids):
        connection.execute(_LEASE, {**granted, "ids": chunk})
    return ids


def _new_token() -> str:
    """Make a token nobody else has; one may serve a whole batch, since a lease also names its submission."""
    return secrets.token_hex(16)


def _change_held(connection: Connection, lease: Lease, **values: object) -> bool:
    held = {"held_id": lease.submission_id, "held_token": lease.token}
    return connection.execute(_CHANGE_HELD, {**values, **held}).rowcount == 1


def _orphans(*, now: datetime, untouched_since: datetime, limit: int) -> sa.Select[int]:
    """Select interrupted submissions that no present content asks for and nobody touched lately, oldest first.

    Whatever an inventory still asks for is left to the uploads of its partition, which resume it.
    """
    asked_for = sa.select(sa.literal(1)).where(inventory.c.work_key == submissions.c.work_key, inventory.c.present)
    return _interrupted(submissions.c.updated_at <= untouched_since, sa.not_(asked_for.exists()), now=now, limit=limit)


def _begun_long_ago(*, begun_before: datetime, now: datetime, limit: int) -> sa.Select[int]:
    """Select uploads that were begun before this moment and never came to an end, and that nobody is at."""
    return _interrupted(
        submissions.c.state == SubmissionState.UPLOADING,
        submissions.c.upload_started_at < begun_before,
        now=now,
        limit=limit,
    )


def _interrupted(*conditions: sa.ColumnElement[bool], now: datetime, limit: int) -> sa.Select[int]:
    """Select what a worker left between intent and upload, by the index on the unsent."""
    return (
        sa.select(submissions.c.submission_id)
        .where(UNSENT, submissions.c.live, is_free(now), *conditions)
        .order_by(submissions.c.submission_id)
        .limit(limit)
    )


def _current(connection: Connection, orders: Sequence[SubmissionOrder]) -> dict[str, AnyRow]:
    rows = connection.execute(_CURRENT, {"work_keys": [order.work_key for order in orders]}).all()
    # The last one wins in a dict, and the best comes first.
    return {row.work_key: row for row in reversed(rows)}


def _insert_missing(
    connection: Connection,
    orders: Sequence[SubmissionOrder],
    before: dict[str, AnyRow],
    *,
    token: str,
    now: datetime,
    until: datetime,
) -> None:
    new: list[dict[str, object]] = []
    # Sorted, so that two hosts which insert overlapping sets wait for each other in one direction only.
    for order in sorted(orders, key=lambda order: order.work_key):
        known = before.get(order.work_key)
        if known is not None and known.state not in DEAD_STATES:
            continue
        new.append(
            {
                **{name: getattr(order, name) for name in SubmissionOrder.__dataclass_fields__},
                "attempt": 1 if known is None else known.attempt + 1,
                "state": SubmissionState.INTENDED,
                "live": True,
                "lease_token": token,
                "lease_expires_at": until,
                "woken": False,
                "poll_count": 0,
                "created_at": now,
                "updated_at": now,
            }
        )
    # Another host may have been faster; then its row stands and ours is ignored.
    insert_or_ignore(connection, submissions, new)


def _claim(row: AnyRow, *, token: str, known: Collection[int]) -> Claim:
    if row.lease_token == token:
        created = row.submission_id not in known
        return Claim(submission=to_leased_submission(row), created=created, lease=to_lease(row))
    return Claim(submission=to_unleased_submission(row), created=False, lease=None)


def _again(claim: Claim) -> Claim:
    return Claim(submission=claim.submission, created=False, lease=None)
