"""What Pique said counts for the moment it was asked, not for the moment its answer arrived."""

from __future__ import annotations

from dataclasses import replace

from desk import LIMITS, Desk, demo_items

from pique_assets.api.client import PiqueClient
from pique_assets.ledger import Ledger
from pique_assets.testing import Fault, FaultKind, FaultScript, Route, check_history

LAG_S, SLOW_S = 1.0, 3.0
FAULTS = (
    Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER),
    Fault(route=Route.UPLOAD, kind=FaultKind.NOTIFICATION_LAG, seconds=LAG_S / 2),
    # Asked for within the lag, and on its way until long after it.
    Fault(route=Route.RESULT, kind=FaultKind.SLOW, seconds=SLOW_S),
)


def test_a_slow_answer_from_within_the_lag_is_no_leave_to_send_again(faulty_pique, tmp_path):
    with (
        faulty_pique(FaultScript(FAULTS)) as pique,
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger,
        PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client,
    ):
        limits = replace(LIMITS, notification_lag_s=LAG_S, lease_s=30)
        desk = Desk(pique=pique, client=client, ledger=ledger, limits=limits)
        report = desk.submit(demo_items("2026-03-02")[:1])
        assert (report.adopted, report.sent) == (1, 0)
        assert check_history(records=pique.records(), history=pique.history) == []
