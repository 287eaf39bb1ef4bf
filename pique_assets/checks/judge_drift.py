"""A check that notices when scores of two dates come from two configurations of a judge.

Here: comparing the configurations of submissions. Not here: what makes a submission go to another configuration; that
is the work key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.checks.operation import Finding, PartitionCheck, exact_listing
from pique_assets.config import Evaluation

if TYPE_CHECKING:
    from pique_assets.evaluation.judge_changes import DetectorSettings

# Dates without submissions that are passed over when the one before is looked for.
MOST_EMPTY_DATES = 100
HASH_DIGITS_SHOWN = 12


def judge_drift_check(evaluation: Evaluation) -> PartitionCheck:
    """The check over `submissions`."""
    return PartitionCheck(
        asset="submissions",
        name="judge_has_not_changed",
        description="Warns when the date's submissions went to another configuration of the judge than those of the "
        "date before, or than the judge has now: their scores may not be comparable.",
        look=lambda tables: _look(tables, evaluation=evaluation),
    )


def _look(tables: PartitionTables, *, evaluation: Evaluation) -> Finding:
    from pique_assets.assets.judge_snapshots import latest_snapshot

    used = _configurations(tables)
    if not used:
        return Finding(passed=True, description="nothing was submitted")
    before, date = _previous(tables)
    snapshot = latest_snapshot(evaluation, lake=tables.lake)
    now = {snapshot["judge_configuration_hash"]} - {None} if snapshot else set()
    changes = [
        *([("on this date", f"{len(used)} configurations")] if len(used) > 1 else []),
        *_changes(before, used, when=f"since {date}", tables=tables),
        *_changes(used, now, when="since then", tables=tables),
    ]
    return Finding(
        passed=not changes,
        description=_sentence(changes) if changes else "as on the date before, and as the judge is now",
        metadata={
            "changes": exact_listing(("when", "what"), changes),
            "configurations": ", ".join(sorted(used)),
            "date_before": date or "none",
        },
    )


def _configurations(tables: PartitionTables) -> set[str]:
    column = tables.read("submissions", columns=["judge_configuration_hash"]).column("judge_configuration_hash")
    return {value for value in column.unique().to_pylist() if value is not None}


def _previous(tables: PartitionTables) -> tuple[set[str], str | None]:
    """The configurations of the last date before this one that has any, and that date."""
    for _, before in zip(range(MOST_EMPTY_DATES), tables.earlier("submissions"), strict=False):
        if found := _configurations(before):
            return found, before.date
    return set(), None


def _changes(old: set[str], new: set[str], *, when: str, tables: PartitionTables) -> Iterable[tuple[str, str]]:
    """When, and what, for each difference between configurations; none where one side is not known."""
    if not old or not new or old == new:
        return
    for gone in sorted(old - new) or sorted(old):
        for come in sorted(new - old):
            for change in _differences(gone, come, tables=tables):
                yield when, change
    if not new - old:
        yield when, f"configuration {_shown(next(iter(old - new)))} is used no more"


def _differences(gone: str, come: str, *, tables: PartitionTables) -> list[str]:
    from pique_assets.evaluation.judge_changes import detector_changes

    before, after = (_settings(found, tables=tables) for found in (gone, come))
    unknown = f"configuration {_shown(gone)} became {_shown(come)}"
    if before is None or after is None:
        return [f"{unknown}; the lake has no snapshot of {'the first' if before is None else 'the second'}"]
    return detector_changes(before, after) or [f"{unknown}, with the same detectors"]


def _settings(configuration_hash: str, *, tables: PartitionTables) -> list[DetectorSettings] | None:
    from pique_assets.assets.judge_snapshots import configuration_rows
    from pique_assets.evaluation.judge_changes import DetectorSettings

    rows = configuration_rows(tables.evaluation, configuration_hash=configuration_hash, lake=tables.lake)
    if rows is None:
        return None
    return [
        DetectorSettings(
            name=row["detector_name"] or "",
            config=json.loads(row["config_json"] or "{}"),
            weight=row["weight"],
            config_id=row["detector_config_id"],
        )
        for row in rows
    ]


def _sentence(changes: list[tuple[str, str]]) -> str:
    shown = "; ".join(f"{when}: {what}" for when, what in changes[:3])
    return shown if len(changes) <= 3 else f"{shown}; and {len(changes) - 3} more"


def _shown(configuration_hash: str) -> str:
    return configuration_hash[:HASH_DIGITS_SHOWN]
