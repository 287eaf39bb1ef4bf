"""`pique-assets evaluate FILE...`: files to scores without a code location, through the same rooms.

Belongs here: its arguments, the order of the steps, its exit status. Does not: any of the steps (`media`, `evaluation`,
`lake`), and how results look (`file_results`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from typing import BinaryIO

import pique_assets.api as api_room
import pique_assets.evaluation as evaluation_room
import pique_assets.judges as judges_room
import pique_assets.ledger as ledger_room
import pique_assets.media as media_room
import pique_assets.recovering as recovering_room
from pique_assets.cli.common import (
    DONE,
    FAILED,
    INTERRUPTED,
    CommandParsers,
    add_lake_option,
    add_ledger_option,
    add_limit_option,
    complain,
    limits_of,
    opened_client,
    opened_lake,
    opened_ledger,
    say,
    stopping_in_order,
    tell,
)
from pique_assets.cli.file_results import FileResult, as_json, as_text, file_results
from pique_assets.cli.named_files import read_named_files
from pique_assets.evaluation.limits import Budget, Limits
from pique_assets.home import HomeUnknown

# No evaluation of a code location can have it: their names hold no hyphen.
EVALUATION = "command-line"
RESUME = "run the same command again to go on; nothing that was sent is sent twice"


def add_command(commands: CommandParsers) -> None:
    """Add `evaluate`."""
    evaluate = commands.add_parser(
        "evaluate",
        help="evaluate files and print their scores",
        description="Evaluate local files, and all files in local folders, with a judge, and print a table of results. "
        "PIQUE_BASE_URL and PIQUE_API_KEY say which Pique. `clip.mp4.json` beside `clip.mp4` may hold its title and "
        "description. What was evaluated before is not evaluated again.",
        epilog="Exit status: 0 when every file has its scores, 1 when some have none or the evaluations were refused, "
        "2 for wrong arguments, 130 when stopped by Ctrl-C.",
    )
    evaluate.add_argument("files", nargs="+", metavar="FILE", help="a file or a folder")
    evaluate.add_argument("--judge", required=True, help="the judge's id at Pique")
    add_ledger_option(evaluate)
    add_lake_option(evaluate)
    evaluate.add_argument(
        "--max-new", type=_count, metavar="N", help="refuse to begin more than N new evaluations; nothing is sent then"
    )
    evaluate.add_argument("--json", action="store_true", help="print the results as JSON, metrics included")
    add_limit_option(evaluate)
    evaluate.set_defaults(command=_evaluate, parser=evaluate)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of evaluations")
    return int(text)


def _evaluate(arguments: argparse.Namespace) -> int:
    limits = limits_of(arguments)
    try:
        with stopping_in_order():
            items = read_named_files(arguments.files, threads=limits.fingerprint_threads, say=tell)
            if not items:
                return complain(f"there is no file in {', '.join(arguments.files)}")
            results = _results(items, arguments=arguments, limits=limits)
    except evaluation_room.BudgetExceeded as exceeded:
        return complain(
            f"{exceeded.wanted} new evaluations are wanted and {exceeded.fits} of them fit --max-new: nothing was "
            "sent. Name fewer files, or raise it"
        )
    except KeyboardInterrupt:
        complain(f"stopped; {RESUME}")
        return INTERRUPTED
    return _show(results, arguments=arguments)


def _results(items: list[media_room.ContentItem], *, arguments: argparse.Namespace, limits: Limits) -> list[FileResult]:
    """Submit, wait, and read what came; why something is missing was said on standard error by then."""
    partition = evaluation_room.Partition(evaluation=EVALUATION, key=_partition_key(items, judge_id=arguments.judge))
    budget = Budget(new_evaluations_per_run=arguments.max_new)
    with opened_client() as client, opened_ledger(arguments) as ledger:
        engine = evaluation_room.Engine(client=client, ledger=ledger, limits=limits, say=tell, budget=budget)
        _submit(engine, items, partition=partition, arguments=arguments)
        _collect(engine, partition=partition)
        return file_results(ledger, **partition.names)


def _submit(
    engine: evaluation_room.Engine,
    items: list[media_room.ContentItem],
    *,
    partition: evaluation_room.Partition,
    arguments: argparse.Namespace,
) -> None:
    judge = _agreed_judge(engine, arguments.judge)
    wanted = [
        item.work_key for item in evaluation_room.WantedContent.of(items, judge=judge) if item.work_key is not None
    ]
    _require_unbought(wanted, arguments=arguments, ledger=engine.ledger)
    way = evaluation_room.Uploads(open_content=_opened)
    try:
        evaluation_room.submit_partition(engine, items, partition=partition, judge=judge, way=way, on_plan=_tell_plan)
    except evaluation_room.SubmissionsUnfinished as unfinished:
        for uri, reason in sorted(unfinished.reasons.items()):
            complain(f"{uri} could not be submitted now: {reason}")
        tell(RESUME)


def _agreed_judge(engine: evaluation_room.Engine, judge_id: str) -> api_room.Judge:
    return judges_room.agreed_judge(
        lambda: engine.client.get_judge(judge_id),
        known=lambda judge: engine.ledger.last_configuration(judge.id),
        say=engine.say,
    )


def _require_unbought(work_keys: Sequence[str], *, arguments: argparse.Namespace, ledger: ledger_room.Ledger) -> None:
    """Refuse files whose evaluation the project's lake knows and this ledger does not."""
    try:
        lake = opened_lake(arguments)
    except HomeUnknown:
        # Nobody said where a lake is, and a ledger was named: there is nothing to compare that with.
        return
    recovering_room.require_unbought(lake=lake, ledger=ledger, work_keys=work_keys, say=tell)


def _collect(engine: evaluation_room.Engine, *, partition: evaluation_room.Partition) -> None:
    try:
        settled = evaluation_room.collect_partition(engine, partition=partition)
    except evaluation_room.ResultsPending as pending:
        complain(f"{len(pending.pending_job_ids)} evaluations have no result yet; {RESUME}")
    else:
        engine.ledger.record_collected(**partition.names, digest=settled.digest)


def _partition_key(items: list[media_room.ContentItem], *, judge_id: str) -> str:
    """The name under which the ledger keeps these files: the same files and judge again are the same partition."""
    lines = [judge_id, *sorted(item.content_uri for item in items)]
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:16]


def _opened(item: media_room.ContentItem) -> BinaryIO:
    if item.size_bytes is None or item.fingerprint is None:
        raise ValueError(f"{item.content_uri} is not ready: {item.error}")
    return media_room.open_content(
        item.content_uri, size_bytes=item.size_bytes, fingerprint=item.fingerprint, version=item.version
    )


def _tell_plan(plan: evaluation_room.PartitionPlan) -> None:
    counts = plan.counts()
    tell(
        f"{counts['content_items']} files: {plan.new_evaluations} new evaluations, {plan.new_bytes} bytes to upload; "
        f"{counts['done']} evaluated before, {counts['in_flight']} under way, {counts['unusable']} unusable"
    )


def _show(results: list[FileResult], *, arguments: argparse.Namespace) -> int:
    evaluated = sum(result.is_evaluated for result in results)
    if arguments.json:
        say(json.dumps({"judge_id": arguments.judge, "files": as_json(results)}, indent=2))
    else:
        say(as_text(results))
        say(f"{evaluated} of {len(results)} files have their scores")
    return DONE if evaluated == len(results) else FAILED
