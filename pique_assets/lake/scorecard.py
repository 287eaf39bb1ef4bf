"""How a judge and its detectors did on one day: pass rates with an interval, spread of scores.

Belongs here: `scorecard_daily`, a pure function of `evaluations` and `detector_results`. Does not: verdicts, which
are Pique's; no overall score is recomputed, and no pass is derived from a score.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import pyarrow as pa

from pique_assets.lake.scale import MIXED, common_scale, score_scale
from pique_assets.lake.schemas import build_table

OVERALL: Final = "__overall__"
"""detector_name of the row about the judge as a whole."""

# The 97.5 % quantile of the normal distribution: a two-sided 95 % interval.
_Z: Final = 1.959963984540054

# Of all columns only these: rationales alone take more than a scorecard should.
_OF_EVALUATIONS: Final = ["job_id", "judge_id", "status", "overall_score", "overall_score_scale"]
_OF_RESULTS: Final = ["job_id", "detector_config_id", "detector_name", "pass_check", "score"]

_Cells = dict[str, object]
_T = TypeVar("_T")


def scorecard_daily(*, evaluations: pa.Table, detector_results: pa.Table, judge_id: str | None = None) -> pa.Table:
    """The `scorecard_daily` table of one partition.

    Args:
        evaluations: the partition's `evaluations`.
        detector_results: the partition's `detector_results`.
        judge_id: the judge of evaluations whose payload does not name one (social webhooks, unreadable payloads).

    Returns:
        A row per judge and detector config, and per judge one named `__overall__`; no rows for a day without
        evaluations. Undecided results count in `n` and `undecided`, never in the pass rate.
    """
    judge_of: dict[str, str | None] = {}
    by_judge: dict[str | None, list[_Cells]] = defaultdict(list)
    for evaluation in evaluations.select(_OF_EVALUATIONS).to_pylist():
        judge = judge_of[evaluation["job_id"]] = evaluation["judge_id"] or judge_id
        by_judge[judge].append(evaluation)
    by_detector: dict[tuple[str | None, str | None, str | None], list[_Cells]] = defaultdict(list)
    for result in detector_results.select(_OF_RESULTS).to_pylist():
        judge = judge_of.get(result["job_id"], judge_id)
        by_detector[judge, result["detector_config_id"], result["detector_name"]].append(result)
    rows = [_overall_row(judge, group) for judge, group in by_judge.items()]
    rows += [
        {"judge_id": judge, "detector_config_id": config, "detector_name": name, **_detector_cells(group)}
        for (judge, config, name), group in by_detector.items()
    ]
    return build_table("scorecard_daily", rows)


def wilson_interval(passed: int, decided: int) -> tuple[float, float] | None:
    """The 95 % Wilson score interval of a pass rate, within 0 to 1; None when nothing was decided.

    Unlike the normal approximation it stays sensible for the handful of items a day has, and for 0 % and 100
    %.
    """
    if decided == 0:
        return None
    rate, z2 = passed / decided, _Z * _Z
    centre = rate + z2 / (2 * decided)
    spread = _Z * math.sqrt(rate * (1 - rate) / decided + z2 / (4 * decided * decided))
    scale = 1 + z2 / decided
    # Rounding must not exclude the rate itself at its ends.
    return min(max((centre - spread) / scale, 0.0), rate), max(min((centre + spread) / scale, 1.0), rate)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile of sorted numbers, linear between neighbours (as numpy and pandas do by default)."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    weight = position - below
    return ordered[below] * (1 - weight) + ordered[above] * weight


def _overall_row(judge: str | None, evaluations: list[_Cells]) -> _Cells:
    statuses = [evaluation["status"] for evaluation in evaluations]
    completed, failed = statuses.count("completed"), statuses.count("failed")
    scores = _numbers(evaluations, "overall_score")
    scales = [e["overall_score_scale"] for e in evaluations if e["overall_score"] is not None]
    scale = common_scale(str(scale) for scale in _telling(scales, scores))
    return {
        "judge_id": judge,
        "detector_name": OVERALL,
        "n": len(statuses),
        "evaluations_completed": completed,
        "evaluations_failed": failed,
        "evaluations_other": len(statuses) - completed - failed,
        **_score_cells(scores, scale),
    }


def _detector_cells(results: list[_Cells]) -> _Cells:
    verdicts = [result["pass_check"] for result in results]
    passed, failed = verdicts.count(True), verdicts.count(False)
    decided = passed + failed
    interval = wilson_interval(passed, decided)
    scores = _numbers(results, "score")
    scale = common_scale(_telling([score_scale(score) for score in scores], scores))
    return {
        "n": len(results),
        "passed": passed,
        "failed": failed,
        "undecided": len(results) - decided,
        "pass_rate": passed / decided if decided else None,
        "wilson_low": interval[0] if interval else None,
        "wilson_high": interval[1] if interval else None,
        **_score_cells(scores, scale),
    }


def _score_cells(scores: list[float], scale: str | None) -> _Cells:
    cells: _Cells = {"score_n": len(scores), "score_scale": scale}
    if not scores:
        return cells
    ordered = sorted(scores)
    cells |= {"score_min": ordered[0], "score_max": ordered[-1]}
    if scale != MIXED:
        cells |= {f"score_p{share}": quantile(ordered, share / 100) for share in (10, 50, 90)}
        # fsum: the mean must not depend on the order of the rows.
        cells["score_mean"] = math.fsum(ordered) / len(ordered)
    return cells


def _telling(scales: list[_T], scores: list[float]) -> list[_T]:
    """The scales of the scores that are not zero, where there are any: a zero is a zero on every scale."""
    return [scale for scale, score in zip(scales, scores, strict=True) if score] or scales


def _numbers(rows: Iterable[_Cells], name: str) -> list[float]:
    return [value for row in rows if isinstance(value := row[name], float)]
