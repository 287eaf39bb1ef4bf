"""The judge as Pique describes it now: a snapshot whose data version is its configuration.

Here: fetching and keeping the snapshot. Not here: whether the judge can be used, which a submission checks itself.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.metadata import table_metadata
from pique_assets.resources import LakeResource, PiqueResource

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.api.models import Judge


def judge_asset(evaluation: Evaluation) -> dg.AssetsDefinition:
    """The judge of an evaluation; unpartitioned, upstream of `uploads`."""

    @dg.asset(
        key=evaluation.asset_key("judge"),
        group_name=evaluation.name,
        kinds={"pique"},
        description="The judge and its detector configs, as Pique describes them now.",
    )
    def judge(
        context: dg.AssetExecutionContext, pique: PiqueResource, lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        with pique.client() as client:
            fetched = client.get_judge(evaluation.resolved_judge_id())
        context.log.info(f"judge {fetched.id} ({fetched.name}) is {fetched.status}, active: {fetched.is_active}")
        snapshot, configs = snapshot_tables(fetched, fetched_at=datetime.now(UTC))
        opened = lake.lake()
        date = f"{datetime.now(UTC):%Y-%m-%d}"
        where: dict[str, Any] = {"judge": evaluation.judge, "date": date, "evaluation": evaluation.name}
        opened.write("judges", snapshot, **where)
        written = opened.write("detector_configs", configs, **where)
        return dg.MaterializeResult(
            metadata={
                "judge_id": fetched.id,
                "name": fetched.name,
                "status": fetched.status,
                "is_active": fetched.is_active,
                "content_type": fetched.content_type,
                "detectors": len(fetched.detector_configs),
                **table_metadata("detector_configs", configs, written=written, lineage={}),
            },
            data_version=dg.DataVersion(fetched.configuration_hash()),
        )

    return judge


def snapshot_tables(judge: "Judge", *, fetched_at: datetime) -> "tuple[pa.Table, pa.Table]":
    """A judge as rows of `judges` (one) and `detector_configs` (one per detector config)."""
    from pique_assets.lake import build_table

    configuration_hash = judge.configuration_hash()
    judges = build_table(
        "judges",
        [
            {
                "judge_id": judge.id,
                "name": judge.name,
                "description": judge.description,
                "content_type": judge.content_type,
                "status": judge.status,
                "is_active": judge.is_active,
                "judge_configuration_hash": configuration_hash,
                "created_at": judge.created_at,
                "updated_at": judge.updated_at,
                "fetched_at": fetched_at,
                "other_fields": _json_or_none(judge.model_extra),
            }
        ],
    )
    configs = build_table(
        "detector_configs",
        [
            {
                "judge_id": judge.id,
                "detector_config_index": index,
                "detector_config_id": config.id,
                "detector_name": config.detector_name,
                "config_json": json.dumps(config.config, sort_keys=True),
                "weight": config.weight,
                "judge_configuration_hash": configuration_hash,
                "fetched_at": fetched_at,
                "other_fields": _json_or_none(config.model_extra),
            }
            for index, config in enumerate(judge.detector_configs)
        ],
    )
    return judges, configs


def _json_or_none(fields: dict[str, Any] | None) -> str | None:
    return json.dumps(fields, sort_keys=True) if fields else None
