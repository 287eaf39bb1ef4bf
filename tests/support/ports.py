"""A port for a server that is started later, or twice.

Belongs here: choosing it. A server that can say which port the system gave it needs none of this.
"""

from __future__ import annotations

import random
import socket

# Below what the system gives away by itself, so that nobody gets the port meanwhile unless he asks for it by number.
FIRST, LAST = 15_000, 30_000


def port_for_later() -> int:
    """A port that nobody listens on now."""
    while True:
        port = random.SystemRandom().randint(FIRST, LAST)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
