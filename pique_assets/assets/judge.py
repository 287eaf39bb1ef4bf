"""The judge as Pique describes it now: an asset whose data version is the judge's configuration.

Belongs here: the asset, and the judge that a run submits to. Does not: which judge a declaration means, when an answer
is believed and how snapshots are kept (the room `judges`), and whether a submission can use the judge, which the room
`evaluation` checks.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets import judges as judges_room
from pique_assets.assets.evaluation_asset import evaluation_asset
from pique_assets.config import Evaluation
from pique_assets.metadata import table_metadata
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, PiqueResource
from pique_assets.visible import visible

if TYPE_CHECKING:
    from pique_assets.api.client import PiqueClient
    from pique_assets.api.models import Judge
    from pique_assets.judges.snapshots import JudgeSnapshots
    from pique_assets.lake import Lake
    from pique_assets.ledger import Ledger

CONFIGURATION_HASH = "configuration_hash"
"""Key in the metadata of the asset `judge`."""


def snapshots_of(evaluation: Evaluation, *, lake: "Lake") -> "JudgeSnapshots":
    """The lake's snapshots of an evaluation's judge."""
    return judges_room.JudgeSnapshots(lake=lake, folder=evaluation.judge_folder, evaluation=evaluation.name)


def judge_asset(evaluation: Evaluation, keys: ResourceKeys) -> dg.AssetsDefinition:
    """The judge of an evaluation; unpartitioned, upstream of `uploads`."""

    @evaluation_asset(
        evaluation,
        "judge",
        keys=keys,
        after=(),
        dated=False,
    )
    def judge(
        context: dg.AssetExecutionContext, pique: PiqueResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        opened, say = lake.lake(), context.log.info
        snapshots = snapshots_of(evaluation, lake=opened)
        with pique.client() as client:
            opened.belong_to(client.pique)
            fetched = judges_room.agreed_judge(
                partial(
                    judges_room.resolve_judge,
                    client,
                    judge_id=evaluation.resolved_judge_id(),
                    judge_file=evaluation.judge_file,
                    create_missing=evaluation.create_missing_judge,
                    say=say,
                ),
                known=lambda judge: snapshots.latest_configuration(),
                say=say,
            )
        say(visible(f"judge {fetched.id} ({fetched.name}) is {fetched.status}, active: {fetched.is_active}"))
        configs, written = snapshots.keep(fetched, fetched_at=datetime.now(UTC))
        return dg.MaterializeResult(
            metadata={
                "judge_id": fetched.id,
                "name": fetched.name,
                "status": fetched.status,
                "is_active": fetched.is_active,
                "content_type": fetched.content_type,
                "detectors": len(fetched.detector_configs),
                CONFIGURATION_HASH: fetched.configuration_hash(),
                **table_metadata("detector_configs", configs, row_count=configs.num_rows, written=written, lineage={}),
            },
            data_version=dg.DataVersion(fetched.configuration_hash()),
        )

    return judge


def judge_to_submit_to(
    context: dg.AssetExecutionContext, evaluation: Evaluation, *, client: "PiqueClient", ledger: "Ledger", lake: "Lake"
) -> "Judge":
    """The judge that this run submits a date's content to, after a snapshot of the judge is in the lake.

    A configuration that is not the one last submitted to has to stand in two answers of Pique; in a run that
    materialised `judge`, the configuration has to be that asset's too. So no date is divided between two
    configurations without anybody noticing.

    Raises:
        JudgeUnsettled: Pique's answers differ. Nothing was sent.
        ValueError: The judge's id is in an environment variable that is not set.
        JudgeError, PiqueError: As `judges.finding.resolve_judge` says.
        LakeError, OSError: The lake can't be read or written.
    """
    snapshots, say = snapshots_of(evaluation, lake=lake), context.log.info
    judge = judges_room.agreed_judge(
        partial(
            judges_room.resolve_judge,
            client,
            judge_id=evaluation.resolved_judge_id(),
            judge_file=evaluation.judge_file,
            say=say,
        ),
        known=lambda found: ledger.last_configuration(found.id) or snapshots.latest_configuration(),
        say=say,
    )
    # A configuration that was submitted to can always be looked up, even if nobody materialised `judge` meanwhile.
    snapshots.keep(judge, fetched_at=datetime.now(UTC))
    _require_as_in_this_run(judge, evaluation=evaluation, context=context)
    return judge


def _require_as_in_this_run(judge: "Judge", *, evaluation: Evaluation, context: dg.AssetExecutionContext) -> None:
    event = context.instance.get_latest_materialization_event(evaluation.asset_key("judge"))
    materialized = event.asset_materialization if event is not None and event.run_id == context.run.run_id else None
    if materialized is None:
        return
    if materialized.metadata[CONFIGURATION_HASH].value != judge.configuration_hash():
        raise judges_room.JudgeUnsettled(
            f"judge {judge.id} ({judge.name}) is configured otherwise than when this run began: nothing was sent. Run "
            "the date again to have it evaluated by the judge as it is now; `pique-assets plan` says what that comes to"
        )
