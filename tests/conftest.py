"""Which tests are left to CI, and what the torture tests counted, said at the end of every test run."""

from __future__ import annotations

import os

import pytest
from verdict import Verdict, total


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the long tests to `PIQUE_TEST_LONG=1`, which CI sets: the usual run has ten minutes on two cores."""
    if "PIQUE_TEST_LONG" in os.environ:
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes long: runs with PIQUE_TEST_LONG=1, as in CI"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counted = [
        (report.nodeid.rpartition("::")[2], value, dict(report.user_properties).get("seed"))
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == "verdict"
    ]
    if not counted:
        return
    terminalreporter.section("injected crashes")
    for test, value, seed in counted:
        terminalreporter.line(f"{test}: {Verdict(**value)}" + (f" (PIQUE_TEST_SEED={seed})" if seed else ""))
    terminalreporter.line(f"in all: {total(Verdict(**value) for _, value, _ in counted)}")
