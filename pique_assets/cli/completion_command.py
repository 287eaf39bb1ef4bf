"""`pique-assets completion SHELL`: a script that has the shell complete commands and options.

Belongs here: the scripts, made from the commands' own parsers. Does not: the commands. A script holds all words, so
that the Tab key starts no Python, and a line in the shell's settings makes the script anew for each release.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pique_assets.cli.common import DONE, CommandParsers, say

SHELLS = ("bash", "zsh", "fish")


def add_command(commands: CommandParsers) -> None:
    """Add `completion`."""
    completion = commands.add_parser(
        "completion",
        help="print a script that has your shell complete commands and options",
        description="Print a script that has a shell complete commands and options. In ~/.bashrc or ~/.zshrc: "
        'eval "$(pique-assets completion bash)" (or zsh); in ~/.config/fish/config.fish: '
        "pique-assets completion fish | source",
    )
    completion.add_argument("shell", choices=SHELLS, help="for which shell")
    completion.set_defaults(command=lambda arguments: _completion(arguments, commands), parser=completion)


def _completion(arguments: argparse.Namespace, commands: CommandParsers) -> int:
    words = dict(_words(commands))
    say(_fish(words) if arguments.shell == "fish" else _bash(words, zsh=arguments.shell == "zsh"))
    return DONE


def _words(commands: CommandParsers, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """What may follow each command, by the command's words: further commands, else options."""
    yield before, list(commands.choices)
    for name, parser in commands.choices.items():
        here = (*before, name)
        inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if inner:
            yield from _words(inner[0], here)
        else:
            longest = (max(action.option_strings, key=len) for action in parser._actions if action.option_strings)
            choices = [
                str(choice)
                for action in parser._actions
                if not action.option_strings and action.choices
                for choice in action.choices
            ]
            yield here, [*choices, *longest]


def _bash(words: dict[tuple[str, ...], list[str]], *, zsh: bool) -> str:
    cases = "\n".join(f'    "{" ".join(before)}") words="{" ".join(after)}" ;;' for before, after in words.items())
    # A command has one word or two; what is no command, such as a file, leaves the case of the one before.
    return f"""\
{"autoload -Uz bashcompinit && bashcompinit" if zsh else ""}
_pique_assets() {{
  local words="" current="${{COMP_WORDS[COMP_CWORD]}}" first="" second=""
  [ "$COMP_CWORD" -gt 1 ] && first="${{COMP_WORDS[1]}}"
  [ "$COMP_CWORD" -gt 2 ] && second=" ${{COMP_WORDS[2]}}"
  for key in "$first$second" "$first"; do
    case "$key" in
{cases}
    esac
    [ -n "$words" ] && break
  done
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _pique_assets pique-assets""".lstrip()


def _fish(words: dict[tuple[str, ...], list[str]]) -> str:
    lines = []
    for before, after in words.items():
        condition = (
            "__fish_use_subcommand"
            if not before
            else " and ".join(f"__fish_seen_subcommand_from {word}" for word in before).replace(" and ", "; and ")
        )
        for word in after:
            what = f"-l {word.removeprefix('--')}" if word.startswith("--") else f"-a {word}"
            lines.append(f"complete -c pique-assets -n '{condition}' {what}")
    return "\n".join(lines)
