"""Whose a ledger is: one Pique's, with evaluations that mean one thing each."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from pique_assets.ledger import (
    Declaration,
    DeclaredDifferently,
    Ledger,
    LedgerMissing,
    LedgerOfAnotherPique,
)

DECLARED = Declaration(judge_id="judge_1", media="/media", social=None)


def test_the_first_pique_it_is_used_with_is_the_only_one(ledger):
    assert ledger.pique() is None
    ledger.belong_to("sandbox")
    ledger.belong_to("sandbox")
    with pytest.raises(LedgerOfAnotherPique, match=r"'sandbox', and this is 'production'.*PIQUE_HOME.*belongs-to"):
        ledger.belong_to("production")
    assert ledger.pique() == "sandbox"
    ledger.give_to("production")
    ledger.belong_to("production")
    assert ledger.pique() == "production"


def test_of_two_that_come_first_at_the_same_moment_one_is_refused(ledger):
    together = threading.Barrier(2)
    refused: list[str] = []

    def use(pique: str) -> None:
        together.wait()
        try:
            ledger.belong_to(pique)
        except LedgerOfAnotherPique:
            refused.append(pique)

    threads = [threading.Thread(target=use, args=(pique,)) for pique in ("local", "production")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {ledger.pique(), *refused} == {"local", "production"}


def test_an_evaluation_means_one_judge_and_one_source(ledger, story):
    ledger.declare("brand", Declaration(judge_id="a slip", media="/slip", social=None))
    ledger.declare("brand", DECLARED)
    story.take_inventory(evaluation="brand")
    ledger.declare("brand", DECLARED)
    ledger.declare("other", Declaration(judge_id="judge_2", media=None, social="gs://b/lists"))
    for changed, what in (
        (Declaration(judge_id="judge_2", media="/media", social=None), "judge judge_1, and now judge_2"),
        (Declaration(judge_id="judge_1", media="/else", social=None), "media /media, and now /else"),
        (Declaration(judge_id="judge_1", media=None, social="gs://b/lists"), "media /media, and now none"),
    ):
        with pytest.raises(DeclaredDifferently, match=f"{what}.*redeclare brand"):
            ledger.declare("brand", changed)
    more = Declaration(judge_id="judge_1", media="/media", social="gs://b/lists")
    ledger.declare("brand", more)
    with pytest.raises(DeclaredDifferently, match="social media URLs gs://b/lists, and now none"):
        ledger.declare("brand", DECLARED)
    assert ledger.forget_declaration("brand")
    assert not ledger.forget_declaration("brand")
    ledger.declare("brand", DECLARED)


def test_jobs_it_never_made_are_named(ledger, story):
    known = "job_known"
    story.uploaded(job_id=known)
    assert ledger.unknown_jobs([]) == []
    many = [f"job_{number:05}" for number in range(1200)]
    assert ledger.unknown_jobs([*many, known, known]) == many


def test_files_of_a_lake_are_noted_by_version(ledger):
    assert ledger.known_lake_files() == {}
    ledger.record_known_lake_files({"a" * 64: "1" * 64, "b" * 64: "1" * 64})
    ledger.record_known_lake_files({"a" * 64: "2" * 64})
    ledger.record_known_lake_files({})
    assert ledger.known_lake_files() == {"a" * 64: "2" * 64, "b" * 64: "1" * 64}


def test_none_is_made_where_none_is_wanted(tmp_path):
    path = tmp_path / "folder" / "ledger.db"
    said: list[str] = []
    with pytest.raises(LedgerMissing, match=f"no ledger at {path}"):
        Ledger.open(str(path), create=False)
    assert not path.parent.exists()
    with Ledger.open(str(path), say=said.append):
        pass
    assert said == [f"made a new, empty ledger {path}"]
    with Ledger.open(str(path), create=False, say=said.append):
        pass
    assert len(said) == 1


def test_a_database_without_the_tables_of_a_ledger_is_none(empty_url):
    with pytest.raises(LedgerMissing, match="no ledger"):
        Ledger.open(empty_url, create=False)
    with Ledger.open(empty_url):
        pass
    with Ledger.open(empty_url, create=False):
        pass


def test_one_that_was_filled_before_ledgers_belonged_to_anybody_asks_whose_it_is(ledger):
    with ledger._database.long_write() as connection:
        connection.execute(sa.text("INSERT INTO owner (id, pique) VALUES (1, NULL)"))
    for pique in ("local", "production"):
        with pytest.raises(LedgerOfAnotherPique, match="belongs-to"):
            ledger.belong_to(pique)
    ledger.give_to("local")
    ledger.belong_to("local")
