"""The numbers that the Dagster UI plots over dates: rates, scores, counts, seconds and bytes of a materialisation.

Belongs here: from a table of the lake to numbers by name. Does not: what else the UI shows of a table (`metadata`), and
pictures (`pictures`).

The UI draws a line for each name that has a number in some materialisation of an asset. So a name never depends on how
a date went, a number that does not exist is left out instead of being null, and a count of nothing is 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from pique_assets import lake as lake_room, ledger as ledger_room
from pique_assets.visible import visible

if TYPE_CHECKING:
    import pyarrow as pa

# Each event of a run carries these; a judge with more detectors has all of them in the table.
MOST_DETECTORS: Final = 30
NAME_CHARACTERS: Final = 60

Numbers = Mapping[str, dg.IntMetadataValue | dg.FloatMetadataValue]


def scorecard_numbers(scorecard: pa.Table) -> Numbers:
    """Pass rate and mean score of each detector, the mean overall score, and how many evaluations there were."""
    rows = scorecard.to_pylist()
    numbers: dict[str, float | int] = {"evaluations": 0}
    for name, row in _named(rows):
        if row["detector_name"] == lake_room.OVERALL:
            numbers["evaluations"] += row["n"]
        for kind, column in (("pass_rate", "pass_rate"), ("mean_score", "score_mean")):
            if row[column] is not None:
                numbers[f"{kind}/{name}"] = row[column]
    return as_metadata(numbers)


def submission_numbers(submissions: pa.Table) -> Numbers:
    """Content items by state, their bytes, and the seconds from upload to result."""
    # Of no use to whoever only loads the code location.
    import statistics

    counted = Counter(submissions.column("state").to_pylist())
    seconds = [value for value in submissions.column("latency_s").to_pylist() if value is not None]
    states = [*(state.value.lower() for state in ledger_room.SubmissionState), "unreadable", "unsubmitted"]
    numbers: dict[str, float | int] = {f"state/{state}": counted[state] for state in states}
    numbers["content_bytes"] = sum(value or 0 for value in submissions.column("size_bytes").to_pylist())
    if seconds:
        numbers |= {"seconds_to_result/median": statistics.median(seconds), "seconds_to_result/most": max(seconds)}
    return as_metadata(numbers)


def status_numbers(status: pa.Table) -> Numbers:
    """The counts of a date's commit mark, as the table has them."""
    (row,) = status.to_pylist()
    return as_metadata({name: value for name, value in row.items() if name.endswith("_count") and value is not None})


def as_metadata(numbers: Mapping[str, float | int]) -> Numbers:
    """Numbers as Dagster's metadata."""
    return {
        name: dg.IntMetadataValue(number) if isinstance(number, int) else dg.FloatMetadataValue(float(number))
        for name, number in numbers.items()
    }


def _named(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a scorecard by their names; detectors of one name are told apart by their configs or judges."""
    overall = [row for row in rows if row["detector_name"] == lake_room.OVERALL]
    detectors = [row for row in rows if row["detector_name"] != lake_room.OVERALL]
    seen: set[str] = set()
    for row in [*overall, *detectors[:MOST_DETECTORS]]:
        name = "overall" if row["detector_name"] == lake_room.OVERALL else _plain(row["detector_name"])
        if name in seen:
            name = f"{name} {_plain(row['detector_config_id'] or row['judge_id'])}"
        seen.add(name)
        yield name, row


def _plain(name: str | None) -> str:
    """A name as part of a key: one line of printable characters, not too long."""
    return " ".join(visible(name or "").split())[:NAME_CHARACTERS] or "unnamed"
