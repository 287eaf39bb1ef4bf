"""How far one request has come: whether anything of it may have left this machine.

Belongs here: the evidence, gathered from what the HTTP library tells while it works. What is made of it, and the
library itself, is ``wire``'s.

A wrong "certainly not sent" would have content evaluated twice, so silence proves nothing: only a step before the
request's first byte that is seen to have begun, and not seen to have ended, shows that the request is still here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

# Steps of a connection that is being made: to the host or its proxy, TLS with either, and what SOCKS asks for.
_CONNECTING: Final = frozenset({"connect_tcp", "start_tls", "setup_socks5_connection"})
_HEADERS: Final = "send_request_headers"
_TUNNEL: Final = b"CONNECT"


class Sending:
    """Hears of each step of one request, as the ``trace`` extension of the library."""

    def __init__(self, *, watch: Callable[[str, Mapping[str, Any]], None]) -> None:
        """Nothing has happened yet.

        Args:
            watch: Hears of each step as well.
        """
        self._watch = watch
        self._is_built = False
        self._is_connecting = False
        self._has_begun = False
        self._was_refused_here = False

    def request_is_built(self) -> None:
        """The request is whole and valid as far as can be seen; from here on it is in the library's hands."""
        self._is_built = True

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of a step, such as ``connection.start_tls.started``."""
        _, _, named = event.partition(".")
        step, _, phase = named.partition(".")
        if step in _CONNECTING:
            self._is_connecting = phase != "complete"
        elif step == _HEADERS and phase == "started":
            # A proxy is asked for a tunnel by a request of its own, which holds nothing of ours.
            is_ours = info["request"].method != _TUNNEL
            self._is_connecting = not is_ours
            self._has_begun = self._has_begun or is_ours
        elif step == _HEADERS and phase == "failed":
            self._was_refused_here = self._has_begun
        self._watch(event, info)

    def certainly_not_sent(self, *, early: bool, invalid: bool) -> bool:
        """Whether nothing of the request can have arrived, now that it failed.

        Args:
            early: It failed in a way that never meets a request on its way.
            invalid: It failed because the library takes it for invalid, which stops it before its first byte if
                its headers are the reason.
        """
        if not self._is_built:
            return True
        if self._has_begun:
            return invalid and self._was_refused_here
        return early or self._is_connecting
