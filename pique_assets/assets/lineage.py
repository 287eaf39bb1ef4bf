"""Which column of which table comes from which: the lineage the UI draws between tables.

Belongs here: the declaration: column by column where columns differ in their sources, by name where a table passes a
column on. Does not: lineage between assets, which Dagster knows from their dependencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import dagster as dg

from pique_assets import lake as lake_room
from pique_assets.config import Evaluation

# The asset that writes a table, where the two names differ.
ASSET_OF_TABLE: Final[Mapping[str, str]] = {"payloads": "evaluation_results"}

# The upstream table from which a table passes on each column of the same name.
PASSED_ON: Final[Mapping[str, str]] = {
    "submissions": "content",
    "evaluations": "payloads",
    "detector_results": "payloads",
    "detector_metrics": "payloads",
    "flagged_moments": "payloads",
    "metric_catalog": "detector_metrics",
}

# The columns that every other column of a table is computed from: (table, column).
COMPUTED_FROM: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "evaluations": (("payloads", "body"),),
    "detector_results": (("payloads", "body"),),
    "detector_metrics": (("payloads", "body"),),
    "flagged_moments": (("payloads", "body"),),
}

# Columns with sources of their own.
SPECIAL: Final[Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]]] = {
    "scorecard_daily": {
        "judge_id": (("evaluations", "judge_id"),),
        "detector_config_id": (("detector_results", "detector_config_id"),),
        "detector_name": (("detector_results", "detector_name"),),
        "n": (("detector_results", "job_id"), ("evaluations", "job_id")),
        **dict.fromkeys(
            ("passed", "failed", "undecided", "pass_rate", "wilson_low", "wilson_high"),
            (("detector_results", "pass_check"),),
        ),
        **dict.fromkeys(
            ("evaluations_completed", "evaluations_failed", "evaluations_other"), (("evaluations", "status"),)
        ),
        **dict.fromkeys(
            ("score_n", "score_scale", "score_min", "score_p10", "score_p50", "score_p90", "score_max", "score_mean"),
            (("detector_results", "score"), ("evaluations", "overall_score")),
        ),
    },
    "metric_catalog": {
        "n": (("detector_metrics", "metric_path"),),
        "value_min": (("detector_metrics", "value_double"), ("detector_metrics", "value_int")),
        "value_max": (("detector_metrics", "value_double"), ("detector_metrics", "value_int")),
    },
}


def column_lineage(table_name: str, *, evaluation: Evaluation) -> dict[str, list[dg.TableColumnDep]]:
    """The upstream columns of each column of a table, for one evaluation's assets; without columns that have none."""
    return {
        column: [_dep(table, source, evaluation=evaluation) for table, source in sources]
        for column in lake_room.SCHEMAS[table_name].names
        if (sources := _sources(table_name, column, evaluation=evaluation))
    }


def _sources(table_name: str, column: str, *, evaluation: Evaluation) -> tuple[tuple[str, str], ...]:
    if column in SPECIAL.get(table_name, {}):
        return SPECIAL[table_name][column]
    upstream = PASSED_ON.get(table_name)
    if upstream == "content" and evaluation.media is None:
        # Social media has no inventory table: the asset that submits the URLs reads their lists.
        return ()
    if upstream is not None and column in lake_room.SCHEMAS[upstream].names:
        return ((upstream, column),)
    return COMPUTED_FROM.get(table_name, ())


def _dep(table: str, column: str, *, evaluation: Evaluation) -> dg.TableColumnDep:
    return dg.TableColumnDep(asset_key=evaluation.asset_key(ASSET_OF_TABLE.get(table, table)), column_name=column)
