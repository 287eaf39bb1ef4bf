"""The table `payloads` of any payloads, as a whole.

Belongs here: the one function. Does not: how payloads become rows, which is `pique_assets.lake.payload`.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

import pyarrow as pa

from pique_assets.lake import SCHEMAS, Payload, payloads_parts


def payloads_table(payloads: Iterable[Payload]) -> pa.Table:
    """Every payload as received, duplicates once."""
    parts = payloads_parts(sorted(payloads, key=attrgetter("job_id")))
    return pa.concat_tables([SCHEMAS["payloads"].empty_table(), *parts])
