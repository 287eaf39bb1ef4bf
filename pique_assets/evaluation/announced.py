"""Recording results that webhooks announce while a run is still sending content.

Here: one background thread that asks for what is due of a partition. Not here: asking itself (`results`), and webhooks,
which only make jobs due (`webhooks`, `ledger`).

Sending a date can take hours, and its first evaluations end within seconds. Without this their results would wait for
the end of the sending, or for the next tick of the sensor where that is switched on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import PiqueError
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.results import LONGEST_NAP_S, LOOK_INTERVAL_S, ResultPoller
from pique_assets.ledger import Ledger, LedgerError

# So that the end of the sending does not wait for results long.
AT_A_TIME_S = 5.0


@contextmanager
def recording_announced(
    *, client: PiqueClient, ledger: Ledger, limits: Limits, evaluation: str, partition: str, webhook_url: str | None
) -> Iterator[None]:
    """Record what is announced of a partition as long as the block runs; errors are left to whoever waits for results.

    Args:
        client: The API.
        ledger: Says what is due, and keeps what comes.
        limits: How many results are asked for at once.
        evaluation: Name of the evaluation.
        partition: The date, `YYYY-MM-DD`.
        webhook_url: Where results are announced; None where nothing is, and then nothing is done.
    """
    if webhook_url is None:
        yield
        return
    poller = ResultPoller(client=client, ledger=ledger, limits=limits, webhook_expected=True)
    stopped = threading.Event()

    def record_until_stopped() -> None:
        pause_s = LOOK_INTERVAL_S
        while not stopped.wait(pause_s):
            pause_s = LOOK_INTERVAL_S
            try:
                if ledger.has_due(now=datetime.now(UTC)):
                    until = time.monotonic() + AT_A_TIME_S
                    report = poller.poll_due(evaluation=evaluation, partition=partition, until=until)
                    # Else what is due is another partition's, and may stay so: to look is cheap, to claim is a write.
                    pause_s = LOOK_INTERVAL_S if report.polled else LONGEST_NAP_S
            except (PiqueError, LedgerError):
                return

    thread = threading.Thread(target=record_until_stopped, name="announced-results", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
