"""Submissions found by work, job, state and time; what is asked often costs what it finds, not what exists."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from pique_assets.ledger import InventoryEntry, SubmissionState
from pique_assets.ledger.tables import submissions, webhooks

S = SubmissionState
DAY = {"evaluation": "brand", "partition": "2026-03-02"}
MANY = 5000


def test_the_submission_that_stands_for_each_work_is_told(story, ledger, clock):
    ledger.record_abandoned(story.uploading("a", job_id="job_1"), evidence="dead")
    story.uploaded("a", job_id="job_2")
    story.completed("b", job_id="job_3")
    ledger.record_rejected(story.intended("c"), error_code="e", error="no")
    found = ledger.current_submissions([story.key(name) for name in ("a", "b", "c", "nobody", "a")])
    assert {key: (one.state.value, one.job_id) for key, one in found.items()} == {
        story.key("a"): ("UPLOADED", "job_2"),
        story.key("b"): ("COMPLETED", "job_3"),
        story.key("c"): ("REJECTED", None),
    }
    assert ledger.current_submissions([]) == {}


def test_a_late_result_stands_before_a_later_attempt_that_came_to_nothing(story, ledger, clock):
    ledger.record_abandoned(story.uploading("a", job_id="job_1"), evidence="dead", next_poll_at=clock.now)
    ledger.record_rejected(story.intended("a"), error_code="e", error="no")
    (watched,) = ledger.claim_due(limit=9, lease_s=60)
    story.finish(watched.lease)
    assert ledger.current_submissions([story.key("a")])[story.key("a")].job_id == "job_1"


def test_standings_of_thousands_come_in_pieces(story, ledger, monkeypatch):
    monkeypatch.setattr("pique_assets.chunks.CHUNK", 7)
    names = [f"n{number:03}" for number in range(20)]
    ledger.claim_submissions([story.order(name) for name in names], lease_s=60)
    found = ledger.current_submissions([story.key(name) for name in names])
    assert {one.filename for one in found.values()} == {f"{name}.mp4" for name in names}


def test_what_was_begun_is_counted_by_time_and_judge(story, ledger, clock):
    story.prepared("only prepared")
    story.wanted("only wanted")
    story.completed("a")
    clock.advance(60)
    middle = clock.now
    ledger.record_abandoned(story.uploading("b"), evidence="dead")
    story.uploaded("b")
    story.submitting("s", "t")
    other = ledger.claim_submissions([story.social_order("u", judge_id="judge_other")], lease_s=60)[0].lease
    ledger.record_submitting([other])
    assert ledger.evaluations_begun(since=clock.after(-60)) == 6
    assert ledger.evaluations_begun(since=middle) == 5
    assert ledger.evaluations_begun(since=middle, judge_id="judge_abc123") == 4
    assert ledger.evaluations_begun(since=middle, judge_id="judge_other") == 1
    assert ledger.evaluations_begun(since=middle + timedelta(microseconds=1)) == 0
    ledger.record_not_sent(other)
    assert ledger.evaluations_begun(since=middle) == 4


def test_submissions_are_listed_by_state_judge_and_place(story, ledger):
    story.take_inventory(story.item("a"), story.item("b"), story.item("b", uri="/media/copy.mp4"), story.item("c"))
    story.take_inventory(story.item("c"), story.broken("/media/x.mp4"), partition="2026-03-03")
    story.take_inventory(story.item("d"), evaluation="other")
    story.completed("a")
    for name in "bcd":
        story.uploaded(name)
    story.submitting("s")
    other = story.order("e", judge_id="judge_other")
    ledger.claim_submissions([other], lease_s=60)[0]

    def listed(*states: SubmissionState, limit: int = 9, **narrowed) -> list[str]:
        found = ledger.submissions(states=states or tuple(S), limit=limit, **narrowed)
        return [one.filename.removesuffix(".mp4")[-1] for one in found]

    assert listed() == ["a", "b", "c", "d", "s", "e"]
    assert listed(newest_first=True, limit=2) == ["e", "s"]
    assert listed(S.UPLOADED) == ["b", "c", "d"]
    assert listed(S.UPLOADED, S.COMPLETED, limit=2) == ["a", "b"]
    assert listed(S.SUBMITTING, S.INTENDED) == ["s", "e"]
    assert listed(judge_id="judge_other") == ["e"]
    assert listed(evaluation="brand") == ["a", "b", "c"]
    assert listed(partition="2026-03-03") == ["c"]
    assert listed(S.UPLOADED, **DAY) == ["b", "c"]
    assert listed(S.FAILED) == []
    assert ledger.submissions(states=[], limit=9) == []


def test_the_places_of_a_job_are_all_that_want_its_content(story, ledger):
    story.take_inventory(story.item("a"), story.item("a", uri="/media/copy.mp4"), story.item("b"))
    story.take_inventory(story.item("a"), evaluation="another")
    story.take_inventory(story.item("a"), partition="2026-03-03")
    story.completed("a", job_id="job_a")
    story.completed("elsewhere", job_id="job_e")
    assert ledger.inventory_entries_of("job_a") == [
        InventoryEntry("another", "2026-03-02", "/media/a.mp4"),
        InventoryEntry("brand", "2026-03-02", "/media/a.mp4"),
        InventoryEntry("brand", "2026-03-02", "/media/copy.mp4"),
        InventoryEntry("brand", "2026-03-03", "/media/a.mp4"),
    ]
    assert ledger.inventory_entries_of("job_e") == ledger.inventory_entries_of("job_of_nobody") == []


# What it costs


@pytest.fixture(params=[True, False], ids=["analysed", "not analysed"])
def full_ledger(request, ledger, story, clock):
    """Many submissions and webhooks, of which few are waited for; the database may know so, or not."""
    if not request.param and not ledger._database.is_sqlite:
        pytest.skip("Postgres analyses by itself")
    story.completed("template")
    for start in range(0, MANY, 500):
        items = (story.item(f"n{n}") for n in range(start, start + 500))
        story.take_inventory(*items, partition=f"2026-03-{start // 500 + 1:02}")
    with ledger._database.long_write() as connection:
        row = dict(connection.execute(sa.select(submissions)).mappings().one())
        del row["submission_id"]
        many = [
            {
                **row,
                "work_key": story.key(f"n{n}"),
                "job_id": f"job_n{n}",
                "upload_started_at": clock.after(-n * 60),
                "source": "social",
            }
            for n in range(MANY)
        ]
        for number, copy in enumerate(many):
            unanswered = {0: S.SUBMITTING, 1: S.IN_DOUBT}.get(number % 100)
            if unanswered is not None:
                copy.update(state=unanswered, job_id=None, settled_at=None, finished_at=None)
            elif number % 100 == 2:
                copy.update(state=S.UPLOADED, next_poll_at=clock.after(number), settled_at=None)
        connection.execute(sa.insert(submissions), many)
        heard = [
            {
                "job_id": f"job_n{n}" if n % 100 else f"job_unknown{n}",
                "received_at": clock.after(-n),
                "known": bool(n % 100),
                "body": b"{}",
                "sha256": story.key(f"body {n}"),
            }
            for n in range(MANY)
        ]
        connection.execute(sa.insert(webhooks), heard)
        if request.param:
            connection.execute(sa.text("ANALYZE"))
    return ledger


def _plans(ledger, act: Callable[[], object]) -> str:
    """How the database goes about every statement of one call."""
    said: list[tuple[str, object]] = []
    engine = ledger._database._engine

    def listen(connection, cursor, statement, parameters, context, executemany):
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
            said.append((statement, parameters[0] if executemany else parameters))

    sa.event.listen(engine, "before_cursor_execute", listen)
    try:
        act()
    finally:
        sa.event.remove(engine, "before_cursor_execute", listen)
    explain = "EXPLAIN QUERY PLAN" if ledger._database.is_sqlite else "EXPLAIN"
    lines = []
    with ledger._database.read() as connection:
        for statement, parameters in said:
            lines += [f"-- {' '.join(statement.split())}"]
            lines += [f"    {row[-1]}" for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]
    return "\n".join(lines)


def _questions(ledger, story, clock) -> dict[str, Callable[[], object]]:
    def accept() -> object:
        lease = ledger.claim_for_reconciliation(ledger.unreconciled(limit=1)[0].submission_id, lease_s=60).lease
        return ledger.record_accepted(lease, job_id="job_new", next_poll_at=clock.now)

    def hear(job_id: str) -> object:
        return ledger.record_webhook(job_id=job_id, url=None, body=b"new", received_at=clock.now)

    since = clock.after(-600)
    return {
        "a webhook": lambda: hear("job_n2"),
        "a webhook of an unknown job": lambda: hear("job_elsewhere"),
        "unknown webhooks": lambda: ledger.unknown_webhooks(limit=3),
        "an answer": accept,
        "what was begun": lambda: ledger.evaluations_begun(since=since),
        "what was begun for a judge": lambda: ledger.evaluations_begun(since=since, judge_id="judge_abc123"),
        "how a judge was last": lambda: ledger.last_configuration("judge_abc123"),
        "current submissions": lambda: ledger.current_submissions([story.key(f"n{n}") for n in range(9)]),
        "what is unreconciled": lambda: ledger.unreconciled(limit=3),
        "what is open": lambda: ledger.submissions(states=[S.UPLOADED, S.SUBMITTING], limit=3),
        "submissions of a date": lambda: ledger.submissions(states=[S.COMPLETED], **DAY, limit=3),
        "inventory entries": lambda: ledger.inventory_entries_of("job_n7"),
    }


def test_what_is_asked_often_reads_indexes_and_never_a_table(full_ledger, story, clock):
    tables = "submissions|webhooks|inventory|partitions"
    if full_ledger._database.is_sqlite:
        # The index on webhooks of unknown jobs holds nothing else, so all of it is a range too.
        reads_all = rf"SCAN ({tables})(?! USING INDEX ix_webhooks_unknown)"
    else:
        # There are so few partitions here that Postgres rightly reads them all.
        reads_all = rf"Seq Scan on ({tables.removesuffix('|partitions')})"
    for what, question in _questions(full_ledger, story, clock).items():
        plans = _plans(full_ledger, question)
        assert plans, what
        assert not re.search(reads_all, plans), f"{what}: {plans}"


def test_a_full_ledger_gives_the_right_answers_too(full_ledger, clock):
    assert full_ledger.evaluations_begun(since=clock.after(-600)) == 12
    assert [one.state for one in full_ledger.unreconciled(limit=3)] == [S.SUBMITTING, S.IN_DOUBT, S.SUBMITTING]
    assert [one.job_id for one in full_ledger.unknown_webhooks(limit=2)] == ["job_unknown0", "job_unknown100"]
    assert full_ledger.record_webhook(job_id="job_n7", url=None, body=b"new", received_at=clock.now).known
