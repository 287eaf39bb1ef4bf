"""Keeps a process away from every address that is not public, and from every other program.

Belongs here: the check of each connection when it is made, by the number it goes to. A video's address comes from
strangers, and what it leads to may lead on to anywhere: by redirect, by a page that names another address, by a name
that resolves differently the second time; so nothing is decided by looking at URLs. The check is an audit hook of the
interpreter, which no library can take out again, and it refuses what has no number. Does not: which addresses are
public (`addresses`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from urllib.parse import urlsplit

from pique_assets.local.addresses import Endpoint, is_public

_SENDING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_OTHER_PROGRAMS = frozenset(
    {
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.spawn",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
        "pty.spawn",
        "webbrowser.open",
    }
)
_SCHEMES = frozenset({"http", "https", "data"})


class NotAllowed(OSError):
    """What the process wanted to do is refused; an OSError, so that libraries treat it as a failed connection."""


class NetworkGuard:
    """The rules for this process; in force from `install` to its end.

    Attributes:
        refused: A sentence for each refusal since it was last cleared.
    """

    def __init__(self, *, allowed: Iterable[Endpoint]) -> None:
        """Allow public addresses, and these endpoints."""
        self._allowed = frozenset(allowed)
        self.refused: list[str] = []

    def install(self) -> None:
        """Begin; there is no way back."""
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in _SENDING:
            # sendmsg has no address when the socket is connected, which was looked at before.
            if arguments[1] is not None:
                self._check_address(arguments[1])
        elif event == "urllib.Request":
            self._check_scheme(str(arguments[0]))
        elif event == "socket.bind":
            self._refuse("it wants to be called back")
        elif event in _OTHER_PROGRAMS:
            raise FileNotFoundError("other programs are out of reach here")

    def _check_address(self, address: object) -> None:
        if not isinstance(address, tuple):
            self._refuse("it leads to a socket of this machine")
            return
        host, port = str(address[0]), int(address[1])
        if not is_public(host) and Endpoint(address=host, port=port) not in self._allowed:
            self._refuse(f"it leads to {Endpoint(address=host, port=port)}, which is not a public address")

    def _check_scheme(self, url: str) -> None:
        scheme = urlsplit(url).scheme
        if scheme not in _SCHEMES:
            self._refuse(f"it leads to an address of the kind {scheme}:, which is not supported")

    def _refuse(self, sentence: str) -> None:
        self.refused.append(sentence)
        raise NotAllowed(sentence)
