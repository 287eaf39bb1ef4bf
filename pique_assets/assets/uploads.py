"""Submissions made and bytes sent: the step after which Pique evaluates.

Here: the asset. Not here: how a submission survives crashes (`evaluation`, `ledger`).
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

from dataclasses import asdict

import dagster as dg

from pique_assets.assets.content_rows import ContentRows
from pique_assets.assets.evaluation_asset import API_POOL, dated_asset
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.assets.plan_events import announcing_plan
from pique_assets.config import Evaluation
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource


def uploads_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The submissions of an evaluation, by date; the ledger is their record."""

    @dated_asset(
        evaluation,
        "uploads",
        keys=keys,
        after=("content", "judge"),
        description="The date's content, submitted to the judge and uploaded, each item exactly once.",
        kinds=("pique",),
        pool=API_POOL,
    )
    def uploads(
        context: dg.AssetExecutionContext,
        pique: PiqueResource,
        ledger: LedgerResource,
        lake: LakeResource,
        media_storage: MediaStorageResource,
    ) -> dg.MaterializeResult[None]:
        from pique_assets.assets.submitting import ready_to_submit, submitted
        from pique_assets.evaluation.partition import submit_partition

        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        with ready_to_submit(context, evaluation, pique=pique, ledger=ledger, lake=tables.lake) as ready:
            report = submit_partition(
                ContentRows(tables.read("content")),
                evaluation=evaluation.name,
                partition=context.partition_key,
                judge=ready.judge,
                client=ready.client,
                ledger=ready.ledger,
                open_content=media_storage.content_opener(),
                limits=evaluation.limits,
                say=context.log.info,
                webhook_url=evaluation.resolved_webhook_url(),
                budget=evaluation.budget,
                on_plan=ready.declaring(announcing_plan(context)),
            )
        counts = asdict(report)
        return submitted(judge=ready.judge, work_keys=counts.pop("work_keys"), counts=counts)

    return uploads
