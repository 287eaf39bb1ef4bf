"""The asset graph of one or more evaluations.

Belongs here: `build_defs`, which composes assets, checks, jobs, schedules and the sensor. Does not: any of these, nor
the user's own choices, which are in the code location's `definitions.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from pique_assets.assets.content import content_asset
from pique_assets.assets.derived_tables import metric_catalog_asset, partition_status_asset, scorecard_asset
from pique_assets.assets.evaluation_results import evaluation_results_asset, submissions_asset
from pique_assets.assets.judge import judge_asset
from pique_assets.assets.raw_media import raw_media, raw_social_urls
from pique_assets.assets.social_submissions import social_submissions_asset
from pique_assets.assets.tables import result_tables_asset
from pique_assets.assets.uploads import uploads_asset
from pique_assets.checks import checks_of
from pique_assets.config import Evaluation
from pique_assets.jobs import jobs_of, submit_schedule
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources.secrecy import require_hidden_secrets
from pique_assets.sensors import ResultsSensor, results_sensor
from pique_assets.unique_names import unique_names


def build_defs(
    *,
    evaluations: Sequence[Evaluation],
    resources: Mapping[str, dg.ConfigurableResource[Any]],
    name: str | None = None,
    sensor: ResultsSensor | None = None,
    executor: dg.ExecutorDefinition | None = None,
    partitioned_checks: bool = True,
) -> dg.Definitions:
    """The asset graph of these evaluations, fresh at each call.

    The function reads and fetches nothing: a code location is loaded for every run and step.

    Args:
        evaluations: What to evaluate; names are unique.
        resources: `pique`, `ledger`, `lake` and `media_storage`, as `resources_for` gives them. They reach Dagster
            under keys of their own, such as `pique_ledger_<name>`; other resources keep their keys.
        name: What these evaluations are called together, in those keys and in the name of their sensor. By default the
            name of the first evaluation, which no other definitions of the code location can have.
        sensor: How the sensor is called, how often it ticks and for how long, and whether it is on from the start.
        executor: How the steps of a run of these jobs are executed. By default in the run's own process: the steps of
            a date are a chain, the parallel work is inside the steps, and a process for each step would cost more than
            most steps. Whatever runs outside of these jobs is executed as the code location says.
        partitioned_checks: See `checks.checks_of`.

    Returns:
        Assets, checks, jobs, schedules and one sensor, to be used alone or merged with `dg.Definitions.merge`, which
        raises a `ValueError` where two of the merged definitions have an evaluation of one name.

    Raises:
        ValueError: Two evaluations have the same name, or one judge's folder for two judges, or there is no evaluation;
            or a translator gives two assets one key, or an answer that `translation.translated_spec` refuses; or a
            secret is written out (`resources.secrecy`); or a resource is missing; or a name has characters that Dagster
            does not take.
    """
    names = Counter(evaluation.name for evaluation in evaluations)
    if not names:
        raise ValueError("build_defs needs at least one Evaluation")
    if repeated := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"evaluations need names of their own; used more than once: {', '.join(repeated)}")
    _require_one_judge_each(evaluations)
    _require_keys_of_their_own(evaluations)
    require_hidden_secrets(resources)
    keys = ResourceKeys(evaluations[0].name if name is None else name)
    steps_by = executor or dg.in_process_executor
    jobs = [job for evaluation in evaluations for job in jobs_of(evaluation, executor=steps_by)]
    results = results_sensor(evaluations, jobs=jobs, keys=keys, settings=sensor or ResultsSensor())
    # No executor: an executor here would be that of the whole code location, and Dagster can't merge two of them.
    return dg.Definitions(
        assets=[asset for evaluation in evaluations for asset in assets_of(evaluation, keys)],
        asset_checks=[
            check
            for evaluation in evaluations
            for check in checks_of(evaluation, keys=keys, partitioned=partitioned_checks)
        ],
        jobs=jobs,
        schedules=[submit_schedule(evaluation) for evaluation in evaluations],
        sensors=[results],
        resources=keys.keyed(resources),
        metadata=unique_names(evaluations=evaluations, keys=keys, sensor=results.name),
    )


def _require_one_judge_each(evaluations: Sequence[Evaluation]) -> None:
    """Refuse evaluations that would mix two judges in one folder of the lake; an id in an `EnvVar` is not known yet."""
    declared: dict[str, Evaluation] = {}
    for evaluation in evaluations:
        if evaluation.judge_id is None or isinstance(evaluation.judge_id, dg.EnvVar):
            continue
        first = declared.setdefault(evaluation.judge_folder, evaluation)
        if first.judge_id != evaluation.judge_id:
            raise ValueError(
                f"evaluations {first.name!r} and {evaluation.name!r} share the judge_name {evaluation.judge_folder!r} "
                f"but not the judge: {first.judge_id} and {evaluation.judge_id}; give one of them another judge_name"
            )


def _require_keys_of_their_own(evaluations: Sequence[Evaluation]) -> None:
    """Refuse translators that give two assets one key: Dagster would say of the second that it is a duplicate."""
    first: dict[dg.AssetKey, str] = {}
    for evaluation in evaluations:
        for asset in evaluation.assets:
            named, key = f"{evaluation.name}'s {asset}", evaluation.asset_key(asset)
            if (other := first.setdefault(key, named)) != named:
                raise ValueError(
                    f"{other} and {named} both have the asset key {key.to_user_string()}: let the translator give each "
                    "asset a key of its own"
                )


def assets_of(evaluation: Evaluation, keys: ResourceKeys) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets of one evaluation, in the order of an item's journey (docs/architecture.md)."""
    return [
        judge_asset(evaluation, keys),
        *submitting_assets_of(evaluation, keys),
        evaluation_results_asset(evaluation, keys),
        submissions_asset(evaluation, keys),
        result_tables_asset(evaluation, keys),
        scorecard_asset(evaluation, keys),
        metric_catalog_asset(evaluation, keys),
        partition_status_asset(evaluation, keys),
    ]


def submitting_assets_of(evaluation: Evaluation, keys: ResourceKeys) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets from the source to what Pique has: for files, for social media, or for each of the two."""
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = []
    if evaluation.media is not None:
        assets += [raw_media(evaluation), content_asset(evaluation, keys), uploads_asset(evaluation, keys)]
    if evaluation.social is not None:
        assets += [raw_social_urls(evaluation), social_submissions_asset(evaluation, keys)]
    return assets
