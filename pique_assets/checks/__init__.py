"""Asset checks: what a partition's tables should look like, and a warning where they don't.

Belongs here: which checks an evaluation has. Does not: what a check looks at (a module for each kind), and anything
that stops a run: one bad item never fails its partition, and a check counts the bad items.
"""

from __future__ import annotations

import dagster as dg

from pique_assets.checks.content_items import content_item_checks
from pique_assets.checks.delivery import delivery_checks
from pique_assets.checks.judge_drift import judge_drift_check
from pique_assets.checks.new_metrics import new_metrics_check
from pique_assets.checks.operation import Check, PartitionCheck, check_operation
from pique_assets.checks.scores import score_check
from pique_assets.checks.table_shape import table_shape_checks
from pique_assets.config import Evaluation
from pique_assets.resource_keys import ResourceKeys

INVENTORIES = ("content", "social_submissions")

__all__ = ["PartitionCheck", "checks_of", "partition_checks"]


def checks_of(
    evaluation: Evaluation, *, keys: ResourceKeys, partitioned: bool = True
) -> list[dg.AssetChecksDefinition]:
    """The checks of one evaluation.

    Args:
        evaluation: Whose tables are checked.
        keys: Under which the checks find their resources.
        partitioned: Give checks the partitions of their asset, which Dagster calls a preview. Without partitions, a
            check runs all the same, and the UI shows its result beside the asset instead of the partition.
    """
    checks = partition_checks(evaluation)
    # An operation of its own for the inventory, which is checked even where nothing could be submitted.
    operations = {
        "content_checks": [check for check in checks if check.asset in INVENTORIES],
        "result_checks": [check for check in checks if check.asset not in INVENTORIES],
    }
    return [
        check_operation(evaluation, looks, name=name, keys=keys, partitioned=partitioned)
        for name, looks in operations.items()
        if looks
    ]


def partition_checks(evaluation: Evaluation) -> list[Check]:
    """The checks of each partition of an evaluation."""
    return [
        *delivery_checks(evaluation),
        *content_item_checks(evaluation),
        *table_shape_checks(evaluation),
        score_check(),
        new_metrics_check(),
        judge_drift_check(evaluation),
    ]
