"""A team's conventions: whatever reads or writes keys follows the translator, and what it may not change is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from command_line import run_here
from desk import DEMO
from graph import DATES, Graph, resources_at, video_evaluation

from pique_assets import DatedFolder, Evaluation, PiqueAssetProps, PiqueTranslator, SocialUrls, build_defs
from pique_assets.lake import SCHEMAS
from pique_assets.late_content import LateContent
from pique_assets.local.process import LocalPiqueProcess

DATE = "2026-03-03"
PREFIX = ("marketing", "scores-2")


class TeamTranslator(PiqueTranslator):
    """A subclass as a user writes it: a prefix, a renamed asset, an owner, a tag, a group and automation."""

    def get_asset_spec(self, props: PiqueAssetProps) -> dg.AssetSpec:
        name = "daily_scorecard" if props.asset == "scorecard_daily" else props.asset
        spec = props.default_spec.replace_attributes(
            key=[*PREFIX, props.evaluation, name],
            group_name="marketing",
            code_version="7",
            automation_condition=None if props.spends else dg.AutomationCondition.eager(),
        )
        return spec.merge_attributes(owners=["team:brand"], tags={"tier": "gold"})


@dataclass(frozen=True, kw_only=True)
class Translated:
    """A date that was run in a translated graph, for tests that only look."""

    graph: Graph
    result: dg.ExecuteInProcessResult

    @property
    def asset_graph(self) -> dg.AssetGraph:
        return self.graph.defs.get_repository_def().asset_graph


@pytest.fixture(scope="module")
def translated(shared_pique: LocalPiqueProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Translated]:
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph.over(
            video_evaluation(translator=TeamTranslator()),
            home=tmp_path_factory.mktemp("translated"),
            pique=shared_pique,
            instance=instance,
        )
        yield Translated(graph=graph, result=graph.run(DATE))


def test_each_asset_is_as_the_translator_says(translated):
    evaluation, assets = translated.graph.evaluation, translated.asset_graph
    assert set(assets.get_all_asset_keys()) == {evaluation.asset_key(asset) for asset in evaluation.assets}
    assert evaluation.asset_key("scorecard_daily") == dg.AssetKey([*PREFIX, "brand_videos", "daily_scorecard"])
    for asset in evaluation.assets:
        found = assets.get(evaluation.asset_key(asset))
        assert found.key.path[:3] == [*PREFIX, "brand_videos"]
        assert (found.group_name, found.owners, found.tags["tier"]) == ("marketing", ["team:brand"], "gold")
        is_automated = asset not in ("raw_media", "uploads")
        assert (found.automation_condition is not None) is is_automated, asset


def test_a_date_runs_from_media_to_scorecard_under_the_translated_keys(translated):
    evaluation, result = translated.graph.evaluation, translated.result
    assert result.success
    made = {event.asset_key for event in result.get_asset_materialization_events()}
    assert made == {evaluation.asset_key(asset) for asset in evaluation.assets if asset != "raw_media"}
    assert len(translated.graph.table("scorecard_daily", DATE)) == 3


def test_dependencies_are_those_of_an_untranslated_graph(translated, tmp_path, shared_pique):
    plain = build_defs(evaluations=[video_evaluation()], resources=resources_at(tmp_path, shared_pique))
    names = {translated.graph.evaluation.asset_key(asset): asset for asset in translated.graph.evaluation.assets}

    def upstream(defs: dg.Definitions) -> dict[str, set[str]]:
        assets = defs.get_repository_def().asset_graph
        return {
            names.get(key, key.path[-1]): {names.get(parent, parent.path[-1]) for parent in assets.get(key).parent_keys}
            for key in assets.get_all_asset_keys()
        }

    assert upstream(translated.graph.defs) == upstream(plain)


def test_every_check_looks_at_an_asset_under_its_translated_key(translated):
    found = list(translated.result.get_asset_check_evaluations())
    assert {one.asset_check_key for one in found} == set(translated.asset_graph.asset_check_keys)
    assert found and all(one.asset_key in translated.asset_graph.get_all_asset_keys() for one in found)
    warned = {one.check_name for one in found if not one.passed}
    assert warned == {"all_content_is_readable", "all_content_was_evaluated", "failure_rate_is_low"}


def test_column_lineage_leads_to_translated_keys(translated):
    evaluation, graph = translated.graph.evaluation, translated.graph
    columns = {evaluation.asset_key(name): SCHEMAS[name].names for name in SCHEMAS if name in evaluation.assets}
    columns[evaluation.asset_key("evaluation_results")] = SCHEMAS["payloads"].names
    lineage = graph.materialization("scorecard_daily", DATE).metadata["dagster/column_lineage"].value
    sources = [dep for deps in lineage.deps_by_column.values() for dep in deps]
    assert {dep.asset_key for dep in sources} == {
        evaluation.asset_key("detector_results"),
        evaluation.asset_key("evaluations"),
    }
    assert all(dep.column_name in columns[dep.asset_key] for dep in sources)


def test_jobs_select_the_same_assets_as_without_a_translator(translated):
    evaluation = translated.graph.evaluation
    for job, asset, is_in in (
        ("submit", "uploads", True),
        ("results", "uploads", False),
        ("results", "payloads", True),
    ):
        name = "evaluation_results" if asset == "payloads" else asset
        keys = translated.graph.defs.resolve_job_def(f"brand_videos_{job}").asset_layer.executable_asset_keys
        assert (evaluation.asset_key(name) in keys) is is_in


def test_the_plan_is_an_observation_of_the_translated_asset(translated):
    key = translated.graph.evaluation.asset_key("uploads")
    (record,) = translated.graph.instance.fetch_observations(key, limit=10).records
    assert record.asset_observation.metadata["content_items"].value == 4


def test_late_content_is_said_of_the_translated_source():
    late = LateContent(
        evaluation=video_evaluation(translator=TeamTranslator()), date=DATE, asset="raw_media", uris=("a.mp4",)
    )
    assert late.observation().asset_key == dg.AssetKey([*PREFIX, "brand_videos", "raw_media"])


LOCATION = """\
from pathlib import Path

