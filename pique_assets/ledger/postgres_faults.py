"""What a Postgres server, or a pooler in front of it, means when it refuses: one sentence for each wrong state.

Belongs here: SQLSTATEs, and the words of libpq where there is no state, because the connection was never made. Does
not: the translation into this room's errors (`faults.py`).
"""

from __future__ import annotations

import re
from typing import Final

UNREACHABLE: Final = "it cannot be reached or the connection broke; check that the server runs, and run again"
NO_SCHEMA: Final = "no schema of its search_path exists; create it, or check the search_path of the URL and the user"

_NO_SUCH_DATABASE: Final = "the database does not exist; create it, the tables are made by themselves"
_NO_SUCH_USER: Final = "the server does not know this user, or does not let it in; check the user, and pg_hba.conf"
_PASSWORD: Final = "the server refused the password; check user and password, and that the URL percent-encodes them"
_NO_PASSWORD: Final = (
    "the server asks for a password, and the URL has none; put it there, or into PGPASSWORD or a passfile"
)
_STARTING: Final = "the server is starting up or recovering; run again when it takes connections"
_STOPPING: Final = "the server is shutting down, or an administrator ended the connection; run again when it is up"
_CONNECTIONS: Final = (
    "the server has no connection left; a process keeps up to 20 for a ledger: raise max_connections (or the limit of "
    "the user or database), or put PgBouncer with pool_mode = transaction before the server"
)
_POOLER_BUSY: Final = (
    "PgBouncer had no connection to the server in time; set pool_mode = transaction, or raise its default_pool_size"
)
_POOLER_OPTIONS: Final = (
    "PgBouncer passes none of the URL's options on; give them to the user instead (ALTER ROLE ... SET ...), or go to "
    "the server directly. search_path, role and the timeouts may stay: each transaction sets those"
)
_SETTING: Final = "the server does not take a setting of the URL's options; correct it, or leave it out"
_POOLER_PREPARED: Final = (
    "PgBouncer exchanged the connection that had prepared a statement; leave prepare_threshold out of the URL"
)
_ENCRYPTION: Final = "the server takes only encrypted connections; add sslmode=require (or verify-full) to the URL"
_NO_ENCRYPTION: Final = "the URL asks for an encrypted connection, and the server has none; check the port and sslmode"
_CERTIFICATE: Final = (
    "the server's certificate cannot be trusted; check the host name, and sslrootcert=... of the URL (or system)"
)
_HBA: Final = "the server does not let this user in from here; add a line to its pg_hba.conf, or use an allowed network"

# For what happens before the server gives a state, and for poolers, whose states say little. The first that fits.
_BY_WORDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (r"unsupported startup parameter", _POOLER_OPTIONS),
        (r"unrecognized configuration parameter|invalid value for parameter|cannot be changed", _SETTING),
        (r"query_wait_timeout|no more connections allowed", _POOLER_BUSY),
        (r"prepared statement .* (does not exist|already exists)", _POOLER_PREPARED),
        (r"server login (has been )?fail|cannot connect to server", "PgBouncer cannot reach its server; check both"),
        (r"does not support SSL|server refused TLS", _NO_ENCRYPTION),
        (r"no encryption|SSL required|SSL off", _ENCRYPTION),
        (r"certificate|unknown ca", _CERTIFICATE),
        (r"no pg_hba\.conf entry|pg_hba\.conf rejects", _HBA),
        (r"no password supplied|empty password", _NO_PASSWORD),
        (r"(password|SASL|SCRAM) authentication failed|bad password|auth failed", _PASSWORD),
        (r"role .* does not exist|no such user|authentication failed|is not permitted to log in", _NO_SUCH_USER),
        (r"database .* does not exist|no such database", _NO_SUCH_DATABASE),
        (r"starting up|in recovery mode|not yet accepting connections|hot standby mode is disabled", _STARTING),
        (r"shutting down|administrator command", _STOPPING),
        (r"too many (clients|connections)|connection slots are reserved", _CONNECTIONS),
        (r"resolve host|translate host name|name or service not known", "there is no such host; check the URL's host"),
        (r"connection refused", "nothing listens at its port; check host and port, and that the server runs"),
        (r"no such file or directory", "the server has no socket there; check host and port, and that the server runs"),
        (r"timeout expired|timed out", "nothing answered in time; check host, port and the firewall between"),
        (r"no route to host|network is unreachable", "no way leads to its host; check host and network"),
        (r"session is read-only|not in hot standby", "the server is not the one that target_session_attrs asks for"),
    )
)

_UNSAID: Final = "-"
_SAY_LITTLE: Final = (_UNSAID, "08", "26", "42P05", "58")
"""States behind which anything can be."""

_BY_STATE: Final = {
    "25006": "the server or database is read-only (a standby?); point the ledger's URL to the primary",
    "28P01": _PASSWORD,
    "28": _NO_SUCH_USER,
    "3D": _NO_SUCH_DATABASE,
    "3F": NO_SCHEMA,
    "40": "another session was in the way (a deadlock); run again",
    "42501": "this user lacks a right; let it create tables in the schema (GRANT CREATE), and read and write them",
    "42P01": "tables of it are missing; restore a backup, or `ledger restore` into an empty database",
    "42P07": "another program has tables of the same names there; give the ledger a database or search_path of its own",
    "42": "its tables are not as they should be; another program or release changed them: restore a backup",
    "53100": "the server's disk is full; make room and run again, nothing was half written",
    "53200": "the server is out of memory; run again when it has some",
    "53300": _CONNECTIONS,
    "53": "the server is out of disk, memory or connections",
    "54": "something is larger than the server takes; say so to the maintainers of pique_assets",
    "55P02": _SETTING,
    "55": "another session kept a lock; find it in pg_stat_activity, or allow a longer busy_timeout_s",
    "57014": "the server cancelled a statement (statement_timeout?); allow it longer",
    "57P03": _STARTING,
    "57": _STOPPING,
    "58": "the server's disk refused to read or write; look at its log",
    "XX": "the server found its own data damaged; look at its log, and restore a backup",
    "08": UNREACHABLE,
}
"""By SQLSTATE, or by its class, the first two characters."""


def postgres_advice(*, state: str | None, said: str) -> str:
    """What happened and what to do.

    Args:
        state: The SQLSTATE, where the server gave one.
        said: Everything the driver said.
    """
    known = state or _UNSAID
    for pattern, advice in _BY_WORDS:
        # A server that has answered a statement speaks by its state: its words may quote anything.
        if known.startswith(_SAY_LITTLE) and pattern.search(said):
            return advice
    return _BY_STATE.get(known) or _BY_STATE.get(known[:2]) or UNREACHABLE
