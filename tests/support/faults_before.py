"""A local Pique that tests share, behind a fault proxy of each test's own.

Belongs here: the proxy, and leaving out what other tests did. Does not: which faults there are
(`pique_assets.testing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from pique_assets.local.process import LocalPiqueProcess
from pique_assets.local.record import JobRecord, read_record
from pique_assets.testing import FaultScript, FaultyPique
from pique_assets.testing.history import History
from pique_assets.testing.proxy import FaultProxy


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFaultyPique(FaultyPique):
    """A Pique with faults, whose records begin with the test.

    Attributes:
        earlier: Jobs of other tests.
    """

    earlier: frozenset[str]

    def records(self) -> list[JobRecord]:
        return [job for job in read_record(self.data_dir) if job.job_id not in self.earlier]


@contextmanager
def faults_before(pique: LocalPiqueProcess, *, proxy_url: str, script: FaultScript) -> Iterator[FaultyPique]:
    """Put the script's faults before a Pique whose upload URLs lead to the proxy; each required one has to show."""
    history = History()
    with (
        FaultProxy(script=script, history=history, port=urlsplit(proxy_url).port or 0) as proxy,
        proxy.serving(pique_url=pique.base_url, api_key=pique.api_key),
    ):
        yield SharedFaultyPique(
            base_url=proxy.base_url,
            direct_url=pique.base_url,
            data_dir=pique.data_dir,
            pid=pique.pid,
            script=script,
            api_key=pique.api_key,
            webhook_secret=pique.webhook_secret,
            exchanges=history,
            earlier=frozenset(job.job_id for job in read_record(pique.data_dir)),
        )
    script.require_consumed()
