"""When a job is asked about next, and what wakes it.

Belongs here: the reads and writes around ``next_poll_at``, and webhooks, which make the jobs they name due at once and
are kept for a day. Does not: how long to wait between two questions (the room `evaluation`), and whether a webhook is
genuine, which is for the room `webhooks` to say before it calls.

A submission has a ``next_poll_at`` while Pique is asked about it (UPLOADED; ABANDONED and GIVEN_UP while watched). Each
step of its walk sets the next time (`transitions.py`); `make_due` and `record_webhook` set it to now. A webhook that
comes while a worker holds the lease sets ``woken``, which the worker's own write honours. A webhook that comes before
the answer that names its job, or before that answer is written down, waits here until the job is named (`name_job`),
and wakes it in the transaction that names it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.base import LedgerPart, ledger_write
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.errors import JobTaken
from pique_assets.ledger.leases import is_free, lease_selected
from pique_assets.ledger.rows import items, of_partition
from pique_assets.ledger.states import (
    FINISHED_STATES,
    OPEN_STATES,
    POLLED_STATES,
    Lease,
    LeasedSubmission,
    StoredWebhook,
    SubmissionState,
    WebhookReceipt,
)
from pique_assets.ledger.tables import UNKNOWN, inventory, submissions, webhooks

WEBHOOKS_KEPT_FOR = timedelta(days=1)
"""Longer than any answer to a POST is on its way."""

_WAITING = OPEN_STATES | POLLED_STATES

_NAMED = sa.update(webhooks).where(webhooks.c.job_id.in_(sa.bindparam("job_ids", expanding=True)), UNKNOWN)
_OF_JOB = sa.select(submissions.c.submission_id).where(submissions.c.job_id == sa.bindparam("job_id"))
# Who else has a job, and whether a webhook of it has come: most jobs are known to nobody.
_KNOWN_OF_JOB = sa.select(
    sa.select(submissions.c.filename)
    .where(submissions.c.job_id == sa.bindparam("job_id"), submissions.c.submission_id != sa.bindparam("submission_id"))
    .scalar_subquery()
    .label("taken_by"),
    sa.exists().where(webhooks.c.job_id == sa.bindparam("job_id"), UNKNOWN).label("was_announced"),
)


# As the columns store it: what a job id may hold, a plain text of Postgres may not.
_ONE_AT_A_TIME = sa.select(
    sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("job_id", type_=webhooks.c.job_id.type), 0))
)


class DueJobs(LedgerPart):
    """Which jobs are to be asked about, and what was heard of them without asking."""

    def claim_due(
        self,
        *,
        limit: int,
        lease_s: float,
        now: datetime | None = None,
        evaluation: str | None = None,
        partition: str | None = None,
        except_evaluations: Sequence[str] = (),
        others_after_s: float = 0.0,
    ) -> list[LeasedSubmission]:
        """Lease what is to be asked about now (UPLOADED; ABANDONED and GIVEN_UP while watched), oldest first.

        Args:
            limit: how many at most.
            lease_s: how long the leases last.
            now: the time.
            evaluation: only what an inventory of this evaluation asks for.
            partition: only what an inventory of this date asks for.
            except_evaluations: nothing that an inventory of these asks for.
            others_after_s: what an inventory asks for only so many seconds after it was due.
        """
        moment = now or self._clock()
        wanted = due_jobs(
            now=moment,
            limit=limit,
            evaluation=evaluation,
            partition=partition,
            except_evaluations=except_evaluations,
            others_due_since=moment - timedelta(seconds=others_after_s) if others_after_s else None,
        )
        with self._database.read() as connection:
            # Most ticks find nothing: they need not queue with the writers.
            if connection.execute(wanted.limit(1)).first() is None:
                return []
        return self._lease_due(wanted, now=moment, until=moment + timedelta(seconds=lease_s))

    @ledger_write("upload", name="claim_due")
    def _lease_due(
        self, connection: Connection, wanted: sa.Select[int], *, now: datetime, until: datetime
    ) -> list[LeasedSubmission]:
        return lease_selected(connection, wanted, now=now, until=until)

    def has_due(self, *, now: datetime) -> bool:
        """Whether `claim_due` would find anything; one look into an index."""
        with self._database.read() as connection:
            return connection.execute(due_jobs(now=now, limit=1)).first() is not None

    def next_due_at(self, *, evaluation: str, partition: str) -> datetime | None:
        """When the first of the partition's submissions is to be asked about; None if none is waited for."""
        # What is given up is only watched.
        waited_for = sa.and_(of_partition(evaluation, partition), submissions.c.state != SubmissionState.GIVEN_UP)
        earliest = sa.select(sa.func.min(submissions.c.next_poll_at)).select_from(items).where(waited_for)
        with self._database.read() as connection:
            found: datetime | None = connection.execute(earliest).scalar_one()
            return found

    def recent_latencies(self, *, judge_id: str, content_type: str, limit: int) -> list[float]:
        """Seconds from upload to completion of the last jobs, newest first; without those that clocks made negative."""
        wanted = recent_completions(judge_id=judge_id, content_type=content_type, limit=limit)
        with self._database.read() as connection:
            rows = connection.execute(wanted)
            return [(finished_at - uploaded_at).total_seconds() for uploaded_at, finished_at in rows]

    @ledger_write("upload")
    def make_due(self, connection: Connection, job_ids: Sequence[str]) -> int:
        """Let these jobs be asked about now; one that is being uploaded or asked about, right after that.

        Returns:
            How many of them the ledger knows and waits for.
        """
        return _make_due(connection, job_ids, now=self._clock())

    @ledger_write("webhook")
    def record_webhook(
        self, connection: Connection, *, job_id: str, url: str | None, body: bytes, received_at: datetime
    ) -> WebhookReceipt:
        """Keep a webhook for a day; if its job is waited for, let it be asked about now.

        The same body for the same job again changes nothing. A job that is not known yet is woken when
        `record_prepared` or `record_accepted` names it. What was kept for a day is erased in passing.

        Args:
            job_id: the job it names.
            url: the social media URL it names, if any.
            body: as received, byte for byte.
            received_at: when.
        """
        now = self._clock()
        _erase_old_webhooks(connection, now=now)
        _one_at_a_time(connection, job_id)
        sha256 = hashlib.sha256(body).hexdigest()
        same = sa.select(webhooks.c.webhook_id).where(webhooks.c.job_id == job_id, webhooks.c.sha256 == sha256)
        repeated = connection.execute(same).first() is not None
        known = connection.execute(_OF_JOB, {"job_id": job_id}).first() is not None
        if not repeated:
            row = {
                "job_id": job_id,
                "url": url,
                "received_at": received_at,
                "known": known,
                "body": body,
                "sha256": sha256,
            }
            insert_or_ignore(connection, webhooks, [row])
            _make_due(connection, [job_id], now=now)
        return WebhookReceipt(known=known, repeated=repeated)

    def unknown_webhooks(self, *, limit: int) -> list[StoredWebhook]:
        """Webhooks of jobs that no submission is known to have, oldest first."""
        with self._database.read() as connection:
            return [
                StoredWebhook(job_id=row.job_id, url=row.url, received_at=row.received_at, body=bytes(row.body))
                for row in connection.execute(webhooks_of_unknown_jobs(limit=limit))
            ]


