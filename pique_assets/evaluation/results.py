"""Asking Pique for results: what is due, once, while content is still sent, or until a partition is settled.

Belongs here: polling in threads under a deadline, recording what comes, waiting. Does not: when a job is due
(`poll_schedule`, `ledger`), webhooks, which only make jobs due (`webhooks`, `ledger`), and what a result says beyond
"ended or not" (`lake`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from pique_assets.api.client import ReceivedResult
from pique_assets.api.errors import PiqueError, Unauthorized
from pique_assets.api.models import EvaluationResult, JobStatus
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.errors import UPLOAD_CORRUPTED, NothingSubmitted, ResultsPending
from pique_assets.evaluation.giving_up import (
    LastWord,
    is_overdue,
    of_empty_result,
    of_error,
    of_result,
    record_never_ended,
)
from pique_assets.evaluation.poll_schedule import PollPlanner
from pique_assets.evaluation.reconciliation import reconcile_partition
from pique_assets.ledger import (
    LeasedSubmission,
    LeaseLost,
    Ledger,
    LedgerError,
    PartitionProgress,
    SettledPartition,
    SubmissionState,
)
from pique_assets.ledger.failpoints import failpoint

LONGEST_NAP_S = 2.0
# How soon a waiting run sees that a webhook came; a look is one row of an index.
LOOK_INTERVAL_S = 0.25
# For the last question about each open job, when the waiting is over.
LAST_LOOK_S = 30.0
SAY_EVERY_S = 5.0
# A lease has to outlast the batch that it was claimed in, should Pique become slow in the middle of it.
CLAIMED_PER_POLL = 4
FAST_BATCH_S = 1.0
# What is recorded while content is sent is asked for this long at a time: when the sending ends, it waits no longer.
RECORDED_AT_A_TIME_S = 5.0


class PollOutcome(Enum):
    """What one request for a result came to."""

    SETTLED = auto()
    OPEN = auto()
    ERROR = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class PollReport:
    """How many results were asked for, and what came of it.

    Attributes:
        polled: Requests.
        settled: Jobs that had ended.
        errors: Requests without an answer that can be used.
        problem: What the last of those errors said; None without one.
    """

    polled: int
    settled: int
    errors: int
    problem: str | None = None


class ResultPoller:
    """Asks for the results of due jobs; the ledger says which are due, and keeps what comes.

    Args:
        engine: Pique, the ledger, and how many questions at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._client = engine.client
        self._ledger = engine.ledger
        self._limits = engine.limits
        self._planner = PollPlanner(engine=engine)
        self._problem: str | None = None

    def poll_due(
        self,
        *,
        evaluation: str | None = None,
        partition: str | None = None,
        except_evaluations: Sequence[str] = (),
        others_after_s: float = 0.0,
        until: float | None = None,
    ) -> PollReport:
        """Ask once for every job that is due.

        Args:
            evaluation: Only this evaluation's jobs.
            partition: Only this partition's jobs.
            except_evaluations: Only jobs whose content none of these evaluations asks for.
            others_after_s: Jobs whose content another evaluation asks for only so many seconds after they were due.
            until: A batch is begun only if it ends before this `time.monotonic()`, when it takes as long as the slowest
                before it.

        Raises:
            Unauthorized: Pique refuses the key.
            LedgerUnavailable: The ledger can't be read or written.
        """
        self._ledger.belong_to(self._client.pique)
        counts: Counter[PollOutcome] = Counter()
        slowest_s = 0.0
        with ThreadPoolExecutor(self._limits.concurrent_polls, thread_name_prefix="poll") as pool:
            while until is None or time.monotonic() + slowest_s < until:
                began = time.monotonic()
                # As long as Pique answers fast, one claim serves several questions of each thread.
                per_thread = CLAIMED_PER_POLL if 0 < slowest_s < FAST_BATCH_S else 1
                due = self._ledger.claim_due(
                    limit=per_thread * self._limits.concurrent_polls,
                    lease_s=self._limits.lease_s,
                    evaluation=evaluation,
                    partition=partition,
                    except_evaluations=except_evaluations,
                    others_after_s=others_after_s,
                )
                if not due:
                    break
                counts.update(pool.map(self._poll, due))
                slowest_s = max(slowest_s, time.monotonic() - began)
        return PollReport(
            polled=counts.total(),
            settled=counts[PollOutcome.SETTLED],
            errors=counts[PollOutcome.ERROR],
            problem=self._problem,
        )

    def _poll(self, held: LeasedSubmission) -> PollOutcome:
        job_id = held.submission.job_id
        if job_id is None:
            raise ValueError(f"submission {held.submission.submission_id} is due without a job id")
        failpoint("ask.before")
        try:
            received = self._client.get_result(job_id)
        except Unauthorized:
            self._ledger.release_lease(held.lease)
            raise
        except (PiqueError, ValueError) as error:
            # Never proof of death, nor is a 404: a key of another organisation sees that everywhere. An id that no
            # address can hold is a ValueError.
            self._problem = str(error)
            return self._ask_again(held, said=of_error(error))
        if not received.result.is_terminal:
            return self._ask_again(held, said=of_result(received))
        if _is_empty(received.result):
            now = datetime.now(UTC)
            since = held.submission.empty_since or now
            if now < since + timedelta(seconds=self._limits.empty_result_wait_s):
                return self._ask_again(held, said=of_empty_result(), empty_since=since)
        return self._keep(held, received=received)

    def _keep(self, held: LeasedSubmission, *, received: ReceivedResult) -> PollOutcome:
        completed = received.result.status == JobStatus.COMPLETED
        flaw = held.submission if held.submission.error_code == UPLOAD_CORRUPTED else None
        failpoint("ask.after")
        try:
            self._ledger.record_result(
                held.lease,
                outcome=SubmissionState.COMPLETED if completed else SubmissionState.FAILED,
                payload=received.body,
                source="polled",
                received_at=received.received_at,
                finished_at=received.result.timestamp,
                error_code=flaw.error_code if flaw else None,
                error=received.result.error or (flaw.error if flaw else None),
            )
        except LeaseLost:
            # Whoever took over asks for the same result and keeps it.
            return PollOutcome.OPEN
        return PollOutcome.SETTLED

    def _ask_again(self, held: LeasedSubmission, *, said: LastWord, empty_since: datetime | None = None) -> PollOutcome:
        now = datetime.now(UTC)
        submission = held.submission
        try:
            if submission.state is SubmissionState.UPLOADED and is_overdue(
                submission, said=said, limits=self._limits, now=now
            ):
                record_never_ended(held, said=said, ledger=self._ledger, now=now)
                return PollOutcome.SETTLED
            # A request that failed says nothing about the job; one that ended without a result has ended.
            soon = said.is_error or empty_since is not None
            self._ledger.record_poll(
                held.lease,
                next_poll_at=self._planner.next_poll_at(submission, soon=soon, now=now),
                status=said.status,
                empty_since=empty_since,
            )
        except LeaseLost:
            return PollOutcome.OPEN
        return PollOutcome.ERROR if said.is_error else PollOutcome.OPEN


