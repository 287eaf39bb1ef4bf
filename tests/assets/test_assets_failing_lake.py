"""A lake that can't be written: the date is not taken for collected, so its tables are made once the lake is well."""

from __future__ import annotations

from graph import Graph

from pique_assets.ledger import Ledger

DATE = "2026-03-02"


def uncollected(graph: Graph) -> list[str]:
    with Ledger.open(f"sqlite:///{graph.home / 'ledger.db'}") as ledger:
        return [settled.partition for settled in ledger.uncollected_partitions()]


def test_a_date_whose_payloads_could_not_be_written_is_collected_by_the_next_run(graph):
    in_the_way = graph.home / "lake" / "payloads"
    in_the_way.parent.mkdir()
    in_the_way.touch()
    assert not graph.run(DATE).success
    assert uncollected(graph) == [DATE]
    in_the_way.unlink()
    assert graph.run(DATE, job="results").success
    assert uncollected(graph) == []
    assert graph.table("evaluations", DATE).num_rows == 3
