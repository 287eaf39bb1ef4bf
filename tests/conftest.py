"""What all rooms share: one local Pique, which tests are left to CI, and what the torture tests counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest
from settled_record import settled_record
from verdict import Verdict, total

from pique_assets.local.process import LocalPiqueProcess

if TYPE_CHECKING:
    from pique_assets.testing import FaultScript, FaultyPique


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the long tests to `PIQUE_TEST_LONG=1`, which CI sets: the usual run has ten minutes on two cores."""
    if "PIQUE_TEST_LONG" in os.environ:
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes long: runs with PIQUE_TEST_LONG=1, as in CI"))


@pytest.fixture(scope="session")
def shared_pique(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPiqueProcess]:
    """One local Pique with the demo's judges, for all tests that need no settings, judges or end of its own.

    Its record holds what other tests did: a test compares what is there before and after, or looks at its own jobs.
    """
    from later_desk import running_demo_pique

    with running_demo_pique(tmp_path_factory.mktemp("pique")) as process:
        yield process


@pytest.fixture
def pique(shared_pique: LocalPiqueProcess) -> LocalPiqueProcess:
    """The same, once nothing is being evaluated any more that an earlier test has sent."""
    settled_record(shared_pique.data_dir)
    return shared_pique


@pytest.fixture(scope="session")
def pique_behind_proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalPiqueProcess, str]]:
    """Another one, for proxies of which one follows the other at this address."""
    from later_desk import running_demo_pique
    from ports import port_for_later

    proxy_url = f"http://127.0.0.1:{port_for_later()}"
    with running_demo_pique(tmp_path_factory.mktemp("pique_behind_proxies"), public_url=proxy_url) as process:
        yield process, proxy_url


@pytest.fixture
def faulty_pique(
    pique_behind_proxies: tuple[LocalPiqueProcess, str],
) -> Callable[[FaultScript], AbstractContextManager[FaultyPique]]:
    """``with faulty_pique(script) as pique``: a Pique on which things go wrong as scripted."""
    from faults_before import faults_before

    process, proxy_url = pique_behind_proxies
    return lambda script: faults_before(process, proxy_url=proxy_url, script=script)


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
