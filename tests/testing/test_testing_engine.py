"""The engine through a script of many faults: everything ends, nothing is evaluated twice, and the checker agrees."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from desk import DEMO, LIMITS, Desk, demo_items

from pique_assets.api.client import PiqueClient
from pique_assets.api.policy import RetryPolicy, Timeouts
from pique_assets.evaluation.errors import SubmissionsUnfinished
from pique_assets.ledger import Ledger
from pique_assets.testing import (
    Fault,
    FaultKind,
    FaultScript,
    Route,
    Rule,
    SubmissionRecord,
    check_history,
    running_faulty_pique,
)

PARTITION = "2026-03-02"
FAULTS = [
    Fault(route=Route.ANY, kind=FaultKind.CLOCK_SKEW, every=1, seconds=600),
    Fault(route=Route.PREPARE, kind=FaultKind.LOST_ANSWER, hit=1),
    Fault(route=Route.PREPARE, kind=FaultKind.STATUS, hit=3, status=429, retry_after=0.1),
    Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, hit=1, seconds=0.5),
    Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER, hit=1),
    Fault(route=Route.UPLOAD, kind=FaultKind.RESET, hit=2, after_bytes=1000),
    Fault(route=Route.UPLOAD, kind=FaultKind.EARLY_403, hit=3),
    Fault(route=Route.UPLOAD, kind=FaultKind.RESET, hit=4, after_effect=True),
    Fault(route=Route.RESULT, kind=FaultKind.STATUS, hit=2, status=503),
    Fault(route=Route.RESULT, kind=FaultKind.STALLED, hit=4, seconds=30),
    Fault(route=Route.RESULT, kind=FaultKind.TRUNCATED_JSON, hit=5),
]


def submit_until_done(desk: Desk) -> None:
    """As an operator, or a retry policy, would: run it again until it is through."""
    for _ in range(10):
        try:
            desk.submit(demo_items(PARTITION), partition=PARTITION)
        except SubmissionsUnfinished:
            continue
        return
    raise AssertionError("still unfinished after ten runs")


def submission_records(ledger: Ledger) -> list[SubmissionRecord]:
    rows = ledger.partition_state(evaluation="brand_videos", partition=PARTITION)
    return [
        SubmissionRecord(
            work=row.submission.work_key,
            state=row.submission.state,
            job_id=row.submission.job_id,
            reason=row.submission.error or row.submission.evidence,
        )
        for row in rows
        if row.submission
    ]


@pytest.mark.slow
def test_the_engine_brings_a_day_through_many_faults(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    script = FaultScript(FAULTS)
    with (
        running_faulty_pique(data_dir=tmp_path / "pique", script=script, seed_judges=DEMO / "judges.json") as pique,
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
        PiqueClient(
            base_url=pique.base_url,
            api_key=pique.api_key,
            timeouts=Timeouts(read_s=2),
            retries=RetryPolicy(base_s=0.01),
        ) as client,
    ):
        desk = Desk(pique=pique, client=client, ledger=ledger, limits=replace(LIMITS, concurrent_uploads=1))
        submit_until_done(desk)
        settled = desk.collect(partition=PARTITION)
        submissions = submission_records(ledger)
        database = (tmp_path / "ledger.db").read_bytes()
        found = check_history(
            records=pique.records(),
            history=pique.history,
            submissions=submissions,
            texts={"log": caplog.text, "ledger": database, "history": repr(pique.history)},
            secrets=[pique.api_key, pique.webhook_secret],
        )
    assert found == []
    assert (settled.progress.completed, len(submissions)) == (3, 3)


def test_the_checker_catches_a_client_that_sends_again_without_asking(struck):
    with struck(Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER)) as visitor:
        prepared = visitor.prepare(title="sent again").json()
        with visitor.put_by_hand(prepared) as connection:
            connection.recv(1)
        assert visitor.put(prepared).status_code == 200
        again = visitor.prepare(title="sent again").json()
        assert visitor.put(again).status_code == 200
        records = [visitor.record(job["job_id"]) for job in (prepared, again)]
        found = check_history(records=records, history=visitor.history)
    assert {Rule.ONE_PUT, Rule.ONE_EVALUATION} <= {violation.rule for violation in found}
