"""Network addresses: which are public, and which a test has named as allowed all the same.

Belongs here: answers that follow from an address alone. Does not: who asks, and when (`network_guard`, `service`).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

_UNICAST_V6 = IPv6Network("2000::/3")
"""The only part of IPv6 that is handed out to hosts of the internet."""

_CARRIES_V4 = IPv6Network("2002::/16")
"""6to4: an IPv4 address in disguise, perhaps a private one."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address as text and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """Read ``127.0.0.1:8000`` or ``[::1]:8000``.

    Raises:
        ValueError: It is no address with a port; names are not accepted, because they can come to mean anything.
    """
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise ValueError(f"{text!r} is not an address and a port such as 127.0.0.1:8000") from None
    if not port.isdecimal() or not 1 <= int(port) <= 65535 or bracketed != (address.version == 6):
        raise ValueError(f"{text!r} is not an address and a port such as 127.0.0.1:8000")
    return Endpoint(address=str(address), port=int(port))


def is_public(address: str) -> bool:
    """Whether this is the literal address of a host on the internet; anything unreadable is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        return parsed.is_global and parsed in _UNICAST_V6 and parsed not in _CARRIES_V4
    return _is_public_v4(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    # Multicast counts as global in the register, but no host lives there.
    return address.is_global and not address.is_multicast and not address.is_reserved


def endpoint_of(url: str) -> Endpoint | None:
    """The endpoint of an http(s) URL whose host is a literal address; None where it is a name."""
    parts = urlsplit(url)
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return None
    return Endpoint(address=str(address), port=parts.port or _DEFAULT_PORTS.get(parts.scheme, 0))
