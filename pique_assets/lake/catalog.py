"""The metric catalogue: every metric path seen in a partition, of which kinds, in which range.

Belongs here: `metric_catalog`, a pure function of `detector_metrics`. Units and meanings are in
`known_metrics`.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pique_assets.lake.known_metrics import KNOWN_METRICS
from pique_assets.lake.schemas import build_table

_GROUP = ("detector_name", "metric_path", "value_kind")


def metric_catalog(detector_metrics: pa.Table) -> pa.Table:
    """The `metric_catalog` table of one partition.

    Ranges are of numbers only, as doubles (an integer beyond 2**53 is rounded; the rows have it exactly).
    The same path in two detectors is two metrics; two kinds at one path are two rows (contract traps 5 and
    6).
    """
    numbers = pc.coalesce(detector_metrics["value_double"], detector_metrics["value_int"].cast("double", safe=False))
    table = detector_metrics.select(list(_GROUP)).append_column("value", numbers)
    groups = table.group_by(list(_GROUP)).aggregate([([], "count_all"), ("value", "min"), ("value", "max")])
    return build_table("metric_catalog", (_row(group) for group in groups.to_pylist()))


def _row(group: dict[str, object]) -> dict[str, object]:
    detector, path, kind = (group[name] for name in _GROUP)
    known = KNOWN_METRICS.get((str(detector), str(path)))
    return {
        "detector_name": detector,
        "metric_path": path,
        "value_kind": kind,
        "n": group["count_all"],
        "value_min": group["value_min"],
        "value_max": group["value_max"],
        "unit": known.unit if known else None,
        "meaning": known.meaning if known else None,
    }