def _is_empty(result: EvaluationResult) -> bool:
    """Whether Pique calls it completed and says nothing of its result: that may only be on its way."""
    return result.status == JobStatus.COMPLETED and not result.detector_results and result.overall_score is None


@contextmanager
def recording_meanwhile(engine: Engine, *, partition: Partition) -> Iterator[None]:
    """Record what webhooks announce of a partition as long as the block sends content.

    Sending a date can take hours, and its first evaluations end within seconds: their results need not wait for the end
    of the sending, or for the next tick of the sensor. Errors are left to whoever waits for the results.

    Args:
        engine: Where it expects no webhooks, nothing is done.
        partition: Which date of which evaluation.
    """
    if not engine.expects_webhooks:
        yield
        return
    poller = ResultPoller(engine)
    stopped = threading.Event()

    def record_until_stopped() -> None:
        pause_s = LOOK_INTERVAL_S
        while not stopped.wait(pause_s):
            pause_s = LOOK_INTERVAL_S
            try:
                if engine.ledger.has_due(now=datetime.now(UTC)):
                    until = time.monotonic() + RECORDED_AT_A_TIME_S
                    report = poller.poll_due(**partition.names, until=until)
                    # Else what is due is another partition's, and may stay so: to look is cheap, to claim is a write.
                    pause_s = LOOK_INTERVAL_S if report.polled else LONGEST_NAP_S
            except (PiqueError, LedgerError):
                return

    thread = threading.Thread(target=record_until_stopped, name="announced-results", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def collect_partition(engine: Engine, *, partition: Partition) -> SettledPartition:
    """Wait, bounded, until every submission of a partition is settled.

    Before the waiting ends in vain, each open job is asked about once: neither a lost webhook nor a next poll that lies
    beyond the waiting, because the judge usually takes longer or a clock was wrong, makes the waiting end in vain.

    Args:
        engine: Pique, the ledger, and `Limits.results_wait_s`, which bounds the waiting.
        partition: Which date of which evaluation.

    Returns:
        The partition's counts and the digest of how it stands; nothing in it is open.

    Raises:
        ResultsPending: Jobs are still open; a later call resumes.
        NothingSubmitted: No inventory of the partition was taken.
        Unauthorized: Pique refuses the key.
        LedgerUnavailable: The ledger can't be read or written.
    """
    ledger, limits = engine.ledger, engine.limits
    poller = ResultPoller(engine)
    started = time.monotonic()
    deadline = started + limits.results_wait_s
    said_at = started
    all_asked = limits.results_wait_s == 0 and not engine.expects_webhooks
    while True:
        unanswered = reconcile_partition(engine, partition=partition, until=deadline)
        poller.poll_due(**partition.names, until=deadline)
        settled = ledger.settled_partition(**partition.names)
        if settled is not None:
            return settled
        progress = ledger.progress(**partition.names)
        if not progress.total:
            raise NothingSubmitted(**partition.names)
        next_due_at = ledger.next_due_at(**partition.names)
        now = time.monotonic()
        # Submissions without bytes wait for whoever uploads them; if nobody does, waiting on is pointless.
        nobody_uploads = next_due_at is None and not unanswered and now > started + 2 * limits.lease_s
        if now >= deadline and not all_asked:
            all_asked = True
            ledger.make_due(progress.open_job_ids)
            poller.poll_due(**partition.names, until=now + LAST_LOOK_S)
            continue
        if now >= deadline or nobody_uploads or _needs_uploads(progress):
            raise _pending(progress, waited_s=now - started, unanswered=unanswered)
        if now - said_at >= SAY_EVERY_S:
            said_at = now
            engine.say(f"waiting for {progress.open} of {progress.total} evaluations, {deadline - now:.0f} s at most")
        _nap(_nap_s(next_due_at, deadline=deadline), ledger=ledger)


def _needs_uploads(progress: PartitionProgress) -> bool:
    return progress.open == 0 and not progress.is_settled


def _nap_s(next_due_at: datetime | None, *, deadline: float) -> float:
    until_due = LONGEST_NAP_S
    if next_due_at is not None:
        until_due = (next_due_at - datetime.now(UTC)).total_seconds()
    return max(0.05, min(until_due, LONGEST_NAP_S, deadline - time.monotonic()))


def _nap(seconds: float, *, ledger: Ledger) -> None:
    """Wait, but not longer than a moment after a webhook has made something due."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_INTERVAL_S))
        if ledger.has_due(now=datetime.now(UTC)):
            return


def _pending(progress: PartitionProgress, *, waited_s: float, unanswered: int) -> ResultsPending:
    return ResultsPending(
        pending_job_ids=list(progress.open_job_ids),
        not_uploaded=progress.unsubmitted + progress.abandoned,
        waited_s=waited_s,
        unanswered=unanswered,
    )
