"""`pique-assets local`: the local Pique, until Ctrl-C, and the two variables that have everything else use it.

Belongs here: its arguments and what is printed. Does not: serving (`pique_assets.local`).
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pique_assets.cli.common import (
    API_KEY_VARIABLE,
    BASE_URL_VARIABLE,
    DONE,
    CommandParsers,
    add_port_option,
    complain,
    say,
    tell,
)
from pique_assets.extras import require_extra
from pique_assets.home import HOME_FOLDER, HOME_VARIABLE, LOCAL_PIQUE_FOLDER, home, project_root, setting
from pique_assets.local.process import DEMO_JUDGES, served_folder
from pique_assets.local.settings import HOST, Settings

if TYPE_CHECKING:
    from pique_assets.local.server import ReadyServer

# Beside that of the receiver. Fixed, so that the address in a file `.env` stays right.
DEFAULT_PORT = 8786


def add_command(commands: CommandParsers) -> None:
    """Add `local`."""
    local = commands.add_parser(
        "local",
        help="start a local Pique that measures real media, for use without an account",
        description="Serve a local Pique on this machine until Ctrl-C: a real server that measures real media, with "
        "two demo judges. Standard output gets the two `export` lines that have commands, runs and notebooks use it; "
        'in another shell, `eval "$(pique-assets local --exports)"` sets them.',
        epilog="Exit status: 0 when stopped by Ctrl-C, 1 when it can't start (or, with --exports, when none runs).",
    )
    add_port_option(local, default=DEFAULT_PORT)
    local.add_argument(
        "--data-dir",
        type=Path,
        help=f"folder with all its state, the key among it (else {LOCAL_PIQUE_FOLDER} in {HOME_VARIABLE} or in the "
        f"project's {HOME_FOLDER}; outside of a project, in {HOME_FOLDER} of your home folder)",
    )
    local.add_argument(
        "--seed",
        type=Path,
        default=DEMO_JUDGES,
        metavar="JUDGES.json",
        help='judges to begin with, as {"judges": [...]} or as Pique answers one judge (else the two demo judges)',
    )
    local.add_argument(
        "--references",
        type=Path,
        metavar="FOLDER",
        help="reference content that judges name, as FOLDER/<bucket>/<object> for gs://<bucket>/<object>",
    )
    local.add_argument(
        "--webhook-url", help="where its webhooks are sent, such as http://127.0.0.1:8787/webhooks/pique"
    )
    local.add_argument(
        "--exports", action="store_true", help="start nothing: print the two lines of the one that runs already"
    )
    local.set_defaults(command=_local, parser=local)


def _local(arguments: argparse.Namespace) -> int:
    data_dir = (arguments.data_dir or _default_data_dir()).expanduser().absolute()
    served = served_folder(data_dir)
    if arguments.exports:
        if served is None:
            return complain(f"no local Pique runs with {data_dir}: start one with `pique-assets local`")
        _say_exports(base_url=f"http://{HOST}:{served.port}", api_key=served.api_key)
        return DONE
    if served is not None:
        return complain(
            f"a local Pique runs already with {data_dir}, at http://{HOST}:{served.port}: use that one "
            "(--exports prints its two lines), stop it, or name another --data-dir"
        )
    require_extra("local")
    tell("starting the local Pique ...")
    # Only after the extra is known to be there.
    from pique_assets.local.server import run

    settings = Settings(
        data_dir=data_dir,
        port=arguments.port,
        references=arguments.references and arguments.references.expanduser().absolute(),
        webhook_url=arguments.webhook_url,
    )
    # No secrets from the environment: the key of a real Pique that stands there would become this one's, and be shown.
    run(settings, seed_judges=arguments.seed, parent_pid=None, environment={}, on_ready=_tell_ready)
    tell("stopped")
    return DONE


def _default_data_dir() -> Path:
    if setting(HOME_VARIABLE) or project_root() is not None:
        return Path(home().address) / LOCAL_PIQUE_FOLDER
    # Its state is nobody's record: unlike a ledger, the local Pique may be anywhere.
    return Path.home() / HOME_FOLDER / LOCAL_PIQUE_FOLDER


def _tell_ready(ready: ReadyServer) -> None:
    from pique_assets.local.detectors.registry import detector_names
    from pique_assets.local.judges import READY

    tell(f"local Pique at {ready.base_url}, reachable from this machine only; Ctrl-C stops it")
    tell(f"  detectors  {', '.join(detector_names())}")
    for judge in ready.judges:
        detectors = ", ".join(config.detector_name for config in judge.detector_configs)
        reason = f" ({judge.status_reason})" if judge.status_reason else ""
        tell(f"  judge      {judge.id}: {judge.content_type}, {judge.status}{reason}: {detectors}")
    tell(f"  key        in {ready.data_dir / 'api_key'}, the same at each start")
    tell("Copy these two lines into another shell:")
    _say_exports(base_url=ready.base_url, api_key=ready.api_key)
    usable = [judge.id for judge in ready.judges if judge.status == READY]
    if usable:
        tell(f"then, for example: pique-assets evaluate clip.mp4 --judge {usable[0]}")


def _say_exports(*, base_url: str, api_key: str) -> None:
    say(f"export {BASE_URL_VARIABLE}={shlex.quote(base_url)}")
    say(f"export {API_KEY_VARIABLE}={shlex.quote(api_key)}")
