"""The command `pique-assets receive`: what it starts with, what it says, how it ends."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from receiver_process import PATIENCE_S, SECRET, Answer, read_answer, request, running_receiver

from pique_assets.cli import main
from pique_assets.ledger import Ledger
from pique_assets.testing.signing import sign_webhook, sign_webhook_without_time

TAKEN = Answer(status=200)


def body_of() -> bytes:
    return json.dumps({"job_id": "job_" + secrets.token_urlsafe(12), "status": "completed"}).encode()


@pytest.mark.slow
def test_while_the_ledger_is_busy_pique_is_asked_to_come_again(tmp_path):
    with running_receiver(ledger=tmp_path / "ledger.db", log=tmp_path / "log") as receiver:
        body = body_of()
        blocker = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        assert receiver.deliver(body) == Answer(status=503)
        blocker.execute("ROLLBACK")
        blocker.close()
        assert receiver.deliver(body) == TAKEN
        with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
            assert [webhook.body for webhook in ledger.unknown_webhooks(limit=9)] == [body]


def test_the_older_header_without_a_time_is_taken_only_when_the_operator_says_so(tmp_path):
    file = tmp_path / "secrets"
    file.touch(mode=0o600)
    file.write_text(f"\n{SECRET}\n")
    options = ("--accept-without-time", "--secrets-file", file)
    with running_receiver(*options, ledger=tmp_path / "ledger.db", log=tmp_path / "log", secrets=()) as receiver:
        body = body_of()
        plain = sign_webhook_without_time(body, SECRET)
        for header in (plain, f"sha256={plain}"):
            assert receiver.post(body, {"X-Webhook-Signature": header}) == TAKEN
        assert receiver.post(body, {"X-Webhook-Signature": plain[:-1]}) == Answer(status=401)
        assert receiver.post(body, {"X-Pique-Signature": plain}) == Answer(status=401)


def test_the_process_keeps_no_api_key_and_says_no_secret(tmp_path):
    key, other = "pk_canary_of_the_api_key", "whsec_the-next-one-of-ours"
    files = {"ledger": tmp_path / "ledger.db", "log": tmp_path / "log"}
    with running_receiver(**files, secrets=[SECRET, other], PIQUE_API_KEY=key) as receiver:
        assert [receiver.deliver(body_of(), secret=secret) for secret in (SECRET, other)] == [TAKEN, TAKEN]
        receiver.post(body_of(), {"X-Pique-Signature": "nonsense"})
        assert key.encode() not in Path(f"/proc/{receiver.pid}/environ").read_bytes()
        assert receiver.stop() == 0
    said = (tmp_path / "log").read_text()
    assert "PIQUE_API_KEY is left out" in said and "stopped" in said
    assert key not in said and SECRET not in said and other not in said
    assert SECRET.encode() not in (tmp_path / "ledger.db").read_bytes()


def test_ctrl_c_ends_it_in_order(tmp_path):
    with running_receiver(ledger=tmp_path / "ledger.db", log=tmp_path / "log") as receiver:
        body = body_of()
        # A connection that is kept open does not hold it up.
        with socket.create_connection(receiver.address, timeout=PATIENCE_S) as connection:
            connection.sendall(request(body, {"X-Pique-Signature": sign_webhook(body, SECRET)}))
            assert read_answer(connection) == TAKEN
            assert receiver.stop(signal.SIGINT) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys) -> Callable[..., str]:
    """What the command says, run here, when it will not start."""
    for name in [name for name in os.environ if name.startswith("PIQUE_")]:
        monkeypatch.delenv(name)

    def run(*options: object, secrets: str = "") -> str:
        monkeypatch.setenv("PIQUE_WEBHOOK_SECRETS", secrets)
        arguments = ["receive", "--port", "0", "--ledger", str(tmp_path / "ledger.db"), *map(str, options)]
        assert main(arguments) == 1
        return capsys.readouterr().err

    return run


def test_it_does_not_start_without_secrets_that_are_secret(tmp_path, refused):
    assert "PIQUE_WEBHOOK_SECRETS holds no webhook secret" in refused()
    assert "holds no webhook secret" in refused(secrets=" , ")
    short = refused(secrets=f"{SECRET},hunter2")
    assert "7 bytes" in short and "hunter2" not in short
    file = tmp_path / "secrets"
    file.write_text(SECRET)
    file.chmod(0o640)
    open_to_others = refused("--secrets-file", file)
    assert "chmod 600" in open_to_others and SECRET not in open_to_others
    assert "No such file" in refused("--secrets-file", tmp_path / "nowhere")
    assert "no regular file" in refused("--secrets-file", "/dev/null")


def test_an_address_that_others_can_reach_is_warned_of(refused):
    # An address of nobody (RFC 5737): it warns, and then can't listen there.
    said = refused("--host", "192.0.2.1", secrets=SECRET)
    assert "warning: 192.0.2.1 can be reached from other machines" in said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("--host", "127.0.0.1", "--port", taken.getsockname()[1], secrets=SECRET)
    assert "in use" in said and "warning" not in said
