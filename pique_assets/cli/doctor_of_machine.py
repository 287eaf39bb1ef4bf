"""What `doctor` finds without Pique: versions, extras, ledger, lake, and what webhooks need.

Belongs here: looking, without changing anything that stays. Does not: Pique itself (`doctor_of_pique`).
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import pique_assets.lake as lake_room
import pique_assets.ledger as ledger_room
from pique_assets.api.policy import Timeouts
from pique_assets.api.wire import Reply, Wire
from pique_assets.cli.findings import Diagnosis, ok, warn, wrong
from pique_assets.extras import EXTRAS
from pique_assets.home import FoundAddress, is_url, setting

SECRETS_VARIABLE = "PIQUE_WEBHOOK_SECRETS"
LEAST_FREE_BYTES = 500 * 1024**2
SOON = Timeouts(connect_s=5.0, read_s=15.0, write_s=15.0)
ENOUGH_BYTES = 4096


def versions() -> Diagnosis:
    """Which releases are installed."""
    releases = ", ".join(f"{name} {version(name)}" for name in ("pique_assets", "dagster"))
    return ok("versions", f"{releases}, Python {platform.python_version()}")


def extras() -> Iterator[Diagnosis]:
    """Each extra: there, or what will not work without it."""
    for name, extra in EXTRAS.items():
        if missing := extra.missing():
            yield warn(
                f"extra {name}",
                f"{extra.purpose} would need {', '.join(missing)}: pip install 'pique_assets[{name}]' if you want it",
            )
        else:
            yield ok(f"extra {name}", f"installed, for {extra.purpose}")


def ledger(place: FoundAddress, *, pique: str | None) -> Iterator[Diagnosis]:
    """Whether the ledger opens, can be written, and belongs to this Pique."""
    path = None if is_url(place.address) else Path(place.address)
    try:
        with ledger_room.Ledger.open(place.address, create=False) as opened:
            where, owner = opened.location, opened.pique()
    except ledger_room.LedgerMissing as missing:
        yield ok("ledger", f"{missing} yet; the first run makes it ({place.because})")
    except (ledger_room.LedgerError, ValueError) as error:
        yield wrong("ledger", f"{error} ({place.because})")
        return
    else:
        yield _belongs("ledger", where, owner=owner, pique=pique, because=place.because)
    if path is not None:
        yield from _folder("ledger", path if path.exists() else path.parent)


def lake(place: FoundAddress, *, pique: str | None) -> Iterator[Diagnosis]:
    """Whether the lake can be written, and belongs to this Pique."""
    try:
        opened = lake_room.Lake(place.address)
        if opened.is_local:
            yield from _folder("lake", Path(place.address))
        else:
            probe = f"{place.address.rstrip('/')}/.pique-assets-doctor"
            opened.filesystem.pipe_file(probe, b"")
            opened.filesystem.rm_file(probe)
        yield _belongs("lake", opened.root, owner=opened.pique(), pique=pique, because=place.because)
    except Exception as error:
        # Whatever a cloud's library raises, the lake can't be used.
        yield wrong("lake", f"{place.address} can't be used: {error} ({place.because})")


def webhooks(urls: Sequence[str]) -> Iterator[Diagnosis]:
    """The secret of the receiver here, and whether the receiver answers at the addresses that Pique is given."""
    if setting(SECRETS_VARIABLE):
        yield ok("webhook secret", f"{SECRETS_VARIABLE} is set")
    elif urls:
        yield warn("webhook secret", f"{SECRETS_VARIABLE} is not set here: the receiver needs it, wherever it runs")
    for url in urls:
        yield _receiver(url)
    if not urls:
        yield ok("webhooks", "no evaluation has a webhook_url: results are asked for")


def _receiver(url: str) -> Diagnosis:
    address = url.partition("?")[0]
    wire = Wire(timeouts=SOON, max_connections=1, asked_with={})
    try:
        outcome = wire.ask("GET", url, query={}, headers={}, body=None, at_most=ENOUGH_BYTES)
    finally:
        wire.close()
    if not isinstance(outcome, Reply):
        reason = getattr(outcome, "reason", outcome)
        return wrong("receiver", f"nobody answers at {address} ({reason}): start `pique-assets receive` behind it")
    # The receiver takes webhooks alone: GET is not its method.
    if outcome.status == 405:
        return ok("receiver", f"answers at {address}, as far as this machine can see")
    return warn("receiver", f"{address} answers {outcome.status} to GET, and a receiver answers 405: is that the one?")


def _belongs(what: str, where: str, *, owner: str | None, pique: str | None, because: str) -> Diagnosis:
    if owner is not None and pique is not None and owner != pique:
        return wrong(
            what,
            f"{where} belongs to the Pique {owner!r}, and PIQUE_BASE_URL names {pique!r}: use another PIQUE_HOME, or "
            "the other Pique",
        )
    return ok(what, f"{where}, belongs to {owner or 'no Pique yet'} ({because})")


def _folder(what: str, wanted: Path) -> Iterator[Diagnosis]:
    """Whether a file or folder can be written; for one that is not there, the nearest folder that is."""
    there = next(path for path in (wanted, *wanted.parents) if path.exists())
    if there.is_dir():
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            yield wrong(what, f"{there} can't be written: {error.strerror}; change its owner or name another place")
            return
    elif there != wanted or not os.access(there, os.W_OK):
        yield wrong(what, f"{there} can't be written, or is a file where a folder is needed: name another place")
        return
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE_BYTES:
        yield warn(what, f"{free / 1024**2:.0f} MB are free on the disk of {there}: make room")
