"""A declaration in Python: what can't be meant fails when it is built, in one sentence that says what to give."""

from __future__ import annotations

import datetime as dt
import os

import pytest
from graph import video_evaluation

from pique_assets.config import Evaluation
from pique_assets.declared_values import DeclarationInvalid
from pique_assets.evaluation.limits import Budget, Limits
from pique_assets.media import DatedFolder, Manifest, SocialUrls

WRONG = {
    "media": ["/data", ["/data"], SocialUrls("/lists")],
    "social": ["lists/", DatedFolder("/lists")],
    "start_date": ["2026-3-2", "20260302", "soon", "2026-02-30", 20260302, dt.datetime(2026, 3, 2)],
    "end_date": ["2026-03-02", "2026-03-01", "never", dt.date(2026, 3, 2)],
    "end_offset": [True, "1", 1.5],
    "timezone": ["Europe/Berln", "", "Europe", 1],
    "partitions": ["hourly", "static", None],
    "judge_id": [5],
    "judge_file": [b"judge.yaml"],
    "create_missing_judge": ["yes", 1],
    "failure_rate_warn_above": ["0.1", True, float("nan")],
    "webhook_url": [5, "ftp://host"],
    "schedule_hour": [-1, 24, True, "6", 6.0],
    "schedule": ["x", "61 * * * *", "* * * *", 6],
    "limits": [{"lease_s": 9}, None],
    "budget": [{"new_evaluations_per_run": 9}, 9],
    "translator": ["theirs"],
    "name": [5, "not a name"],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_what_can_not_be_meant_fails_with_evaluation_and_field(field, value):
    with pytest.raises(DeclarationInvalid) as caught:
        video_evaluation(**{field: value})
    said = str(caught.value)
    assert caught.value.field == field
    assert said.startswith(f"evaluation {value if field == 'name' else 'brand_videos'!r}: {field} ")
    assert "\n" not in said
    if field != "webhook_url":
        assert str(value) in said or repr(value) in said


@pytest.mark.parametrize(
    "url", ["ftp://host/?token=5ec7e7", b"https://host/?token=5ec7e7", ["https://host/?token=5ec7e7"]]
)
def test_an_address_that_may_hold_a_token_is_not_shown(url):
    with pytest.raises(DeclarationInvalid) as caught:
        video_evaluation(webhook_url=url)
    assert "webhook_url" in str(caught.value) and "5ec7e7" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"media": "/data"}, "media is '/data', a str: give DatedFolder"),
        ({"social": "lists/"}, "social is 'lists/', a str: give SocialUrls"),
        ({"limits": {"lease_s": 9}}, "a dict: give Limits"),
        ({"budget": {}}, "a dict: give Budget"),
        ({"timezone": "europe/berln"}, "did you mean 'Europe/Berlin'?"),
        ({"partitions": "hourly"}, "'daily', 'weekly' or 'monthly'"),
        ({"schedule": "0 6 * * *", "schedule_hour": 7}, "give only one"),
        ({"partitions": "monthly"}, "give '2026-03-01' or '2026-04-01'"),
        ({"partitions": "weekly", "end_date": "2026-03-12"}, "give '2026-03-09' or '2026-03-16'"),
        (
            {"partitions": "monthly", "start_date": "2026-03-01", "end_date": "2026-05-31"},
            "give '2026-05-01' or '2026-06-01'",
        ),
    ],
)
def test_the_sentence_says_what_to_give(changes, advice):
    with pytest.raises(DeclarationInvalid) as caught:
        video_evaluation(**changes)
    assert advice in str(caught.value)


def test_dates_may_be_dates():
    by_date = video_evaluation(start_date=dt.date(2026, 3, 2), end_date=dt.date(2026, 3, 6))
    assert by_date == video_evaluation(start_date="2026-03-02", end_date="2026-03-06")


@pytest.mark.parametrize(
    ("declare", "field"),
    [
        (lambda: Limits(lease_s="8"), "lease_s"),
        (lambda: Limits(lease_s=1), "lease_s"),
        (lambda: Limits(concurrent_uploads=True), "concurrent_uploads"),
        (lambda: Limits(concurrent_uploads=0), "concurrent_uploads"),
        (lambda: Limits(attempts=1.0), "attempts"),
        (lambda: Limits(results_wait_s=-1), "results_wait_s"),
        (lambda: Limits(results_wait_s=float("inf")), "results_wait_s"),
        (lambda: Limits(results_wait_s=float("nan")), "results_wait_s"),
        (lambda: Limits(shortest_poll_s=9, longest_poll_s=8), "shortest_poll_s"),
        (lambda: Limits(social_in_doubt="give up"), "social_in_doubt"),
        (lambda: Budget(new_evaluations_per_day=-1), "new_evaluations_per_day"),
        (lambda: Budget(new_evaluations_per_run="9"), "new_evaluations_per_run"),
        (lambda: Budget(new_evaluations_per_run=True), "new_evaluations_per_run"),
        (lambda: DatedFolder(5), "root"),
        (lambda: DatedFolder(os.fsencode("media")), "root"),
        (lambda: Manifest(5), "path"),
        (lambda: Manifest("list.csv", buckets=5), "buckets"),
        (lambda: Manifest("list.csv", buckets=[5]), "buckets"),
        (lambda: SocialUrls(None), "path"),
    ],
)
def test_numbers_and_places_are_checked_too(declare, field):
    with pytest.raises(DeclarationInvalid) as caught:
        declare()
    assert caught.value.field == field
    assert field in str(caught.value)


def test_a_whole_number_is_a_number():
    assert Limits(lease_s=8).lease_s == 8
    assert isinstance(video_evaluation(failure_rate_warn_above=0, failure_rate_error_above=1), Evaluation)
