"""The command `pique-assets`: what an operator does outside Dagster.

Belongs here: which commands there are, and their exit statuses. Does not: what a command does; each is a module
`<name>_command.py` with a function `add_command`. The rooms hand their names on lazily, so that `--help` costs nothing.

Exit statuses: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong arguments, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from pique_assets.cli.common import DONE, INTERRUPTED, complain, say, sentence_for

COMMANDS = (
    "local_command",
    "models_command",
    "doctor_command",
    "evaluate_command",
    "plan_command",
    "jobs_command",
    "trace_command",
    "in_doubt_command",
    "give_up_command",
    "receive_command",
    "judges_command",
    "rebuild_command",
    "ledger_command",
    "where_command",
    "completion_command",
)
"""Modules of this package, in the order in which `--help` names their commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows the program's name; the process's own when left out.

    Returns:
        The exit status.
    """
    _print_in_any_encoding()
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.command(parsed)
        # None where the caller closed it.
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough, as `head` does. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        # What the rooms raise on purpose names what to do; anything else is a mistake of ours and keeps its traceback.
        if not _is_meant_for_users(error):
            raise
        return complain(sentence_for(error))
    return status


class _Version(argparse.Action):
    """Prints the release; looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        say(f"pique-assets {version('pique_assets')}")
        parser.exit()


def _print_in_any_encoding() -> None:
    """Write out what the terminal's encoding does not have, instead of losing the rest of the text to it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pique-assets", description="Operate pique_assets outside Dagster.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the installed release and exit")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name in COMMANDS:
        import_module(f"{__name__}.{name}").add_command(commands)
    return parser


def _is_meant_for_users(error: Exception) -> bool:
    # Told by where the class is from: importing every room to name its base would cost each failure half a second.
    return type(error).__module__.startswith("pique_assets.") or isinstance(error, (OSError, ValueError, ImportError))
