"""`pique-assets plan`: how many evaluations and bytes a backfill would submit, and why; nothing is sent.

Belongs here: its arguments and what is printed. Does not: the planning (`backfill_plan`).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pique_assets.api as api_room
from pique_assets.cli.common import DONE, FAILED, CommandParsers, add_date_range, add_module_option, complain, say, tell
from pique_assets.cli.text_table import one_line, text_table

if TYPE_CHECKING:
    from pique_assets.cli.backfill_plan import BackfillPlan

SUMS = ("new_evaluations", "new_bytes")
# Of each asset of a date; a delivery that is wrong as a whole has all its files in --json.
UNUSABLE_SHOWN = 20


def add_command(commands: CommandParsers) -> None:
    """Add `plan`."""
    plan = commands.add_parser(
        "plan",
        help="say what a backfill would submit, and why; nothing is sent",
        description="Say how many evaluations and bytes a backfill of these dates would submit, and why, and whether "
        "the budget lets it. Reads the media of the dates and asks Pique for the judges; sends and changes nothing.",
        epilog="Exit status: 0 when the budgets let all of it through, 1 when they would refuse some of it.",
    )
    add_date_range(plan, required=True)
    plan.add_argument(
        "--evaluation", action="append", metavar="NAME", help="only this one; may be repeated (else every evaluation)"
    )
    add_module_option(plan)
    plan.add_argument("--json", action="store_true", help="print JSON")
    plan.set_defaults(command=_plan, parser=plan)


def _plan(arguments: argparse.Namespace) -> int:
    if arguments.start > arguments.end:
        arguments.parser.error(f"--start {arguments.start} is after --end {arguments.end}")
    tell("loading the code location ...")
    # Dagster loads with them.
    from pique_assets.cli.backfill_plan import plan_backfill
    from pique_assets.cli.code_location import load_code_location

    location = load_code_location(arguments.module, only=arguments.evaluation or ())
    found = plan_backfill(
        location, evaluations=location.evaluations, start=arguments.start, end=arguments.end, say=tell
    )
    if not found.steps:
        return complain(f"no evaluation has a date from {arguments.start} to {arguments.end}")
    if arguments.json:
        say(json.dumps(_values(found), indent=2))
    else:
        _print(found)
    return DONE if all(step.fits for step in found.steps) else FAILED


def _print(found: BackfillPlan) -> None:
    counts = [step.plan.counts() for step in found.steps]
    total = sum((Counter(count) for count in counts), Counter[str]())
    # What is zero everywhere says nothing; the sums are said even then.
    shown = [name for name in counts[0] if total[name] or name in SUMS]
    columns = ["evaluation", "date", "asset", *(name.replace("_", " ") for name in shown), "budget"]
    rows = [
        [
            step.plan.partition.evaluation,
            step.plan.partition.key,
            step.asset,
            *(count[name] for name in shown),
            "fits" if step.fits else "REFUSED",
        ]
        for step, count in zip(found.steps, counts, strict=True)
    ]
    rows.append(["all", "", "", *(total[name] for name in shown), ""])
    say(text_table(columns, rows))
    for step in found.steps:
        if step.missing is not None:
            say(f"{step.plan.partition}: there is no {step.missing}; nothing was delivered?")
        for item in step.unusable[:UNUSABLE_SHOWN]:
            say(f"{step.plan.partition}: {one_line(item.content_uri)} is unusable: {one_line(item.reason)}")
        if (more := len(step.unusable) - UNUSABLE_SHOWN) > 0:
            say(f"{step.plan.partition}: {more} more are unusable; --json names all of them")
    fitting = [step for step in found.steps if step.fits]
    if len(fitting) < len(found.steps):
        new = sum(step.plan.new_evaluations for step in fitting)
        through = f"{len(fitting)} of {len(found.steps)}"
        say(f"The budget lets {through} through, {new} new evaluations; of a refused date nothing is sent.")
    for name, judge in found.judges.items():
        if again := found.evaluated_again(name):
            say(
                f"{name}: {again} content items were evaluated before and would be evaluated again, because judge "
                f"{judge.id} is configured otherwise now ({len(judge.detector_configs)} detectors: "
                f"{_detectors(judge)}). If that is not meant, look with `pique-assets judges show {judge.id}` first."
            )
    for name, allowances in found.allowances.items():
        for allowance in allowances:
            say(f"{name}: {allowance}; left: {allowance.left}")


def _detectors(judge: api_room.Judge) -> str:
    return one_line(", ".join(config.detector_name for config in judge.detector_configs))


def _values(found: BackfillPlan) -> dict[str, Any]:
    return {
        "steps": [
            {
                "evaluation": step.plan.partition.evaluation,
                "date": step.plan.partition.key,
                "asset": step.asset,
                "fits": step.fits,
                "missing": step.missing,
                "unusable_items": [asdict(item) for item in step.unusable],
                **step.plan.counts(),
            }
            for step in found.steps
        ],
        "judges": [
            {
                "evaluation": name,
                "judge_id": judge.id,
                "configuration_hash": judge.configuration_hash(),
                "detectors": [config.detector_name for config in judge.detector_configs],
                "evaluated_again": found.evaluated_again(name),
            }
            for name, judge in found.judges.items()
        ],
        "budgets": [
            {
                "evaluation": name,
                "name": allowance.name,
                "limit": allowance.limit,
                "begun_today": allowance.begun_today,
                "intended": len(allowance.intended),
                "left": allowance.left,
            }
            for name, allowances in found.allowances.items()
            for allowance in allowances
        ],
    }
