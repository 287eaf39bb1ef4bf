"""Due submissions: order, limits, webhooks that wake, and what a tick costs."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from pique_assets.ledger import polling
from pique_assets.ledger.leases import is_free
from pique_assets.ledger.tables import UNSENT, submissions

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
    besides = {"not_of": ["our_brand"], "left_for_s": 3600}
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


@pytest.fixture
def full_ledger(ledger, story, clock):
    """Many submissions, of which few are waited for, and a database that knows so."""
    story.completed("template")
    story.take_inventory(*(story.item(f"n{n}") for n in range(5000)))
    with ledger._database.write() as connection:
        row = dict(connection.execute(sa.select(submissions)).mappings().one())
        del row["submission_id"]
        many = [{**row, "work_key": story.key(f"n{n}"), "job_id": f"job_n{n}"} for n in range(5000)]
        for number, copy in enumerate(many):
            if number % 50 == 0:
                copy.update(state="UPLOADED", next_poll_at=clock.after(number), settled_at=None)
            elif number % 50 == 1:
                copy.update(state="PREPARED", settled_at=None)
        connection.execute(sa.insert(submissions), many)
        connection.execute(sa.text("ANALYZE"))
    return ledger


def _plan(ledger, statement: sa.Select) -> str:
    with ledger._database.read() as connection:
        dialect = connection.dialect
        explain = "EXPLAIN QUERY PLAN" if ledger._database.is_sqlite else "EXPLAIN"
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        named = {
            name: compiled._bind_processors.get(name, lambda value: value)(value)
            for name, value in compiled.params.items()
        }
        values = tuple(named[name] for name in compiled.positiontup) if compiled.positional else named
        rows = connection.exec_driver_sql(f"{explain} {compiled}", values)
        return "\n".join(str(row) for row in rows)


@pytest.mark.parametrize("narrowed", [{"evaluation": None, "partition": None}, DAY], ids=["all", "partition"])
def test_a_tick_reads_a_range_of_the_index_and_never_the_table(full_ledger, clock, narrowed):
    plan = _plan(full_ledger, polling.due(now=clock.after(100), limit=50, **narrowed))
    assert "ix_submissions_next_poll_at" in plan
    if full_ledger._database.is_sqlite:
        assert "(next_poll_at<?)" in plan
        assert "SCAN" not in plan
        assert "TEMP B-TREE" not in plan
    else:
        assert "Index Cond: (next_poll_at <=" in plan
        assert "Seq Scan on submissions" not in plan


def test_orders_jobs_and_unsent_submissions_are_found_by_index(full_ledger, story, clock):
    by_key = _plan(full_ledger, sa.select(submissions).where(submissions.c.work_key.in_([story.key("n1")])))
    assert "work_key=?" in by_key or "Index Cond: ((work_key)" in by_key
    by_job = _plan(full_ledger, sa.select(submissions).where(submissions.c.job_id.in_(["job_n1"])))
    assert "uq_submissions_job_id" in by_job
    unsent = sa.select(submissions.c.submission_id).where(UNSENT, is_free(clock.now))
    unsent = unsent.order_by(submissions.c.submission_id).limit(9)
    assert "ix_submissions_unsent" in _plan(full_ledger, unsent)


def test_the_plan_of_a_full_ledger_gives_the_right_answer_too(full_ledger, clock):
    found = full_ledger.claim_due(limit=50, lease_s=60, now=clock.after(100))
    assert [one.submission.job_id for one in found] == ["job_n0", "job_n50", "job_n100"]


def test_what_is_due_for_nobody_named_can_be_told_apart(story, ledger):
    story.take_inventory(story.item("a"))
    story.take_inventory(story.item("b"), evaluation="other")
    for name in "abc":
        story.uploaded(name, due_in=0)
    assert _due_now(ledger, not_of=["brand", "other"]) == ["c.mp4"]
    assert _due_now(ledger, not_of=["other"]) == ["a.mp4"]
    assert _due_now(ledger) == ["b.mp4"]
