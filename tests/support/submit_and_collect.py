"""A process that submits and collects one date of the demo, to be killed by a failpoint. Argument: the ledger's URL."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from desk import JUDGE, LIMITS, demo_items, open_item_verified

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.results import collect_partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger


def main(ledger_url: str) -> None:
    # Whoever comes after it is killed waits for the end of its leases.
    limits = replace(LIMITS, lease_s=5)
    partition = Partition(evaluation="brand_videos", key="2026-03-02")
    with (
        Ledger.open(ledger_url) as ledger,
        PiqueClient(base_url=os.environ["PIQUE_BASE_URL"], api_key=os.environ["PIQUE_API_KEY"]) as client,
    ):
        engine = Engine(client=client, ledger=ledger, limits=limits, say=print)
        submit_partition(
            engine,
            demo_items(partition.key),
            partition=partition,
            judge=client.get_judge(JUDGE),
            way=Uploads(open_content=open_item_verified),
        )
        collect_partition(engine, partition=partition)


if __name__ == "__main__":
    main(sys.argv[1])
