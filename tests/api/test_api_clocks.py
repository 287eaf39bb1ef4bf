"""Two clocks that disagree: what Pique says of time is read by the time that it says it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from pique_assets.api.answers import Answer

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
    minutes=st.floats(-600, 600).filter(lambda minutes: abs(minutes) > 1),
    took=st.floats(0, 30).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_however_wrong_a_clock_is_an_expiry_is_neither_late_nor_much_too_early(minutes, took):
    host_ahead = timedelta(minutes=minutes)
    true_expiry = ASKED_AT + took / 2 + LIFE
    read = answer(host_ahead=host_ahead, took=took).by_our_clock(true_expiry + host_ahead)
    # A `Date` leaves out the fraction of its second.
    assert true_expiry - took - timedelta(seconds=1) <= read <= true_expiry + timedelta(seconds=1)


@given(st.floats(-1, 1))
def test_clocks_that_agree_leave_an_expiry_as_it_was_given(seconds):
    expiry = ASKED_AT + LIFE
    assert answer(host_ahead=timedelta(seconds=seconds)).by_our_clock(expiry) == expiry


def test_without_a_readable_date_the_expiry_is_believed():
    expiry = ASKED_AT + LIFE
    for date in ("", "yesterday", "Mon, 99 Mar 2026 12:00:00 GMT"):
        assert answer(host_ahead=timedelta(hours=1), date=date).by_our_clock(expiry) == expiry
