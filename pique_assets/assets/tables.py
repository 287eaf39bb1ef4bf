"""Payloads to result tables: evaluations, detector results, metrics, flagged moments, all in one pass.

Belongs here: the asset that writes the four. Does not: how a payload becomes rows (`lake.normalised`), which needs
neither API nor ledger.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

from collections.abc import Iterator
from typing import Final

import dagster as dg

from pique_assets import lake as lake_room
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.config import Evaluation
from pique_assets.partitions import partitions_of
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource

RESULT_TABLES: Final = ("evaluations", "detector_results", "detector_metrics", "flagged_moments")


def result_tables_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The four result tables of an evaluation, by date."""
    specs = [
        evaluation.asset_spec(table, after=("evaluation_results",), partitions_def=partitions_of(evaluation))
        for table in RESULT_TABLES
    ]

    def result_tables(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[None]]:
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        written = lake_room.write_result_tables(tables.lake, **tables.where)
        for table in RESULT_TABLES:
            yield tables.materialised(table, written[table])

    bound = keys.bind(result_tables)
    return dg.multi_asset(
        name=f"{evaluation.name}__result_tables",
        specs=specs,
        required_resource_keys=bound.required_resource_keys,
    )(bound.call)
