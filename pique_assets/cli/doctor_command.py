"""`pique-assets doctor`: whether everything is there that an evaluation needs, a line each, and what to do.

Belongs here: its arguments, the order of the lines, its exit status. Does not: looking (`doctor_of_machine`,
`doctor_of_pique`), and the one evaluation that may be spent (`spend_one`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from pique_assets.cli.common import (
    DONE,
    FAILED,
    CommandParsers,
    add_json_option,
    add_lake_option,
    add_ledger_option,
    add_module_option,
    address_of,
    say,
    tell,
)
from pique_assets.cli.findings import Diagnosis, ok, warn, wrong
from pique_assets.cli.text_table import one_line
from pique_assets.home import HomeUnknown

if TYPE_CHECKING:
    from pique_assets.config import Evaluation

WAIT_S = 600.0


def add_command(commands: CommandParsers) -> None:
    """Add `doctor`."""
    doctor = commands.add_parser(
        "doctor",
        help="look at key, host, judges, storage, webhooks, ledger and lake, and say what to do",
        description="Look at whatever an evaluation needs, and say of each thing whether it is as it must be, and what "
        "to do if not. Evaluates nothing: one job is prepared and never used, which costs nothing.",
        epilog="Exit status: 0 when nothing is wrong, else 1.",
    )
    doctor.add_argument(
        "--judge",
        action="append",
        default=[],
        metavar="ID",
        help="look at this judge; may be repeated (else at those of the code location's evaluations)",
    )
    doctor.add_argument(
        "--spend-one",
        action="store_true",
        help="also have one tiny clip evaluated, which is billed as any other, and compare each answer with "
        "docs/contract.md",
    )
    add_module_option(doctor)
    add_ledger_option(doctor)
    add_lake_option(doctor)
    add_json_option(doctor)
    doctor.set_defaults(command=_doctor, parser=doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    found = []
    for finding in _findings(arguments):
        found.append(finding)
        if not arguments.json:
            say(f"{finding.verdict:5}  {finding.what}: {one_line(finding.sentence)}")
    if arguments.json:
        say(json.dumps([asdict(finding) for finding in found], indent=2))
    amiss = [finding.what for finding in found if finding.verdict == "wrong"]
    if amiss:
        tell(f"wrong: {', '.join(dict.fromkeys(amiss))}")
    return FAILED if amiss else DONE


@dataclass(slots=True)
class _Named:
    """What the code location says is to be looked at."""

    judges: list[str] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)


def _findings(arguments: argparse.Namespace) -> Iterator[Diagnosis]:
    # Dagster and the HTTP library load with them.
    from pique_assets.cli import doctor_of_machine as machine
    from pique_assets.cli.doctor_of_pique import PiqueExamination
    from pique_assets.cli.spend_one import OneEvaluation

    yield machine.versions()
    yield from machine.extras()
    named = _Named(judges=list(arguments.judge))
    yield from _of_code_location(arguments, named)
    with closing(PiqueExamination()) as pique:
        yield from pique.findings(named.judges)
        owner = pique.asked.pique if pique.asked else None
        for kept, look in (("ledger", machine.ledger), ("lake", machine.lake)):
            try:
                place = address_of(kept, arguments)  # type: ignore[arg-type]
            except HomeUnknown as unknown:
                yield wrong(kept, str(unknown))
            else:
                yield from look(place, pique=owner)
        yield from machine.webhooks(named.webhooks)
        if arguments.spend_one and pique.asked is not None:
            usable = [judge for judge in pique.judges if judge.is_usable]
            if not usable:
                yield wrong("spend one", "no judge is ready for it: name one with --judge")
                return
            yield from OneEvaluation(asked=pique.asked, judge=usable[0], wait_s=WAIT_S, say=tell).findings()


def _of_code_location(arguments: argparse.Namespace, named: _Named) -> Iterator[Diagnosis]:
    """Load the code location, if there is one, and note its judges and webhook addresses."""
    from pique_assets.cli.code_location import declared_in
    from pique_assets.cli.loaded_definitions import CodeLocationUnusable, NoCodeLocation

    tell("loading the code location ...")
    try:
        where, evaluations = declared_in(arguments.module)
    except NoCodeLocation as missing:
        if arguments.module:
            yield wrong("code location", str(missing))
        else:
            yield warn("code location", "there is none here: judges and webhooks of evaluations are not looked at")
        return
    except CodeLocationUnusable as error:
        yield wrong("code location", str(error))
        return
    yield ok("code location", f"{where}: {', '.join(evaluation.name for evaluation in evaluations)}")
    for evaluation in evaluations:
        yield from _of_evaluation(evaluation, named, wanted_judges=not arguments.judge)


def _of_evaluation(evaluation: Evaluation, named: _Named, *, wanted_judges: bool) -> Iterator[Diagnosis]:
    try:
        judge, webhook = evaluation.resolved_judge_id(), evaluation.resolved_webhook_url()
    except ValueError as error:
        yield wrong("code location", str(error))
        return
    if wanted_judges and judge is not None and judge not in named.judges:
        named.judges.append(judge)
    if webhook is not None and webhook not in named.webhooks:
        named.webhooks.append(webhook)
