"""What the torture tests counted, said at the end of every test run, whoever ran them."""

from __future__ import annotations

import pytest
from verdict import Verdict, total


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
