"""`pique-assets give-up`: no longer wait for jobs that Pique never ends, so that their dates are settled without them.

Belongs here: its arguments and what is printed. Does not: what is checked and recorded (`evaluation.giving_up`).
"""

from __future__ import annotations

import argparse

import pique_assets.evaluation as evaluation_room
from pique_assets.cli.common import DONE, FAILED, CommandParsers, add_ledger_option, complain, existing_ledger, say


def add_command(commands: CommandParsers) -> None:
    """Add `give-up`."""
    give_up = commands.add_parser(
        "give-up",
        help="no longer wait for jobs that never end, or have their content sent again",
        description="Give up jobs that Pique never ends, uploads and social media URLs alike: their dates are settled "
        "without them, and their rows say why. A result that comes after all still replaces the row, so nothing is "
        "sent again, unless you say so. `pique-assets jobs` lists what is open. Asks Pique nothing.",
        epilog="Exit status: 0 when all of them were given up, 1 when some were not; the others were all the same.",
    )
    add_ledger_option(give_up)
    give_up.add_argument(
        "jobs",
        nargs="+",
        metavar="JOB",
        help="a job's id; of a social media URL without a job, the number by which `in-doubt` lists it",
    )
    give_up.add_argument("--reason", required=True, help="why; it stands in the tables")
    give_up.add_argument(
        "--send-again",
        action="store_true",
        help="count the job as dead: the next run of its date sends the content again. Should Pique finish the job all "
        "the same, the content is evaluated, and billed, twice",
    )
    give_up.set_defaults(command=_give_up, parser=give_up)


def _give_up(arguments: argparse.Namespace) -> int:
    if not arguments.reason.strip():
        arguments.parser.error("--reason is empty: say why, whoever reads the tables will ask")
    status = DONE
    with existing_ledger(arguments) as ledger:
        for job in arguments.jobs:
            try:
                given_up = evaluation_room.give_up_job(
                    job, reason=arguments.reason.strip(), ledger=ledger, send_again=arguments.send_again
                )
            except evaluation_room.CannotGiveUp as refused:
                complain(refused)
                status = FAILED
                continue
            next_step = "the next run of its date sends it again" if arguments.send_again else "nobody waits for it"
            say(f"{given_up.filename} ({job}) is {given_up.state.lower()}: {next_step}")
    return status
