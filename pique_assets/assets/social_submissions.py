"""Social media URLs submitted: the step after which Pique downloads and evaluates.

Here: the asset. Not here: lists of URLs (`media`), and how a submission survives lost answers (`evaluation`, `ledger`).
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets.assets.evaluation_asset import API_POOL, dated_asset
from pique_assets.assets.plan_events import announcing_plan
from pique_assets.config import Evaluation
from pique_assets.metadata import markdown_table
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.media import ContentItem

SHOWN_LINES = 20


def social_submissions_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The social media submissions of an evaluation, by date; the ledger is their record."""

    @dated_asset(
        evaluation,
        "social_submissions",
        keys=keys,
        after=("raw_social_urls", "judge"),
        description="The date's social media URLs, submitted to the judge in batches, each exactly once.",
        kinds=("pique",),
        pool=API_POOL,
    )
    def social_submissions(
        context: dg.AssetExecutionContext,
        pique: PiqueResource,
        ledger: LedgerResource,
        lake: LakeResource,
        media_storage: MediaStorageResource,
    ) -> dg.MaterializeResult[None]:
        from pique_assets.assets.submitting import ready_to_submit, submitted
        from pique_assets.evaluation.social import submit_social_partition

        items = listed_urls(evaluation, date=context.partition_key, media_storage=media_storage)
        with ready_to_submit(context, evaluation, pique=pique, ledger=ledger, lake=lake.lake()) as ready:
            report = submit_social_partition(
                items,
                evaluation=evaluation.name,
                partition=context.partition_key,
                judge=ready.judge,
                client=ready.client,
                ledger=ready.ledger,
                limits=evaluation.limits,
                say=context.log.info,
                webhook_url=evaluation.resolved_webhook_url(),
                budget=evaluation.budget,
                on_plan=ready.declaring(announcing_plan(context)),
            )
        counts = asdict(report)
        return submitted(
            judge=ready.judge,
            work_keys=counts.pop("work_keys"),
            counts=counts,
            more={"wrong_lines": dg.MarkdownMetadataValue(_wrong_lines(items))},
        )

    return social_submissions


def listed_urls(evaluation: Evaluation, *, date: str, media_storage: MediaStorageResource) -> "list[ContentItem]":
    """The URLs that are listed for a date, each once, and the lines that are wrong.

    Raises:
        SourceUnavailable, SourceInvalid: A list can't be read.
    """
    from pique_assets.media import inventory

    if evaluation.social is None:
        raise ValueError(f"evaluation {evaluation.name!r} has no lists of social media URLs")
    return list(inventory(media_storage.open_source(evaluation.social), date=dt.date.fromisoformat(date)))


def _wrong_lines(items: "Sequence[ContentItem]") -> str:
    wrong = [item for item in items if not item.is_ready]
    if not wrong:
        return "None."
    return markdown_table(["list", "error"], [[item.filename, item.error] for item in wrong[:SHOWN_LINES]])
