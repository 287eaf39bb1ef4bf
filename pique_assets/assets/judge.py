"""The judge as Pique describes it now: a snapshot whose data version is its configuration.

Here: fetching it, and the asset. Not here: which judge is meant by a declaration (`evaluation.judges`), when an answer
is believed (`evaluation.judge_agreement`), how snapshots are kept (`judge_snapshots`), and whether the judge can be
used, which a submission checks itself.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets.assets.evaluation_asset import evaluation_asset
from pique_assets.config import Evaluation
from pique_assets.metadata import table_metadata
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.api.client import PiqueClient
    from pique_assets.api.models import Judge
    from pique_assets.evaluation.progress import Say
    from pique_assets.lake import Lake
    from pique_assets.ledger import Ledger


CONFIGURATION_HASH = "configuration_hash"
"""In the metadata of `judge`."""


def judge_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The judge of an evaluation; unpartitioned, upstream of `uploads`."""

    @evaluation_asset(
        evaluation,
        "judge",
        keys=keys,
        after=(),
        description="The judge and its detector configs, as Pique describes them now.",
        kinds=("pique",),
    )
    def judge(
        context: dg.AssetExecutionContext, pique: PiqueResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        from pique_assets.assets.judge_snapshots import keep_snapshot, latest_configuration
        from pique_assets.evaluation.judge_agreement import agreed_judge
        from pique_assets.visible import visible

        opened, say = lake.lake(), context.log.info
        with pique.client() as client:
            opened.belong_to(client.pique)
            fetched = agreed_judge(
                lambda: fetch_judge(evaluation, client=client, create_missing=evaluation.create_missing_judge, say=say),
                known=lambda judge: latest_configuration(evaluation, lake=opened),
                say=say,
            )
        say(visible(f"judge {fetched.id} ({fetched.name}) is {fetched.status}, active: {fetched.is_active}"))
        configs, written = keep_snapshot(fetched, fetched_at=datetime.now(UTC), evaluation=evaluation, lake=opened)
        return dg.MaterializeResult(
            metadata={
                "judge_id": fetched.id,
                "name": fetched.name,
                "status": fetched.status,
                "is_active": fetched.is_active,
                "content_type": fetched.content_type,
                "detectors": len(fetched.detector_configs),
                CONFIGURATION_HASH: fetched.configuration_hash(),
                **table_metadata("detector_configs", configs, written=written, lineage={}),
            },
            data_version=dg.DataVersion(fetched.configuration_hash()),
        )

    return judge


def fetch_judge(evaluation: Evaluation, *, client: "PiqueClient", say: "Say", create_missing: bool = False) -> "Judge":
    """The judge an evaluation declares, by id or by file, as Pique describes it now.

    Args:
        evaluation: Whose judge.
        client: The API.
        say: Hears when a judge is created.
        create_missing: Only the asset `judge` creates: what comes after it would do so unseen.

    Raises:
        ValueError: The judge's id stands in an environment variable that is not set.
        EvaluationError, PiqueError: As `evaluation.judges.resolve_judge` says.
    """
    from pique_assets.evaluation.judges import resolve_judge

    return resolve_judge(
        client,
        judge_id=evaluation.resolved_judge_id(),
        judge_file=evaluation.judge_file,
        create_missing=create_missing,
        say=say,
    )


def judge_to_submit_to(
    context: dg.AssetExecutionContext, evaluation: Evaluation, *, client: "PiqueClient", ledger: "Ledger", lake: "Lake"
) -> "Judge":
    """The judge that a date's content is submitted to now, and a snapshot of it in the lake.

    A configuration that is not the one last submitted to has to be in two answers of Pique, and in a run that
    materialised `judge` it has to be the same as there: a date is never divided between two of them unseen.

    Raises:
        JudgeUnsettled: Pique's answers differ. Nothing was sent.
        ValueError, EvaluationError, PiqueError: As `fetch_judge` says.
        LakeError, OSError: The lake can't be read or written.
    """
    from pique_assets.assets.judge_snapshots import keep_snapshot, latest_configuration
    from pique_assets.evaluation.judge_agreement import agreed_judge

    judge = agreed_judge(
        lambda: fetch_judge(evaluation, client=client, say=context.log.info),
        known=lambda found: ledger.last_configuration(found.id) or latest_configuration(evaluation, lake=lake),
        say=context.log.info,
    )
    # What was submitted to can always be looked up, even if `judge` was not materialised since it changed.
    keep_snapshot(judge, fetched_at=datetime.now(UTC), evaluation=evaluation, lake=lake)
    _require_as_in_this_run(judge, evaluation=evaluation, context=context)
    return judge


def _require_as_in_this_run(judge: "Judge", *, evaluation: Evaluation, context: dg.AssetExecutionContext) -> None:
    from pique_assets.evaluation.errors import JudgeUnsettled

    event = context.instance.get_latest_materialization_event(evaluation.asset_key("judge"))
    materialized = event.asset_materialization if event is not None and event.run_id == context.run.run_id else None
    if materialized is None:
        return
    if materialized.metadata[CONFIGURATION_HASH].value != judge.configuration_hash():
        raise JudgeUnsettled(
            f"judge {judge.id} ({judge.name}) is configured otherwise than when this run began: nothing was sent. Run "
            "the date again to have it evaluated by the judge as it is now; `pique-assets plan` says what that comes to"
        )
