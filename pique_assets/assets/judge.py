"""The judge as Pique describes it now: a snapshot whose data version is its configuration.

Here: fetching it, and the asset. Not here: which judge is meant by a declaration (`evaluation.judges`), how snapshots
are kept (`judge_snapshots`), and whether the judge can be used, which a submission checks itself.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from pique_assets.assets.evaluation_asset import evaluation_asset
from pique_assets.config import Evaluation
from pique_assets.metadata import table_metadata
from pique_assets.resources import LakeResource, PiqueResource

if TYPE_CHECKING:
    from pique_assets.api.client import PiqueClient
    from pique_assets.api.models import Judge
    from pique_assets.evaluation.progress import Say


def judge_asset(evaluation: Evaluation) -> dg.AssetsDefinition:
    """The judge of an evaluation; unpartitioned, upstream of `uploads`."""

    @evaluation_asset(
        evaluation,
        "judge",
        after=(),
        description="The judge and its detector configs, as Pique describes them now.",
        kinds=("pique",),
    )
    def judge(
        context: dg.AssetExecutionContext, pique: PiqueResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        from pique_assets.assets.judge_snapshots import keep_snapshot
        from pique_assets.visible import visible

        with pique.client() as client:
            fetched = fetch_judge(
                evaluation, client=client, create_missing=evaluation.create_missing_judge, say=context.log.info
            )
        said = f"judge {fetched.id} ({fetched.name}) is {fetched.status}, active: {fetched.is_active}"
        context.log.info(visible(said))
        configs, written = keep_snapshot(fetched, fetched_at=datetime.now(UTC), evaluation=evaluation, lake=lake.lake())
        return dg.MaterializeResult(
            metadata={
                "judge_id": fetched.id,
                "name": fetched.name,
                "status": fetched.status,
                "is_active": fetched.is_active,
                "content_type": fetched.content_type,
                "detectors": len(fetched.detector_configs),
                "configuration_hash": fetched.configuration_hash(),
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
