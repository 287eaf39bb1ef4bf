"""`pique-assets trace JOB`: one job from raw media to every score row.

Belongs here: its arguments and what is printed. Does not: finding it all (`job_trace`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pique_assets.ledger as ledger_room
from pique_assets.cli.common import (
    DONE,
    CommandParsers,
    add_lake_option,
    add_ledger_option,
    complain,
    existing_ledger,
    opened_lake,
    say,
    tell,
)
from pique_assets.cli.job_trace import JobTrace, trace_job
from pique_assets.cli.text_table import one_line, shown_time, text_table

LABEL_WIDTH = 14


def add_command(commands: CommandParsers) -> None:
    """Add `trace`."""
    trace = commands.add_parser(
        "trace",
        help="follow one job from raw media to every score row",
        description="Follow one job: its content and the dates that want it, its way through the ledger, Pique's "
        "answers, and its rows with the Parquet files they are in. The lake alone is enough, with less to say.",
    )
    trace.add_argument("job_id", metavar="JOB", help="Pique's id of the job, as in every table")
    add_ledger_option(trace)
    add_lake_option(trace)
    trace.add_argument("--json", action="store_true", help="print JSON, with every row")
    trace.set_defaults(command=_trace, parser=trace)


def _trace(arguments: argparse.Namespace) -> int:
    lake = opened_lake(arguments)
    with _ledger_if_there(arguments) as ledger:
        found = trace_job(arguments.job_id, ledger=ledger, lake=lake)
    if found is None:
        nobody = f"neither the ledger nor the lake at {lake.root} knows" if ledger else f"{lake.root} does not know"
        return complain(f"{nobody} job {arguments.job_id}: name others with --ledger and --lake")
    if arguments.json:
        content = [place._asdict() for place in found.content]
        say(json.dumps({**asdict(found), "content": content}, indent=2, default=_plain))
    else:
        for line in _lines(found):
            say(line)
    return DONE


def _ledger_if_there(arguments: argparse.Namespace) -> AbstractContextManager[ledger_room.Ledger | None]:
    try:
        return existing_ledger(arguments)
    except FileNotFoundError as missing:
        tell(f"{missing}; only the lake is looked at")
        return nullcontext()


def _lines(found: JobTrace) -> Iterator[str]:
    facts = found.facts
    attempts = len(found.attempts)
    of_attempts = f"attempt {facts['attempt']}" + (f" of {attempts}" if found.known_to == "ledger" else "")
    yield _line("job", f"{found.job_id}, {facts['state']}, {of_attempts}, known to the {found.known_to}")
    for place in found.content:
        yield _line("content", f"{place.evaluation} {place.partition}  {place.content_uri}")
    yield _line("fingerprint", f"sha256 {facts['fingerprint']}")
    size = f", {facts['size_bytes']} bytes" if facts["size_bytes"] is not None else ""
    yield _line("sent as", f"{facts['filename']}, {facts['content_type']}{size}, {facts['source']}")
    for label in ("title", "description", "batch_id", "error"):
        if facts[label] is not None:
            yield _line(label.removesuffix("_id"), facts[label])
    yield _line("judge", f"{facts['judge_id']}, configuration {facts['judge_configuration_hash']}")
    for step in found.walk:
        yield _line("walk", f"{shown_time(step.at)}  {step.what}")
    for attempt in found.attempts:
        if attempt.job_id != found.job_id:
            yield _line("other attempt", f"{attempt.number}: {attempt.job_id or 'no job'}, {attempt.state}")
    for payload in found.payloads:
        received = f"{payload.source} {shown_time(payload.received_at)}"
        yield _line("payload", f"{received}, {payload.size_bytes} bytes, sha256 {payload.sha256}")
    yield from _results(found)


def _results(found: JobTrace) -> Iterator[str]:
    if not found.tables:
        yield _line("results", "none yet")
        return
    # Content that stands in several files has the same rows in each.
    first = {entry.table: entry.rows for entry in reversed(found.tables)}
    for row in first["evaluations"]:
        score = f"{row['overall_score']} ({row['overall_score_scale']})" if row["overall_score"] is not None else "none"
        yield _line("result", f"{row['status']}, overall score {score}" + (f", {row['error']}" if row["error"] else ""))
    columns = ("#", "detector", "pass", "score", "metrics", "rationale")
    names = ("detector_index", "detector_name", "pass_check", "score", "metric_count", "rationale")
    rows = [tuple(row[name] for name in names) for row in first["detector_results"]]
    if rows:
        yield text_table(columns, rows)
    for entry in found.tables:
        where = entry.uri or "in no file yet: materialise the date"
        yield _line("rows", f"{len(entry.rows)} in {entry.table}  {where}")


def _line(label: str, text: str) -> str:
    return f"{label:{LABEL_WIDTH}}{one_line(text)}"


def _plain(value: object) -> Any:  # noqa: ANN401
    return value.isoformat() if isinstance(value, datetime) else str(value)
