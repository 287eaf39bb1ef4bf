"""Due submissions: order, limits, webhooks that wake, and what a tick costs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from pique_assets.ledger.tables import submissions

DAY = {"evaluation": "brand", "partition": "2026-03-02"}


def _due_now(ledger, **narrowed) -> list[str]:
    return [one.submission.filename for one in ledger.claim_due(limit=100, lease_s=60, **narrowed)]


def test_the_longest_due_come_first_and_no_more_than_wanted(story, ledger, clock):
    for name, due_in in (("c", 3), ("a", 1), ("later", 99), ("b", 2)):
        story.uploaded(name, due_in=due_in)
    clock.advance(10)
    first = ledger.claim_due(limit=2, lease_s=60)
    assert [one.submission.filename for one in first] == ["a.mp4", "b.mp4"]
    assert _due_now(ledger) == ["c.mp4"]
    assert _due_now(ledger) == []
    clock.advance(60)
    assert _due_now(ledger) == ["a.mp4", "b.mp4", "c.mp4"]


def test_what_is_due_can_be_kept_to_a_partition_and_to_a_moment(story, ledger, clock):
    story.take_inventory(story.item("a"))
    story.take_inventory(story.item("b"), partition="2026-03-03")
    story.uploaded("a", due_in=5)
    story.uploaded("b", due_in=5)
    assert _due_now(ledger, now=clock.after(4.999)) == []
    assert _due_now(ledger, now=clock.after(5), **DAY) == ["a.mp4"]
    assert _due_now(ledger, now=clock.after(5), evaluation="brand") == ["b.mp4"]


def test_what_others_look_after_is_left_to_them_for_a_while(story, ledger, clock):
    story.take_inventory(story.item("theirs"))
    story.take_inventory(story.item("ours"), evaluation="our_brand")
    for name in ("theirs", "ours", "nobodys"):
        story.uploaded(name, due_in=5)
    besides = {"except_evaluations": ["our_brand"], "others_after_s": 3600}
    assert _due_now(ledger, now=clock.after(5), **besides) == ["nobodys.mp4"]
    assert _due_now(ledger, now=clock.after(5 + 3599), **besides) == ["nobodys.mp4"]
    assert _due_now(ledger, now=clock.after(5 + 3600 + 60), **besides) == ["theirs.mp4", "nobodys.mp4"]


def test_the_next_due_moment_of_a_partition_is_known(story, ledger, clock):
    story.take_inventory(story.item("a"), story.item("b"), story.item("c"))
    assert ledger.next_due_at(**DAY) is None
    story.uploaded("a", due_in=50)
    story.uploaded("b", due_in=20)
    story.uploaded("elsewhere", due_in=1)
    assert ledger.next_due_at(**DAY) == clock.after(20)


def test_a_webhook_makes_a_job_due_at_once(story, ledger):
    story.uploaded("a", job_id="job_a", due_in=500)
    story.uploaded("b", job_id="job_b", due_in=500)
    assert ledger.make_due(["job_b", "job_b", "job_of_somebody_else"]) == 1
    assert _due_now(ledger) == ["b.mp4"]
    assert ledger.make_due([]) == 0


def test_a_webhook_during_a_poll_is_not_forgotten(story, ledger, clock):
    lease = story.polling("a", job_id="job_a")
    assert ledger.make_due(["job_a"]) == 1
    assert _due_now(ledger) == []
    ledger.record_poll(lease, next_poll_at=clock.after(500), status="processing")
    (again,) = ledger.claim_due(limit=9, lease_s=60)
    ledger.record_poll(again.lease, next_poll_at=clock.after(500), status="processing")
    assert _due_now(ledger) == []


def test_a_webhook_that_overtakes_the_answer_to_the_upload_is_not_forgotten(story, ledger, clock):
    lease = story.uploading("a", job_id="job_a")
    assert ledger.make_due(["job_a"]) == 1
    assert _due_now(ledger) == []
    ledger.record_uploaded(lease, next_poll_at=clock.after(500))
    assert _due_now(ledger) == ["a.mp4"]


def test_a_webhook_wakes_an_abandoned_job_whose_watch_had_ended(story, ledger):
    ledger.record_abandoned(story.uploading("a", job_id="job_a"), evidence="dead", next_poll_at=None)
    assert _due_now(ledger) == []
    assert ledger.make_due(["job_a"]) == 1
    assert _due_now(ledger) == ["a.mp4"]


def test_a_webhook_for_a_finished_job_wakes_nobody(story, ledger):
    story.completed("a", job_id="job_a")
    assert ledger.make_due(["job_a"]) == 0
    assert _due_now(ledger) == []


def test_latencies_run_from_upload_to_completion_newest_first(story, ledger, clock):
    for name, seconds in (("a", 30), ("b", 12.5), ("c", 7)):
        story.uploaded(name, due_in=0)
        clock.advance(seconds)
        (due,) = ledger.claim_due(limit=9, lease_s=60)
        story.finish(due.lease, outcome="FAILED" if name == "b" else "COMPLETED")
        clock.advance(100)
    ledger.record_rejected(story.intended("d"), error_code="e", error="no")
    wanted = {"judge_id": "judge_abc123", "content_type": "video"}
    assert ledger.recent_latencies(**wanted, limit=10) == [7, 12.5, 30]
    assert ledger.recent_latencies(**wanted, limit=2) == [7, 12.5]
    assert ledger.recent_latencies(judge_id="other", content_type="video", limit=9) == []
    assert ledger.recent_latencies(judge_id="judge_abc123", content_type="image", limit=9) == []


def test_a_completion_before_its_upload_is_no_latency(story, ledger, clock):
    lease = story.polling("a")
    clock.advance(-5)
    story.finish(lease)
    assert ledger.recent_latencies(judge_id="judge_abc123", content_type="video", limit=9) == []


FULL = 1500


@pytest.fixture
def full_ledger(ledger, story, clock):
    """Many submissions, of which few are waited for, and a database that knows so."""
    story.completed("template")
    story.take_inventory(*(story.item(f"n{n}") for n in range(FULL)))
    with ledger._database.long_write() as connection:
        row = dict(connection.execute(sa.select(submissions)).mappings().one())
        del row["submission_id"]
        many = [{**row, "work_key": story.key(f"n{n}"), "job_id": f"job_n{n}"} for n in range(FULL)]
        for number, copy in enumerate(many):
            if number % 50 == 0:
                copy.update(state="UPLOADED", next_poll_at=clock.after(number), settled_at=None)
            elif number % 50 == 1:
                copy.update(state="PREPARED", settled_at=None)
        connection.execute(sa.insert(submissions), many)
        connection.execute(sa.text("ANALYZE"))
    return ledger


def _plans(ledger, act: Callable[[], object]) -> str:
    """How the database goes about every statement by which a ledger does this."""
    engine = ledger._database._engine
    said: list[tuple[str, object]] = []

    def keep(_connection, _cursor, statement, parameters, _context, _executemany) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            said.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", keep)
    act()
    sa.event.remove(engine, "before_cursor_execute", keep)
    explain = "EXPLAIN QUERY PLAN" if ledger._database.is_sqlite else "EXPLAIN"
    with ledger._database.read() as connection:
        plans = [connection.exec_driver_sql(f"{explain} {statement}", parameters) for statement, parameters in said]
        return "\n".join(str(row) for plan in plans for row in plan)


SCANS = ("SCAN submissions", "SCAN s", "Seq Scan on submissions")
"""What a plan says that reads the whole table."""


def _reads_the_table(plan: str) -> bool:
    return any(re.search(rf"{scan}\b(?! USING)", plan) for scan in SCANS)


@pytest.mark.parametrize("narrowed", [{}, DAY], ids=["all", "partition"])
def test_a_tick_reads_a_range_of_the_index_and_never_the_table(full_ledger, clock, narrowed):
    plan = _plans(full_ledger, lambda: full_ledger.claim_due(limit=50, lease_s=60, now=clock.after(100), **narrowed))
    assert "ix_submissions_next_poll_at" in plan
    by_range = "(next_poll_at<?)" if full_ledger._database.is_sqlite else "Index Cond: (next_poll_at <="
    assert by_range in plan
    assert not _reads_the_table(plan)
    assert "TEMP B-TREE" not in plan


BY_WORK_KEY = "uq_submissions_attempt"
SQLITE_NAMES = {BY_WORK_KEY: "sqlite_autoindex_submissions_1"}


def test_orders_jobs_and_unsent_submissions_are_found_by_index(full_ledger, story, clock):
    acts = {
        lambda: full_ledger.claim_submissions([story.order("n1")], lease_s=60)[0]: BY_WORK_KEY,
        lambda: full_ledger.attempts(work_key=story.key("n1")): BY_WORK_KEY,
        lambda: full_ledger.find_job("job_n1"): "uq_submissions_job_id",
        lambda: full_ledger.make_due(["job_n1"]): "uq_submissions_job_id",
        lambda: full_ledger.has_orphans(now=clock.now, untouched_since=clock.now): "ix_submissions_unsent",
    }
    for act, index in acts.items():
        plan = _plans(full_ledger, act)
        # SQLite has its own names for the indexes of its constraints.
        assert (SQLITE_NAMES.get(index, index) if full_ledger._database.is_sqlite else index) in plan
        assert not _reads_the_table(plan)


def test_the_plan_of_a_full_ledger_gives_the_right_answer_too(full_ledger, clock):
    found = full_ledger.claim_due(limit=50, lease_s=60, now=clock.after(100))
    assert [one.submission.job_id for one in found] == ["job_n0", "job_n50", "job_n100"]


def test_what_is_due_for_nobody_named_can_be_told_apart(story, ledger):
    story.take_inventory(story.item("a"))
    story.take_inventory(story.item("b"), evaluation="other")
    for name in "abc":
        story.uploaded(name, due_in=0)
    assert _due_now(ledger, except_evaluations=["brand", "other"]) == ["c.mp4"]
    assert _due_now(ledger, except_evaluations=["other"]) == ["a.mp4"]
    assert _due_now(ledger) == ["b.mp4"]
