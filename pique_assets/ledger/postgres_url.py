"""What a Postgres URL says, as parameters of libpq: every option is honoured or refused, none is dropped.

Belongs here: reading the URL as ``psql`` does, and which of its settings each transaction brings along so that they
hold behind PgBouncer too. Does not: connecting (`database.py`), and what a server answers (`postgres_faults.py`).

Nothing here repeats a part of the URL that could be a part of a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from pique_assets.ledger.errors import LedgerUnavailable

# psycopg2 reads the same libpq parameters; other drivers have options of their own, which nobody here would honour.
_SCHEMES: Final = frozenset(
    {"postgres", "postgresql", "postgres+psycopg", "postgresql+psycopg", "postgres+psycopg2", "postgresql+psycopg2"}
)
_TRANSACTION_SETTINGS: Final = frozenset(
    {"idle_in_transaction_session_timeout", "lock_timeout", "role", "search_path", "statement_timeout"}
)
"""Settings that mean the same when each transaction sets them for itself; PgBouncer refuses them at the start."""

_SHORTEST_SECRET: Final = 3

_HOST: Final = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]*))?")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_PIECE: Final = re.compile(r"(?:\\.|[^\s\\])+", re.DOTALL)
_SETTING: Final = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)=(?P<value>.*)", re.DOTALL)
_ENCODE: Final = "percent-encode its user and password: @ is %40, / is %2F, : is %3A, ? is %3F, # is %23 and % is %25"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAddress:
    """A Postgres database.

    Attributes:
        parameters: Of the connection, by libpq's names.
        settings: Of each transaction, by Postgres' names.
        prepare_threshold: How often psycopg sends a statement before it prepares it; None is never. A prepared
            statement belongs to one connection to the server, which PgBouncer exchanges between transactions.
        secrets: Passwords, in every spelling the driver could repeat.
        location: The ledger's name in messages.
    """

    parameters: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str]
    prepare_threshold: int | None
    secrets: tuple[str, ...] = field(repr=False)
    location: str


def postgres_address(scheme: str, rest: str) -> PostgresAddress:
    """Read a Postgres URL.

    Args:
        scheme: What stands before ``://``, in lower case.
        rest: What stands behind it.

    Raises:
        ValueError: Something in it cannot be honoured.
        LedgerUnavailable: The driver is not installed.
    """
    if scheme not in _SCHEMES:
        raise ValueError(
            f"the ledger's URL names the driver {scheme.partition('+')[2]!r}, and a ledger is reached through psycopg: "
            "write postgresql://user:password@host/database, with the options of libpq (sslmode, not ssl)"
        )
    before, _, query = rest.partition("?")
    user_and_password, _, hosts_and_database = before.rpartition("@")
    hosts, _, database = hosts_and_database.partition("/")
    user, _, password = user_and_password.partition(":")
    given = {
        **_hosts(hosts),
        **{name: unquote(value) for name, value in (("user", user), ("password", password), ("dbname", database))},
        **_options(query),
    }
    parameters = {name: value for name, value in given.items() if value}
    threshold = _prepare_threshold(parameters.pop("prepare_threshold", "none"))
    kept, settings = _settings(parameters.pop("options", ""))
    if kept:
        parameters["options"] = kept
    _require_known(parameters, query=query)
    return PostgresAddress(
        parameters=parameters,
        settings=settings,
        prepare_threshold=threshold,
        secrets=_spellings(password, parameters.get("password", ""), parameters.get("sslpassword", "")),
        location=_location(parameters, settings=settings),
    )


def _hosts(text: str) -> dict[str, str]:
    matches = [_HOST.fullmatch(part) for part in text.split(",")]
    if None in matches:
        raise ValueError(f"the ledger's URL has no readable host and port: {_ENCODE}")
    found = [match for match in matches if match is not None]
    hosts = [match["ipv6"] or unquote(match["name"] or "") for match in found]
    ports = [match["port"] or "" for match in found]
    return {"host": ",".join(hosts) if any(hosts) else "", "port": ",".join(ports) if any(ports) else ""}


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise ValueError(f"the ledger's URL has an option that is not of the form name=value; or {_ENCODE}")
        if name in options:
            named = _named(name, query=query)
            raise ValueError(f"the ledger's URL has an option{named} twice; several hosts are host=a,b&port=1,2")
        # As in a form: a plus is a blank here, where libpq would keep it, because no setting of a server holds one.
        options[name] = unquote(value.replace("+", " ") if name == "options" else value)
    if options.get("ssl") == "true":
        # As libpq does for URLs of JDBC.
        options["sslmode"] = "require"
        del options["ssl"]
    return options


def _prepare_threshold(text: str) -> int | None:
    if text.lower() == "none":
        return None
    if not text.isdecimal():
        raise ValueError("the ledger's URL has a prepare_threshold that is neither a number nor none")
    return int(text)


def _settings(options: str) -> tuple[str, dict[str, str]]:
    """What of ``options`` is for the start of the connection, and which settings each transaction makes."""
    kept: list[str] = []
    settings: dict[str, str] = {}
    for written, setting in _pieces(options):
        match = _SETTING.fullmatch(setting) if setting is not None else None
        name = match["name"].replace("-", "_").lower() if match else ""
        if match and name in _TRANSACTION_SETTINGS:
            settings[name] = match["value"]
        else:
            kept.extend(written)
    return " ".join(kept), settings


def _pieces(options: str) -> Iterator[tuple[Sequence[str], str | None]]:
    """Each option as it is written, and as ``name=value`` where it is a setting."""
    pieces = iter(_PIECE.findall(options))
    for piece in pieces:
        if piece == "-c":
            setting = next(pieces, "")
            yield (piece, setting), _unescaped(setting)
        elif piece.startswith("--") or piece.startswith("-c"):
            yield (piece,), _unescaped(piece[2:])
        else:
            # Not for Postgres itself: a service in front of it looks for its own, such as Neon's endpoint=...
            yield (piece,), None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _require_known(parameters: Mapping[str, str], *, query: str) -> None:
    try:
        from psycopg.pq import Conninfo
    except ImportError as error:
        raise LedgerUnavailable(
            f"a Postgres ledger needs psycopg ({error}): pip install 'pique_assets[postgres]'"
        ) from None
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    unknown = sorted(parameters.keys() - known)
    if unknown:
        named = _named(unknown[0], query=query)
        raise ValueError(
            f"the ledger's URL has an option{named} that libpq does not know: options are those of psql, and "
            f"prepare_threshold; or {_ENCODE}"
        )


def _named(option: str, *, query: str) -> str:
    """The option's name for a message; nothing where it could be a part of a password that holds a question mark."""
    return "" if "@" in query else f" {option!r}"


def _spellings(*passwords: str) -> tuple[str, ...]:
    found = {spelling for text in passwords for spelling in (text, unquote(text), quote(unquote(text), safe=""))}
    # The longest first: one can be a part of another. Shorter ones are in every text, and would leave nothing readable.
    return tuple(sorted((one for one in found if len(one) >= _SHORTEST_SECRET), key=len, reverse=True))


def _location(parameters: Mapping[str, str], *, settings: Mapping[str, str]) -> str:
    hosts = parameters.get("host", parameters.get("hostaddr", "")).split(",")
    ports = parameters.get("port", "").split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    places = [_place(host, port) for host, port in zip(hosts, ports, strict=True) if not host.startswith("/")]
    user = f"{parameters['user']}@" if "user" in parameters else ""
    besides = [f"socket {host}" for host in hosts if host.startswith("/")]
    besides += [f"{name} {settings[name]}" for name in ("search_path", "role") if name in settings]
    shown = f" ({', '.join(besides)})" if besides else ""
    return f"ledger postgresql://{user}{','.join(places)}/{parameters.get('dbname', '')}{shown}"


def _place(host: str, port: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown
