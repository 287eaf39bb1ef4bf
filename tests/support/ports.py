"""A port for a server that is started later, or twice.

Belongs here: choosing it. A server that can say which port the system gave it needs none of this.
"""

from __future__ import annotations

import random
import socket

# Below what the system gives away by itself, so that nobody gets the port meanwhile unless he asks for it by number.
FOR_LATER = range(15_000, 30_001)
NEVER_SERVED = range(10_000, 15_000)


def port_for_later(ports: range = FOR_LATER) -> int:
    """A port of these that nobody listens on now.

    Args:
        ports: Of `NEVER_SERVED`, where no client of an earlier test can still look for its server.
    """
    while True:
        port = random.SystemRandom().choice(ports)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