def name_job(connection: Connection, job_id: str, *, lease: Lease) -> bool:
    """Note that a submission is about to have this job; to be called before anything of the submission is locked.

    Returns:
        Whether a webhook of the job came before.

    Raises:
        JobTaken: another submission has the job: its result could not be told from this one's.
    """
    _one_at_a_time(connection, job_id)
    known = connection.execute(_KNOWN_OF_JOB, {"job_id": job_id, "submission_id": lease.submission_id}).one()
    if known.taken_by is not None:
        raise JobTaken(f"Pique named job {job_id} for it, which is the job of {known.taken_by}")
    return bool(known.was_announced) and jobs_are_named(connection, [job_id]) > 0


def jobs_are_named(connection: Connection, job_ids: Sequence[str]) -> int:
    """Note that submissions have these jobs; returns how many webhooks came before."""
    return sum(connection.execute(_NAMED, {"job_ids": chunk, "known": True}).rowcount for chunk in chunks(job_ids))


def due_jobs(
    *,
    now: datetime,
    limit: int,
    evaluation: str | None = None,
    partition: str | None = None,
    except_evaluations: Sequence[str] = (),
    others_due_since: datetime | None = None,
) -> sa.Select[int]:
    """Select the ids of due submissions, oldest first: a range of the index on next_poll_at, never a scan."""
    conditions = [sa.not_(_asked_for(evaluation=name)) for name in except_evaluations]
    if evaluation is not None or partition is not None:
        conditions.append(_asked_for(evaluation=evaluation, partition=partition))
    if others_due_since is not None:
        conditions.append(sa.or_(submissions.c.next_poll_at <= others_due_since, sa.not_(_asked_for())))
    return (
        sa.select(submissions.c.submission_id)
        .where(submissions.c.next_poll_at <= now, is_free(now), *conditions)
        .order_by(submissions.c.next_poll_at, submissions.c.submission_id)
        .limit(limit)
    )


