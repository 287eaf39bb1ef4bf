"""What other processes do to a ledger in these tests: claim against each other, or walk until they are killed.

Run as a script: ``worker.py claim URL FIRST COUNT`` or ``worker.py walk URL FAILPOINT...``. It is a file of
its own, and not a function in a test file, because a fresh process must be able to run it however pytest was started.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from pique_assets.ledger import InventoryItem, Lease, LeasedSubmission, Ledger, SubmissionOrder, SubmissionState
from pique_assets.ledger.failpoints import ledger_writes

UPLOADS = ("sent", "adopted", "rejected", "abandoned", "given_up")
URLS = ("accepted", "not_sent", "never_sent", "doubted", "unanswered")
NAMES = (*UPLOADS, "orphan", *URLS)


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def order(name: str) -> SubmissionOrder:
    return SubmissionOrder(
        work_key=key(name),
        judge_id="judge_abc123",
        judge_configuration_hash="c",
        content_type="video",
        fingerprint=key("bytes of " + name),
        filename=f"{name}.mp4",
        size_bytes=None if name.endswith(URLS) else 1000,
        source="social" if name.endswith(URLS) else "direct",
    )


def walk_to(write: str) -> Callable[[Ledger, str], Iterator[str]]:
    """The walk that comes by this write."""
    return walk_with_urls if write in ledger_writes("social", "webhook") else walk_with_uploads


def walk_with_uploads(ledger: Ledger, evaluation: str) -> Iterator[str]:
    """Use every write that uploads take; yields its name after each."""
    now = datetime.now(UTC)
    soon = now + timedelta(minutes=15)
    orders = [order(f"{evaluation} {name}") for name in UPLOADS]
    items = [InventoryItem(content_uri=one.filename, filename=one.filename, work_key=one.work_key) for one in orders]
    ledger.record_inventory(evaluation=evaluation, partition="2026-03-02", items=items)
    yield "record_inventory"
    leases = [claim.lease for claim in ledger.claim_submissions(orders, lease_s=600)]
    yield "claim_submissions"
    ledger.release_lease(leases[0])
    yield "release_lease"
    (found,) = ledger.claim_submissions(orders[:1], lease_s=600)
    yield "claim_submissions"
    sent = ledger.renew_lease(found.lease, lease_s=1200)
    yield "renew_lease"
    jobs = {name: f"job {evaluation} {name}" for name in UPLOADS}
    prepared = (("sent", sent), ("adopted", leases[1]), ("abandoned", leases[3]), ("given_up", leases[4]))
    for name, lease in prepared:
        ledger.record_prepared(
            lease, job_id=jobs[name], upload_url="https://u?s", upload_headers={"a": "b"}, expires_at=soon
        )
        yield "record_prepared"
    ledger.record_upload_started(sent)
    yield "record_upload_started"
    ledger.release_lease(sent)
    yield "release_lease"
    begun = ledger.claim_begun_long_ago(begun_before=soon, limit=1000, lease_s=600)
    yield "claim_begun_long_ago"
    sent = own_of(begun, sent.submission_id, ledger=ledger)
    ledger.record_uploaded(sent, next_poll_at=soon)
    yield "record_uploaded"
    ledger.make_due([jobs["sent"]])
    yield "make_due"
    for last in (False, True):
        (due,) = ledger.claim_due(limit=1, lease_s=600, evaluation=evaluation)
        yield "claim_due"
        if last:
            ledger.record_result(
                due.lease,
                outcome=SubmissionState.COMPLETED,
                payload=b"{}",
                source="polled",
                received_at=now,
            )
            yield "record_result"
        else:
            ledger.record_poll(due.lease, next_poll_at=now, status="processing")
            yield "record_poll"
    ledger.adopt(leases[1], next_poll_at=soon)
    yield "adopt"
    ledger.record_rejected(leases[2], error_code="e", error="no")
    yield "record_rejected"
    ledger.record_abandoned(leases[3], evidence="dead", next_poll_at=soon)
    yield "record_abandoned"
    ledger.adopt(leases[4], next_poll_at=soon)
    yield "adopt"
    stuck = ledger.claim_to_give_up(leases[4].submission_id, lease_s=600)
    yield "claim_to_give_up"
    ledger.record_given_up(stuck.lease, error_code="never_ended", error="no", status="cancelled", next_poll_at=soon)
    yield "record_given_up"
    empty_day = {"evaluation": evaluation, "partition": "2026-03-03"}
    ledger.record_inventory(**empty_day, items=[])
    yield "record_inventory"
    digest = ledger.settled_partition(**empty_day).digest
    ledger.postpone_collection(**empty_day, until=soon, while_open=False)
    yield "postpone_collection"
    ledger.record_collecting(**empty_day, run="run", digest=digest)
    yield "record_collecting"
    ledger.record_looked_at([(evaluation, "2026-03-03")])
    yield "record_looked_at"
    ledger.record_collected(**empty_day, digest=digest)
    yield "record_collected"
    (orphan,) = ledger.claim_submissions([order(f"{evaluation} orphan")], lease_s=600)
    yield "claim_submissions"
    ledger.release_lease(orphan.lease)
    yield "release_lease"
    found = ledger.claim_orphans(limit=1000, lease_s=600, untouched_since=datetime.now(UTC))
    yield "claim_orphans"
    own_of(found, orphan.submission.submission_id, ledger=ledger)


def own_of(found: list[LeasedSubmission], submission_id: int, *, ledger: Ledger) -> Lease:
    """The lease of this walk's submission; those of walks that were killed are given back."""
    leases = {one.lease.submission_id: one.lease for one in found}
    own = leases.pop(submission_id)
    for lease in leases.values():
        ledger.release_lease(lease)
    return own


