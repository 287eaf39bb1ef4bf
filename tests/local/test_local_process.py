"""The command and its life: starting, stopping, orphans, secrets on disk, the same folder again."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from pique_assets.local.process import LocalPiqueFailed, running_local_pique
from pique_assets.local.record import read_record


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie that only waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_it_starts_quickly(tmp_path, seed_file):
    times = []
    # The best of some, and of the processor's time: other tests may share the machine.
    for _ in range(3):
        with running_local_pique(data_dir=tmp_path, seed_judges=seed_file) as process:
            ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        times.append(sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"))
    assert min(times) < 1.5


def test_it_stops_with_its_workers_and_leaves_no_warning(tmp_path, start_pique, clip):
    with start_pique(tmp_path, workers=2) as pique:
        pique.evaluated(clip)
        pids = [pique.process.pid, *pique.worker_pids(count=2)]
    assert [pid for pid in pids if is_running(pid)] == []
    assert (tmp_path / "server.log").read_text() == ""


def test_the_ready_line_is_one_line_without_a_secret(tmp_path, seed_file):
    command = [sys.executable, "-m", "pique_assets.local", "--data-dir", tmp_path, "--seed-judges", seed_file]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) == 0
    ready = json.loads(line)
    assert ready["base_url"].startswith("http://127.0.0.1:")
    assert ready["pid"] == process.pid
    assert ready["judges"]["judge_failed"] == "failed"
    assert rest == ""
    for name in ("api_key", "webhook_secret"):
        assert (tmp_path / name).read_text() not in line


@pytest.mark.slow
def test_secrets_are_private_kept_and_never_printed(tmp_path, start_pique, monkeypatch):
    names = ["api_key", "webhook_secret", "signing_key.pem"]
    with start_pique(tmp_path) as pique:
        shown = repr(pique.process)
        assert pique.process.api_key not in shown
        assert pique.process.webhook_secret not in shown
        first = [(tmp_path / name).read_bytes() for name in names]
        assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}
    with start_pique(tmp_path):
        assert [(tmp_path / name).read_bytes() for name in names] == first
    monkeypatch.setenv("PIQUE_API_KEY", "pk_given")
    with start_pique(tmp_path) as pique:
        assert pique.process.api_key == "pk_given"
        assert pique.http.get("/v1/judges").status_code == 200
        assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}


def test_no_secret_reaches_the_log(tmp_path, start_pique, clip):
    with start_pique(tmp_path) as pique:
        prepared = pique.prepare(clip)
        pique.put(prepared, clip)
        httpx.put(prepared.upload_url + "0", content=clip, headers=prepared.upload_headers)
        pique.wait_for(prepared.job_id)
        worker = pique.stop_worker()
        lost = pique.submit(clip)
        pique.wait_for(lost, status="processing")
        os.kill(worker, signal.SIGKILL)
        pique.wait_for(lost)
        secrets = [pique.process.api_key, pique.process.webhook_secret, "X-Goog-Signature"]
    log = (tmp_path / "server.log").read_text()
    assert lost in log
    assert [secret for secret in secrets if secret in log] == []


def test_judges_and_results_survive_a_restart(tmp_path, start_pique, clip):
    with start_pique(tmp_path) as pique:
        result = pique.evaluated(clip)
        judges = pique.http.get("/v1/judges").json()
    with start_pique(tmp_path) as pique:
        assert pique.result(result["job_id"]) == result
        assert pique.http.get("/v1/judges").json() == judges


def test_an_upload_url_outlives_a_restart(tmp_path, start_pique, clip):
    with start_pique(tmp_path) as pique:
        prepared = pique.prepare(clip)
    with start_pique(tmp_path) as pique:
        assert pique.put(prepared, clip).status_code == 200
        pique.wait_for(prepared.job_id)


def test_a_changed_seed_changes_the_judge_and_keeps_its_ids(tmp_path, start_pique, seed_file):
    seeds = json.loads(seed_file.read_text())
    with start_pique(tmp_path / "data") as pique:
        before = pique.http.get("/v1/judges/judge_videos").json()
    seeds["judges"][0]["detectors"][0]["config"]["min_width"] = 4000
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(seeds))
    with start_pique(tmp_path / "data", seed_judges=changed) as pique:
        after = pique.http.get("/v1/judges/judge_videos").json()
    assert after["detector_configs"][0]["config"]["min_width"] == 4000
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]
    ids = [[detector["id"] for detector in judge["detector_configs"]] for judge in (before, after)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("seeds", ["{", '{"judges": [{"id": "x"}]}', "[]"])
def test_an_unreadable_seed_file_is_named(tmp_path, seeds):
    (tmp_path / "seeds.json").write_text(seeds)
    with (
        pytest.raises(LocalPiqueFailed, match=r"seeds\.json is not a seed file"),
        running_local_pique(data_dir=tmp_path / "data", seed_judges=tmp_path / "seeds.json"),
    ):
        raise AssertionError("must not start")


@pytest.mark.slow
def test_a_folder_serves_one_server_at_a_time(tmp_path, start_pique):
    with start_pique(tmp_path) as pique:
        with pytest.raises(LocalPiqueFailed, match="another local Pique runs"), start_pique(tmp_path):
            raise AssertionError("must not start")
        assert pique.http.get("/v1/judges").status_code == 200


def test_a_database_of_another_version_is_refused(tmp_path, start_pique):
    import sqlite3
    from contextlib import closing

    with start_pique(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "pique.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LocalPiqueFailed, match="schema version 99"), start_pique(tmp_path):
        raise AssertionError("must not start")


def test_a_taken_port_is_not_fatal_unless_it_was_asked_for(tmp_path, start_pique):
    with start_pique(tmp_path / "a") as first:
        port = int(first.process.base_url.rpartition(":")[2])
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "port").write_text(str(port))
        with start_pique(tmp_path / "b") as second:
            assert second.process.base_url != first.process.base_url
        with pytest.raises(LocalPiqueFailed, match="in use"), start_pique(tmp_path / "c", port=port):
            raise AssertionError("must not start")


def test_the_server_ends_when_its_parent_is_killed(tmp_path, seed_file, eventually):
    """As after `kill -9` of a whole run: no server, no worker may stay behind."""
    script = (
        "import pathlib, sys, threading, time\n"
        "from pique_assets.local.process import running_local_pique\n"
        "def hold():\n"
        "    with running_local_pique(data_dir=pathlib.Path(sys.argv[1]), workers=2) as pique:\n"
        "        print(pique.pid, flush=True)\n"
        "        time.sleep(60)\n"
        "thread = threading.Thread(target=hold)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True) as parent:
        server = int(parent.stdout.readline())
        children = Path(f"/proc/{server}/task/{server}/children")
        workers = eventually(lambda: [int(pid) for pid in children.read_text().split()], lambda pids: len(pids) == 2)
        os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: not any(is_running(pid) for pid in [server, *workers]))


def test_an_idle_server_outlives_the_thread_that_started_it(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    context = running_local_pique(data_dir=tmp_path)
    with ThreadPoolExecutor(1) as thread:
        pique = thread.submit(context.__enter__).result()
    time.sleep(0.6)
    assert is_running(pique.pid)
    context.__exit__(None, None, None)


def test_the_record_of_a_folder_without_a_server_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no local Pique has run"):
        read_record(tmp_path)
