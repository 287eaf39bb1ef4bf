"""What the commands share: options, where Pique, ledger and lake are, how they speak.

Belongs here: nothing that only one command needs, and nothing that imports a room before it is used.
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

import pique_assets.api as api_room
import pique_assets.lake as lake_room
import pique_assets.ledger as ledger_room
from pique_assets.api.address import BASE_URLS, LOCAL, pique_at
from pique_assets.evaluation.limits import Limits
from pique_assets.extras import EXTRAS, ExtraMissing
from pique_assets.home import (
    LAKE_VARIABLE,
    LEDGER_OPTION,
    LEDGER_VARIABLE,
    FoundAddress,
    Kept,
    find_address,
    is_url,
    require_intended,
    setting,
)
from pique_assets.visible import visible

if TYPE_CHECKING:
    from pique_assets.evaluation.limits import Limits

CommandParsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Where a command adds its parser: what `add_subparsers` returns."""

DONE, FAILED, INTERRUPTED = 0, 1, 130
"""Exit statuses; wrong arguments end with 2, which is `argparse`'s own."""

BASE_URL_VARIABLE = "PIQUE_BASE_URL"
ENVIRONMENT_VARIABLE = "PIQUE_ENVIRONMENT"
API_KEY_VARIABLE = "PIQUE_API_KEY"


class SettingMissing(ValueError):
    """A variable is not set; the text names the variable and what it is for."""


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


def sentence_for(error: Exception) -> str:
    """What an error says, as one sentence for whoever typed the command."""
    if isinstance(error, ImportError):
        for name, extra in EXTRAS.items():
            if missing := [module for module in extra.missing() if module in str(error)]:
                return str(ExtraMissing(name, *missing))
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if type(error).__name__ == "NoAnswer" and pique_at(base_url() or "http://elsewhere") == LOCAL:
        return f"{error} Is the local Pique running? `pique-assets local` starts one."
    return str(error)


def add_ledger_option(parser: argparse.ArgumentParser) -> None:
    """Add `--ledger`."""
    parser.add_argument(
        LEDGER_OPTION,
        help="a path, sqlite:///path or postgresql://user:password@host/database; keep a password out of the process "
        f"list by setting {LEDGER_VARIABLE} instead (else the project's, as `pique-assets where` says)",
    )


def add_lake_option(parser: argparse.ArgumentParser) -> None:
    """Add `--lake`."""
    parser.add_argument(
        "--lake",
        help=f"folder or gs:// URL of the lake, or set {LAKE_VARIABLE} (else the project's, as `pique-assets where` "
        "says)",
    )


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_module_option(parser: argparse.ArgumentParser) -> None:
    """Add `--module`, the code location."""
    parser.add_argument(
        "--module",
        help="the code location: a module or a Python file with Definitions (else what dg.toml or pyproject.toml "
        "names, else the module definitions)",
    )


def add_port_option(parser: argparse.ArgumentParser, *, default: int) -> None:
    """Add `--port`."""
    parser.add_argument(
        "--port", type=_port, default=default, help=f"port to listen at, 0 for any free one (else {default})"
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


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def _date(text: str) -> dt.date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write it as YYYY-MM-DD")
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: {error}") from None


def address_of(kept: Kept, arguments: argparse.Namespace) -> FoundAddress:
    """Where the ledger or the lake is: as `--ledger` or `--lake` says, else as `pique_assets.home` finds it.

    Raises:
        HomeUnknown: Nothing says where it is.
    """
    named: str | None = getattr(arguments, kept)
    if not named:
        return find_address(kept)
    # Typed now and here, so that a relative path is meant from here.
    address = named if is_url(named) else str(Path(named).expanduser().absolute())
    return FoundAddress(address=address, because=f"--{kept}")


def opened_ledger(arguments: argparse.Namespace, *, busy_timeout_s: float = 30.0) -> ledger_room.Ledger:
    """The ledger, a context manager; one that is not there yet is made, and that is said.

    Args:
        arguments: What the command was given.
        busy_timeout_s: How long to wait for another writer.

    Raises:
        HomeUnknown, LedgerNotMade: Nothing says where it is, or what says so looks like a typing error.
        LedgerUnavailable: It can't be opened.
    """
    place = address_of("ledger", arguments)
    require_intended(place)
    return ledger_room.Ledger.open(place.address, say=tell, busy_timeout_s=busy_timeout_s)


def existing_ledger(arguments: argparse.Namespace) -> ledger_room.Ledger:
    """The ledger, a context manager, for commands that have no use for an empty one: none is made.

    Raises:
        FileNotFoundError: There is none.
        HomeUnknown: Nothing says where it is.
        LedgerUnavailable: It can't be opened.
    """
    place = address_of("ledger", arguments)
    try:
        return ledger_room.Ledger.open(place.address, create=False)
    except ledger_room.LedgerMissing as missing:
        raise FileNotFoundError(
            f"{missing} ({place.because}): name another with --ledger or {LEDGER_VARIABLE}, or begin one with "
            "`pique-assets ledger create`"
        ) from None


def opened_lake(arguments: argparse.Namespace) -> lake_room.Lake:
    """The lake.

    Raises:
        HomeUnknown: Nothing says where it is.
    """
    return lake_room.Lake(address_of("lake", arguments).address)


def base_url() -> str | None:
    """The address of Pique: `PIQUE_BASE_URL`, else Pique's own for `PIQUE_ENVIRONMENT`; None where neither says."""
    return setting(BASE_URL_VARIABLE) or BASE_URLS.get(setting(ENVIRONMENT_VARIABLE) or "")


def opened_client() -> api_room.PiqueClient:
    """The API at `base_url` with the key of `PIQUE_API_KEY`; a context manager.

    Raises:
        SettingMissing: One of the two is not known.
        ValueError: The address or the key can't be used.
    """
    address = base_url()
    if address is None:
        raise SettingMissing(
            f"nothing says which Pique: set {BASE_URL_VARIABLE}, or {ENVIRONMENT_VARIABLE} to production or sandbox, "
            "or start one here with `pique-assets local`"
        )
    if not setting(API_KEY_VARIABLE):
        raise SettingMissing(
            f"there is no key for {address}: set {API_KEY_VARIABLE}, in the environment or in the project's .env"
        )
    # In no variable of ours, where a traceback would show it.
    return api_room.PiqueClient(base_url=address or "", api_key=setting(API_KEY_VARIABLE) or "")
