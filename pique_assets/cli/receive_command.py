"""`pique-assets receive`: takes Pique's webhooks, so that finished jobs are noticed at once.

Belongs here: its arguments, where its secrets come from, what it says. Does not: receiving (`pique_assets.webhooks`).
"""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import stat
import sys
from contextlib import closing
from pathlib import Path

import pique_assets.ledger as ledger_room
from pique_assets.cli.common import (
    API_KEY_VARIABLE,
    DONE,
    CommandParsers,
    add_ledger_option,
    add_port_option,
    complain,
    opened_ledger,
    say,
    tell,
)
from pique_assets.extras import require_extra
from pique_assets.visible import visible

SECRETS_VARIABLE = "PIQUE_WEBHOOK_SECRETS"
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8787
# A webhook has ten seconds to be answered: who waits longer for a busy ledger answers nobody.
LEDGER_PATIENCE_S = 3.0


class SecretsUnusable(Exception):
    """There are no secrets, or others can read their file; the text says what to do and holds none of them."""


class _VisibleFormatter(logging.Formatter):
    """Lines that command no terminal: anybody can have one written."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def add_command(commands: CommandParsers) -> None:
    """Add `receive`."""
    receive = commands.add_parser(
        "receive",
        help="receive Pique's webhooks, so that finished jobs are noticed at once",
        description="Receive Pique's webhooks: check their signatures, store them in the ledger, and make their jobs "
        "due. It needs no API key and does not keep one. Ctrl-C or SIGTERM ends it in order.",
    )
    receive.add_argument("--host", default=DEFAULT_HOST, help=f"address to listen at (else {DEFAULT_HOST})")
    add_port_option(receive, default=DEFAULT_PORT)
    add_ledger_option(receive)
    receive.add_argument(
        "--secrets-file",
        type=Path,
        help="file with the organisation's webhook secret, one a line while it is exchanged for another; only its "
        f"owner may read it. Without it the secrets are in {SECRETS_VARIABLE}, separated by commas",
    )
    receive.add_argument(
        "--accept-without-time",
        action="store_true",
        help="also accept the older X-Webhook-Signature, which has no time in it and so can be sent again for ever",
    )
    receive.set_defaults(command=_receive, parser=receive)


def _receive(arguments: argparse.Namespace) -> int:
    _leave_the_api_key_behind()
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(_VisibleFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[log])
    require_extra("webhooks")
    # Only after the extra is known to be there.
    from pique_assets.webhooks import WEBHOOK_PATH, receiver_app
    from pique_assets.webhooks.server import listening_socket, serve

    try:
        secrets = _secrets(arguments.secrets_file)
        _warn_if_reachable(arguments.host)
        with (
            opened_ledger(arguments, busy_timeout_s=LEDGER_PATIENCE_S) as ledger,
            closing(listening_socket(host=arguments.host, port=arguments.port)) as listener,
        ):
            app = receiver_app(ledger=ledger, secrets=secrets, accept_without_time=arguments.accept_without_time)
            address = _address(arguments.host, listener.getsockname()[1])
            serve(
                app,
                listener=listener,
                on_ready=lambda: say(f"receiving webhooks at {address}{WEBHOOK_PATH} (secrets: {len(secrets)})"),
            )
    except (ledger_room.LedgerError, SecretsUnusable, OSError, ValueError) as error:
        return complain(error)
    say("stopped")
    return DONE


def _leave_the_api_key_behind() -> None:
    """Begin anew, as the same process, without the API key: who breaks in here shall not find it."""
    if API_KEY_VARIABLE not in os.environ:
        return
    tell(f"{API_KEY_VARIABLE} is left out: receiving needs no API key")
    kept = {name: value for name, value in os.environ.items() if name != API_KEY_VARIABLE}
    # Deleting the variable would leave it in the memory that the system shows as the process's environment.
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], kept)


def _secrets(file: Path | None) -> list[str]:
    """The organisation's secrets, from the file or the environment.

    Raises:
        SecretsUnusable: There are none, or others can read the file.
        OSError: The file can't be read.
    """
    where = SECRETS_VARIABLE if file is None else str(file)
    given = os.environ.get(SECRETS_VARIABLE, "").split(",") if file is None else _private_text(file).splitlines()
    secrets = [secret.strip() for secret in given if secret.strip()]
    if not secrets:
        raise SecretsUnusable(f"{where} holds no webhook secret: without one, anybody's webhooks would do")
    return secrets


def _private_text(file: Path) -> str:
    with file.open(encoding="utf-8") as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise SecretsUnusable(f"{file} is no regular file")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise SecretsUnusable(f"others can read the webhook secrets in {file}: chmod 600 it, and exchange them")
        return opened.read()


def _warn_if_reachable(host: str) -> None:
    """Say what it means to listen where others can come."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        tell(
            f"warning: {host} can be reached from other machines, and this server speaks plain HTTP: put a proxy with "
            "TLS before it that limits connections, and let nobody else through"
        )


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
