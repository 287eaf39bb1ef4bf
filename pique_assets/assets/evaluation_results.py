"""The raw payloads of a date, and how each of its submissions stands.

Here: waiting for open jobs, and the tables `payloads` and `submissions` as copies of what the ledger knows. Not here:
asking Pique (`evaluation`), reading payloads (`tables`), and asking for another run (`collection`).

A date never waits for its slowest job: when the waiting is over, the tables are written with what is there, and each
open job is a row that says so. The run succeeds, because what follows it in the graph runs only then, and a backfill
has to complete; the date stays uncollected in the ledger, so the sensor asks for another run when its jobs have ended.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from pique_assets import display, evaluation as evaluation_room, lake as lake_room, ledger as ledger_room
from pique_assets.assets.evaluation_asset import evaluation_asset
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.config import Evaluation
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, LedgerResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.evaluation.errors import ResultsPending
    from pique_assets.ledger import Ledger, PartitionItem, PartitionProgress, Submission

NO_RESULT_YET = "no_result_yet"
"""Error code of the row of an open job."""

_OF_SUBMISSION = (
    *("job_id", "batch_id", "source", "judge_id", "judge_configuration_hash", "attempt"),
    *("error_code", "error", "created_at", "uploaded_at"),
)

ASKED_FOR_DIGEST_TAG = "pique_assets/digest"
"""Tag of a run that the sensor asked for: how its date stood then. Such a run need not wait: the sensor does."""


def evaluation_results_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The raw payloads of an evaluation, by date."""

    @evaluation_asset(
        evaluation,
        "evaluation_results",
        keys=keys,
        after=evaluation.submitting_assets,
    )
    def evaluation_results(
        context: dg.AssetExecutionContext, pique: PiqueResource, ledger: LedgerResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        where = {"evaluation": evaluation.name, "partition": context.partition_key}
        waits = ASKED_FOR_DIGEST_TAG not in context.run.tags
        limits = evaluation.limits if waits else replace(evaluation.limits, results_wait_s=0.0)
        pending: evaluation_room.ResultsPending | None = None
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        with pique.client() as client, _submitted_to(ledger, **where) as opened:
            tables.lake.belong_to(client.pique)
            began = time.monotonic()
            try:
                engine = evaluation_room.Engine(
                    client=client,
                    ledger=opened,
                    limits=limits,
                    say=context.log.info,
                    expects_webhooks=evaluation.expects_webhooks,
                )
                evaluation_room.collect_partition(
                    engine, partition=evaluation_room.Partition(evaluation=evaluation.name, key=context.partition_key)
                )
            except evaluation_room.NothingSubmitted as nothing:
                raise dg.Failure(str(nothing), allow_retries=False) from None
            except evaluation_room.ResultsPending as error:
                pending = error
                context.log.warning(f"the tables of {context.partition_key} are written without them: {error}")
            waited_s = time.monotonic() - began
            # Before the payloads are read: what comes meanwhile makes the date uncollected, and never passed over.
            standing = opened.partition_summary(**where)
            if standing is None:
                raise dg.Failure(f"the inventory of {context.partition_key} vanished from the ledger during the run")
            opened.record_collecting(**where, run=collecting_run(context), digest=standing.digest)
            payloads = (
                lake_room.Payload(
                    job_id=stored.job_id, source=stored.source, received_at=stored.received_at, body=stored.body
                )
                for stored in opened.partition_payloads(**where)
            )
            with tables.lake.writing("payloads", **tables.where) as writer:
                for part in lake_room.payloads_parts(payloads):
                    writer.add(part)
        more = {
            **_counts(standing.progress),
            **display.as_metadata({"seconds_waited": waited_s}),
            **({} if pending is None else _open_jobs(pending)),
        }
        return tables.materialised("payloads", writer.written, asset="evaluation_results", more=more)

    return evaluation_results


@contextmanager
def _submitted_to(ledger: LedgerResource, *, evaluation: str, partition: str) -> "Iterator[Ledger]":
    """The ledger that a date was submitted by; none is begun where none is."""
    try:
        with ledger.ledger(create=False) as opened:
            yield opened
    except ledger_room.LedgerMissing as missing:
        nothing = evaluation_room.NothingSubmitted(evaluation=evaluation, partition=partition)
        raise dg.Failure(f"{missing}: {nothing}", allow_retries=False) from None


def submissions_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """How every content item of a date stands: one row each, nothing skipped."""

    @evaluation_asset(
        evaluation,
        "submissions",
        keys=keys,
        after=("evaluation_results",),
    )
    def submissions(
        context: dg.AssetExecutionContext, ledger: LedgerResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        with ledger.ledger(create=False) as opened:
            items = opened.partition_state(evaluation=evaluation.name, partition=context.partition_key)
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        rows = [submission_row(item, evaluation=evaluation.name) for item in items]
        table = lake_room.build_table("submissions", rows)
        return tables.write("submissions", table, more=display.submission_numbers(table))

    return submissions


def submission_row(row: "PartitionItem", *, evaluation: str) -> dict[str, object]:
    """One content item and its current submission as a row of `submissions`."""
    item, submission = row.item, row.submission
    columns: dict[str, object] = {
        **asdict(item),
        "evaluation": evaluation,
        "source": row.source,
        "state": "unreadable" if item.work_key is None else "unsubmitted",
    }
    if submission is not None:
        columns |= {
            **{name: getattr(submission, name) for name in _OF_SUBMISSION},
            "state": submission.state.lower(),
            "finished_at": submission.finished_at or submission.settled_at,
            "latency_s": _latency_s(submission),
        }
        if submission.state in ledger_room.OPEN_STATES:
            columns |= {"error_code": NO_RESULT_YET, "error": _not_ended(submission)}
        elif submission.state == "IN_DOUBT":
            # A restored ledger has the evidence as the error it was in this table.
            columns |= {"error_code": "in_doubt", "error": submission.error or submission.evidence}
    return columns


def _latency_s(submission: "Submission") -> float | None:
    if submission.uploaded_at is None or submission.finished_at is None:
        return None
    return (submission.finished_at - submission.uploaded_at).total_seconds()


def collecting_run(context: dg.AssetExecutionContext) -> str:
    """Under which name a run's tables are noted: its own, or of a run whose failed steps it executes again."""
    return context.run.root_run_id or context.run.run_id


def _not_ended(submission: "Submission") -> str:
    """Why the row of an open job has no result; the same as long as nothing has changed."""
    if submission.state in ledger_room.UNSENT_STATES:
        return "not sent to Pique yet: `uploads` (or `social_submissions`) of the date resumes it"
    if submission.job_id is None:
        return "sent to Pique, which has not answered; a webhook may still name its job"
    return f"no result yet. {evaluation_room.said_of_status(submission.pique_status)}"


def _counts(progress: "PartitionProgress") -> dict[str, dg.IntMetadataValue]:
    return {name: dg.IntMetadataValue(value) for name, value in asdict(progress).items() if isinstance(value, int)}


def _open_jobs(pending: "ResultsPending") -> dict[str, dg.MetadataValue[Any]]:
    return {
        "pending_job_ids": dg.JsonMetadataValue(pending.pending_job_ids),
        "not_uploaded": dg.IntMetadataValue(pending.not_uploaded),
        "unanswered": dg.IntMetadataValue(pending.unanswered),
    }
