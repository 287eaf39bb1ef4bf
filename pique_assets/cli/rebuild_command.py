"""`pique-assets rebuild`: the lake's tables made anew from its payloads, without the API.

Belongs here: its arguments and what is printed. Does not: the rebuilding (`recovering.tables_from_payloads`).
"""

from __future__ import annotations

import argparse

import pique_assets.recovering as recovering_room
from pique_assets.cli.common import (
    DONE,
    FAILED,
    CommandParsers,
    add_date_range,
    add_lake_option,
    complain,
    opened_lake,
    say,
)


def add_command(commands: CommandParsers) -> None:
    """Add `rebuild`."""
    rebuild = commands.add_parser(
        "rebuild",
        help="make the lake's tables anew from its payloads, without the API",
        description="Make every table that follows from the lake's `payloads` and `submissions` anew, without API, "
        "ledger and Dagster: after an upgrade that reads payloads better, or when files were lost. May be repeated.",
    )
    add_lake_option(rebuild)
    add_date_range(rebuild)
    rebuild.add_argument("--judge", help="only this judge's folder in the lake")
    rebuild.add_argument("--evaluation", help="only this evaluation's files")
    rebuild.set_defaults(command=_rebuild, parser=rebuild)


def _rebuild(arguments: argparse.Namespace) -> int:
    lake = opened_lake(arguments)
    report = recovering_room.rebuild_tables(
        lake,
        judge=arguments.judge,
        evaluation=arguments.evaluation,
        start=arguments.start,
        end=arguments.end,
        say=say,
    )
    if not report.partitions and not report.failed:
        return complain(f"{lake.root} holds no payloads of what was asked for: there is nothing to rebuild from")
    rows = ", ".join(f"{count} {name}" for name, count in report.rows.items())
    say(f"rebuilt {report.partitions} dates, counted once for each evaluation; rows: {rows}")
    for file in report.uncommitted:
        say(f"{file.evaluation} {file.date} has no `submissions`, so no commit mark: materialise the date once more")
    for file, reason in report.failed.items():
        complain(f"{file.evaluation} {file.date} was not rebuilt: {reason}")
    return FAILED if report.failed else DONE
