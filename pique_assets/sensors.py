"""The one sensor of a `build_defs`, as Dagster sees it.

Belongs here: how the sensor is called and behaves. Does not: what a tick does (`tick`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from pique_assets.config import Evaluation
from pique_assets.jobs import results_job_name
from pique_assets.not_configured import SkippingSensor, skipping_with_the_reason
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LedgerResource, MediaStorageResource, PiqueResource

# Seconds of a tick that are kept for what a tick does after the last request to Pique.
AFTERWARDS_S = 2.0


@dataclass(frozen=True, kw_only=True)
class ResultsSensor:
    """How the sensor of one `build_defs` is called and behaves.

    Attributes:
        name: `pique_results_<name of the evaluations>` by default.
        minimum_interval_s: Seconds from one tick to the next, at least.
        tick_budget_s: How many seconds a tick may take, more than 2. Sensor threads are off by default, so a slow tick
            delays every sensor of the deployment.
        default_status: Whether the sensor is on until somebody switches it; asking for results costs nothing.
    """

    name: str | None = None
    minimum_interval_s: int = 30
    tick_budget_s: float = 15.0
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING

    def __post_init__(self) -> None:
        """Refuse what no tick can keep to.

        Raises:
            ValueError: The message names the field and the rule.
        """
        if self.minimum_interval_s < 1:
            raise ValueError(f"ResultsSensor.minimum_interval_s is {self.minimum_interval_s}: give a second or more")
        if not self.tick_budget_s > AFTERWARDS_S:
            raise ValueError(
                f"ResultsSensor.tick_budget_s is {self.tick_budget_s}: give more than {AFTERWARDS_S:g} seconds"
            )


def results_sensor(
    evaluations: Sequence[Evaluation],
    *,
    jobs: Sequence[dg.UnresolvedAssetJobDefinition],
    keys: ResourceKeys,
    settings: ResultsSensor,
) -> dg.SensorDefinition:
    """One sensor for all evaluations of one `build_defs`; evaluations of others are left to the sensors of others.

    Args:
        evaluations: The evaluations of the code location.
        jobs: The jobs of these evaluations.
        keys: Under which the sensor finds its resources.
        settings: How the sensor is called and behaves.
    """
    targets = {results_job_name(evaluation) for evaluation in evaluations}

    def pique_results(
        context: dg.SensorEvaluationContext,
        pique: PiqueResource,
        ledger: LedgerResource,
        media_storage: MediaStorageResource,
    ) -> dg.SensorResult:
        # Whoever loads the code location for a step need not load what only a tick uses.
        from pique_assets.tick import run_tick

        ends_at = time.monotonic() + settings.tick_budget_s
        return run_tick(
            context,
            evaluations,
            pique=pique,
            ledger=ledger,
            media_storage=media_storage,
            asking_until=ends_at - AFTERWARDS_S,
            until=ends_at,
        )

    bound = keys.bind(pique_results)
    return SkippingSensor(
        name=settings.name or f"pique_results_{keys.name}",
        evaluation_fn=skipping_with_the_reason(bound.call),
        required_resource_keys=bound.required_resource_keys,
        jobs=[job for job in jobs if job.name in targets],
        minimum_interval_seconds=settings.minimum_interval_s,
        default_status=settings.default_status,
        description="Asks Pique for due results, and requests a run for each date whose results are all in.",
    )
