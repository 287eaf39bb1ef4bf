"""`pique-assets doctor`: what is wrong is named with what to do, and `--spend-one` names how answers differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import run_here
from desk import JUDGE
from line import Told, answering, passed_on
from ports import port_for_later

from pique_assets.ledger import Ledger
from pique_assets.local.process import DEMO_JUDGES, LocalPiqueProcess
from pique_assets.local.record import read_record
from pique_assets.testing import Fault, FaultKind, FaultScript, Route, running_faulty_pique

NOBODY = "http://127.0.0.1:{port}"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A project without a code location."""
    (tmp_path / "dg.toml").write_text("[project]\nroot_module = 'a_package_that_is_not_there'\n")
    return tmp_path


def examined(here: Path, *arguments: str, status: int = 0, **environment: str) -> dict[str, list[tuple[str, str]]]:
    """Verdicts and sentences by what they are about."""
    done = run_here("doctor", *arguments, "--json", cwd=here, **environment)
    assert done.returncode == status, (done.stdout, done.stderr)
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["what"], []).append((finding["verdict"], finding["sentence"]))
    return found


def at(base_url: str, api_key: str) -> dict[str, str]:
    return {"PIQUE_BASE_URL": base_url, "PIQUE_API_KEY": api_key}


@contextmanager
def odd(pique: LocalPiqueProcess, oddity: Callable[[Told], Told]) -> Iterator[str]:
    with answering(lambda request: oddity(passed_on(request, to=pique.base_url))) as base_url:
        yield base_url


def test_all_is_well_and_nothing_is_evaluated_or_made(here, pique):
    before = {record.job_id: record.complete_puts for record in read_record(pique.data_dir)}
    found = examined(here, "--judge", JUDGE, **at(pique.base_url, pique.api_key))
    assert [
        verdict for what in ("host", "key", "clock", "judge", "storage", "ledger", "lake") for verdict, _ in found[what]
    ] == ["ok"] * 7
    assert {what for what in found if what.startswith("extra ")} == {
        f"extra {name}" for name in ("local", "local-ocr", "local-speech", "webhooks", "gcs", "postgres", "analysis")
    }
    new = [record for record in read_record(pique.data_dir) if record.job_id not in before]
    assert [(record.status, record.complete_puts) for record in new] == [("awaiting_upload", 0)]
    assert new[0].job_id in found["storage"][0][1]
    assert not (here / ".pique").exists()


def test_one_evaluation_is_spent_and_every_answer_is_as_documented(here, pique):
    for judge in ("judge_demo_videos", "judge_demo_images"):
        found = examined(here, "--judge", judge, "--spend-one", **at(pique.base_url, pique.api_key))
        for what in ("judge", "prepared upload", "result before the upload", "upload", "result", "unknown judge"):
            assert found[what][-1][0] == "ok", found[what]
        assert found["result"] == [("ok", "as docs/contract.md has it")]


def test_every_difference_has_a_line(here, pique):
    def oddity(told: Told) -> Told:
        if told.asked == f"GET /v1/judges/{JUDGE}":
            return told.saying(is_active="yes", colour="red")
        if told.asked == "POST /v1/evaluations/presigned-upload":
            return told.saying(expires_in=900)
        if "/results/" in told.asked and told.document()["status"] == "completed":
            first, *others = told.document()["detector_results"]
            return told.saying(
                event="evaluation.done", content_id=None, detector_results=[first | {"score": "high"}, *others]
            )
        return told

    with odd(pique, oddity) as base_url:
        found = examined(here, "--judge", JUDGE, "--spend-one", **at(base_url, pique.api_key))
    told = {
        sentence.removeprefix("differs from docs/contract.md: ") for lines in found.values() for _, sentence in lines
    }
    assert told >= {
        "judge.is_active is text, documented is boolean",
        "judge.colour is not documented",
        "prepared.expires_in is not documented",
        "result.event is 'evaluation.done', documented is evaluation.completed",
        "result.content_id is null, documented is text",
        "result.detector_results[0].score is text, documented is number",
    }


@pytest.mark.parametrize(
    ("base_url", "api_key", "what", "told"),
    [
        (None, None, "host", "set PIQUE_BASE_URL"),
        (None, None, "key", "PIQUE_API_KEY is not set"),
        ("{pique}/v1", "pk_1", "host", "must end before /v1"),
        ("http://api.example.com", "pk_1", "host", "must be https"),
        (NOBODY, "pk_1", "host", "at http://127.0.0.1:{port}"),
        ("https://no-such-host.invalid", "pk_1", "host", "at https://no-such-host.invalid"),
        ("{pique}", "pk_wrong", "key", "401"),
        ("{pique}", "pk wrong", "key", "one word"),
    ],
)
def test_what_is_wrong_with_address_and_key_is_said(here, pique, base_url, api_key, what, told):
    names = {"pique": pique.base_url, "port": port_for_later()}
    given = {} if base_url is None else at(base_url.format(**names), api_key)
    found = examined(here, "--judge", JUDGE, status=1, **given)
    (line,) = found[what]
    assert line[0] == "wrong" and told.format(**names) in line[1], line


