"""The command ``python -m pique_assets.local``: options to settings, then serve.

Belongs here: the command line, and the one line of JSON that it prints when the server is ready, ``{"base_url": ...,
"pid": ..., "data_dir": ..., "judges": {id: status}}``. Does not: secrets; the API key is in ``DATA_DIR/api_key``.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

from pique_assets.local.addresses import Endpoint, parse_endpoint
from pique_assets.local.settings import Settings

NEEDED = ("av", "cryptography", "PIL", "starlette", "uvicorn", "yt_dlp")


def main() -> int:
    """Run the command; returns the exit status."""
    arguments = _parser().parse_args()
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return _fail(f"the local Pique needs {', '.join(missing)}: install pique_assets[local]")
    # After the check, so that a missing extra is said in one sentence.
    from pique_assets.local.server import DataDirInUse, run

    options = vars(arguments) | {"data_dir": arguments.data_dir.absolute()}
    options["social_allow_hosts"] = tuple(options["social_allow_host"])
    settings = Settings(**{each.name: options[each.name] for each in fields(Settings) if each.name in options})
    try:
        run(
            settings,
            seed_judges=arguments.seed_judges,
            parent_pid=arguments.parent_pid,
            environment=os.environ,
        )
    except (DataDirInUse, OSError, ValueError) as error:
        return _fail(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = Settings(data_dir=Path())
    parser = argparse.ArgumentParser(prog="python -m pique_assets.local", description="The embedded local Pique.")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with all state")
    parser.add_argument("--port", type=int, default=defaults.port, help="0: that of the last start, or any free one")
    parser.add_argument("--public-url", help="what upload URLs begin with, when clients come through a proxy")
    parser.add_argument("--seed-judges", type=Path, help='JSON file {"judges": [...]}, read at every start')
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
    print(f"local Pique: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
