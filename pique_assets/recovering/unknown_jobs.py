"""Jobs that the lake names and the ledger has never heard of: the sign of a ledger that is not the one it should be.

Belongs here: finding such jobs before anything is sent. Does not: writing them into the ledger (`ledger_from_lake`).

A ledger that is new, lost, restored from an old backup or another folder's does not know what was evaluated and paid
for, and would have everything evaluated again. The tables know. Each file of `submissions` is read once: the ledger
notes which version of a file names only jobs that the ledger knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from pique_assets.lake import FileMissing, Lake, PartitionFile
from pique_assets.ledger import Ledger

_TABLE = "submissions"
_READERS = 8
_SAID_EVERY = 200


class LedgerKnowsLess(Exception):
    """The lake names jobs that the ledger has never heard of; nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _NamedJobs:
    """The jobs that one file names, by the work that each was made for."""

    file: PartitionFile
    by_work: Mapping[str, str]


def require_known_jobs(*, lake: Lake, ledger: Ledger, evaluation: str, say: Callable[[str], None]) -> None:
    """Refuse to submit for an evaluation of whose jobs the lake knows more than the ledger.

    Args:
        lake: Where the tables are.
        ledger: The ledger that the submission would use.
        evaluation: Name of the evaluation; files of others, which may be another team's, are not looked at.
        say: Hears how far the reading is, where many files have to be read.

    Raises:
        LedgerKnowsLess: The message names the jobs and says what to do.
        LakeError, LedgerError, OSError: One of the two can't be read.
    """

    def refuse(named: _NamedJobs, unknown: set[str]) -> None:
        raise LedgerKnowsLess(
            f"the lake {lake.root} names {len(unknown)} jobs of {evaluation} {named.file.date} that "
            f"{ledger.location} has never heard of ({_some(unknown)}): {_WHAT_TO_DO}"
        )

    _compare(lake, ledger=ledger, say=say, evaluation=evaluation, on_unknown=refuse)


def require_unbought(*, lake: Lake, ledger: Ledger, work_keys: Collection[str], say: Callable[[str], None]) -> None:
    """Refuse to submit work for which the lake names a job that the ledger has never heard of.

    Args:
        lake: Where the tables are.
        ledger: The ledger that the submission would use.
        work_keys: What is to be submitted.
        say: Hears how far the reading is, where many files have to be read.

    Raises:
        LedgerKnowsLess: The message names the jobs and says what to do.
        LakeError, LedgerError, OSError: One of the two can't be read.
    """
    wanted = set(work_keys)

    def refuse_bought(named: _NamedJobs, unknown: set[str]) -> None:
        bought = {job_id for work_key, job_id in named.by_work.items() if work_key in wanted and job_id in unknown}
        if bought:
            raise LedgerKnowsLess(
                f"the lake {lake.root} names jobs of {named.file.evaluation} {named.file.date} for the same content "
                f"and judge ({_some(bought)}), and {ledger.location} has never heard of them: {_WHAT_TO_DO}"
            )

    _compare(lake, ledger=ledger, say=say, evaluation=None, on_unknown=refuse_bought)


def note_restored(*, lake: Lake, ledger: Ledger, versions: Mapping[PartitionFile, str]) -> None:
    """Take the files that a ledger was restored from as known: the restoring said what could not be restored.

    Args:
        lake: Where the tables are.
        ledger: The restored ledger.
        versions: What `Lake.versions` said before the files were read.
    """
    ledger.record_known_lake_files({_key(lake, file): version for file, version in versions.items()})


_WHAT_TO_DO = (
    "it is new, lost, an old backup, or another folder's, and would have everything evaluated again. Nothing was sent. "
    "Restore it with `pique-assets ledger restore`, or name the right one (`pique-assets where` says which "
    "ledger and lake are found, and why)"
)


def _compare(
    lake: Lake,
    *,
    ledger: Ledger,
    say: Callable[[str], None],
    evaluation: str | None,
    on_unknown: Callable[[_NamedJobs, set[str]], None],
) -> None:
    """Read the files that may name unknown jobs, and note in the ledger those that turn out to name none.

    Args:
        lake: Where the tables are.
        ledger: The ledger that may not know their jobs.
        say: Hears how far the reading is.
        evaluation: Only the files of this evaluation; None for all.
        on_unknown: Hears what a file names and which of its jobs are unknown; refuses by raising.
    """
    known = ledger.known_lake_files()
    versions = lake.versions(_TABLE)
    unread = [
        file
        for file in sorted(versions)
        if evaluation in (None, file.evaluation) and known.get(_key(lake, file)) != versions[file]
    ]
    verified: dict[str, str] = {}
    with ThreadPoolExecutor(_READERS, thread_name_prefix="lake") as pool:
        for number, named in enumerate(pool.map(partial(_named_jobs, lake), unread), start=1):
            if unknown := set(ledger.unknown_jobs(named.by_work.values())):
                on_unknown(named, unknown)
            else:
                verified[_key(lake, named.file)] = versions[named.file]
            if number % _SAID_EVERY == 0:
                say(f"{number} of {len(unread)} files of {_TABLE} compared with the ledger")
    ledger.record_known_lake_files(verified)


def _named_jobs(lake: Lake, file: PartitionFile) -> _NamedJobs:
    columns = ["work_key", "job_id"]
    try:
        table = lake.read(_TABLE, **file.names, columns=columns)
    except FileMissing:
        return _NamedJobs(file=file, by_work={})
    pairs = zip(*(table[column].to_pylist() for column in columns), strict=True)
    return _NamedJobs(file=file, by_work={work: job for work, job in pairs if work is not None and job is not None})


def _key(lake: Lake, file: PartitionFile) -> str:
    return hashlib.sha256(f"{lake.root}\0{file.path}".encode(errors="surrogateescape")).hexdigest()


def _some(job_ids: set[str]) -> str:
    return ", ".join(sorted(job_ids)[:3]) + (", ..." if len(job_ids) > 3 else "")
