"""An answer that can't be read is asked for again in the same run, as long as asking is harmless."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from desk import Desk, demo_items

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.errors import SubmissionsUnfinished
from pique_assets.evaluation.recovery import ASKED_AGAIN
from pique_assets.ledger import Ledger
from pique_assets.testing import Fault, FaultKind, FaultScript, Route, check_history


@pytest.fixture
def desk_behind(faulty_pique, tmp_path):
    """Opens a desk whose line has these faults; closes it at the end."""
    with ExitStack() as stack:

        def opened(faults: list[Fault]) -> Desk:
            pique = stack.enter_context(faulty_pique(FaultScript(faults)))
            ledger = stack.enter_context(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}"))
            client = stack.enter_context(PiqueClient(base_url=pique.base_url, api_key=pique.api_key))
            return Desk(pique=pique, client=client, ledger=ledger)

        yield opened


@pytest.mark.parametrize("kind", [FaultKind.INVALID_JSON, FaultKind.TRUNCATED_JSON])
def test_an_unreadable_job_is_made_again_and_only_one_gets_the_bytes(desk_behind, kind):
    desk = desk_behind([Fault(route=Route.PREPARE, kind=kind, hit=hit) for hit in range(1, ASKED_AGAIN + 1)])
    assert desk.submit(demo_items("2026-03-02")[:1]).sent == 1
    jobs = desk.pique.records()
    assert len(jobs) == ASKED_AGAIN + 1
    assert sum(job.complete_puts for job in jobs) == 1
    assert check_history(records=jobs, history=desk.pique.history) == []


def test_a_line_that_never_answers_readably_leaves_the_item_to_a_later_run(desk_behind):
    desk = desk_behind([Fault(route=Route.PREPARE, kind=FaultKind.INVALID_JSON, every=1)])
    with pytest.raises(SubmissionsUnfinished):
        desk.submit(demo_items("2026-03-02")[:1])
    assert len(desk.pique.records()) == ASKED_AGAIN + 1
    assert sum(job.complete_puts for job in desk.pique.records()) == 0
