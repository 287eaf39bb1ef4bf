"""A check that notices when scores of two dates come from two configurations of a judge.

Belongs here: comparing the configurations of submissions. Does not: what makes a submission go to another
configuration, which is the work key, and how two configurations are compared (`judges.changes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

from pique_assets import judges as judges_room
from pique_assets.assets.judge import snapshots_of
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.checks.operation import Finding, PartitionCheck, exact_listing
from pique_assets.config import Evaluation

if TYPE_CHECKING:
    from pique_assets.judges.changes import DetectorSettings

_Settings: TypeAlias = "Mapping[str, list[DetectorSettings] | None]"
"""The detectors of each configuration, by its hash; None where the lake has no snapshot of the configuration."""

# How many dates without submissions to pass over in search of the date before.
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
    used = _configurations(tables)
    if not used:
        return Finding(passed=True, description="nothing was submitted")
    before, date = _previous(tables)
    now = snapshots_of(evaluation, lake=tables.lake).latest_configuration()
    changes = [
        *([("on this date", f"{len(used)} configurations")] if len(used) > 1 else []),
        *_changes(before, used, when=f"since {date}", tables=tables),
        *_changes(used, set() if now is None else {now}, when="since then", tables=tables),
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
    """The configurations of the last earlier date that has submissions, and that date."""
    for _, before in zip(range(MOST_EMPTY_DATES), tables.earlier("submissions"), strict=False):
        if found := _configurations(before):
            return found, before.date
    return set(), None


def _changes(old: set[str], new: set[str], *, when: str, tables: PartitionTables) -> Iterator[tuple[str, str]]:
    """When and what, once for each difference between configurations; none where one side is not known."""
    if not old or not new or old == new:
        return
    gone, come = sorted(old - new), sorted(new - old)
    settings = {found: snapshots_of(tables.evaluation, lake=tables.lake).settings(found) for found in old | new}
    pairs = _closest_pairs(gone or sorted(old), come, settings=settings)
    sentences = [sentence for pair in pairs for sentence in _differences(*pair, settings=settings)]
    followed = {before for before, _ in pairs}
    sentences += [f"configuration {_shown(one)} is used no more" for one in gone if one not in followed]
    # Two pairs may differ by the same setting.
    for sentence in dict.fromkeys(sentences):
        yield when, sentence


def _closest_pairs(gone: list[str], come: list[str], *, settings: _Settings) -> list[tuple[str, str]]:
    """Each configuration that came, with the one it most likely came from: the one that differs by the least.

    A configuration that is gone is followed by one that came, unless more came than are gone.
    """

    def distance(pair: tuple[str, str]) -> tuple[bool, int]:
        before, after = settings[pair[0]], settings[pair[1]]
        return (
            (True, 0) if before is None or after is None else (False, len(judges_room.detector_changes(before, after)))
        )

    found: list[tuple[str, str]] = []
    candidates = sorted(product(gone, come), key=distance)
    for before, after in candidates:
        if before not in {one for one, _ in found} and after not in {one for _, one in found}:
            found.append((before, after))
    # More came than are gone: the rest came from one that is followed already.
    for before, after in candidates:
        if after not in {one for _, one in found}:
            found.append((before, after))
    return found


def _differences(gone: str, come: str, *, settings: _Settings) -> list[str]:
    before, after = settings[gone], settings[come]
    unknown = f"configuration {_shown(gone)} became {_shown(come)}"
    if before is None or after is None:
        return [f"{unknown}; the lake has no snapshot of {'the first' if before is None else 'the second'}"]
    return judges_room.detector_changes(before, after) or [f"{unknown}, with the same detectors"]


def _sentence(changes: list[tuple[str, str]]) -> str:
    shown = "; ".join(f"{when}: {what}" for when, what in changes[:3])
    return shown if len(changes) <= 3 else f"{shown}; and {len(changes) - 3} more"


def _shown(configuration_hash: str) -> str:
    return configuration_hash[:HASH_DIGITS_SHOWN]
