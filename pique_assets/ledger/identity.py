"""Whose a ledger is: the Pique it belongs to, what its evaluations were declared for, what of a lake it knows.

Belongs here: what keeps two Piques, two code locations or two ledgers from being taken for one, and the statements for
it. Does not: submissions, and any decision about the lake (`recovering.unknown_jobs`). No failpoint stands here:
each write is one transaction of which nothing else depends, and a repeat of it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pique_assets.chunks import chunks
from pique_assets.ledger.base import LedgerPart
from pique_assets.ledger.database import insert_or_ignore
from pique_assets.ledger.errors import DeclaredDifferently, LedgerOfAnotherPique
from pique_assets.ledger.tables import declarations, known_lake_files, owner, partitions, submissions

_ONLY_ROW = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a code location says of an evaluation.

    Attributes:
        judge_id: Pique's id of the judge.
        media: Address the files come from; None where there are none.
        social: Address of the lists of social media URLs; None where there are none.
    """

    judge_id: str
    media: str | None
    social: str | None

    def differs_from(self, recorded: Declaration) -> str | None:
        """In what it contradicts an earlier one, for people; None where it says the same or more."""
        for what, earlier, now in (
            ("judge", recorded.judge_id, self.judge_id),
            ("media", recorded.media, self.media),
            ("list of social media URLs", recorded.social, self.social),
        ):
            if earlier is not None and earlier != now:
                return f"{what} {earlier}, and now {'none' if now is None else now}"
        return None


class Identity(LedgerPart):
    """Whose a ledger is."""

    def pique(self) -> str | None:
        """The Pique it belongs to, by the name `api.address.pique_at` gives; None before its first use."""
        with self._database.read() as connection:
            return _owner(connection).pique

    def belong_to(self, pique: str) -> None:
        """Make it this Pique's at its first use; from then on it is no other's.

        A ledger that is used with another Pique would take scores of the one for scores of the other, and jobs that the
        other has never heard of for lost ones.

        Args:
            pique: the name `api.address.pique_at` gives.

        Raises:
            LedgerOfAnotherPique: it is another's, or nobody can know whose; nothing was written.
        """
        with self._database.read() as connection:
            found = _owner(connection)
        if found.pique == pique:
            return
        if found.pique is None and not found.is_older:
            found = self._database.write_alone(lambda connection: _owned_by(connection, pique))
        if found.pique != pique:
            raise LedgerOfAnotherPique(_refusal(self._database.location, found=found, wanted=pique))

    def give_to(self, pique: str) -> None:
        """Make it this Pique's whatever it was: a person says that both are the same, or whose it always was."""

        def give(connection: Connection) -> None:
            _owned_by(connection, pique)
            connection.execute(sa.update(owner).values(pique=pique))

        self._database.write_alone(give)

    def declare(self, evaluation: str, declaration: Declaration) -> None:
        """Record what an evaluation is, before anything is submitted for it; the first to submit decides.

        Raises:
            DeclaredDifferently: it was recorded with another judge or source; nothing was written.
        """
        with self._database.read() as connection:
            if _declared(connection, evaluation) == declaration:
                return
        self._database.write_alone(lambda connection: self._declare(connection, evaluation, declaration))

    def _declare(self, connection: Connection, evaluation: str, declaration: Declaration) -> None:
        values = {
            "judge_id": declaration.judge_id,
            "media": declaration.media,
            "social": declaration.social,
        }
        insert_or_ignore(connection, declarations, [{"evaluation": evaluation, **values}])
        recorded = _declared(connection, evaluation)
        difference = None if recorded is None else declaration.differs_from(recorded)
        # A declaration of which nothing came, because it was refused, binds nobody.
        if difference is not None and _has_partitions(connection, evaluation):
            raise DeclaredDifferently(
                f"evaluation {evaluation!r} is recorded in {self._database.location} with {difference}. If two "
                "code locations share this ledger, give one of the evaluations another name; if you changed it, "
                f"say so with `pique-assets ledger redeclare {evaluation}` and run again. Nothing was sent"
            )
        connection.execute(sa.update(declarations).where(declarations.c.evaluation == evaluation).values(**values))

    def forget_declaration(self, evaluation: str) -> bool:
        """Let the next run of an evaluation record anew what it is; returns whether anything was recorded."""
        named = sa.delete(declarations).where(declarations.c.evaluation == evaluation)
        return self._database.write_alone(lambda connection: connection.execute(named).rowcount > 0)

    def unknown_jobs(self, job_ids: Iterable[str]) -> list[str]:
        """Those of the jobs that this ledger has never heard of, sorted."""
        missing: list[str] = []
        with self._database.read() as connection:
            for some in chunks(sorted(set(job_ids))):
                found = sa.select(submissions.c.job_id).where(submissions.c.job_id.in_(some))
                known = set(connection.execute(found).scalars())
                missing += [job_id for job_id in some if job_id not in known]
        return missing

    def known_lake_files(self) -> dict[str, str]:
        """Versions of files of a lake of which it knows every job, by a key that the caller chose."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(known_lake_files.c.file_key, known_lake_files.c.version))
            return {row.file_key: row.version for row in rows}

    def record_known_lake_files(self, versions: Mapping[str, str]) -> None:
        """Note files of a lake of which it knows every job.

        Args:
            versions: what changes when a file does, by a key that names it; each at most 64 characters.
        """
        if not versions:
            return

        def note(connection: Connection) -> None:
            for keys in chunks(sorted(versions)):
                connection.execute(sa.delete(known_lake_files).where(known_lake_files.c.file_key.in_(keys)))
                rows = [{"file_key": key, "version": versions[key]} for key in keys]
                # Another run may note the same at the same moment.
                insert_or_ignore(connection, known_lake_files, rows)

        self._database.write_alone(note)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    pique: str | None
    is_older: bool


def _owned_by(connection: Connection, pique: str) -> _Owner:
    """Write down that the ledger is this Pique's if it is nobody's; returns whose it is."""
    insert_or_ignore(connection, owner, [{"id": _ONLY_ROW, "pique": pique}])
    return _owner(connection)


def _owner(connection: Connection) -> _Owner:
    row = connection.execute(sa.select(owner.c.pique)).first()
    # A row without a name stands in ledgers that were filled before ledgers belonged to anybody.
    return _Owner(pique=None if row is None else row.pique, is_older=row is not None and row.pique is None)


def _declared(connection: Connection, evaluation: str) -> Declaration | None:
    row = connection.execute(
        sa.select(declarations.c.judge_id, declarations.c.media, declarations.c.social).where(
            declarations.c.evaluation == evaluation
        )
    ).first()
    return None if row is None else Declaration(judge_id=row.judge_id, media=row.media, social=row.social)


def _has_partitions(connection: Connection, evaluation: str) -> bool:
    named = sa.select(partitions.c.partition).where(partitions.c.evaluation == evaluation).limit(1)
    return connection.execute(named).first() is not None


def _refusal(location: str, *, found: _Owner, wanted: str) -> str:
    if found.is_older:
        return (
            f"{location} was filled by a release that did not record which Pique it is of, and nothing was sent: say "
            "so once with `pique-assets ledger belongs-to` and production, sandbox, local, or the address"
        )
    return (
        f"{location} is of the Pique {found.pique!r}, and this is {wanted!r}; nothing was sent. Give each Pique a home "
        "of its own with PIQUE_HOME (or PIQUE_LEDGER_URL and PIQUE_LAKE); if the two are one Pique under another "
        f"address, say so with `pique-assets ledger belongs-to {wanted}`"
    )
