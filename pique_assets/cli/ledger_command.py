"""`pique-assets ledger ...`: begin a ledger, restore a lost one from the lake, say whose it is.

Belongs here: their arguments and what is printed. Does not: the restoring (`recovering.ledger_from_lake`), and what a
ledger keeps of whose it is (`ledger.identity`).
"""

from __future__ import annotations

import argparse

import pique_assets.ledger as ledger_room
import pique_assets.recovering as recovering_room
from pique_assets.api.address import BASE_URLS, LOCAL, pique_at
from pique_assets.cli.common import (
    DONE,
    CommandParsers,
    add_lake_option,
    add_ledger_option,
    address_of,
    complain,
    existing_ledger,
    opened_lake,
    say,
)

GAPS_SHOWN = 20


def add_command(commands: CommandParsers) -> None:
    """Add `ledger` and what can be done with it."""
    ledger = commands.add_parser("ledger", help="the record of submissions: begin, restore, say whose it is")
    actions = ledger.add_subparsers(required=True, metavar="action")
    _add_restore(actions)
    _add_create(actions)
    _add_belongs_to(actions)
    _add_redeclare(actions)


def _add_restore(actions: CommandParsers) -> None:
    restore = actions.add_parser(
        "restore",
        help="rebuild a lost ledger from the lake",
        description="Rebuild a lost ledger from the lake's tables `submissions` and `payloads`, so that nothing is "
        "evaluated again. Stop every run, sensor and schedule first. May be repeated.",
    )
    add_lake_option(restore)
    add_ledger_option(restore)
    restore.add_argument(
        "--evaluation",
        action="append",
        default=[],
        metavar="NAME",
        help="only this one, where others in the lake are of another ledger; may be repeated (else every evaluation)",
    )
    restore.set_defaults(command=_restore, parser=restore)


def _add_create(actions: CommandParsers) -> None:
    create = actions.add_parser(
        "create",
        help="begin a new, empty ledger",
        description="Begin a new, empty ledger, with its folder. Runs begin one by themselves where none was named; "
        "this is for a path of your own, and for a receiver that starts before the first run.",
    )
    add_ledger_option(create)
    create.set_defaults(command=_create, parser=create)


def _add_belongs_to(actions: CommandParsers) -> None:
    belongs_to = actions.add_parser(
        "belongs-to",
        help="say which Pique a ledger is of",
        description="Say which Pique a ledger is of, where that was not recorded, or where one Pique has got another "
        "address. A ledger of one Pique is never used with another.",
    )
    belongs_to.add_argument(
        "pique", metavar="PIQUE", help="production, sandbox, local, or the address of another Pique"
    )
    add_ledger_option(belongs_to)
    belongs_to.set_defaults(command=_belongs_to, parser=belongs_to)


def _add_redeclare(actions: CommandParsers) -> None:
    redeclare = actions.add_parser(
        "redeclare",
        help="let an evaluation have another judge or source from now on",
        description="Let the next run of an evaluation record anew which judge and which source it has. Without this, "
        "a run with another judge or source than recorded is refused: two code locations may use one name.",
    )
    redeclare.add_argument("evaluation", metavar="NAME", help="the evaluation's name")
    add_ledger_option(redeclare)
    redeclare.set_defaults(command=_redeclare, parser=redeclare)


def _create(arguments: argparse.Namespace) -> int:
    address = address_of("ledger", arguments).address
    try:
        with ledger_room.Ledger.open(address, create=False) as ledger:
            return complain(f"there is one already: {ledger.location}")
    except ledger_room.LedgerMissing:
        with ledger_room.Ledger.open(address, say=say):
            return DONE


def _belongs_to(arguments: argparse.Namespace) -> int:
    named: str = arguments.pique
    if named not in (*BASE_URLS, LOCAL):
        named = pique_at(named if "://" in named else f"https://{named}")
    with existing_ledger(arguments) as ledger:
        before = ledger.pique()
        ledger.give_to(named)
        say(f"{ledger.location} belongs to the Pique {named!r}" + (f", and no longer to {before!r}" if before else ""))
    return DONE


def _redeclare(arguments: argparse.Namespace) -> int:
    with existing_ledger(arguments) as ledger:
        if not ledger.forget_declaration(arguments.evaluation):
            return complain(f"{ledger.location} has no record of an evaluation {arguments.evaluation!r}")
        say(f"the next run of {arguments.evaluation} records its judge and source anew")
    return DONE


def _restore(arguments: argparse.Namespace) -> int:
    lake = opened_lake(arguments)
    # Looked at first: a mistyped lake should not leave an empty ledger behind.
    if not lake.partitions("submissions"):
        raise recovering_room.LakeUnusable(
            f"{lake.root} holds no `submissions` table: there is nothing to restore from"
        )
    with ledger_room.Ledger.open(address_of("ledger", arguments).address, say=say) as ledger:
        report = recovering_room.restore_ledger(lake=lake, ledger=ledger, say=say, evaluations=arguments.evaluation)
    _tell(report)
    return DONE


def _tell(report: recovering_room.RestoreReport) -> None:
    say(
        f"restored {report.submissions} jobs and {report.payloads} results of {report.partitions} dates; "
        f"{report.known} jobs were in the ledger already"
    )
    if report.open:
        say(
            f"{report.open} jobs are open: the sensor, or a run of their date, asks Pique for them; they are not resent"
        )
    if report.unanswered:
        say(
            f"{report.unanswered} social media URLs had no answer: they wait for a webhook that names their jobs, and "
            "are not resent; `pique-assets in-doubt` lists them"
        )
    if report.unconfirmed:
        say(
            f"{report.unconfirmed} of them may never have got their bytes: a run of their date asks Pique first, and "
            "prepares another job only after a day without them"
        )
    for job_id in report.contradicted:
        say(f"job {job_id} was not restored: the lake names another job for the same work")
    _tell_gaps(report)


def _tell_gaps(report: recovering_room.RestoreReport) -> None:
    if not report.gaps:
        say("every content item in the lake has its job")
    for gap in report.gaps[:GAPS_SHOWN]:
        say(f"{gap.evaluation} {gap.date}: the lake names no job for {gap.content} content items")
    if len(report.gaps) > GAPS_SHOWN:
        say(f"... and {len(report.gaps) - GAPS_SHOWN} more dates")
    say(
        "What was submitted after a date's `submissions` table was written is not in the lake: if Pique was evaluating "
        "such content when the ledger was lost, its next uploads evaluate it a second time."
    )
