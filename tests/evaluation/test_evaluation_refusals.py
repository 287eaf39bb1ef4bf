"""A job whose upload was refused, or that Pique does not know for a moment, is not called dead without asking."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import pytest
from desk import Desk, demo_items

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.testing import Fault, FaultKind, FaultScript, Route, check_history

PUT, RESULT = Route.UPLOAD, Route.RESULT
DATE = "2026-03-02"


@pytest.fixture
def desk_behind(faulty_pique, tmp_path):
    """Opens a desk whose line has these faults; closes it at the end, when all of them have shown."""
    with ExitStack() as stack:

        def opened(*faults: Fault) -> Desk:
            script = FaultScript(faults)
            pique = stack.enter_context(faulty_pique(script))
            ledger = stack.enter_context(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}"))
            client = stack.enter_context(PiqueClient(base_url=pique.base_url, api_key=pique.api_key))
            stack.callback(script.require_consumed)
            return Desk(pique=pique, client=client, ledger=ledger)

        yield opened


def evaluations(desk: Desk) -> list[int]:
    """How often each content was evaluated, as the server's record has it."""
    counted: Counter[str] = Counter()
    for job in desk.pique.records():
        counted.update(evaluation.content_sha256 for evaluation in job.evaluations)
    return sorted(counted.values())


def asked_before_the_next_job(desk: Desk) -> bool:
    """Whether Pique was asked for a job between the refused PUT and whatever was prepared after it."""
    routes = [exchange.route for exchange in desk.pique.history]
    refused = routes.index(PUT)
    following = routes[refused + 1 :]
    return RESULT in following and (
        Route.PREPARE not in following or following.index(RESULT) < following.index(Route.PREPARE)
    )


@pytest.mark.parametrize("status", [308, 403, 409, 412])
def test_a_put_that_landed_and_was_refused_all_the_same_is_adopted(desk_behind, status):
    desk = desk_behind(Fault(route=PUT, kind=FaultKind.STATUS, status=status, after_effect=True))
    report = desk.submit(demo_items(DATE)[:1])
    assert (report.adopted, report.sent) == (1, 0)
    assert len(desk.pique.records()) == 1, "no second job was prepared"
    assert evaluations(desk) == [1]
    assert check_history(records=desk.pique.records(), history=desk.pique.history) == []


def test_a_put_that_was_refused_costs_a_job_after_pique_was_asked(desk_behind):
    desk = desk_behind(Fault(route=PUT, kind=FaultKind.STATUS, status=403))
    assert desk.submit(demo_items(DATE)[:1]).sent == 1
    assert asked_before_the_next_job(desk)
    assert (len(desk.pique.records()), evaluations(desk)) == (2, [1])
    (first, second) = desk.ledger.attempts(work_key=only_work_key(desk))
    assert (first.state, second.state) == ("ABANDONED", "UPLOADED")
    assert "status 403" in first.evidence and "Pique awaits the upload" in first.evidence


def only_work_key(desk: Desk) -> str:
    (row,) = desk.ledger.partition_state(evaluation="brand_videos", partition=DATE)
    return row.item.work_key


def test_a_job_that_pique_does_not_know_for_a_moment_is_not_dead(desk_behind):
    lost = Fault(route=PUT, kind=FaultKind.LOST_ANSWER)
    unknown = Fault(route=RESULT, kind=FaultKind.STATUS, status=404)
    desk = desk_behind(lost, unknown)
    assert desk.submit(demo_items(DATE)[:1]).adopted == 1
    assert (len(desk.pique.records()), evaluations(desk)) == (1, [1])