def walk_with_urls(ledger: Ledger, evaluation: str) -> Iterator[str]:
    """Use every other write; yields its name after each."""
    now = datetime.now(UTC)
    soon = now + timedelta(minutes=15)
    orders = [order(f"{evaluation} {name}") for name in URLS]
    items = [InventoryItem(content_uri=one.filename, filename=one.filename, work_key=one.work_key) for one in orders]
    ledger.record_inventory(evaluation=evaluation, partition="2026-03-02", items=items, source="social")
    yield "record_inventory"
    leases = [claim.lease for claim in ledger.claim_submissions(orders, lease_s=600)]
    yield "claim_submissions"
    accepted, not_sent, never_sent, doubted, unanswered = leases
    ledger.record_submitting(leases)
    yield "record_submitting"
    job_id = f"job {evaluation} accepted"
    ledger.record_webhook(job_id=job_id, url=orders[0].filename, body=b"{}", received_at=now)
    yield "record_webhook"
    ledger.record_accepted(accepted, job_id=job_id, batch_id="batch", next_poll_at=soon)
    yield "record_accepted"
    ledger.record_not_sent(not_sent)
    yield "record_not_sent"
    ledger.record_never_sent(never_sent, evidence="a person says so")
    yield "record_never_sent"
    ledger.record_in_doubt(doubted, evidence="no answer")
    yield "record_in_doubt"
    ledger.record_unattributed(unanswered, batch_id="batch", evidence="its answer named job x for no URL of ours")
    yield "record_unattributed"
    ledger.claim_for_reconciliation(doubted.submission_id, lease_s=600)
    yield "claim_for_reconciliation"


def snapshot(ledger: Ledger, evaluation: str) -> list[object]:
    """What is stored about one walk, without the values that differ from run to run."""
    keys = [key(f"{evaluation} {name}") for name in NAMES]
    with ledger._database.read() as connection:
        columns = "state, lease_token IS NULL, next_poll_at IS NULL, woken, poll_count, url IS NULL"
        submissions = sa.text(
            f"SELECT {columns} FROM submissions s LEFT JOIN upload_targets t ON t.submission_id = s.submission_id "
            "WHERE work_key IN :keys ORDER BY s.filename, s.attempt"
        ).bindparams(sa.bindparam("keys", keys, expanding=True))
        found: list[object] = [list(map(str, row)) for row in connection.execute(submissions)]
        for table, condition in (
            ("inventory", "evaluation = :e"),
            ("partitions", "evaluation = :e AND collected"),
            ("partitions", "evaluation = :e AND postponed_until IS NOT NULL"),
            ("partitions", "evaluation = :e AND collecting_digest IS NOT NULL"),
            ("partitions", "evaluation = :e AND looked_at IS NOT NULL"),
            ("payloads", "job_id LIKE 'job ' || :e || ' %'"),
            ("webhooks", "known AND job_id LIKE 'job ' || :e || ' %'"),
        ):
            count = sa.text(f"SELECT count(*) FROM {table} WHERE {condition}")
            found.append(connection.execute(count, {"e": evaluation}).scalar_one())
    return json.loads(json.dumps(found).replace("True", "1").replace("False", "0"))


def main(command: str, url: str, *rest: str) -> None:
    if command == "claim":
        first, count = map(int, rest)
        names = [f"n{number}" for number in range(count)]
        # Each in an order of its own, so that they meet in the middle of each other's transactions.
        names = names[first:] + names[:first] if first else names[::-1]
        with Ledger.open(url) as ledger:
            print("ready", flush=True)
            sys.stdin.readline()
            claims = ledger.claim_submissions([order(name) for name in names], lease_s=600)
        print(json.dumps([claim.submission.work_key for claim in claims if claim.lease]))
        return
    for failpoint in rest:
        child = os.fork()
        if child == 0:
            os.environ["PIQUE_FAILPOINT"] = failpoint
            with Ledger.open(url) as ledger:
                for _ in walk_to(failpoint.partition(".")[0])(ledger, failpoint):
                    pass
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(failpoint, os.WTERMSIG(status) if os.WIFSIGNALED(status) else "lived", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
