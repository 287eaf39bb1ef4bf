"""What a run is about to submit stands in Dagster before the first byte is sent; a budget refuses before that."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from graph import Graph, resources_at, video_evaluation

from pique_assets.definitions import build_defs
from pique_assets.evaluation.limits import Budget
from pique_assets.local.record import read_record
from pique_assets.resources import MediaStorageResource

UPLOADS = dg.AssetKey(["brand_videos", "uploads"])


def plans(instance: dg.DagsterInstance) -> list[dict]:
    """The plans Dagster shows, oldest first."""
    records = instance.fetch_observations(UPLOADS, limit=10, ascending=True).records
    observations = [record.asset_observation for record in records]
    return [
        {name: entry.value for name, entry in one.metadata.items()} | {"date": one.partition} for one in observations
    ]


def test_the_plan_is_in_dagster_when_the_first_content_is_opened(tmp_path, pique, instance):
    seen = []

    class Watching(MediaStorageResource):
        def content_opener(self):
            open_item = super().content_opener()

            def watched(item):
                seen.append(plans(instance))
                return open_item(item)

            return watched

    evaluation = video_evaluation()
    defs = build_defs(evaluations=[evaluation], resources=resources_at(tmp_path, pique) | {"media_storage": Watching()})
    graph = Graph(home=tmp_path, defs=defs, instance=instance, evaluation=evaluation)
    result = graph.run("2026-03-03", job="submit")
    assert result.success
    assert seen, "nothing was opened"
    (plan,) = seen[0]
    assert (plan["new_evaluations"], plan["unusable"], plan["content_items"]) == (3, 1, 4)
    assert plan["new_bytes"] > 0
    assert plan["date"] == "2026-03-03"
    assert len(plans(instance)) == 1, "said once, not again when the step ends"


def test_a_run_beyond_its_budget_fails_with_what_would_fit_and_sends_nothing(tmp_path, pique, instance):
    before = read_record(pique.data_dir)

    def run(budget: Budget, home: Path = tmp_path) -> dg.ExecuteInProcessResult:
        graph = Graph.over(video_evaluation(budget=budget), home=home, pique=pique, instance=instance)
        return graph.run("2026-03-02", job="submit")

    refused = run(Budget(new_evaluations_per_run=2))
    assert not refused.success
    (failure,) = [event.step_failure_data for event in refused.all_events if event.is_step_failure]
    assert "3 new evaluations and 2 fit its budget" in failure.user_failure_data.description
    assert failure.user_failure_data.metadata["fits"].value == 2
    assert read_record(pique.data_dir) == before
    assert [plan["new_evaluations"] for plan in plans(instance)] == [3]
    assert run(Budget(new_evaluations_per_run=3)).success


# Dagster itself reads YAML with what the warning is about.
@pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")
@pytest.mark.parametrize("name", ["new_evaluations_per_run", "new_evaluations_per_day"])
def test_a_budget_can_be_declared_in_yaml(tmp_path, name):
    from pique_assets.component import PiqueEvaluations

    declared = {"name": "brand_videos", "judge_id": "j", "dated_folder": "media", "start_date": "2026-03-02"}

    def evaluation(budget: dict[str, int]):
        attributes = {"environment": "local", "evaluations": [declared | {"budget": budget}]}
        return PiqueEvaluations.resolve_from_dict(attributes).evaluations[0].to_evaluation(base=tmp_path)

    assert evaluation({name: 7}).budget == Budget(**{name: 7})
    with pytest.raises(ValueError, match=r"budget\.weekly is no field: give one of new_evaluations_per_run, "):
        evaluation({"weekly": 7})
