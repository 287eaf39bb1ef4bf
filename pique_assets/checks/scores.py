"""A check that scores are within the scale that they seem to be on.

Belongs here: a warning. Does not: rescaling a score, or deriving a verdict from one: Pique documents no scale, and its
verdicts follow rules of their own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.checks.operation import Finding, PartitionCheck, exact_listing, listing, naming

UNIT, PERCENT = (0.0, 1.0), (0.0, 100.0)


def score_check() -> PartitionCheck:
    """The check over the overall scores and those of every detector."""
    return PartitionCheck(
        asset="evaluations",
        name="scores_are_in_range",
        description="Warns about scores, overall or of a detector, outside 0 to 1, or outside 0 to 100 where most of "
        "their kind are of that scale.",
        look=_look,
    )


def score_range(scores: Iterable[float]) -> tuple[float, float]:
    """The range that most of these scores seem to be from: 0 to 1, or 0 to 100.

    A score of 0 is on either scale, and a score on neither scale says nothing. Where as many scores look like percents
    as like shares, all are percents: a low percent looks like a share, while no share looks like a percent.
    """
    told = [score for score in scores if 0 < score <= PERCENT[1]]
    percents = sum(score > UNIT[1] for score in told)
    return PERCENT if percents and 2 * percents >= len(told) else UNIT


def _look(tables: PartitionTables) -> Finding:
    overall = tables.read("evaluations", columns=["job_id", "overall_score"]).to_pylist()
    results = tables.read("detector_results", columns=["job_id", "detector_name", "score"]).to_pylist()
    return _finding(
        [
            *(("overall", row["job_id"], row["overall_score"]) for row in overall),
            *((f"detector {row['detector_name']}", row["job_id"], row["score"]) for row in results),
        ]
    )


def _finding(scores: Sequence[tuple[str, str, float | None]]) -> Finding:
    """What is out of range; overall scores have a scale, and the scores of each detector have one."""
    by_name: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for name, job_id, score in scores:
        if score is not None:
            by_name[name].append((job_id, score))
    ranges = {name: score_range(score for _, score in found) for name, found in by_name.items()}
    outside = [
        (name, job_id, score, _shown(ranges[name]))
        for name, found in sorted(by_name.items())
        for job_id, score in found
        if not ranges[name][0] <= score <= ranges[name][1]
    ]
    counted = sum(map(len, by_name.values()))
    seen = [
        (name, len(found), *_ends([score for _, score in found]), _shown(ranges[name]))
        for name, found in sorted(by_name.items())
    ]
    return Finding(
        passed=not outside,
        description=naming(
            f"{len(outside)} of {counted} scores are out of range",
            [(name, job, score) for name, job, score, _ in outside],
        )
        if outside
        else f"all {counted} scores",
        metadata={
            "scores": counted,
            "outside": exact_listing(("of", "job_id", "score", "range"), outside),
            "seen": listing(("of", "scores", "lowest", "highest", "range"), seen),
        },
    )


def _ends(scores: Sequence[float]) -> tuple[float, float]:
    numbers = [score for score in scores if not math.isnan(score)] or [math.nan]
    return min(numbers), max(numbers)


def _shown(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}"
