"""The limit on log lines: what is left out is counted, and what is rare is never left out."""

from __future__ import annotations

import logging

import pytest

from pique_assets.webhooks.log_limit import SAME_LINES, TEXTS, WARNINGS, WINDOW_S, LogLimit


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock, request: pytest.FixtureRequest) -> logging.Logger:
    """A logger with the limit, of its own for each test."""
    log = logging.getLogger(f"log_limit.{request.node.name}")
    log.setLevel(logging.INFO)
    log.addFilter(LogLimit(clock=clock))
    return log


def test_the_same_line_is_written_a_few_times_and_then_counted(log, clock, caplog):
    for number in range(1_000):
        log.warning("refused with %s: %s", 401, "no signature")
        if number == 500:
            log.warning("refused with %s: %s", 413, "too large")
    assert caplog.messages == ["refused with 401: no signature"] * SAME_LINES + ["refused with 413: too large"]
    caplog.clear()
    clock.now_s = WINDOW_S
    log.info("stored")
    (told, stored) = caplog.messages
    assert told == "left out of this log in the last minute: 995 times 'refused with 401: no signature'"
    assert stored == "stored"


def test_a_quiet_minute_says_nothing_of_itself(log, clock, caplog):
    for _ in range(3):
        log.warning("refused")
        clock.now_s += WINDOW_S
    assert caplog.messages == ["refused"] * 3


def test_warnings_that_differ_are_bounded_too_and_hide_no_webhook(log, clock, caplog):
    for number in range(TEXTS + 100):
        log.warning("refused %s", number)
        log.info("webhook %s", number)
    assert sum(message.startswith("refused") for message in caplog.messages) == WARNINGS
    assert sum(message.startswith("webhook") for message in caplog.messages) == TEXTS + 100
    caplog.clear()
    clock.now_s = WINDOW_S
    log.info("stored")
    assert caplog.messages[0] == f"left out of this log in the last minute: {TEXTS + 100 - WARNINGS} other lines"
