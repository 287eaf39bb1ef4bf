"""From payloads to rows: the pure function all result tables are computed by (design sections 4 and 9).

Belongs here: which of a job's payloads counts, and the one pass over them. Bodies are read in `bodies`, rows
are made in `rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

import pyarrow as pa

from pique_assets.lake.arrow_rows import to_table
from pique_assets.lake.bodies import Document, Phase, parse_body
from pique_assets.lake.payload import Payload
from pique_assets.lake.result_tables import PAYLOADS
from pique_assets.lake.rows import ResultRows

_by_job = attrgetter("job_id")


def normalise(payloads: Iterable[Payload]) -> dict[str, pa.Table]:
    """The tables `evaluations`, `detector_results`, `detector_metrics` and `flagged_moments` of these
    payloads.

    Of a job's payloads one counts: the end of the job beats its progress, a polled answer beats a webhook, a
    newer one an older one. Jobs that are not finished have no rows. A payload that cannot be read becomes an
    evaluation with status `unreadable`. The result does not depend on the order of the payloads, and rows
    are sorted by key.

    Args:
        payloads: any payloads, several of a job among them.

    Returns:
        The four tables by name, each with its declared schema, also when empty.
    """
    rows = ResultRows()
    for _, of_job in groupby(sorted(payloads, key=_by_job), key=_by_job):
        payload, document = max(_parsed(of_job), key=_weight)
        if document.phase is not Phase.OPEN:
            rows.add(payload, document)
    return rows.tables()


def payloads_table(payloads: Iterable[Payload]) -> pa.Table:
    """The `payloads` table: every payload as received, duplicates once."""
    unique = {(p.job_id, p.received_at, p.source, p.sha256, p.body) for p in payloads}
    rows = [(job_id, source, at, sha256, body) for job_id, at, source, sha256, body in sorted(unique)]
    return to_table(PAYLOADS, rows)


def stored_payloads(table: pa.Table) -> Iterator[Payload]:
    """The payloads a `payloads` table holds: tables can be rebuilt from it without asking Pique again."""
    for row in table.to_pylist():
        yield Payload(job_id=row["job_id"], source=row["source"], received_at=row["received_at"], body=row["body"])


def _parsed(payloads: Iterable[Payload]) -> Iterator[tuple[Payload, Document]]:
    return ((payload, parse_body(payload.body)) for payload in payloads)


def _weight(candidate: tuple[Payload, Document]) -> tuple[Phase, bool, object, str]:
    payload, document = candidate
    return document.phase, not payload.is_webhook, payload.received_at, payload.sha256
