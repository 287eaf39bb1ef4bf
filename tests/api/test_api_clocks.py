"""Two clocks that disagree: what Pique says of time is read by the time that it says it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, strategies as st

from pique_assets.api.answers import LONGEST_LIFE, Answer

ASKED_AT = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)
LIFE = timedelta(minutes=15)


def answer(*, host_ahead: timedelta, took: timedelta = timedelta(seconds=0.5), date: str | None = None) -> Answer:
    said_at = ASKED_AT + took / 2 + host_ahead
    return Answer(
        request="POST /v1/evaluations/presigned-upload",
        status=200,
        body=b"{}",
        asked_at=ASKED_AT,
        received_at=ASKED_AT + took,
        date=format_datetime(said_at, usegmt=True) if date is None else date,
    )


@given(
    minutes=st.one_of(st.floats(-600, 600), st.floats(-0.1, 0.1)),
    took=st.floats(0, 30).map(lambda seconds: timedelta(seconds=seconds)),
    begun_at=st.floats(0, 1).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_however_wrong_a_clock_is_an_expiry_is_never_late_nor_much_too_early(minutes, took, begun_at):
    host_ahead = timedelta(minutes=minutes) + begun_at
    true_expiry = ASKED_AT + took / 2 + LIFE
    read = answer(host_ahead=host_ahead, took=took).by_our_clock(true_expiry + host_ahead)
    # A `Date` leaves out the fraction of its second, which is counted against us.
    assert true_expiry - took - timedelta(seconds=1) <= read <= true_expiry


def test_without_a_readable_date_the_expiry_is_believed():
    expiry = ASKED_AT + LIFE
    for date in ("", "yesterday", "Mon, 99 Mar 2026 12:00:00 GMT", f"Mon, 02 Mar {'1' * 5000} 12:00:00 GMT"):
        assert answer(host_ahead=timedelta(hours=1), date=date).by_our_clock(expiry) == expiry


ABSURD_DATES = ["", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Mon, 02 Mar 2026 12:00:00 GMT"]


@pytest.mark.parametrize("date", ABSURD_DATES)
@pytest.mark.parametrize(
    "expiry",
    [
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ],
)
def test_an_absurd_expiry_is_one_that_can_be_reckoned_with(expiry, date):
    read = answer(host_ahead=timedelta(0), date=date).by_our_clock(expiry)
    assert ASKED_AT - timedelta(days=51 * 365) <= read <= ASKED_AT + LONGEST_LIFE


def test_an_expiry_at_the_end_of_the_calendar_is_as_far_off_as_one_can_be():
    assert answer(host_ahead=timedelta(0)).by_our_clock(datetime.max.replace(tzinfo=UTC)) == ASKED_AT + LONGEST_LIFE


def test_an_expiry_that_is_over_is_over():
    assert answer(host_ahead=timedelta(0)).by_our_clock(ASKED_AT - timedelta(days=400)) < ASKED_AT
