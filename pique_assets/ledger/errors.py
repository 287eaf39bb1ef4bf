"""What can go wrong with the ledger, as exceptions.

Belongs here: the exception types of this room. Does not: the translation of database errors into them
(`faults.py`), nor any failure of Pique or of a media file, which are facts the ledger stores.

No exception of this room carries a password or a signed URL, not even through its ``__cause__``.
"""

from __future__ import annotations

from pique_assets.visible import visible


class LedgerError(Exception):
    """Base of everything this room raises on purpose."""

    def __str__(self) -> str:
        """Safe to print: what a server says, and rows it quotes, are anything."""
        return visible(super().__str__())


class LedgerUnavailable(LedgerError):
    """The ledger cannot be read or written now: locked, full, read-only, corrupt or unreachable.

    Whoever meets it must stop (fail closed): without the ledger nobody knows what was already sent to
    Pique. The transaction under way was not applied, except when the connection broke during the commit
    itself; both cases are safe, because the next worker reads the state before it acts.
    """


class LedgerContended(LedgerUnavailable):
    """Other transactions kept rows locked for too long; nothing was written."""


class LedgerDeadlocked(LedgerContended):
    """Other transactions waited for ours as ours did for them, and the database undid ours; run again it goes through.

    No caller sees it unless the same happens many times in a row (`group_commit.despite_deadlocks`).
    """


class LedgerMissing(LedgerError):
    """There is no ledger there, and none was to be made."""


class LedgerOfAnotherPique(LedgerError):
    """The ledger belongs to another Pique than the one that is asked; nothing was sent."""


class DeclaredDifferently(LedgerError):
    """The evaluation was recorded with another judge or source: two code locations use one name; nothing was sent."""


class LeaseLost(LedgerError):
    """Somebody else took this submission over; the holder of the old lease must stop working on it."""


class JobTaken(LedgerError):
    """Another submission has this job already: nothing was written, and this submission is as it was."""


class RestoreRefused(LedgerError):
    """What is to be restored contradicts what the ledger knows; nothing of that partition was written."""


class TransitionRefused(LedgerError):
    """The submission is in a state from which the wanted write is not allowed: a mistake of the caller."""
