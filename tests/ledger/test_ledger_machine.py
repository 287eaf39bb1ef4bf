"""Any sequence of writes by any holders of old and new leases, and of webhooks, against a model of a few lines."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from pique_assets.ledger import (
    POLLED_STATES,
    TRANSITIONS,
    UNANSWERED_STATES,
    UNSENT_STATES,
    Lease,
    LeaseLost,
    Ledger,
    LedgerError,
    SubmissionOrder,
    SubmissionState,
    TransitionRefused,
)

S = SubmissionState
EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
UPLOADS = ("a" * 64, "b" * 64)
URLS = ("c" * 64, "d" * 64)
KEYS = UPLOADS + URLS
BODIES = (b"1", b"2")
LEASE_S = 60


@dataclasses.dataclass
class Expected:
    """What the model believes of one submission."""

    work_key: str
    state: SubmissionState = S.INTENDED
    live: bool = True
    token: str | None = None
    lease_ends: int = 0
    due: int | None = None
    woken: bool = False
    job: str | None = None
    begun: int | None = None

    @property
    def is_social(self) -> bool:
        return self.work_key in URLS


@dataclasses.dataclass(frozen=True)
class Write:
    """One write: from where, to where (None: it stays), and whether it gives the lease back.

    An act must be begun under a lease that still runs, and is for content of one kind.
    """

    sources: frozenset[SubmissionState]
    to: SubmissionState | None
    releases: bool
    run: Callable[[Machine, Lease], object]
    is_act: bool = False
    of: tuple[str, ...] = KEYS


class Machine(RuleBasedStateMachine):
    """Two uploads, two URLs, any number of workers with any leases, a receiver of webhooks, and a clock."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0
        self.jobs = 0
        self.expected: dict[int, Expected] = {}
        self.heard: dict[tuple[str, bytes], bool] = {}
        self.held: dict[int, Lease] = {}
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "ledger.db"
        path.write_bytes(_empty_ledger())
        self.ledger = Ledger.open(f"sqlite:///{path}", clock=self.now)

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    def now(self):
        return EPOCH + timedelta(seconds=self.seconds)

    def is_free(self, known: Expected) -> bool:
        return known.token is None or known.lease_ends <= self.seconds

    def hold(self, lease: Lease) -> None:
        known = self.expected[lease.submission_id]
        known.token, known.lease_ends, known.woken = lease.token, self.seconds + LEASE_S, False
        self.held[lease.submission_id] = lease

    @initialize(target=leases)
    def order_everything(self):
        return multiple(*(self.claimed(work_key) for work_key in KEYS))

    @rule(seconds=st.sampled_from([0, 61, 120]))
    def count_what_was_begun(self, seconds: int) -> None:
        since = self.seconds - seconds
        begun = sum(known.begun is not None and known.begun >= since for known in self.expected.values())
        assert self.ledger.evaluations_begun(since=EPOCH + timedelta(seconds=since)) == begun

    @rule(seconds=st.sampled_from([1, 10, 59, 60, 61]))
    def time_passes(self, seconds: int) -> None:
        self.seconds += seconds

    @rule(target=leases, work_key=st.sampled_from(KEYS))
    def order(self, work_key: str):
        lease = self.claimed(work_key)
        return multiple() if lease is None else lease

    def claimed(self, work_key: str) -> Lease | None:
        attempts = [known for known in self.expected.values() if known.work_key == work_key]
        live = [known for known in attempts if known.live]
        finished = any(known.state in (S.COMPLETED, S.FAILED) for known in attempts)
        claim = self.ledger.claim_submissions(
            [
                SubmissionOrder(
                    work_key=work_key,
                    judge_id="j",
                    judge_configuration_hash="c",
                    content_type="video",
                    fingerprint="f",
                    filename="f.mp4",
                    size_bytes=None if work_key in URLS else 1,
                    source="social" if work_key in URLS else "direct",
                )
            ],
            lease_s=LEASE_S,
        )[0]
        assert claim.created == (not live and not finished)
        if claim.created:
            self.expected[claim.submission.submission_id] = Expected(work_key=work_key)
            wanted = True
        else:
            wanted = bool(live) and live[0].state in UNSENT_STATES
            wanted = wanted and self.is_free(live[0])
        assert (claim.lease is not None) == wanted
        if claim.lease is not None:
            self.hold(claim.lease)
        return claim.lease

    @rule(target=leases, limit=st.integers(1, 3))
    def take_up(self, limit: int):
        wanted = [
            submission_id
            for submission_id, known in self.expected.items()
            if known.live and known.state in UNSENT_STATES and self.is_free(known)
        ]
        found = self.ledger.claim_orphans(limit=limit, lease_s=LEASE_S, untouched_since=self.now())
        assert [one.lease.submission_id for one in found] == sorted(wanted)[:limit]
        for one in found:
            self.hold(one.lease)
        return multiple(*(one.lease for one in found))

    @rule(target=leases, limit=st.integers(1, 3))
    def poll_what_is_due(self, limit: int):
        return multiple(*self.due(limit))

    def due(self, limit: int) -> list[Lease]:
        wanted = sorted(
            (known.due, submission_id)
            for submission_id, known in self.expected.items()
            if known.due is not None and known.due <= self.seconds and self.is_free(known)
        )
        found = self.ledger.claim_due(limit=limit, lease_s=LEASE_S)
        assert [one.lease.submission_id for one in found] == [one for _, one in wanted][:limit]
        for one in found:
            self.hold(one.lease)
        return [one.lease for one in found]

    @rule(target=leases, submission_id=st.integers(1, 6))
    def reconcile(self, submission_id: int):
        unanswered = [
            submission_id
            for submission_id, known in self.expected.items()
            if known.state in UNANSWERED_STATES and self.is_free(known)
        ]
        assert [one.submission_id for one in self.ledger.unreconciled(limit=99)] == sorted(unanswered)
        lease = self.reconciled(submission_id)
        return multiple() if lease is None else lease

    def reconciled(self, submission_id: int) -> Lease | None:
        known = self.expected.get(submission_id)
        wanted = known is not None and known.state in UNANSWERED_STATES and self.is_free(known)
        found = self.ledger.claim_for_reconciliation(submission_id, lease_s=LEASE_S)
        assert (found is not None) == wanted
        if found is None:
            return None
        self.hold(found.lease)
        return found.lease

    # A list of an empty bundle's values would end the whole example.
    @precondition(lambda self: self.bundle("leases"))
    @rule(batch=st.lists(leases, min_size=1, max_size=3))
    def post(self, batch: list[Lease]) -> None:
        refusals = [self.refusal_of("submitting", lease) for lease in sorted(batch, key=lambda one: one.submission_id)]
        if len({lease.submission_id for lease in batch}) < len(batch) and not any(refusals):
            refusals.append(TransitionRefused)
        refusal = next(filter(None, refusals), None)
        if refusal is not None:
            # Which of several it is does not matter here; that none of them is begun is seen by the invariants.
            with pytest.raises(LedgerError):
                self.ledger.record_submitting(batch)
            return
        self.ledger.record_submitting(batch)
        for lease in batch:
            self.follow("submitting", WRITES["submitting"], self.expected[lease.submission_id])

    @rule(lease=leases)
    def renew(self, lease: Lease) -> None:
        known = self.expected[lease.submission_id]
        if known.token == lease.token:
            self.ledger.renew_lease(lease, lease_s=LEASE_S)
            known.lease_ends = self.seconds + LEASE_S
        else:
            with pytest.raises(LeaseLost):
                self.ledger.renew_lease(lease, lease_s=LEASE_S)

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        self.ledger.release_lease(lease)
        known = self.expected[lease.submission_id]
        if known.token == lease.token:
            known.token = None

    @rule(job=st.integers(1, 9))
    def wake(self, job: int) -> None:
        woken = self.ledger.make_due([f"job_{job}"])
        assert woken == int(self.is_woken(f"job_{job}"))

    @rule(job=st.integers(1, 9), body=st.sampled_from(BODIES))
    def hear(self, job: int, body: bytes) -> None:
        job_id = f"job_{job}"
        receipt = self.ledger.record_webhook(job_id=job_id, url=None, body=body, received_at=self.now())
        assert receipt.repeated == ((job_id, body) in self.heard)
        assert receipt.known == (self.of_job(job_id) is not None)
        if not receipt.repeated:
            self.heard[job_id, body] = receipt.known
            self.is_woken(job_id)
        unknown = [one for one, is_known in self.heard.items() if not is_known]
        assert [(one.job_id, one.body) for one in self.ledger.unknown_webhooks(limit=99)] == unknown

    def of_job(self, job_id: str) -> Expected | None:
        return next((known for known in self.expected.values() if known.job == job_id), None)

    def is_woken(self, job_id: str) -> bool:
        known = self.of_job(job_id)
        waits = known is not None and known.state in POLLED_STATES | {S.PREPARED, S.UPLOADING}
        if waits:
            known.woken = True
            if known.state in POLLED_STATES:
                known.due = self.seconds
        return waits

    @rule(lease=leases, name=st.deferred(lambda: st.sampled_from(sorted(WRITES))))
    def write(self, lease: Lease, name: str) -> None:
        write = WRITES[name]
        refusal = self.refusal_of(name, lease)
        if refusal is not None:
            with pytest.raises(refusal) as caught:
                write.run(self, lease)
            assert caught.type is refusal
            return
        write.run(self, lease)
        self.follow(name, write, self.expected[lease.submission_id])

    @rule(work_key=st.sampled_from(KEYS), steps=st.lists(st.sampled_from(range(60)), min_size=1, max_size=8))
    def go_on(self, work_key: str, steps: list[int]) -> None:
        """One piece of work goes on as it may, by whoever may have it: else most writes would be refused."""
        for step in steps:
            lease = self.lease_of_last(work_key)
            allowed = [name for name in sorted(WRITES) if lease and self.refusal_of(name, lease) is None]
            # Most are not refused at once, or little would be seen of what comes later.
            rarely = ("rejected", "rejected_with_job") if step >= 6 else ()
            allowed = [name for name in allowed if name not in rarely] or allowed
            if allowed:
                name = allowed[step % len(allowed)]
                WRITES[name].run(self, lease)
                self.follow(name, WRITES[name], self.expected[lease.submission_id])

    def lease_of_last(self, work_key: str) -> Lease | None:
        last = max(number for number, known in self.expected.items() if known.work_key == work_key)
        known = self.expected[last]
        if not self.is_free(known):
            return self.held[last]
        if known.due is not None:
            self.seconds = max(self.seconds, known.due)
            return next((lease for lease in self.due(99) if lease.submission_id == last), None)
        return self.reconciled(last) if known.state in UNANSWERED_STATES else self.claimed(work_key)

    def refusal_of(self, name: str, lease: Lease) -> type[LedgerError] | None:
        write = WRITES[name]
        known = self.expected[lease.submission_id]
        if known.token != lease.token:
            return LeaseLost
        if known.state not in write.sources:
            return TransitionRefused
        if write.is_act and self.is_free(known):
            return LeaseLost
        return None if known.work_key in write.of else LedgerError

    def new_job(self) -> str:
        """The next job's id; its number counts once a write has taken it."""
        return f"job_{self.jobs + 1}"

    def name_job(self, known: Expected) -> bool:
        """Note that the submission has the next job; returns whether a webhook came before."""
        known.job = self.new_job()
        self.jobs += 1
        early = [one for one, was_known in self.heard.items() if one[0] == known.job and not was_known]
        self.heard.update(dict.fromkeys(early, True))
        return bool(early)

    def follow(self, name: str, write: Write, known: Expected) -> None:
        assert (write.to or known.state) in TRANSITIONS[known.state]
        known.state = write.to or known.state
        known.live = known.live and known.state not in (S.REJECTED, S.ABANDONED)
        if write.releases:
            known.token = None
        if name in ("upload_started", "submitting"):
            known.begun = self.seconds
        elif name == "prepared":
            known.woken = self.name_job(known)
        elif name == "accepted":
            known.due = self.seconds if self.name_job(known) else self.seconds + 30
        elif name == "rejected_with_job":
            self.name_job(known)
        if name in ("not_sent", "never_sent", "rejected", "rejected_with_job"):
            known.begun = None
        if name in ("uploaded", "adopt", "poll_again", "abandoned_watched", "given_up"):
            known.due = self.seconds if known.woken else self.seconds + 30
        elif name in ("abandoned_unwatched", "poll_no_more"):
            known.due = self.seconds if known.woken else None
        elif known.state in (S.COMPLETED, S.FAILED):
            if known.job is None:
                self.name_job(known)
            known.due = None
            self.stop_unsent(known)

    def stop_unsent(self, finished: Expected) -> None:
        for known in self.expected.values():
            if known.work_key == finished.work_key and known.live and known is not finished:
                stopped = {S.INTENDED: S.REJECTED, S.PREPARED: S.ABANDONED}.get(known.state)
                if stopped is not None:
                    known.state, known.live, known.token = stopped, False, None

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        everything = self.ledger.submissions(states=tuple(S), limit=999)
        assert {one.submission_id for one in everything} == set(self.expected)
        for work_key in KEYS:
            attempts = [one for one in everything if one.work_key == work_key]
            assert sum(attempt.live for attempt in attempts) <= 1
            assert [attempt.attempt for attempt in attempts] == list(range(1, len(attempts) + 1))
            # What may have been sent is never sent again before it is certain that nothing came of it.
            begun = [one for one in attempts if one.upload_started_at is not None]
            assert all(not one.live for one in begun[:-1])
            for attempt in attempts:
                known = self.expected[attempt.submission_id]
                assert (attempt.state, attempt.live, attempt.job_id) == (known.state, known.live, known.job)
                due, begun = (
                    None if seconds is None else EPOCH + timedelta(seconds=seconds)
                    for seconds in (known.due, known.begun)
                )
                assert (attempt.next_poll_at, attempt.upload_started_at) == (due, begun)


