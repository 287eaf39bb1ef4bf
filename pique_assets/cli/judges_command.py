"""`pique-assets judges list|show|create`: judges at Pique, and those that files declare.

Here: arguments and what is printed. Not here: finding and creating judges (`judges.finding`), and reading
declarations (`judges.declaration`).
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import pique_assets.api as api_room
import pique_assets.judges as judges_room
from pique_assets.cli.common import DONE, CommandParsers, complain, opened_client, say, tell
from pique_assets.cli.text_table import one_line, text_table

CONTENT_TYPES = ("video", "image", "audio", "text")
WAIT_S = 60.0


def add_command(commands: CommandParsers) -> None:
    """Add `judges` and what can be done with them."""
    judges = commands.add_parser("judges", help="list, show and create judges").add_subparsers(
        required=True, metavar="list|show|create"
    )
    _add_list(judges)
    _add_show(judges)
    _add_create(judges)


def _add_list(judges: CommandParsers) -> None:
    parser = judges.add_parser(
        "list", help="the organisation's judges", description="List the organisation's judges, newest first."
    )
    parser.add_argument("--content-type", choices=CONTENT_TYPES, help="only judges of this type")
    parser.add_argument("--name", help="only judges of exactly this name")
    _add_json(parser)
    parser.set_defaults(command=_list, parser=parser)


def _add_show(judges: CommandParsers) -> None:
    parser = judges.add_parser(
        "show",
        help="one judge with its detectors",
        description="Show a judge with its detectors, by its id or by the file that declares it. With both, or a file "
        "alone, the judge must be what the file declares; else the differences are said, and the exit status is 1.",
    )
    parser.add_argument("judge_id", nargs="?", metavar="ID", help="the judge's id")
    parser.add_argument("--file", metavar="JUDGE.yaml", help="the judge's declaration")
    _add_json(parser)
    parser.set_defaults(command=_show, parser=parser)


def _add_create(judges: CommandParsers) -> None:
    parser = judges.add_parser(
        "create",
        help="create a judge that a file declares",
        description="Create the judge that a YAML file declares (name, description, content_type, detectors), unless "
        "there is one of its name already: one that is as declared is reused, any other is an error. Reference content "
        "given as local files is uploaded first, and recorded beside the declaration. May be repeated.",
    )
    parser.add_argument("--file", required=True, metavar="JUDGE.yaml", help="the judge's declaration")
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=WAIT_S,
        metavar="SECONDS",
        help=f"how long to wait while Pique prepares the judge (else {WAIT_S:g})",
    )
    _add_json(parser)
    parser.set_defaults(command=_create, parser=parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, with every field Pique sent")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    # Also refuses what is no number.
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _list(arguments: argparse.Namespace) -> int:
    with opened_client() as client:
        # A list looks alike at every Pique.
        tell(f"judges of the Pique {client.pique!r}:")
        judges = [
            judge
            for judge in client.list_judges(arguments.content_type)
            if arguments.name is None or judge.name == arguments.name
        ]
    if arguments.json:
        say(json.dumps([_values(judge) for judge in judges], indent=2))
    elif judges:
        columns = ("id", "content type", "status", "active", "detectors", "created", "name")
        say(text_table(columns, [_row(judge) for judge in judges]))
    else:
        say("no judge matches" if arguments.content_type or arguments.name else "there are no judges")
    return DONE


def _show(arguments: argparse.Namespace) -> int:
    if arguments.judge_id is None and arguments.file is None:
        arguments.parser.error("say which judge: its ID, or the --file that declares it")
    with opened_client() as client:
        judge = judges_room.resolve_judge(client, judge_id=arguments.judge_id, judge_file=arguments.file, say=tell)
    _print(judge, as_json=arguments.json)
    return DONE


def _create(arguments: argparse.Namespace) -> int:
    with opened_client() as client:
        judge = _found_or_created(client, file=arguments.file)
        judge = judges_room.wait_until_prepared(client, judge, wait_s=arguments.wait)
    _print(judge, as_json=arguments.json)
    if judge.is_usable:
        return DONE
    why = (judge.model_extra or {}).get("status_reason")
    inactive = "" if judge.is_active else " and not active"
    return complain(f"judge {judge.id} is {judge.status}{inactive}{f' ({why})' if why else ''}: it can't evaluate now")


def _found_or_created(client: api_room.PiqueClient, *, file: str) -> api_room.Judge:
    declaration = judges_room.read_judge_file(file)
    found = judges_room.find_judge(client, declaration)
    if found is not None:
        tell(f"there is a judge named {declaration.name!r} already, and it is what {file} declares")
        return found
    judges_room.upload_references(client, declaration, say=tell)
    return judges_room.create_judge(client, declaration, say=tell)


def _row(judge: api_room.Judge) -> tuple[object, ...]:
    created = judge.created_at.strftime("%Y-%m-%d %H:%M") if judge.created_at else None
    active = "yes" if judge.is_active else "no"
    return judge.id, judge.content_type, judge.status, active, len(judge.detector_configs), created, judge.name


def _values(judge: api_room.Judge) -> dict[str, Any]:
    """Every field as Pique sent it, and the hash that names its configuration in the tables."""
    return {**judge.model_dump(mode="json"), "configuration_hash": judge.configuration_hash()}


def _print(judge: api_room.Judge, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(_values(judge), indent=2))
        return
    reason = (judge.model_extra or {}).get("status_reason")
    facts = {
        "id": judge.id,
        "name": judge.name,
        "description": judge.description or "",
        "content type": judge.content_type,
        "status": f"{judge.status} ({reason})" if reason else judge.status,
        "active": "yes" if judge.is_active else "no",
        "configuration": judge.configuration_hash(),
    }
    width = max(map(len, facts))
    for name, value in facts.items():
        say(f"{name.ljust(width)}  {one_line(value)}".rstrip())
    rows = [
        (item.detector_name, item.weight, json.dumps(item.config, sort_keys=True)) for item in judge.detector_configs
    ]
    say("")
    say(text_table(("detector", "weight", "config"), rows))
