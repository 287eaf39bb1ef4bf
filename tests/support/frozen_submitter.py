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
from pique_assets.evaluation.partition import submit_partition
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
            with self._ledger._database._turn():
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        self._asked = True
        return super().read(size)


def main(ledger_url: str) -> None:
    with (
        Ledger.open(ledger_url) as ledger,
        PiqueClient(base_url=os.environ["PIQUE_BASE_URL"], api_key=os.environ["PIQUE_API_KEY"]) as client,
    ):
        report = submit_partition(
            demo_items("2026-03-02")[:1],
            evaluation="brand_videos",
            partition="2026-03-02",
            judge=client.get_judge(JUDGE),
            client=client,
            ledger=ledger,
            open_content=lambda item: _StopsItsProcess(open_item_verified(item), ledger=ledger),
            limits=replace(LIMITS, lease_s=2),
            say=lambda sentence: None,
        )
    print(report.uploaded, report.already_known)


if __name__ == "__main__":
    main(sys.argv[1])
