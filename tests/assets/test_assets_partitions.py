"""Weeks and months: keys that are first days, content under that date, a schedule that leaves none out, a backfill."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import dagster as dg
import pytest
from desk import DEMO
from graph import Graph, resources_at, video_evaluation

from pique_assets.definitions import build_defs
from pique_assets.jobs import cron_of, dates_to_submit
from pique_assets.media import DatedFolder, Manifest
from pique_assets.partitions import partitions_of

NOW = dt.datetime(2026, 5, 20, 12, tzinfo=dt.UTC)
WEEKS = ["2026-03-02", "2026-03-09"]
MONTHS = ["2026-03-01", "2026-04-01"]


def keys(**changes: object) -> list[str]:
    return list(partitions_of(video_evaluation(**changes)).get_partition_keys(current_time=NOW))


def test_weeks_begin_on_the_weekday_of_the_first_one():
    for start in ("2026-04-29", "2026-05-03", "2026-05-04"):
        first = dt.date.fromisoformat(start)
        found = keys(partitions="weekly", start_date=start)
        assert found == [(first + dt.timedelta(weeks=number)).isoformat() for number in range(len(found))]
        assert len(found) == (NOW.date() - first).days // 7


def test_months_begin_on_the_first():
    assert keys(partitions="monthly", start_date="2026-01-01") == [
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
        "2026-04-01",
    ]


def test_days_are_the_default():
    assert partitions_of(video_evaluation()) == partitions_of(video_evaluation(partitions="daily"))
    assert keys(start_date="2026-05-17") == ["2026-05-17", "2026-05-18", "2026-05-19"]


@pytest.mark.parametrize(
    ("changes", "cron", "at", "dates"),
    [
        ({}, "0 6 * * *", "2026-03-10T06:00", ["2026-03-09"]),
        ({"partitions": "weekly"}, "0 6 * * 1", "2026-03-16T06:00", ["2026-03-09"]),
        ({"partitions": "weekly", "end_offset": -1}, "0 6 * * 1", "2026-03-16T06:00", ["2026-03-02"]),
        ({"partitions": "weekly", "end_offset": 1}, "0 6 * * 1", "2026-03-16T06:00", ["2026-03-09"]),
        ({"partitions": "weekly", "start_date": "2026-03-01"}, "0 6 * * 0", "2026-03-15T06:00", ["2026-03-08"]),
        ({"partitions": "monthly", "start_date": "2026-01-01"}, "0 6 1 * *", "2026-03-01T06:00", ["2026-02-01"]),
        (
            {"partitions": "monthly", "start_date": "2025-01-01", "end_offset": -2},
            "0 6 1 * *",
            "2026-01-01T06:00",
            ["2025-10-01"],
        ),
        # A cron that ticks more rarely leaves no date out, one that ticks more often submits each once.
        ({"schedule": "0 7 * * 1,4"}, "0 7 * * 1,4", "2026-03-12T07:00", ["2026-03-09", "2026-03-10", "2026-03-11"]),
        ({"schedule": "0 */6 * * *"}, "0 */6 * * *", "2026-03-12T00:00", ["2026-03-11"]),
        ({"schedule": "0 */6 * * *"}, "0 */6 * * *", "2026-03-12T06:00", []),
        ({"schedule": "0 7 * * *", "partitions": "weekly"}, "0 7 * * *", "2026-03-16T07:00", ["2026-03-09"]),
        ({"schedule": "0 7 * * *", "partitions": "weekly"}, "0 7 * * *", "2026-03-17T07:00", []),
    ],
)
def test_a_tick_submits_what_became_available_since_the_tick_before(changes, cron, at, dates):
    evaluation = video_evaluation(**changes)
    assert cron_of(evaluation) == cron
    assert dates_to_submit(evaluation, at=dt.datetime.fromisoformat(f"{at}+00:00")) == dates


@pytest.mark.parametrize(("partitions", "start", "at"), [("weekly", "2026-03-02", 16), ("monthly", "2026-02-01", 1)])
def test_the_schedule_requests_runs_that_dagster_takes(partitions, start, at, pique, tmp_path, instance):
    evaluation = video_evaluation(partitions=partitions, start_date=start)
    defs = build_defs(evaluations=[evaluation], resources=resources_at(tmp_path, pique))
    context = dg.build_schedule_context(
        scheduled_execution_time=dt.datetime(2026, 3, at, 6, tzinfo=dt.UTC),
        instance=instance,
        repository_def=defs.get_repository_def(),
    )
    tick = defs.resolve_schedule_def(f"brand_videos_{partitions}").evaluate_tick(context)
    expected = {"weekly": "2026-03-09", "monthly": "2026-02-01"}[partitions]
    assert [request.partition_key for request in tick.run_requests] == [expected]


@pytest.mark.parametrize(
    ("partitions", "dates", "end"), [("weekly", WEEKS, "2026-03-16"), ("monthly", MONTHS, "2026-05-01")]
)
def test_a_backfill_completes(partitions, dates, end, pique, tmp_path: Path, instance):
    for date, demo in zip(dates, ("2026-03-02", "2026-03-03"), strict=True):
        shutil.copytree(DEMO / "media" / "brand_videos" / demo, tmp_path / "media" / date)
    evaluation = video_evaluation(
        partitions=partitions, start_date=dates[0], end_date=end, media=DatedFolder(tmp_path / "media")
    )
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    assert list(partitions_of(evaluation).get_partition_keys()) == dates
    for date in dates:
        assert graph.run(date).success
        assert graph.table("submissions", date).num_rows == graph.table("content", date).num_rows > 0
        assert graph.table("evaluations", date).num_rows > 0
    assert instance.get_materialized_partitions(evaluation.asset_key("partition_status")) == set(dates)
    # A late file of the last date is noticed by the sensor, whichever cadence.
    (tmp_path / "media" / dates[0] / "late.mp4").write_bytes(b"not looked at")
    (observation,) = graph.tick().asset_events
    assert observation.partition == dates[0]


@pytest.mark.parametrize("by", ["folder", "manifest", "one manifest"])
def test_content_that_is_dated_within_a_week_is_said(by, pique, tmp_path: Path, instance):
    """It belongs to no partition, so that nobody would hear of it otherwise."""
    clip = DEMO / "media" / "brand_videos" / "2026-03-02" / "teaser_vertical.mp4"
    lines = {day: f"{day},{clip}\n" for day in (*WEEKS, "2026-03-04")}
    if by == "folder":
        for day in lines:
            (tmp_path / "media" / day).mkdir(parents=True)
            shutil.copy(clip, tmp_path / "media" / day)
        media = DatedFolder(tmp_path / "media")
    elif by == "manifest":
        for day, line in lines.items():
            (tmp_path / f"{day}.csv").write_text("date,uri\n" + line)
        media = Manifest(tmp_path / "{date}.csv")
    else:
        (tmp_path / "all.csv").write_text("date,uri\n" + "".join(lines.values()))
        media = Manifest(tmp_path / "all.csv")
    evaluation = video_evaluation(partitions="weekly", start_date=WEEKS[0], end_date="2026-03-16", media=media)
    graph = Graph.over(evaluation, home=tmp_path, pique=pique, instance=instance)
    said = {}
    for date in WEEKS:
        checks = graph.run(date, job="submit").get_asset_check_evaluations()
        (said[date],) = (one for one in checks if one.check_name == "nothing_lies_between_dates")
    assert [said[date].passed for date in WEEKS] == [False, True]
    assert "1 of 6 days after 2026-03-02 have content: 2026-03-04;" in said[WEEKS[0]].description