import dagster as dg
from pique_assets import DatedFolder, Evaluation, PiqueTranslator, build_defs, resources_for

EVALUATIONS = [
    Evaluation(
        name="brand_videos",
        judge_id="judge_demo_videos",
        media=DatedFolder({media!r}),
        start_date="2026-03-02",
        end_date="2026-03-06",
        translator=PiqueTranslator(key_prefix="marketing"),
    )
]
defs = build_defs(evaluations=EVALUATIONS, resources=resources_for("local", home=Path(__file__).parent))
"""


def test_plan_and_trace_work_in_a_translated_code_location(translated, tmp_path, pique):
    home = tmp_path / "home"
    shutil.copytree(translated.graph.home, home)
    (home / "translated_location.py").write_text(LOCATION.format(media=str(DEMO / "media" / "brand_videos")))
    pique_at = {"PIQUE_BASE_URL": pique.base_url, "PIQUE_API_KEY": pique.api_key}
    dates = ("--start", DATE, "--end", DATE)
    planned = run_here("plan", "--module", "translated_location", *dates, cwd=home, **pique_at)
    assert planned.returncode == 0, planned.stderr
    assert f"brand_videos  {DATE}" in planned.stdout
    row = next(iter(translated.graph.table("evaluations", DATE).to_pylist()))
    traced = run_here("trace", row["job_id"], "--ledger", home / "ledger.db", "--lake", home / "lake", cwd=home)
    assert traced.returncode == 0, traced.stderr
    assert f"brand_videos {DATE}" in traced.stdout


def test_conventions_without_a_subclass():
    translator = PiqueTranslator(
        key_prefix="marketing",
        group_name="brand",
        owners=["team:brand"],
        tags={"tier": "gold"},
        automation_condition=dg.AutomationCondition.eager(),
        translation=lambda spec, props: spec.replace_attributes(description=f"{props.asset} of {props.evaluation}"),
    )
    evaluation = video_evaluation(translator=translator)
    specs = {asset: evaluation.asset_spec(asset) for asset in evaluation.assets}
    assert {tuple(spec.key.path) for spec in specs.values()} == {
        ("marketing", "brand_videos", asset) for asset in evaluation.assets
    }
    assert {spec.group_name for spec in specs.values()} == {"brand"}
    assert {tuple(spec.owners) for spec in specs.values()} == {("team:brand",)}
    assert specs["content"].tags == {"tier": "gold", "dagster/kind/parquet": ""}
    assert specs["content"].description == "content of brand_videos"
    automated = {asset for asset, spec in specs.items() if spec.automation_condition is not None}
    assert automated == set(evaluation.assets) - {"raw_media", "uploads"}


def answering(**attributes: object) -> PiqueTranslator:
    return PiqueTranslator(translation=lambda spec, props: spec.replace_attributes(**attributes))


def built(evaluation: Evaluation, tmp_path: Path, pique: LocalPiqueProcess) -> dg.Definitions:
    return build_defs(evaluations=[evaluation], resources=resources_at(tmp_path, pique))


@pytest.mark.parametrize(
    ("translator", "sentence"),
    [
        (answering(key="same"), "both have the asset key same"),
        (answering(key=["no", "such key"]), "'no/such key'"),
        (answering(deps=[]), "takes the dependency on brand_videos/"),
        (answering(partitions_def=dg.StaticPartitionsDefinition(["a"])), "changes the partitions"),
        (answering(skippable=True), "makes the asset skippable"),
        (answering(automation_condition=dg.AutomationCondition.eager()), "'uploads', has Dagster materialise"),
        (PiqueTranslator(translation=lambda spec, props: None), "returned None"),
    ],
    ids=["one key", "bad key", "no deps", "partitions", "skippable", "automation", "nothing"],
)
def test_what_a_translator_may_not_do_is_one_sentence(translator, sentence, tmp_path, shared_pique):
    with pytest.raises(ValueError, match="asset") as refused:
        built(video_evaluation(translator=translator), tmp_path, shared_pique)
    assert sentence in str(refused.value)


def test_assets_of_two_evaluations_may_not_have_one_key(tmp_path, shared_pique):
    same = PiqueTranslator(translation=lambda spec, props: spec.replace_attributes(key=["scores", props.asset]))
    evaluations = [video_evaluation(name=name, translator=same) for name in ("first", "second")]
    with pytest.raises(ValueError, match=r"first's raw_media and second's raw_media .* scores/raw_media"):
        build_defs(evaluations=evaluations, resources=resources_at(tmp_path, shared_pique))


@pytest.mark.parametrize(
    ("changes", "spending"),
    [
        ({}, {"uploads"}),
        ({"social": SocialUrls("lists")}, {"uploads", "social_submissions"}),
        ({"judge_id": None, "judge_file": "judge.yaml", "create_missing_judge": True}, {"uploads", "judge"}),
    ],
    ids=["media", "social", "judge"],
)
def test_assets_that_spend_are_automated_by_an_explicit_word_alone(changes, spending):
    evaluation = video_evaluation(translator=answering(automation_condition=dg.AutomationCondition.eager()), **changes)
    assert set(evaluation.spending_assets) == spending
    for asset in spending:
        with pytest.raises(ValueError, match="automate_spending=True"):
            evaluation.asset_spec(asset)
    allowed = video_evaluation(translator=evaluation.translator, automate_spending=True, **changes)
    automated = {asset for asset in allowed.assets if allowed.asset_spec(asset).automation_condition}
    assert automated == set(allowed.assets) - {"raw_media", "raw_social_urls"}, "those are made elsewhere"


def test_a_translator_may_add_what_an_asset_depends_on(tmp_path, shared_pique):
    def after_export(spec: dg.AssetSpec, props: PiqueAssetProps) -> dg.AssetSpec:
        return spec.merge_attributes(deps=["export"]) if props.asset == "raw_media" else spec

    evaluation = video_evaluation(translator=PiqueTranslator(translation=after_export))
    assets = built(evaluation, tmp_path, shared_pique).get_repository_def().asset_graph
    assert assets.get(evaluation.asset_key("raw_media")).parent_keys == {dg.AssetKey("export")}


def test_the_key_of_an_asset_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"no asset 'scorecard'; its assets are .*scorecard_daily"):
        video_evaluation().asset_key("scorecard")
    social = Evaluation(name="posts", judge_id="j", social=SocialUrls("lists"), start_date=DATES[0])
    with pytest.raises(ValueError, match="no asset 'uploads'"):
        social.asset_key("uploads")
    assert social.asset_key("social_submissions") == dg.AssetKey(["posts", "social_submissions"])
    assert Evaluation(
        name="both", judge_id="j", media=DatedFolder("m"), social=SocialUrls("l"), start_date=DATES[0]
    ).asset_key("raw_media")
