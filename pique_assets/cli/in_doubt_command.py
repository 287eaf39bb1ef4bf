"""`pique-assets in-doubt`: social media URLs whose POST was never answered, and what somebody found out about them.

Belongs here: its arguments and what is printed. Does not: what is checked and recorded (`evaluation.reconciliation`).
"""

from __future__ import annotations

import argparse

import pique_assets.evaluation as evaluation_room
import pique_assets.ledger as ledger_room
from pique_assets.cli.common import DONE, CommandParsers, add_ledger_option, existing_ledger, opened_client, say
from pique_assets.cli.text_table import one_line, shown_time, text_table

ROWS = 10_000


def add_command(commands: CommandParsers) -> None:
    """Add `in-doubt`."""
    in_doubt = commands.add_parser(
        "in-doubt",
        help="list social media URLs whose fate is unknown, and say what became of them",
        description="List social media URLs that were sent and never answered. They are never sent again by "
        "themselves. If you know the job of one, say so with --found; if you know that Pique never got it, with "
        "--never-sent, and the next run of its date sends it again.",
    )
    add_ledger_option(in_doubt)
    what = in_doubt.add_mutually_exclusive_group()
    what.add_argument(
        "--found", nargs=2, metavar=("NUMBER", "JOB"), help="this number of the list has this job; asks Pique for it"
    )
    what.add_argument(
        "--never-sent", nargs="+", type=int, metavar="NUMBER", help="Pique never got these numbers of the list"
    )
    in_doubt.set_defaults(command=_in_doubt, parser=in_doubt)


def _in_doubt(arguments: argparse.Namespace) -> int:
    with existing_ledger(arguments) as ledger:
        if arguments.found:
            _record_found(arguments, ledger=ledger)
        elif arguments.never_sent:
            _record_never_sent(arguments, ledger=ledger)
        else:
            _list(ledger)
    return DONE


def _record_found(arguments: argparse.Namespace, *, ledger: ledger_room.Ledger) -> None:
    number, job_id = arguments.found
    if not number.isdecimal():
        arguments.parser.error(f"{number!r} is no number of the list")
    with opened_client() as client:
        found = evaluation_room.record_job_found(
            evaluation_room.Engine(client=client, ledger=ledger, say=say), int(number), job_id=job_id
        )
    say(f"{found.filename} has job {job_id}; the sensor, or a run of its date, collects it")


def _record_never_sent(arguments: argparse.Namespace, *, ledger: ledger_room.Ledger) -> None:
    for number in arguments.never_sent:
        unsent = evaluation_room.record_never_sent(number, ledger=ledger)
        say(f"{unsent.filename} counts as never sent; the next run of `social_submissions` of its date sends it")


def _list(ledger: ledger_room.Ledger) -> None:
    found = ledger.submissions(states=ledger_room.UNANSWERED_STATES, limit=ROWS)
    if not found:
        say("nothing is in doubt")
        return
    columns = ("number", "state", "sent", "judge", "url")
    say(text_table(columns, [_row(one) for one in found]))
    # Below and not in the table, which would cut it: job ids are to be copied from here.
    for one in found:
        if one.evidence:
            say(f"{one.submission_id}: {one_line(one.evidence)}")


def _row(one: ledger_room.Submission) -> tuple[object, ...]:
    sent = shown_time(one.upload_started_at) if one.upload_started_at else "-"
    return (one.submission_id, one.state.lower(), sent, one.judge_id, one.filename)
