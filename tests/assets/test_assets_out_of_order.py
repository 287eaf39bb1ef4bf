"""An asset that is materialised before those it depends on: one sentence says which table is absent, and what to do."""

from __future__ import annotations

import dagster as dg
import pytest
from graph import resources_at, video_evaluation

from pique_assets.definitions import build_defs


@pytest.mark.parametrize(("asset", "absent"), [("uploads", "content"), ("scorecard_daily", "evaluations")])
def test_an_asset_before_its_own_upstream_names_what_is_absent(pique, tmp_path, asset, absent):
    evaluation = video_evaluation()
    defs = build_defs(evaluations=[evaluation], resources=resources_at(tmp_path, pique))
    job = dg.define_asset_job("one_asset", selection=dg.AssetSelection.assets(evaluation.asset_key(asset)))
    ended = (
        dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
        .resolve_job_def("one_asset")
        .execute_in_process(partition_key="2026-03-02", raise_on_error=False)
    )
    (failure,) = [event.step_failure_data for event in ended.all_events if event.is_step_failure]
    assert failure.user_failure_data.description == (
        f"the table {absent} of {evaluation.name} 2026-03-02 is not there yet: materialise the assets before this one "
        f"first, or launch the job {evaluation.name}_everything, which runs all in order"
    )