def test_a_host_that_is_no_pique_is_told(here):
    page = Told(status=404, headers={"content-type": "text/html"}, body=b"<html>nothing here</html>")
    with answering(lambda request: page) as base_url:
        found = examined(here, status=1, **at(base_url, "pk_1"))
    assert found["host"][0][0] == "wrong" and "not as Pique does" in found["host"][0][1]


def test_a_judge_that_is_not_there_or_not_ready_is_wrong(here, pique):
    found = examined(here, "--judge", "judge_nobody_has", status=1, **at(pique.base_url, pique.api_key))
    assert found["judge"][0][0] == "wrong" and "judge_nobody_has" in found["judge"][0][1]

    def oddity(told: Told) -> Told:
        is_judge = told.asked == f"GET /v1/judges/{JUDGE}"
        return told.saying(status="pending") if is_judge else told

    with odd(pique, oddity) as base_url:
        found = examined(here, "--judge", JUDGE, status=1, **at(base_url, pique.api_key))
    assert found["judge"] == [("wrong", f"{JUDGE} is pending: it can't evaluate now")]


def test_storage_that_can_not_be_reached_is_wrong(here, pique):
    nobody = f"http://127.0.0.1:{port_for_later()}"

    def oddity(told: Told) -> Told:
        is_upload = told.asked == "POST /v1/evaluations/presigned-upload"
        return told.saying(upload_url=f"{nobody}/bucket/object?signature=s3cret") if is_upload else told

    with odd(pique, oddity) as base_url:
        found = examined(here, "--judge", JUDGE, status=1, **at(base_url, pique.api_key))
    ((verdict, sentence),) = found["storage"]
    assert verdict == "wrong" and nobody in sentence and "s3cret" not in sentence


def test_a_clock_that_is_off_is_said(here, tmp_path):
    skew = Fault(route=Route.ANY, kind=FaultKind.CLOCK_SKEW, every=1, seconds=600)
    with running_faulty_pique(
        data_dir=tmp_path / "pique", script=FaultScript([skew]), seed_judges=DEMO_JUDGES
    ) as pique:
        found = examined(here, "--judge", JUDGE, **at(pique.base_url, pique.api_key))
    ((verdict, sentence),) = found["clock"]
    assert verdict == "warn" and "off Pique's" in sentence


def test_a_ledger_of_another_pique_and_a_lake_that_can_not_be_written_are_wrong(here, pique):
    with Ledger.open(str(here / "ledger.db")) as ledger:
        ledger.belong_to("production")
    (here / "a_file").touch()
    found = examined(
        here,
        *("--judge", JUDGE, "--ledger", str(here / "ledger.db"), "--lake", str(here / "a_file" / "lake")),
        status=1,
        **at(pique.base_url, pique.api_key),
    )
    assert found["ledger"][0][0] == "wrong" and "belongs to the Pique 'production'" in found["ledger"][0][1]
    assert any(verdict == "wrong" and str(here / "a_file") in sentence for verdict, sentence in found["lake"])


def test_judges_and_webhooks_of_the_code_location_are_looked_at(here, pique):
    nobody = f"http://127.0.0.1:{port_for_later()}/webhooks/pique"
    (here / "at_home.py").write_text(
        "from pique_assets import DatedFolder, Evaluation, build_defs, resources_for\n"
        f"ads = Evaluation(name='ads', judge_id={JUDGE!r}, media=DatedFolder('/media'), start_date='2026-03-02', "
        f"webhook_url={nobody!r})\n"
        "defs = build_defs(evaluations=[ads], resources=resources_for('local'))\n"
    )
    found = examined(here, "--module", "at_home.py", status=1, **at(pique.base_url, pique.api_key))
    assert found["judge"][0][0] == "ok" and JUDGE in found["judge"][0][1]
    assert found["receiver"][0][0] == "wrong" and nobody in found["receiver"][0][1]
    assert found["webhook secret"][0][0] == "warn"


def test_a_line_each_for_people(here, pique):
    done = run_here("doctor", "--judge", JUDGE, cwd=here, **at(pique.base_url, pique.api_key))
    assert {line.split()[0] for line in done.stdout.splitlines()} <= {"ok", "warn", "wrong"}
    assert f"ok     host: {pique.base_url}" in done.stdout
