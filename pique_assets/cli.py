"""The command `pique-assets`: what an operator does outside Dagster.

Here: arguments, what is printed, exit statuses. Not here: the work, which is imported when a command is known, so that
`--help` costs nothing.

Exit statuses: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pique_assets.restore import RestoreReport

LEDGER_VARIABLE = "PIQUE_LEDGER_URL"
GAPS_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows the program's name; the process's own when left out.

    Returns:
        The exit status.
    """
    parsed = _parser().parse_args(arguments)
    status: int = parsed.command(parsed)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pique-assets", description="Operate pique_assets outside Dagster.")
    rooms = parser.add_subparsers(required=True, metavar="ledger")
    ledger = rooms.add_parser("ledger", help="the record of submissions")
    commands = ledger.add_subparsers(required=True, metavar="restore")
    restore = commands.add_parser(
        "restore",
        help="rebuild a lost ledger from the lake",
        description="Rebuild a lost ledger from the lake's tables `submissions` and `payloads`, so that nothing is "
        "evaluated again. Stop every run, sensor and schedule first. May be repeated.",
    )
    restore.add_argument("--lake", required=True, help="folder or gs:// URL of the lake")
    restore.add_argument(
        "--ledger",
        default=os.environ.get(LEDGER_VARIABLE),
        help="the new ledger: a path, sqlite:///path or postgresql://user:password@host/database; keep a password "
        f"out of the process list by setting {LEDGER_VARIABLE} instead",
    )
    restore.set_defaults(command=_restore, parser=restore)
    return parser


def _restore(arguments: argparse.Namespace) -> int:
    from pique_assets.lake import Lake, LakeError
    from pique_assets.ledger import Ledger, LedgerError
    from pique_assets.restore import LakeUnusable, restore_ledger

    if not arguments.ledger:
        arguments.parser.error(f"say where the ledger is: --ledger, or the environment variable {LEDGER_VARIABLE}")
    try:
        lake = Lake(arguments.lake)
        # Looked at first: a mistyped lake should not leave an empty ledger behind.
        if not lake.partitions("submissions"):
            raise LakeUnusable(f"{lake.root} holds no `submissions` table: there is nothing to restore from")
        with Ledger.open(_url(arguments.ledger)) as ledger:
            report = restore_ledger(lake=lake, ledger=ledger, say=_say)
    except (LakeError, LedgerError, LakeUnusable, OSError, ValueError, ImportError) as error:
        print(f"pique-assets: {error}", file=sys.stderr)
        return 1
    _tell(report)
    return 0


def _url(ledger: str) -> str:
    return ledger if "://" in ledger else f"sqlite:///{Path(ledger).expanduser().absolute()}"


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _tell(report: RestoreReport) -> None:
    _say(
        f"restored {report.submissions} jobs and {report.payloads} results of {report.partitions} dates; "
        f"{report.known} jobs were in the ledger already"
    )
    if report.open:
        _say(
            f"{report.open} jobs are open: the sensor, or a run of their date, asks Pique for them; they are not resent"
        )
    if report.unconfirmed:
        _say(
            f"{report.unconfirmed} of them may never have got their bytes: a run of their date asks Pique first, and "
            "prepares another job only after a day without them"
        )
    for job_id in report.contradicted:
        _say(f"job {job_id} was not restored: the lake names another job for the same work")
    _tell_gaps(report)


def _tell_gaps(report: RestoreReport) -> None:
    if not report.gaps:
        _say("every content item in the lake has its job")
    for gap in report.gaps[:GAPS_SHOWN]:
        _say(f"{gap.evaluation} {gap.date}: the lake names no job for {gap.content} content items")
    if len(report.gaps) > GAPS_SHOWN:
        _say(f"... and {len(report.gaps) - GAPS_SHOWN} more dates")
    _say(
        "What was submitted after a date's `submissions` table was written is not in the lake: if Pique was evaluating "
        "such content when the ledger was lost, its next uploads evaluate it a second time."
    )


if __name__ == "__main__":
    sys.exit(main())
