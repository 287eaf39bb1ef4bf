"""A lost answer, real videos, a real receiver: what Pique announces is found and collected without anybody's help."""

from __future__ import annotations

import pytest
from desk import DEMO
from receiver_process import running_receiver
from social_desk import desk_behind, running_social_pique, serving_files

from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.testing import Fault, FaultKind, Route

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
]

LOST = Fault(route=Route.SOCIAL_MEDIA, kind=FaultKind.LOST_ANSWER)


def test_jobs_of_a_lost_answer_are_found_by_the_webhooks_of_their_results(tmp_path):
    ledger_file = tmp_path / "ledger.db"
    ledger_url = f"sqlite:///{ledger_file}"
    Ledger.open(ledger_url).close()
    with (
        serving_files(DEMO / "media" / "brand_videos" / "2026-03-02") as host,
        running_social_pique(tmp_path, allow=[host]) as pique,
        running_receiver(ledger=ledger_file, log=tmp_path / "receiver.log", secrets=[pique.webhook_secret]) as receiver,
        desk_behind(LOST, pique=pique, ledger_url=ledger_url) as desk,
    ):
        addresses = [f"http://{host}/{name}" for name in ("teaser_vertical.mp4", "loop_square.webm", "gone.mp4")]
        assert desk.submit(addresses, webhook_url=receiver.url).unanswered == 3
        assert desk.states(addresses) == {SubmissionState.SUBMITTING}
        settled = desk.collect()
        assert (settled.progress.completed, settled.progress.failed) == (2, 1)
        assert {len(of_url) for of_url in desk.jobs(addresses).values()} == {1}
        assert desk.posts == 1
