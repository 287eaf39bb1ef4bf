"""What the commands share: options, where Pique, ledger and lake are, how they speak.

Here: nothing that only one command needs, and nothing that imports a room before it is used.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

from pique_assets.visible import visible

if TYPE_CHECKING:
    from pique_assets.api.client import PiqueClient
    from pique_assets.evaluation.limits import Limits
    from pique_assets.lake import Lake
    from pique_assets.ledger import Ledger

CommandParsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Where a command adds its parser: what `add_subparsers` returns."""

DONE, FAILED, INTERRUPTED = 0, 1, 130
"""Exit statuses; wrong arguments end with 2, which is `argparse`'s own."""

DEFAULT_LEDGER = ".pique/ledger.db"
DEFAULT_LAKE = ".pique/lake"

LEDGER_VARIABLE = "PIQUE_LEDGER_URL"
LAKE_VARIABLE = "PIQUE_LAKE"
BASE_URL_VARIABLE = "PIQUE_BASE_URL"
API_KEY_VARIABLE = "PIQUE_API_KEY"


def say(sentence: str) -> None:
    """Print a line of the result."""
    print(visible(sentence), flush=True)


def tell(sentence: str) -> None:
    """Print a line of progress: to standard error, so that what is piped onward is the result alone."""
    print(visible(sentence), file=sys.stderr, flush=True)


def complain(reason: object) -> int:
    """Print why nothing came of it.

    Returns:
        `FAILED`, the exit status.
    """
    print(visible(f"pique-assets: {reason}"), file=sys.stderr, flush=True)
    return FAILED


def add_ledger_option(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """Add `--ledger`; without a default it must be said, there or in the environment."""
    parser.add_argument(
        "--ledger",
        default=os.environ.get(LEDGER_VARIABLE, default),
        help="a path, sqlite:///path or postgresql://user:password@host/database; keep a password out of the process "
        f"list by setting {LEDGER_VARIABLE} instead" + (f" (else {default})" if default else ""),
    )


def add_lake_option(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """Add `--lake`; without a default it must be said, there or in the environment."""
    parser.add_argument(
        "--lake",
        default=os.environ.get(LAKE_VARIABLE, default),
        help=f"folder or gs:// URL of the lake, or set {LAKE_VARIABLE}" + (f" (else {default})" if default else ""),
    )


def add_date_range(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add `--start` and `--end`, dates, both included."""
    parser.add_argument("--start", type=_date, required=required, metavar="YYYY-MM-DD", help="first date")
    parser.add_argument("--end", type=_date, required=required, metavar="YYYY-MM-DD", help="last date, included")


def add_limit_option(parser: argparse.ArgumentParser) -> None:
    """Add `--limit NAME=NUMBER`, any of the engine's limits."""
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="one of the engine's limits, such as results_wait_s=60 or concurrent_uploads=8; may be repeated",
    )


def limits_of(arguments: argparse.Namespace) -> Limits:
    """The engine's limits as `--limit` changes them; says which are wrong and exits."""
    from pique_assets.evaluation.limits import Limits

    types = {field.name: type(getattr(Limits(), field.name)) for field in fields(Limits)}
    changed = {}
    for text in arguments.limit:
        name, _, number = text.partition("=")
        try:
            changed[name] = types[name](number)
        except (KeyError, ValueError):
            arguments.parser.error(f"--limit {text}: write NAME=NUMBER; the names are {', '.join(sorted(types))}")
    return replace(Limits(), **changed)


@contextmanager
def stopping_in_order() -> Iterator[None]:
    """Let the first Ctrl-C end what is under way, and the second end the process.

    Uploads that have begun are finished, which may take a while; whatever is cut off instead is taken up by the next
    run, for the ledger has every step.
    """

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, _stop_at_once)
        # Not by `tell`: it may be what was interrupted, and a stream can't be entered twice.
        os.write(sys.stderr.fileno(), b"stopping when what is being sent has arrived; Ctrl-C once more stops at once\n")
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _stop_at_once(number: int, frame: FrameType | None) -> None:
    # Past Python's own end, which would wait for the uploads after all.
    os.write(sys.stderr.fileno(), b"stopped at once\n")
    os._exit(INTERRUPTED)


def _date(text: str) -> dt.date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write it as YYYY-MM-DD")
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: {error}") from None


def ledger_url(arguments: argparse.Namespace) -> str:
    """The URL of the ledger that `--ledger` names; says what to do and exits where it names none."""
    if not arguments.ledger:
        arguments.parser.error(f"say where the ledger is: --ledger, or the environment variable {LEDGER_VARIABLE}")
    named: str = arguments.ledger
    return named if re.match(r"[A-Za-z][\w.+-]*://", named) else f"sqlite:///{Path(named).expanduser().absolute()}"


def opened_ledger(arguments: argparse.Namespace) -> Ledger:
    """The ledger that `--ledger` names; a context manager.

    Raises:
        LedgerUnavailable: It can't be opened.
    """
    from pique_assets.ledger import Ledger

    return Ledger.open(ledger_url(arguments))


def existing_ledger(arguments: argparse.Namespace) -> Ledger:
    """The same for commands that only read: no new ledger is made where there is none.

    Raises:
        FileNotFoundError: There is none.
        LedgerUnavailable: It can't be opened.
    """
    from pique_assets.ledger import ledger_file

    path = ledger_file(ledger_url(arguments))
    if path is not None and not path.exists():
        raise FileNotFoundError(f"there is no ledger at {path}: name another with --ledger or {LEDGER_VARIABLE}")
    return opened_ledger(arguments)


def opened_lake(arguments: argparse.Namespace) -> Lake:
    """The lake that `--lake` names."""
    from pique_assets.lake import Lake

    if not arguments.lake:
        arguments.parser.error(f"say where the lake is: --lake, or the environment variable {LAKE_VARIABLE}")
    return Lake(arguments.lake)


def opened_client(arguments: argparse.Namespace) -> PiqueClient:
    """The API at `PIQUE_BASE_URL` with the key of `PIQUE_API_KEY`; a context manager."""
    from pique_assets.api.client import PiqueClient

    found = {name: os.environ.get(name) for name in (BASE_URL_VARIABLE, API_KEY_VARIABLE)}
    if missing := [name for name, value in found.items() if not value]:
        arguments.parser.error(f"set the environment variable {' and '.join(missing)}: where Pique is, and your key")
    return PiqueClient(base_url=found[BASE_URL_VARIABLE] or "", api_key=found[API_KEY_VARIABLE] or "")
