"""Who works on which item: claimed some at a time, shared with other runs, and given back by a run that ends early."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk import JUDGE, LIMITS, Desk, demo_items, open_item_verified, renamed

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import Unauthorized
from pique_assets.evaluation.engine import Partition
from pique_assets.evaluation.plan import WantedContent
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger
from pique_assets.media import ContentItem

DATE = "2026-03-02"
ONE_AT_ONCE = replace(LIMITS, concurrent_uploads=1)


def orders_of(items: list[ContentItem], *, desk: Desk):
    wanted = WantedContent.of(items, judge=desk.client.get_judge(JUDGE))
    return [wanted.order(item) for item in items]


def test_what_another_run_holds_is_sent_after_the_rest_once_it_is_free(desk: Desk):
    items = demo_items(DATE)
    held = desk.ledger.claim_submissions([orders_of(items, desk=desk)[0]], lease_s=3000)[0].lease
    opened = []

    def open_item(item):
        opened.append(item.filename)
        if len(opened) == len(items) - 1:
            desk.ledger.release_lease(held)
        return open_item_verified(item)

    report = replace(desk, limits=ONE_AT_ONCE).submit(items, open_item=open_item)
    assert (report.sent, report.already_known) == (len(items), 0)
    assert opened == [item.filename for item in [*items[1:], items[0]]]


def test_what_another_run_goes_on_holding_is_left_to_it(desk: Desk):
    items = demo_items(DATE)
    desk.ledger.claim_submissions([orders_of(items, desk=desk)[0]], lease_s=3000)[0]
    report = replace(desk, limits=replace(LIMITS, lease_s=2)).submit(items)
    assert (report.sent, report.already_known) == (len(items) - 1, 1)


def test_a_run_that_ends_early_gives_back_what_it_had_claimed_and_not_begun(desk: Desk):
    """Else the next run would wait for leases that nobody needs."""
    items = demo_items(DATE)
    with (
        PiqueClient(base_url=desk.pique.base_url, api_key="pk_of_somebody_else") as refused,
        pytest.raises(Unauthorized),
    ):
        submit_partition(
            replace(desk, client=refused, limits=ONE_AT_ONCE).engine,
            items,
            partition=Partition(evaluation="brand_videos", key=DATE),
            judge=desk.client.get_judge(JUDGE),
            way=Uploads(open_content=lambda item: pytest.fail("no content is opened for a key that is refused")),
        )
    claims = desk.ledger.claim_submissions(orders_of(items, desk=desk), lease_s=1)
    assert all(claim.lease is not None for claim in claims)


def test_one_claim_serves_several_items(desk: Desk, tmp_path):
    class Counting(Ledger):
        """Counts how often work is claimed."""

        claims = 0

        def claim_submissions(self, orders, *, lease_s):
            self.claims += 1
            return super().claim_submissions(orders, lease_s=lease_s)

    item = demo_items(DATE)[0]
    copies = [replace(renamed(item, f"copy {number}"), title=f"copy {number}") for number in range(8)]
    with Counting.open(f"sqlite:///{tmp_path / 'counting.db'}") as ledger:
        four_at_once = replace(desk, ledger=ledger, limits=replace(LIMITS, concurrent_uploads=4))
        assert four_at_once.submit(copies, open_item=lambda copy: open_item_verified(item)).sent == 8
        # Twice as many as there are threads, and nothing is left then.
        assert ledger.claims == 1
