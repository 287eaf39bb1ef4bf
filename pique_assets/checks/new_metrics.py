"""A check that notices metrics nobody has seen before: a new detector, a renamed path, another type.

Belongs here: comparing `metric_catalog` with earlier dates. Does not: the catalogue itself (`lake.catalog`).
"""

from __future__ import annotations

from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.checks.operation import Finding, PartitionCheck, exact_listing, naming

# A year and a bit. The check reads this many small files only where a metric seems new.
MOST_DATES = 400

Metric = tuple[str | None, str, str]


def new_metrics_check() -> PartitionCheck:
    """The check over `metric_catalog`."""
    return PartitionCheck(
        asset="metric_catalog",
        name="metrics_were_seen_before",
        description="Warns about metric paths, and kinds of their values, that no earlier date has; dashboards and "
        "queries may want to know. The first date with metrics does not warn.",
        look=_look,
    )


def _look(tables: PartitionTables) -> Finding:
    """Compare with earlier dates, the last one first, until each metric was seen; mostly one date is enough."""
    unseen = _metrics(tables)
    known_paths: set[tuple[str | None, str]] = set()
    dates = 0
    earlier = tables.earlier("metric_catalog")
    while unseen and dates < MOST_DATES and (before := next(earlier, None)) is not None:
        if seen := _metrics(before):
            dates += 1
            unseen -= seen
            known_paths |= {metric[:2] for metric in seen}
    new = sorted(unseen, key=str) if dates else []
    return Finding(
        passed=not new,
        description=naming(f"{len(new)} metrics that none of the {dates} dates before has", new)
        if new
        else _all_seen(dates),
        metadata={
            "new": exact_listing(
                ("detector", "path", "kind", "what is new"),
                [(*metric, "the kind" if metric[:2] in known_paths else "the path") for metric in new],
            ),
            "dates_compared": dates,
        },
    )


def _all_seen(dates: int) -> str:
    return "every metric was seen before" if dates else "no date before has metrics to compare with"


def _metrics(tables: PartitionTables) -> set[Metric]:
    rows = tables.read("metric_catalog", columns=["detector_name", "metric_path", "value_kind"]).to_pylist()
    return {(row["detector_name"], row["metric_path"], row["value_kind"]) for row in rows}
