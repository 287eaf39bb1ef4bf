"""What tests of the asset graph share: a graph over a folder of media, and its runs in an instance of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from desk import DEMO, LIMITS

from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.lake import Lake
from pique_assets.local.process import LocalPiqueProcess
from pique_assets.media import DatedFolder
from pique_assets.resources import LakeResource, LedgerResource, MediaStorageResource, PiqueResource

DATES = ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05")


def video_evaluation(**changes: Any) -> Evaluation:
    """The demo's videos as an evaluation, with whatever a test changes."""
    declared: dict[str, Any] = {
        "name": "brand_videos",
        "judge_id": "judge_demo_videos",
        "media": DatedFolder(DEMO / "media" / "brand_videos"),
        "start_date": DATES[0],
        "limits": LIMITS,
    }
    return Evaluation(**(declared | changes))


def resources_at(home: Path, pique: LocalPiqueProcess) -> dict[str, Any]:
    """Resources of a test's own: ledger and lake below `home`."""
    return {
        "pique": PiqueResource(base_url=pique.base_url, api_key=pique.api_key),
        "ledger": LedgerResource(url=f"sqlite:///{home / 'ledger.db'}"),
        "lake": LakeResource(root=str(home / "lake")),
        "media_storage": MediaStorageResource(),
    }


def tick(
    defs: dg.Definitions, *, instance: dg.DagsterInstance, cursor: str | None = None, sensor: str | None = None
) -> dg.SensorResult:
    """One tick of a sensor of these definitions, or of the only one, with their own resources."""
    name = sensor or next(one.name for one in defs.sensors)
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=defs.get_repository_def(), resources=dict(defs.resources)
    )
    return defs.resolve_sensor_def(name)(context)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """An asset graph that a test runs."""

    home: Path
    defs: dg.Definitions
    instance: dg.DagsterInstance
    evaluation: Evaluation

    @classmethod
    def over(
        cls,
        evaluation: Evaluation,
        *,
        home: Path,
        pique: LocalPiqueProcess,
        instance: dg.DagsterInstance,
        **settings: Any,
    ):
        defs = build_defs(evaluations=[evaluation], resources=resources_at(home, pique), **settings)
        return cls(home=home, defs=defs, instance=instance, evaluation=evaluation)

    def run(
        self, date: str, *, job: str = "everything", tags: Mapping[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def(f"{self.evaluation.name}_{job}").execute_in_process(
            instance=self.instance,
            partition_key=date,
            tags=dict(tags or {}),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )

    def tick(self, *, cursor: str | None = None) -> dg.SensorResult:
        return tick(self.defs, instance=self.instance, cursor=cursor)

    def table(self, name: str, date: str) -> pa.Table:
        return Lake(str(self.home / "lake")).read(
            name, judge=self.evaluation.judge_folder, date=date, evaluation=self.evaluation.name
        )

    def materialization(self, asset: str, date: str) -> dg.AssetMaterialization:
        """The last materialisation of a date."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=self.evaluation.asset_key(asset), asset_partitions=[date]), limit=1
        ).records
        assert records, f"{asset} {date} was never materialised"
        found = records[0].asset_materialization
        assert found is not None
        return found
