"""Any sequence of writes by any holders of old and new leases, against a model of twenty lines."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from pique_assets.ledger import (
    TRANSITIONS,
    Lease,
    LeaseLost,
    Ledger,
    SubmissionOrder,
    SubmissionState,
    TransitionRefused,
)

S = SubmissionState
EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
KEYS = ("a" * 64, "b" * 64)
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


@dataclasses.dataclass(frozen=True)
class Write:
    """One write: from where, to where (None: it stays), and whether it gives the lease back."""

    sources: frozenset[SubmissionState]
    to: SubmissionState | None
    releases: bool
    run: Callable[[Machine, Lease], object]


class Machine(RuleBasedStateMachine):
    """Two pieces of work, any number of workers with any leases, and a clock."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0
        self.jobs = 0
        self.expected: dict[int, Expected] = {}
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger.open(f"sqlite:///{Path(self.folder.name)}/ledger.db", clock=self.now)

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

    @rule(seconds=st.sampled_from([1, 10, 59, 60, 61]))
    def time_passes(self, seconds: int) -> None:
        self.seconds += seconds

    @rule(target=leases, work_key=st.sampled_from(KEYS))
    def order(self, work_key: str):
        attempts = [known for known in self.expected.values() if known.work_key == work_key]
        live = [known for known in attempts if known.live]
        finished = any(known.state in (S.COMPLETED, S.FAILED) for known in attempts)
        claim = self.ledger.claim_submission(
            SubmissionOrder(
                work_key=work_key,
                judge_id="j",
                judge_configuration_hash="c",
                content_type="video",
                fingerprint="f",
                filename="f.mp4",
                size_bytes=1,
            ),
            lease_s=LEASE_S,
        )
        assert claim.created == (not live and not finished)
        if claim.created:
            self.expected[claim.submission.submission_id] = Expected(work_key=work_key)
            wanted = True
        else:
            wanted = bool(live) and live[0].state in (S.INTENDED, S.PREPARED, S.UPLOADING)
            wanted = wanted and self.is_free(live[0])
        assert (claim.lease is not None) == wanted
        if claim.lease is None:
            return multiple()
        self.hold(claim.lease)
        return claim.lease

    @rule(target=leases, limit=st.integers(1, 3))
    def take_up(self, limit: int):
        wanted = [
            submission_id
            for submission_id, known in self.expected.items()
            if known.live and known.state in (S.INTENDED, S.PREPARED, S.UPLOADING) and self.is_free(known)
        ]
        found = self.ledger.claim_interrupted(limit=limit, lease_s=LEASE_S)
        assert [one.lease.submission_id for one in found] == sorted(wanted)[:limit]
        for one in found:
            self.hold(one.lease)
        return multiple(*(one.lease for one in found))

    @rule(target=leases, limit=st.integers(1, 3))
    def poll_what_is_due(self, limit: int):
        wanted = sorted(
            (known.due, submission_id)
            for submission_id, known in self.expected.items()
            if known.due is not None and known.due <= self.seconds and self.is_free(known)
        )
        found = self.ledger.claim_due(limit=limit, lease_s=LEASE_S)
        assert [one.lease.submission_id for one in found] == [one for _, one in wanted][:limit]
        for one in found:
            self.hold(one.lease)
        return multiple(*(one.lease for one in found))

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
        submission = self.ledger.find_job(f"job_{job}")
        woken = self.ledger.make_due([f"job_{job}"])
        known = self.expected[submission.submission_id] if submission else None
        waits = known is not None and known.state in (S.PREPARED, S.UPLOADING, S.UPLOADED, S.ABANDONED)
        assert woken == int(waits)
        if waits:
            known.woken = True
            if known.state in (S.UPLOADED, S.ABANDONED):
                known.due = self.seconds

    @rule(lease=leases, name=st.deferred(lambda: st.sampled_from(sorted(WRITES))))
    def write(self, lease: Lease, name: str) -> None:
        write = WRITES[name]
        known = self.expected[lease.submission_id]
        if known.token != lease.token:
            refusal: type[Exception] | None = LeaseLost
        elif known.state not in write.sources:
            refusal = TransitionRefused
        elif name == "upload_started" and self.is_free(known):
            refusal = LeaseLost
        else:
            refusal = None
        if refusal is not None:
            with pytest.raises(refusal):
                write.run(self, lease)
            return
        write.run(self, lease)
        self.follow(name, write, known)

    def follow(self, name: str, write: Write, known: Expected) -> None:
        assert (write.to or known.state) in TRANSITIONS[known.state]
        known.state = write.to or known.state
        known.live = known.live and known.state not in (S.REJECTED, S.ABANDONED)
        if write.releases:
            known.token = None
        if name in ("uploaded", "adopt", "poll_again", "abandoned_watched"):
            known.due = self.seconds if known.woken else self.seconds + 30
        elif name in ("abandoned_unwatched", "poll_no_more"):
            known.due = self.seconds if known.woken else None
        elif known.state in (S.COMPLETED, S.FAILED):
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
        for work_key in KEYS:
            attempts = self.ledger.attempts(work_key=work_key)
            assert sum(attempt.live for attempt in attempts) <= 1
            assert [attempt.attempt for attempt in attempts] == list(range(1, len(attempts) + 1))
            for attempt in attempts:
                known = self.expected[attempt.submission_id]
                assert (attempt.state, attempt.live) == (known.state, known.live)
                due = None if known.due is None else EPOCH + timedelta(seconds=known.due)
                assert attempt.next_poll_at == due

    @invariant()
    def bytes_go_to_a_further_job_only_after_the_one_before_is_dead(self) -> None:
        for work_key in KEYS:
            sent = [one for one in self.ledger.attempts(work_key=work_key) if one.upload_started_at is not None]
            assert all(not one.live for one in sent[:-1])