@functools.cache
def _empty_ledger() -> bytes:
    """The file of a ledger with tables and no rows: making them takes longer than an example."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger.open(f"sqlite:///{path}").close()
        return path.read_bytes()


def _prepare(machine: Machine, lease: Lease) -> None:
    machine.ledger.record_prepared(
        lease, job_id=machine.new_job(), upload_url="https://u", upload_headers={}, expires_at=machine.now()
    )


def _result(outcome: SubmissionState) -> Callable[[Machine, Lease], object]:
    def record(machine: Machine, lease: Lease) -> None:
        unnamed = machine.expected[lease.submission_id].job is None
        machine.ledger.record_result(
            lease,
            outcome=outcome,
            payload=b"{}",
            source="polled",
            received_at=machine.now(),
            job_id=machine.new_job() if unnamed else None,
        )

    return record


def _soon(machine: Machine):
    return machine.now() + timedelta(seconds=30)


_EVALUATED = frozenset({S.PREPARED, S.UPLOADING, S.UPLOADED, S.ABANDONED, S.GIVEN_UP}) | UNANSWERED_STATES
_UNSENT_POST = frozenset({S.INTENDED, S.SUBMITTING})
_UNSENT_JOB = frozenset({S.PREPARED, S.UPLOADING})
_MORTAL = frozenset({S.PREPARED, S.UPLOADING, S.UPLOADED, S.GIVEN_UP})

WRITES = {
    "prepared": Write(frozenset({S.INTENDED}), S.PREPARED, False, _prepare, of=UPLOADS),
    "upload_started": Write(
        _UNSENT_JOB, S.UPLOADING, False, lambda m, lease: m.ledger.record_upload_started(lease), is_act=True
    ),
    "submitting": Write(
        frozenset({S.INTENDED}),
        S.SUBMITTING,
        False,
        lambda m, lease: m.ledger.record_submitting([lease]),
        is_act=True,
        of=URLS,
    ),
    "accepted": Write(
        UNANSWERED_STATES,
        S.UPLOADED,
        True,
        lambda m, lease: m.ledger.record_accepted(lease, job_id=m.new_job(), batch_id="batch", next_poll_at=_soon(m)),
    ),
    "unattributed": Write(
        frozenset({S.SUBMITTING}),
        None,
        True,
        lambda m, lease: m.ledger.record_unattributed(lease, batch_id="batch", evidence="job x is of none of ours"),
    ),
    "not_sent": Write(frozenset({S.SUBMITTING}), S.INTENDED, True, lambda m, lease: m.ledger.record_not_sent(lease)),
    "never_sent": Write(
        frozenset({S.SUBMITTING, S.IN_DOUBT}),
        S.INTENDED,
        True,
        lambda m, lease: m.ledger.record_never_sent(lease, evidence="the operator says so"),
    ),
    "in_doubt": Write(
        frozenset({S.SUBMITTING}),
        S.IN_DOUBT,
        True,
        lambda m, lease: m.ledger.record_in_doubt(lease, evidence="no answer"),
    ),
    "uploaded": Write(
        frozenset({S.UPLOADING}),
        S.UPLOADED,
        True,
        lambda m, lease: m.ledger.record_uploaded(lease, next_poll_at=_soon(m)),
    ),
    "adopt": Write(_UNSENT_JOB, S.UPLOADED, True, lambda m, lease: m.ledger.adopt(lease, next_poll_at=_soon(m))),
    "rejected": Write(
        _UNSENT_POST,
        S.REJECTED,
        True,
        lambda m, lease: m.ledger.record_rejected(lease, error_code="e", error="no"),
    ),
    "rejected_with_job": Write(
        _UNSENT_POST,
        S.REJECTED,
        True,
        lambda m, lease: m.ledger.record_rejected(lease, error_code="e", error="no", job_id=m.new_job()),
    ),
    "abandoned_watched": Write(
        _MORTAL,
        S.ABANDONED,
        True,
        lambda m, lease: m.ledger.record_abandoned(lease, evidence="dead", next_poll_at=_soon(m)),
    ),
    "abandoned_unwatched": Write(
        _MORTAL, S.ABANDONED, True, lambda m, lease: m.ledger.record_abandoned(lease, evidence="dead")
    ),
    "given_up": Write(
        frozenset({S.UPLOADING, S.UPLOADED}),
        S.GIVEN_UP,
        True,
        lambda m, lease: m.ledger.record_given_up(
            lease, error_code="never_ended", error="no end", status="cancelled", next_poll_at=_soon(m)
        ),
    ),
    "poll_again": Write(
        frozenset({S.UPLOADED, S.ABANDONED, S.GIVEN_UP}),
        None,
        True,
        lambda m, lease: m.ledger.record_poll(lease, next_poll_at=_soon(m), status="processing"),
    ),
    "poll_no_more": Write(
        frozenset({S.ABANDONED, S.GIVEN_UP}),
        None,
        True,
        lambda m, lease: m.ledger.record_poll(lease, next_poll_at=None, status=None),
    ),
    "completed": Write(_EVALUATED, S.COMPLETED, True, _result(S.COMPLETED)),
    "failed": Write(_EVALUATED, S.FAILED, True, _result(S.FAILED)),
}

Machine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A failure is told at once: shrinking it would take longer than all other tests.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestAnySequenceOfWrites = pytest.mark.slow(Machine.TestCase)


def test_the_table_of_transitions_ends_where_it_should():
    assert {state for state, following in TRANSITIONS.items() if not following} == {
        S.COMPLETED,
        S.FAILED,
        S.REJECTED,
    }
    assert set(TRANSITIONS) == set(S)
