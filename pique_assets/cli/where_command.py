"""`pique-assets where`: which ledger and lake are found, and why; which Pique is asked.

Belongs here: what is printed. Does not: the rule (`pique_assets.home`).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pique_assets.lake as lake_room
import pique_assets.ledger as ledger_room
from pique_assets.api.address import pique_at
from pique_assets.cli.common import (
    API_KEY_VARIABLE,
    BASE_URL_VARIABLE,
    DONE,
    ENVIRONMENT_VARIABLE,
    FAILED,
    CommandParsers,
    add_lake_option,
    add_ledger_option,
    address_of,
    base_url,
    complain,
    say,
)
from pique_assets.cli.text_table import text_table
from pique_assets.home import FoundAddress, is_url, project_root, setting

Row = tuple[str, str, str, str]


def add_command(commands: CommandParsers) -> None:
    """Add `where`."""
    where = commands.add_parser(
        "where",
        help="say which ledger and lake are found, and why",
        description="Say which ledger, lake and Pique every command, run, receiver and notebook of this project finds, "
        "and what decided it. Makes nothing and asks Pique nothing.",
        epilog="Exit status: 0 when both are known, and the code location named by --module finds the same; else 1.",
    )
    add_ledger_option(where)
    add_lake_option(where)
    where.add_argument(
        "--module", help="also load this code location, and say whether its runs find the same ledger and lake"
    )
    where.add_argument("--json", action="store_true", help="print JSON")
    where.set_defaults(command=_where, parser=where)


def _where(arguments: argparse.Namespace) -> int:
    ledger, lake = address_of("ledger", arguments), address_of("lake", arguments)
    rows = [
        ("project", str(project_root() or "none"), "the nearest folder upwards with a project's file", ""),
        ("ledger", *_ledger_row(ledger)),
        ("lake", *_lake_row(lake)),
        ("Pique", *_pique_row()),
    ]
    differing = _differing(arguments.module, ledger=ledger, lake=lake) if arguments.module else []
    if arguments.json:
        names = ("what", "address", "because", "state")
        say(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
    else:
        say(text_table(("", "address", "because", "state"), rows))
    for difference in differing:
        complain(difference)
    return FAILED if differing else DONE


def _ledger_row(place: FoundAddress) -> tuple[str, str, str]:
    try:
        with ledger_room.Ledger.open(place.address, create=False) as ledger:
            return (
                ledger.location.removeprefix("ledger "),
                place.because,
                f"there; belongs to {ledger.pique() or 'no Pique yet'}",
            )
    except ledger_room.LedgerMissing as missing:
        return (
            str(missing).removeprefix("there is no ledger at ").removeprefix("there is no ledger "),
            place.because,
            "not there yet",
        )
    except (ledger_room.LedgerError, ValueError) as error:
        return "a ledger", place.because, str(error)


def _lake_row(place: FoundAddress) -> tuple[str, str, str]:
    try:
        lake = lake_room.Lake(place.address)
        files = len(lake.partitions("submissions"))
        return lake.root, place.because, f"{files} dates; belongs to {lake.pique() or 'no Pique yet'}"
    except (lake_room.LakeError, OSError, ImportError, ValueError) as error:
        return place.address, place.because, str(error)


def _pique_row() -> tuple[str, str, str]:
    address = base_url()
    key = f"{API_KEY_VARIABLE} is {'set' if setting(API_KEY_VARIABLE) else 'not set'}"
    if address is None:
        return "none", f"neither {BASE_URL_VARIABLE} nor {ENVIRONMENT_VARIABLE} is set", key
    try:
        named = pique_at(address)
    except ValueError as error:
        return "none", str(error), key
    decided = BASE_URL_VARIABLE if setting(BASE_URL_VARIABLE) else ENVIRONMENT_VARIABLE
    return named, decided, key


def _differing(module: str, *, ledger: FoundAddress, lake: FoundAddress) -> list[str]:
    """In what a code location finds something else."""
    # Dagster loads with it.
    from pique_assets.cli.code_location import load_home

    location = load_home(module)
    found = (("ledger", location.ledger.place(), ledger), ("lake", location.lake.place(), lake))
    return [
        f"runs of {module} use another {what}{_shown(theirs)} ({theirs.because}): set the same for both, or name that "
        f"one with --{what}"
        for what, theirs, ours in found
        if theirs.address != ours.address
    ]


def _shown(place: FoundAddress) -> str:
    # The address of a database may hold a password.
    return "" if is_url(place.address) and "@" in place.address else f", {Path(place.address)}"