def _prepare(machine: Machine, lease: Lease) -> None:
    job_id = f"job_{machine.jobs + 1}"
    machine.ledger.record_prepared(
        lease, job_id=job_id, upload_url="https://u", upload_headers={}, expires_at=machine.now()
    )
    machine.jobs += 1


def _result(outcome: SubmissionState) -> Callable[[Machine, Lease], object]:
    return lambda machine, lease: machine.ledger.record_result(
        lease, outcome=outcome, payload=b"{}", source="polled", received_at=machine.now()
    )


def _soon(machine: Machine):
    return machine.now() + timedelta(seconds=30)


_WITH_JOB = frozenset({S.PREPARED, S.UPLOADING, S.UPLOADED, S.ABANDONED})
_UNSENT_JOB = frozenset({S.PREPARED, S.UPLOADING})
_MORTAL = frozenset({S.PREPARED, S.UPLOADING, S.UPLOADED})

WRITES = {
    "prepared": Write(frozenset({S.INTENDED}), S.PREPARED, False, _prepare),
    "upload_started": Write(_UNSENT_JOB, S.UPLOADING, False, lambda m, lease: m.ledger.record_upload_started(lease)),
    "uploaded": Write(
        frozenset({S.UPLOADING}),
        S.UPLOADED,
        True,
        lambda m, lease: m.ledger.record_uploaded(lease, next_poll_at=_soon(m)),
    ),
    "adopt": Write(_UNSENT_JOB, S.UPLOADED, True, lambda m, lease: m.ledger.adopt(lease, next_poll_at=_soon(m))),
    "rejected": Write(
        frozenset({S.INTENDED}),
        S.REJECTED,
        True,
        lambda m, lease: m.ledger.record_rejected(lease, error_code="e", error="no"),
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
    "poll_again": Write(
        frozenset({S.UPLOADED, S.ABANDONED}),
        None,
        True,
        lambda m, lease: m.ledger.record_poll(lease, next_poll_at=_soon(m), status="processing"),
    ),
    "poll_no_more": Write(
        frozenset({S.ABANDONED}),
        None,
        True,
        lambda m, lease: m.ledger.record_poll(lease, next_poll_at=None, status=None),
    ),
    "completed": Write(_WITH_JOB, S.COMPLETED, True, _result(S.COMPLETED)),
    "failed": Write(_WITH_JOB, S.FAILED, True, _result(S.FAILED)),
}

Machine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnySequenceOfWrites = pytest.mark.slow(Machine.TestCase)


def test_the_table_of_transitions_ends_where_it_should():
    assert {state for state, following in TRANSITIONS.items() if not following} == {
        S.COMPLETED,
        S.FAILED,
        S.REJECTED,
    }
    assert set(TRANSITIONS) == set(S)
