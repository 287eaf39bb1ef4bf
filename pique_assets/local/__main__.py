"""The process that `running_local_pique` starts: options to settings, then serve.

Belongs here: the options for programs, and the one line of JSON that is printed when the server is ready,
``{"base_url": ..., "pid": ..., "data_dir": ..., "judges": {id: status}}``. Does not: secrets, as the API key is in
``DATA_DIR/api_key``; nor what people type, which is ``pique-assets local``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from pique_assets.extras import ExtraMissing, require_extra
from pique_assets.local.addresses import Endpoint, parse_endpoint
from pique_assets.local.process import COMPLAINT
from pique_assets.local.settings import Settings

if TYPE_CHECKING:
    from pique_assets.local.server import ReadyServer


def main() -> int:
    """Run the command; returns the exit status."""
    arguments = _parser().parse_args()
    try:
        require_extra("local")
    except ExtraMissing as missing:
        return _fail(str(missing))
    # After the check, so that a missing extra is said in one sentence.
    from pique_assets.local.server import DataDirInUse, PortUnusable, run

    options = vars(arguments) | {"data_dir": arguments.data_dir.absolute()}
    options["social_allow_hosts"] = tuple(options["social_allow_host"])
    settings = Settings(**{each.name: options[each.name] for each in fields(Settings) if each.name in options})
    try:
        run(
            settings,
            seed_judges=arguments.seed_judges,
            parent_pid=arguments.parent_pid,
            environment=os.environ,
            on_ready=_print_ready,
        )
    except (DataDirInUse, PortUnusable, OSError, ValueError) as error:
        return _fail(str(error))
    return 0


def _print_ready(ready: ReadyServer) -> None:
    line = {
        "base_url": ready.base_url,
        "pid": os.getpid(),
        "data_dir": str(ready.data_dir),
        "judges": {judge.id: judge.status for judge in ready.judges},
    }
    print(json.dumps(line), flush=True)


def _parser() -> argparse.ArgumentParser:
    defaults = Settings(data_dir=Path())
    parser = argparse.ArgumentParser(prog="python -m pique_assets.local", description="The embedded local Pique.")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with all state")
    parser.add_argument("--port", type=int, default=defaults.port, help="0: that of the last start, or any free one")
    parser.add_argument("--public-url", help="what upload URLs begin with, when clients come through a proxy")
    parser.add_argument("--seed-judges", type=Path, help='JSON file {"judges": [...]}, read at every start')
    parser.add_argument("--references", type=Path, help="folder with reference content, as <bucket>/<object>")
    parser.add_argument("--workers", type=_positive, default=defaults.workers, help="evaluation processes")
    parser.add_argument("--evaluation-deadline-s", type=float, default=defaults.evaluation_deadline_s)
    parser.add_argument("--upload-url-life-s", type=_positive, default=defaults.upload_url_life_s)
    parser.add_argument("--downloads", type=_positive, default=defaults.downloads, help="download processes")
    parser.add_argument("--download-deadline-s", type=float, default=defaults.download_deadline_s)
    parser.add_argument("--max-download-bytes", type=_positive, default=defaults.max_download_bytes)
    parser.add_argument(
        "--social-allow-host",
        type=_endpoint,
        action="append",
        default=[],
        metavar="ADDRESS:PORT",
        help="may be downloaded from although it is not public, for tests; may be given several times",
    )
    parser.add_argument("--webhook-url", help="the organisation's webhook")
    parser.add_argument("--webhook-retry-base-s", type=float, default=defaults.webhook_retry_base_s)
    parser.add_argument("--parent-pid", type=int, help="stop when this direct parent process ends")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return int(text)


def _endpoint(text: str) -> Endpoint:
    try:
        return parse_endpoint(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _fail(message: str) -> int:
    print(f"{COMPLAINT}{message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
