"""The raw payloads of a date, and how each of its submissions stands.

Here: waiting for open jobs, and the tables `payloads` and `submissions` as copies of what the ledger knows. Not here:
asking Pique (`evaluation`), reading payloads (`tables`).
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

from dataclasses import asdict
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets.assets.evaluation_asset import dated_asset
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.config import Evaluation
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, LedgerResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.evaluation.errors import ResultsPending
    from pique_assets.ledger import PartitionItem, Submission


def evaluation_results_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The raw payloads of an evaluation, by date."""

    @dated_asset(
        evaluation,
        "evaluation_results",
        keys=keys,
        after=evaluation.submitting_assets,
        description="Pique's answers about the date's jobs, byte for byte. Waits, bounded, for open jobs.",
        kinds=("pique", "parquet"),
    )
    def evaluation_results(
        context: dg.AssetExecutionContext, pique: PiqueResource, ledger: LedgerResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        from pique_assets.evaluation.errors import ResultsPending
        from pique_assets.evaluation.results import collect_partition
        from pique_assets.lake import Payload, payloads_table

        where = {"evaluation": evaluation.name, "partition": context.partition_key}
        with pique.client() as client, ledger.ledger() as opened:
            try:
                settled = collect_partition(
                    **where,
                    client=client,
                    ledger=opened,
                    limits=evaluation.limits,
                    say=context.log.info,
                    webhook_expected=evaluation.expects_webhooks,
                )
            except ResultsPending as pending:
                raise _failure(pending) from None
            payloads = [
                Payload(job_id=stored.job_id, source=stored.source, received_at=stored.received_at, body=stored.body)
                for stored in opened.partition_payloads(**where)
            ]
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        counts = {
            name: dg.IntMetadataValue(value)
            for name, value in asdict(settled.progress).items()
            if isinstance(value, int)
        }
        written = tables.write("payloads", payloads_table(payloads), asset="evaluation_results", more=counts)
        with ledger.ledger() as opened:
            opened.record_collected(**where, digest=settled.digest)
        return written

    return evaluation_results


def submissions_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """How every content item of a date stands: one row each, nothing skipped."""

    @dated_asset(
        evaluation,
        "submissions",
        keys=keys,
        after=("evaluation_results",),
        description="One row per content item of the date: its job and outcome, or the reason why it has none.",
    )
    def submissions(
        context: dg.AssetExecutionContext, ledger: LedgerResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        from pique_assets.lake import build_table

        with ledger.ledger() as opened:
            items = opened.partition_state(evaluation=evaluation.name, partition=context.partition_key)
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        rows = [submission_row(item, evaluation=evaluation.name) for item in items]
        return tables.write("submissions", build_table("submissions", rows))

    return submissions


def submission_row(row: "PartitionItem", *, evaluation: str) -> dict[str, object]:
    """One content item and its current submission as a row of `submissions`."""
    item, submission = row.item, row.submission
    columns: dict[str, object] = {
        "evaluation": evaluation,
        "content_uri": item.content_uri,
        "fingerprint": item.fingerprint,
        "filename": item.filename,
        "size_bytes": item.size_bytes,
        "content_type": item.content_type,
        "title": item.title,
        "description": item.description,
        "work_key": item.work_key,
        "source": row.source,
        "state": "unreadable" if item.work_key is None else "unsubmitted",
        "error_code": item.error_code,
        "error": item.error,
    }
    if submission is not None:
        columns |= {
            "job_id": submission.job_id,
            "batch_id": submission.batch_id,
            "source": submission.source,
            "judge_id": submission.judge_id,
            "judge_configuration_hash": submission.judge_configuration_hash,
            "state": submission.state.lower(),
            "attempt": submission.attempt,
            "error_code": submission.error_code,
            "error": submission.error,
            "created_at": submission.created_at,
            "uploaded_at": submission.uploaded_at,
            "finished_at": submission.finished_at or submission.settled_at,
            "latency_s": _latency_s(submission),
        }
        if submission.state == "IN_DOUBT":
            # A restored ledger has the evidence as the error it was in this table.
            columns |= {"error_code": "in_doubt", "error": submission.error or submission.evidence}
    return columns


def _latency_s(submission: "Submission") -> float | None:
    if submission.uploaded_at is None or submission.finished_at is None:
        return None
    return (submission.finished_at - submission.uploaded_at).total_seconds()


def _failure(pending: "ResultsPending") -> dg.Failure:
    """Never a skipped output, which fails a backfill for good; never a retry, the run has waited already."""
    return dg.Failure(
        str(pending),
        metadata={
            "pending": len(pending.pending_job_ids),
            "pending_job_ids": dg.JsonMetadataValue(pending.pending_job_ids),
            "not_uploaded": pending.not_uploaded,
            "unanswered": pending.unanswered,
        },
        allow_retries=False,
    )
