"""Patience: the waits that are drawn and the ``Retry-After`` that is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, strategies as st

from pique_assets.api.answers import parse_goog_hash
from pique_assets.api.policy import RetryPolicy, parse_retry_after

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("7", 7),
        (" 1.5 ", 1.5),
        ("-1", None),
        ("nan", None),
        ("soon", None),
        ("٣", None),
        ("9" * 400, 86_400),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30),
        (format_datetime(NOW - timedelta(days=3), usegmt=True), 0),
        ("Mon, 02 Mar 2026 12:00:10 -0000", 10),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Fri, 99 Foo 2026 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value, seconds):
    assert parse_retry_after(value, now=NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d [+-]?\w{1,6}"))
def test_no_retry_after_is_too_strange(value):
    seconds = parse_retry_after(value, now=NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@given(attempt=st.integers(1, 10_000), asked=st.none() | st.floats(0, 86_400))
def test_a_wait_is_never_shorter_than_asked_for_nor_longer_than_the_caps(attempt, asked):
    policy = RetryPolicy(base_s=0.5, cap_s=20, retry_after_cap_s=60)
    wait = policy.wait_s(attempt=attempt, retry_after_s=asked)
    if asked is None:
        assert 0 <= wait <= min(20, 0.5 * 2 ** min(attempt - 1, 32))
    else:
        assert min(asked, 60) <= wait <= min(asked, 60) + 0.5


def test_waits_are_spread_over_the_whole_range():
    waits = [RetryPolicy(base_s=1, cap_s=8).wait_s(attempt=4, retry_after_s=None) for _ in range(300)]
    assert min(waits) < 1
    assert max(waits) > 7


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"base_s": -1}, {"cap_s": -1}, {"retry_after_cap_s": -1}])
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="retry policy"):
        RetryPolicy(**wrong)


@pytest.mark.parametrize(
    ("header", "checksum"),
    [
        (None, None),
        ("", None),
        ("md5=AAAA", None),
        ("crc32c=n03x6A==", 0x9F4DF1E8),
        ("md5=rL0Y20zC+Fzt72VPzMSk2A==, crc32c=n03x6A==", 0x9F4DF1E8),
        ("crc32c=AAAA", None),
        ("crc32c=not base64", None),
        ("crc32c=é", None),
    ],
)
def test_the_storage_checksum_is_read(header, checksum):
    assert parse_goog_hash(header) == checksum
