"""Which Pique an address names. Does not: talking to it (`transport`), and which addresses are safe (`wire`)."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

BASE_URLS: Final = {"sandbox": "https://api-sandbox.getpique.ai", "production": "https://api.getpique.ai"}
"""Pique's own addresses, by environment, as its documentation has them."""

LOCAL: Final = "local"
"""Every Pique on this very machine, whatever its port: the local one takes another at each start."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def pique_at(base_url: str) -> str:
    """The Pique that an address names: `production`, `sandbox`, `local`, or else its host, port and path.

    Two addresses of one Pique have one name, so that what was submitted there can be told from what was submitted
    elsewhere.

    Raises:
        ValueError: It is no address.
    """
    parts = urlsplit(base_url)
    host = (parts.hostname or "").rstrip(".")
    if not host:
        raise ValueError("the address of Pique names no host")
    if is_loopback(host):
        return LOCAL
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    named = f"{host}{port}{parts.path.rstrip('/')}"
    environments = {urlsplit(url).netloc: environment for environment, url in BASE_URLS.items()}
    return environments.get(named, named)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this very machine, going by its name or address alone."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