def recent_completions(*, judge_id: str, content_type: str, limit: int) -> sa.Select[datetime, datetime]:
    """Select when the last jobs were uploaded and finished, newest first: the end of an index."""
    return (
        sa.select(submissions.c.uploaded_at, submissions.c.finished_at)
        .where(
            submissions.c.judge_id == judge_id,
            submissions.c.content_type == content_type,
            submissions.c.settled_at.is_not(None),
            submissions.c.state.in_(sorted(FINISHED_STATES)),
            submissions.c.uploaded_at <= submissions.c.finished_at,
        )
        .order_by(submissions.c.settled_at.desc())
        .limit(limit)
    )


def webhooks_of_unknown_jobs(*, limit: int) -> sa.Select[tuple[str, str | None, datetime, bytes]]:
    """Select the oldest webhooks of unknown jobs: a range of the index on them."""
    columns = (webhooks.c.job_id, webhooks.c.url, webhooks.c.received_at, webhooks.c.body)
    return sa.select(*columns).where(UNKNOWN).order_by(webhooks.c.webhook_id).limit(limit)


def _asked_for(*, evaluation: str | None = None, partition: str | None = None) -> sa.ColumnElement[bool]:
    """An inventory, of this evaluation and partition if they are named, asks for the submission."""
    entry = sa.select(sa.literal(1)).where(inventory.c.work_key == submissions.c.work_key)
    if evaluation is not None:
        entry = entry.where(inventory.c.evaluation == evaluation)
    if partition is not None:
        entry = entry.where(inventory.c.partition == partition)
    return entry.exists()


def _make_due(connection: Connection, job_ids: Sequence[str], *, now: datetime) -> int:
    woken = 0
    for chunk in chunks(sorted(set(job_ids))):
        # Locked in one order, so that two calls with the same jobs cannot wait for each other.
        ids = connection.execute(
            sa.select(submissions.c.submission_id)
            .where(submissions.c.job_id.in_(chunk), submissions.c.state.in_(sorted(_WAITING)))
            .order_by(submissions.c.submission_id)
            .with_for_update()
        )
        known = list(ids.scalars())
        if not known:
            continue
        next_poll_at = sa.case(
            (submissions.c.state.in_(sorted(POLLED_STATES)), sa.literal(now, type_=submissions.c.next_poll_at.type)),
            else_=None,
        )
        connection.execute(
            sa.update(submissions)
            .where(submissions.c.submission_id.in_(known))
            .values(woken=True, next_poll_at=next_poll_at, updated_at=now)
        )
        woken += len(known)
    return woken


def _erase_old_webhooks(connection: Connection, *, now: datetime) -> None:
    old = sa.select(webhooks.c.webhook_id).where(webhooks.c.received_at <= now - WEBHOOKS_KEPT_FOR)
    connection.execute(sa.delete(webhooks).where(webhooks.c.webhook_id.in_(old.with_for_update(skip_locked=True))))


def _one_at_a_time(connection: Connection, job_id: str) -> None:
    """Let the webhook and the naming of a job wait for each other: else on Postgres neither might see the other."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ONE_AT_A_TIME, {"job_id": job_id})
