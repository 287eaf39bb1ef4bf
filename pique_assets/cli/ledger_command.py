"""`pique-assets ledger restore`: a lost ledger from the lake.

Here: its arguments and what is printed. Not here: the restoring (`pique_assets.restore`).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pique_assets.cli.common import (
    DONE,
    CommandParsers,
    add_lake_option,
    add_ledger_option,
    ledger_url,
    opened_lake,
    opened_ledger,
    say,
)

if TYPE_CHECKING:
    from pique_assets.restore import RestoreReport

GAPS_SHOWN = 20


def add_command(commands: CommandParsers) -> None:
    """Add `ledger` and what can be done with it."""
    ledger = commands.add_parser("ledger", help="the record of submissions: restore a lost one")
    restore = ledger.add_subparsers(required=True, metavar="restore").add_parser(
        "restore",
        help="rebuild a lost ledger from the lake",
        description="Rebuild a lost ledger from the lake's tables `submissions` and `payloads`, so that nothing is "
        "evaluated again. Stop every run, sensor and schedule first. May be repeated.",
    )
    add_lake_option(restore)
    add_ledger_option(restore)
    restore.set_defaults(command=_restore, parser=restore)


def _restore(arguments: argparse.Namespace) -> int:
    from pique_assets.restore import LakeUnusable, restore_ledger

    # Asked for before the lake is looked at, so that wrong arguments are called that.
    ledger_url(arguments)
    lake = opened_lake(arguments)
    # Looked at first: a mistyped lake should not leave an empty ledger behind.
    if not lake.partitions("submissions"):
        raise LakeUnusable(f"{lake.root} holds no `submissions` table: there is nothing to restore from")
    with opened_ledger(arguments) as ledger:
        report = restore_ledger(lake=lake, ledger=ledger, say=say)
    _tell(report)
    return DONE


def _tell(report: RestoreReport) -> None:
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


def _tell_gaps(report: RestoreReport) -> None:
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
