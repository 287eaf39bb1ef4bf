"""A process that submits one content item and is stopped in the middle of its PUT. Argument: the ledger's URL."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from dataclasses import replace

from desk import JUDGE, LIMITS, demo_items, open_item_verified

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.evaluation.uploads import Uploads
from pique_assets.ledger import Ledger


class _StopsItsProcess(io.BufferedReader):
    """Stops its process when it is asked for more after its first bytes, until somebody continues the process."""

    _asked = False

    def __init__(self, raw: io.RawIOBase, *, ledger: Ledger) -> None:
        super().__init__(raw)
        self._ledger = ledger

    def read(self, size: int | None = -1) -> bytes:
        if self._asked:
            # Not while another thread writes: the ledger would stay locked for as long as the process is stopped. And
            # by this thread: a signal to the process lets it go on until some other thread has taken the signal.
            with self._ledger._database._writer._turn:
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        self._asked = True
        return super().read(size)


def main(ledger_url: str) -> None:
    with (
        Ledger.open(ledger_url) as ledger,
        PiqueClient(base_url=os.environ["PIQUE_BASE_URL"], api_key=os.environ["PIQUE_API_KEY"]) as client,
    ):
        report = submit_partition(
            Engine(client=client, ledger=ledger, limits=replace(LIMITS, lease_s=2), say=lambda sentence: None),
            demo_items("2026-03-02")[:1],
            partition=Partition(evaluation="brand_videos", key="2026-03-02"),
            judge=client.get_judge(JUDGE),
            way=Uploads(open_content=lambda item: _StopsItsProcess(open_item_verified(item), ledger=ledger)),
        )
    print(report.sent, report.already_known)


if __name__ == "__main__":
    main(sys.argv[1])
