"""The daily schedule submits yesterday's date, whichever dates are available."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest
from graph import resources_at, video_evaluation

from pique_assets.definitions import build_defs

SIX = dt.datetime(2026, 3, 10, 6, tzinfo=dt.UTC)


def tick(at: dt.datetime, *, pique, tmp_path, instance, **changes):
    defs = build_defs(evaluations=[video_evaluation(**changes)], resources=resources_at(tmp_path, pique))
    context = dg.build_schedule_context(
        scheduled_execution_time=at, instance=instance, repository_def=defs.get_repository_def()
    )
    return defs.resolve_schedule_def("brand_videos_daily").evaluate_tick(context)


@pytest.mark.parametrize(("end_offset", "date"), [(0, "2026-03-09"), (1, "2026-03-09"), (3, "2026-03-09")])
def test_yesterday_is_submitted_however_many_later_dates_there_are(end_offset, date, pique, tmp_path, instance):
    (request,) = tick(SIX, pique=pique, tmp_path=tmp_path, instance=instance, end_offset=end_offset).run_requests
    assert (request.partition_key, request.tags["dagster/partition"], request.run_key) == (date, date, date)


def test_a_date_that_becomes_available_later_is_submitted_then(pique, tmp_path, instance):
    (request,) = tick(SIX, pique=pique, tmp_path=tmp_path, instance=instance, end_offset=-2).run_requests
    assert request.partition_key == "2026-03-07"


def test_a_date_ends_with_the_day_of_its_timezone(pique, tmp_path, instance):
    at = dt.datetime(2026, 3, 9, 21, tzinfo=dt.UTC)
    (request,) = tick(at, pique=pique, tmp_path=tmp_path, instance=instance, timezone="Asia/Tokyo").run_requests
    assert request.partition_key == "2026-03-09"


@pytest.mark.parametrize("changes", [{"end_date": "2026-03-06"}, {"start_date": "2026-03-10"}])
def test_a_date_that_does_not_exist_is_skipped_and_named(changes, pique, tmp_path, instance):
    result = tick(SIX, pique=pique, tmp_path=tmp_path, instance=instance, **changes)
    assert not result.run_requests
    assert "brand_videos has no date 2026-03-09" in result.skip_message
