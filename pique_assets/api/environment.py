"""What the environment says of connections: the proxy a host is reached through, and the certificates to trust.

Belongs here: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, in
every form, right or broken. Making connections is ``wire``'s.

A proxy's address may hold a password, and people paste keys into the wrong variable: an error names the variable and
what is wrong with it, and never repeats any of its value.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import stat
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pique_assets.api.address import is_loopback
from pique_assets.api.errors import BrokenEnvironment
from pique_assets.api.redaction import Secret

_PROXY_URL: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?:[^\s/?#@]*@)?"
    r"(?P<host>\[[^\s/?#@\[\]]*\]|[^\s/?#@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
_EXEMPT_HOST: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?P<host>\[[^\s/?#@\[\]]*\]|[^\s/?#@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE
)
_SOCKS: Final = ("socks5", "socks5h")
_HASHED_CERTIFICATE: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_LARGEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that the environment names.

    Attributes:
        url: With its scheme; it may hold a password.
        variable: Which variable names it.
    """

    url: Secret
    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The certificates that are trusted, and which variable names them; None for those that come with the package."""

    context: ssl.SSLContext
    variable: str | None


def proxy_for(scheme: str, host: str, port: int | None) -> Proxy | None:
    """Find the proxy for a host.

    Args:
        scheme: ``http`` or ``https``.
        host: A name, or an address without brackets.
        port: None for the scheme's own.

    Returns:
        None to go straight there, as always to this very machine, whatever the environment says.

    Raises:
        BrokenEnvironment: What the environment says of this host can't be read.
    """
    if is_loopback(host):
        return None
    found = _named_proxy(scheme)
    if found is None or _is_exempt(host, port or (443 if scheme == "https" else 80)):
        return None
    if problem := _problem_with_proxy(found.url):
        raise BrokenEnvironment(found.variable, problem)
    return found


def trusted_certificates(otherwise: Callable[[], ssl.SSLContext]) -> Trust:
    """Load the certificates that the environment names.

    Args:
        otherwise: Loads those to trust where it names none.

    Raises:
        BrokenEnvironment: They can't be loaded.
    """
    variable = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)
    if variable is not None and (problem := _problem_with_certificates(variable)):
        raise BrokenEnvironment(variable, problem)
    context = _loaded(variable, otherwise=otherwise)
    if context is None:
        # Python has each connection's keys written there, and found nothing else to object to.
        raise BrokenEnvironment("SSLKEYLOGFILE", "names a file that can't be written")
    return Trust(context=context, variable=variable)


def _named_proxy(scheme: str) -> Proxy | None:
    named = urllib.request.getproxies()
    for kind in (scheme, "all"):
        if url := named.get(kind):
            return Proxy(url=Secret(url if "://" in url else f"http://{url}"), variable=_variable(f"{kind}_proxy"))
    return None


def _variable(name: str) -> str:
    """How a variable is written here: both spellings are in use, and the lower-case one counts more."""
    for spelling in (name, name.upper()):
        if os.environ.get(spelling):
            return spelling
    return name.upper()


def _problem_with_proxy(url: Secret) -> str | None:
    read = _PROXY_URL.fullmatch(url.value)
    if read is None or not url.value.isprintable() or not _is_host(read["host"]) or not _is_port(read["port"]):
        return (
            "names no proxy: write http://host:port or http://user:password@host:port, and in user and password "
            "%40 for @, %3A for :, %2F for /, %3F for ?, %23 for #, %25 for %"
        )
    scheme = read["scheme"].lower()
    if scheme in _SOCKS and find_spec("socksio") is None:
        return "names a SOCKS proxy, and the package for that is not installed: pip install 'httpx[socks]'"
    if scheme not in ("http", "https", *_SOCKS):
        return "names a proxy of a kind that is not known: write http://, https://, socks5:// or socks5h://"
    return None


def _is_exempt(host: str, port: int) -> bool:
    """Whether ``NO_PROXY`` names a host.

    It lists, separated by commas or spaces: names, which stand for all names below them too, addresses, networks, each
    perhaps with a port, or ``*``.
    """
    name = host.lower().rstrip(".")
    return any(_covers(entry, name=name, port=port) for entry in _exemptions())


def _exemptions() -> Iterator[Secret]:
    entries = re.split(r"[\s,]+", urllib.request.getproxies().get("no") or "")
    for position, entry in enumerate(filter(None, entries), start=1):
        if not _is_exemption(entry):
            broken = _variable("no_proxy")
            # The entry itself is left out of the frame that raises, as it is left out of the message.
            del entry, entries
            raise BrokenEnvironment(broken, f"names neither a host, an address nor a network in its entry {position}")
        yield Secret(entry)


def _is_exemption(entry: str) -> bool:
    if entry == "*" or _network(entry) is not None:
        return True
    read = _EXEMPT_HOST.fullmatch(entry)
    return read is not None and entry.isprintable() and _is_host(read["host"]) and _is_port(read["port"])


def _covers(entry: Secret, *, name: str, port: int) -> bool:
    if entry.value == "*":
        return True
    network = _network(entry.value)
    if network is not None:
        address = _address(name)
        return address is not None and address in network
    read = _EXEMPT_HOST.fullmatch(entry.value)
    if read is None or (read["port"] and int(read["port"]) != port):
        return False
    exempt = read["host"].lower()
    if exempt.startswith("["):
        return _address(exempt.strip("[]")) == _address(name)
    exempt = exempt.removeprefix("*").strip(".")
    return name == exempt or name.endswith(f".{exempt}")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_host(text: str) -> bool:
    if text.startswith("["):
        return isinstance(_address(text.strip("[]")), ipaddress.IPv6Address)
    return bool(text.strip("*."))


def _is_port(text: str | None) -> bool:
    return text is None or 0 < int(text) <= _LARGEST_PORT


def _problem_with_certificates(variable: str) -> str | None:
    return _problem_with_file(variable) if variable == "SSL_CERT_FILE" else _problem_with_folders(variable)


def _problem_with_file(variable: str) -> str | None:
    try:
        # Anything else, such as a pipe, might never end.
        if not stat.S_ISREG(Path(os.environ[variable]).stat().st_mode):
            return "names something else than a file"
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=os.environ[variable])
    except FileNotFoundError:
        return "names a file that does not exist"
    except ssl.SSLError:
        return "names a file in which no certificate can be read: it must hold certificates in PEM format"
    except (OSError, ValueError) as error:
        return f"names a file that can't be read ({type(error).__name__})"
    return None


def _problem_with_folders(variable: str) -> str | None:
    """OpenSSL takes a folder that is empty or not there, and trusts nobody then."""
    if any(_has_certificates(folder) for folder in os.environ[variable].split(os.pathsep)):
        return None
    return (
        "names no folder in which OpenSSL finds certificates: they must be in files such as 5ed36f99.0, which "
        "`openssl rehash FOLDER` makes"
    )


def _has_certificates(folder: str) -> bool:
    try:
        return any(_HASHED_CERTIFICATE.fullmatch(file.name) for file in Path(folder).iterdir())
    except (OSError, ValueError):
        return False


def _loaded(variable: str | None, *, otherwise: Callable[[], ssl.SSLContext]) -> ssl.SSLContext | None:
    """The certificates, or None when they can be read and something else is in the way."""
    try:
        if variable == "SSL_CERT_FILE":
            return ssl.create_default_context(cafile=os.environ[variable])
        if variable == "SSL_CERT_DIR":
            return ssl.create_default_context(capath=os.environ[variable])
        return otherwise()
    except OSError:
        return None
