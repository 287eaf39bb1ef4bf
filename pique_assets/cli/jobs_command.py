"""`pique-assets jobs`: what is open at Pique, since when, and when it is asked about next.

Belongs here: its arguments and what is printed. Does not: finding submissions (`ledger`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pique_assets.ledger as ledger_room
from pique_assets.cli.common import DONE, CommandParsers, add_ledger_option, existing_ledger, say, tell
from pique_assets.cli.text_table import duration, shown_time, text_table

ROWS = 50


def add_command(commands: CommandParsers) -> None:
    """Add `jobs`."""
    jobs = commands.add_parser(
        "jobs",
        help="list what is open at Pique, since when, and when it is asked about next",
        description="List submissions from the ledger: those that are open, in doubt or given up, oldest first; with "
        "--all every one, newest first. Asks Pique nothing.",
    )
    add_ledger_option(jobs)
    jobs.add_argument("--evaluation", help="only what this evaluation asks for")
    jobs.add_argument("--partition", metavar="YYYY-MM-DD", help="only what this date asks for")
    jobs.add_argument("--judge", help="only this judge's, by its id")
    jobs.add_argument(
        "--state", action="append", type=str.lower, metavar="STATE", help="only in this state; may be repeated"
    )
    jobs.add_argument("--all", action="store_true", help="also what has ended")
    jobs.add_argument("--limit", type=_count, default=ROWS, metavar="N", help=f"at most so many (else {ROWS})")
    jobs.add_argument("--json", action="store_true", help="print JSON, with every column of the ledger")
    jobs.set_defaults(command=_jobs, parser=jobs)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows")
    return int(text)


def _jobs(arguments: argparse.Namespace) -> int:
    states = _states(arguments)
    with existing_ledger(arguments) as ledger:
        found = ledger.submissions(
            states=states,
            judge_id=arguments.judge,
            evaluation=arguments.evaluation,
            partition=arguments.partition,
            newest_first=arguments.all,
            limit=arguments.limit + 1,
        )
        shown = [(submission, _places(submission, ledger=ledger)) for submission in found[: arguments.limit]]
    if arguments.json:
        say(json.dumps([_values(submission, places=places) for submission, places in shown], indent=2))
    elif shown:
        say(_table(shown))
    else:
        say("no submission matches" if arguments.all or arguments.state else "nothing is open")
    if len(found) > arguments.limit:
        tell(f"there are more than {arguments.limit}: narrow the choice, or raise --limit")
    return DONE


def _states(arguments: argparse.Namespace) -> Collection[ledger_room.SubmissionState]:
    known = {state.lower(): state for state in ledger_room.SubmissionState}
    if arguments.state:
        if unknown := sorted(set(arguments.state) - known.keys()):
            arguments.parser.error(f"unknown state {', '.join(unknown)}; the states are {', '.join(known)}")
        return [known[name] for name in arguments.state]
    if arguments.all:
        return list(known.values())
    return ledger_room.OPEN_STATES | ledger_room.SETTLED_STATES - ledger_room.TERMINAL_STATES


def _places(submission: ledger_room.Submission, *, ledger: ledger_room.Ledger) -> list[ledger_room.InventoryEntry]:
    return ledger.inventory_entries_of(submission.job_id) if submission.job_id else []


def _table(shown: list[tuple[ledger_room.Submission, list[ledger_room.InventoryEntry]]]) -> str:
    now = datetime.now(UTC)
    columns = ("job", "state", "since", "for", "next poll", "polls", "Pique says", "judge", "wanted by", "file")
    return text_table(
        columns,
        [
            (
                one.job_id or "-",
                one.state.lower(),
                shown_time(one.created_at),
                duration(((one.settled_at or now) - one.created_at).total_seconds()),
                _next_poll(one, now=now),
                one.poll_count,
                one.pique_status,
                one.judge_id,
                _wanted_by(places),
                one.filename,
            )
            for one, places in shown
        ],
    )


def _next_poll(one: ledger_room.Submission, *, now: datetime) -> str:
    if one.next_poll_at is None:
        return "-"
    wait_s = (one.next_poll_at - now).total_seconds()
    return f"in {duration(wait_s)}" if wait_s > 0 else "due"


def _wanted_by(places: list[ledger_room.InventoryEntry]) -> str:
    if not places:
        return "-"
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{places[0].evaluation} {places[0].partition}{more}"


def _values(submission: ledger_room.Submission, *, places: list[ledger_room.InventoryEntry]) -> dict[str, Any]:
    values = {name: getattr(submission, name) for name in submission.__dataclass_fields__ if name != "upload_target"}
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    return {**plain, "wanted_by": [place._asdict() for place in places]}
