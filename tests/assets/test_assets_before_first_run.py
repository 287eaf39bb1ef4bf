"""What the definitions say before anything ran: columns, the table's name, and the version of the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
from dagster._core.asset_graph_view.asset_graph_view import AssetGraphView, TemporalContext
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from graph import Graph, resources_at, video_evaluation

from pique_assets import SocialUrls, build_defs
from pique_assets.analysis import sql
from pique_assets.declared_assets import ASSETS
from pique_assets.lake import SCHEMAS, TABLES
from pique_assets.lake.declaration import integer

# A date without media: its tables are written all the same.
DATE = "2026-03-04"


def definitions(tmp_path, pique) -> Mapping[str, dg.AssetNode]:
    evaluation = video_evaluation(social=SocialUrls(tmp_path / "lists"), judge_name="brand_judge")
    defs = build_defs(evaluations=[evaluation], resources=resources_at(tmp_path, pique))
    assets = defs.get_repository_def().asset_graph
    return {asset: assets.get(evaluation.asset_key(asset)) for asset in evaluation.assets}


def test_every_asset_with_a_table_shows_its_columns_before_the_first_run(tmp_path, shared_pique):
    found = definitions(tmp_path, shared_pique)
    assert set(found) == set(ASSETS)
    for asset, declared in ASSETS.items():
        metadata = found[asset].metadata
        if declared.table is None:
            assert "dagster/column_schema" not in metadata
            continue
        schema = SCHEMAS[declared.table]
        shown = metadata["dagster/column_schema"].schema.columns
        assert [(column.name, column.type) for column in shown] == [(field.name, str(field.type)) for field in schema]
        assert [column.constraints.nullable for column in shown] == [field.nullable for field in schema]
        assert all(column.description for column in shown)
        assert metadata["dagster/table_name"].value == declared.table
        assert (metadata["pique/evaluation"].value, metadata["pique/judge"].value) == ("brand_videos", "brand_judge")
    tables = {declared.table for declared in ASSETS.values()} - {None}
    assert tables == set(TABLES) - {"judges"}, "only the snapshots of the judge itself have no asset of their own"


def test_a_run_says_the_same_columns_as_the_definition(graph):
    assert graph.run(DATE).success
    assets = graph.defs.get_repository_def().asset_graph
    for asset, declared in ASSETS.items():
        if declared.table is not None and asset != "judge":
            written = graph.materialization(asset, DATE).metadata["dagster/column_schema"]
            assert written == assets.get(graph.evaluation.asset_key(asset)).metadata["dagster/column_schema"]


def test_sql_knows_every_table_by_the_name_that_its_asset_shows(graph):
    assert graph.run(DATE).success
    for declared in ASSETS.values():
        if declared.table is not None:
            assert len(sql(f"select * from {declared.table} where false", lake=graph.home / "lake")) == 0


def test_the_code_version_changes_with_the_declaration_and_not_with_words():
    spec = TABLES["evaluations"]
    reworded = replace(spec, columns=tuple(column._replace(doc="Other words.") for column in spec.columns))
    assert reworded.code_version == spec.code_version
    changed = [
        replace(spec, columns=(*spec.columns, integer("more", "One more."))),
        replace(spec, columns=tuple(reversed(spec.columns))),
        replace(spec, key=("source",)),
        replace(spec, version=2),
    ]
    assert len({spec.code_version, *(one.code_version for one in changed)}) == 5


def stale_causes(graph: Graph, asset: str) -> list[str]:
    """What the UI says of a date's table that is out of date."""
    assets = graph.defs.resolve_asset_graph()
    view = AssetGraphView(
        temporal_context=TemporalContext(effective_dt=datetime.now(UTC), last_event_id=None),
        instance=graph.instance,
        asset_graph=assets,
    )
    resolver = CachingStaleStatusResolver(instance=graph.instance, asset_graph=assets, loading_context=view)
    return [cause.reason for cause in resolver.get_stale_causes(graph.evaluation.asset_key(asset), DATE)]


def test_dagster_says_of_a_table_whose_declaration_changed_that_its_code_version_did(
    graph, pique, tmp_path, instance, monkeypatch
):
    assert graph.run(DATE).success
    assert stale_causes(graph, "metric_catalog") == []
    monkeypatch.setitem(TABLES, "metric_catalog", replace(TABLES["metric_catalog"], version=2))
    changed = Graph.over(video_evaluation(), home=tmp_path, pique=pique, instance=instance)
    assert stale_causes(changed, "metric_catalog") == ["has a new code version"]
    assert stale_causes(changed, "scorecard_daily") == []
