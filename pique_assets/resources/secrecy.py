"""Secrets that are written out in a code location instead of its environment.

Belongs here: which values are refused. Does not: what the resources do with them.

Dagster stores the configuration of resources in the snapshot of every run, where anybody who may look at the UI or at
Dagster's database reads them; of an `EnvVar` Dagster stores the name alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from pique_assets.api.address import is_loopback
from pique_assets.resources.ledger import LedgerResource
from pique_assets.resources.pique import PiqueResource


def require_hidden_secrets(resources: Mapping[str, dg.ConfigurableResource[Any]]) -> None:
    """Refuse an API key or a database password that is written out.

    The key of a local Pique may be written out: nobody can use that key from another machine.

    Raises:
        ValueError: The message names the resource and what to write instead, never the value.
    """
    for name, resource in resources.items():
        if isinstance(resource, PiqueResource) and _is_written_out(resource.api_key):
            if not _is_this_machine(resource.base_url):
                raise _refusal(f"the api_key of resource {name!r}", instead='api_key=dg.EnvVar("PIQUE_API_KEY")')
        elif isinstance(resource, LedgerResource) and _is_written_out(resource.url) and _has_password(resource.url):
            raise _refusal(f"the database password of resource {name!r}", instead='url=dg.EnvVar("PIQUE_LEDGER_URL")')


def _refusal(what: str, *, instead: str) -> ValueError:
    return ValueError(
        f"{what} is written out, and Dagster would store it in the snapshot of every run: write {instead} and set that "
        "environment variable"
    )


def _is_written_out(value: str) -> bool:
    return not isinstance(value, dg.EnvVar)


def _is_this_machine(url: str) -> bool:
    if not _is_written_out(url):
        return False
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def _has_password(url: str) -> bool:
    # Not by urlsplit, which gives up at a bracket: a password that nobody percent-encoded may hold any character.
    scheme, _, rest = url.partition("://")
    if scheme.strip().lower().startswith("sqlite"):
        return False
    options = (option.partition("=")[0] for option in rest.partition("?")[2].split("&"))
    return ":" in rest.rpartition("@")[0] or any(name in ("password", "sslpassword") for name in options)
