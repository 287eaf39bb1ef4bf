"""The promise, as a function: what of "nothing lost, nothing evaluated twice" does not hold in a run.

Belongs here: one small rule after another over the server's own record, the wire's history, and, where given, what a
ledger says of its submissions. The server's side of the wire is the judge: a client's opinion of itself is only ever
checked against it. Does not: any knowledge of a ledger's database or of the client.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from pique_assets.local.record import JobRecord
from pique_assets.testing.faults import STORAGE_ROUTES, Route
from pique_assets.testing.history import Exchange

EXPIRY_TOLERANCE = timedelta(seconds=1)
"""Between a client's look at the clock and the arrival of its request on a busy machine."""

_SIGNED_URL = re.compile(r"X-Goog-Signature(?:=|%3D)[0-9a-fA-F]{16}", re.IGNORECASE)


class Rule(StrEnum):
    """What must hold; the text is the promise."""

    ONE_PUT = "at most one complete PUT per work"
    ONE_EVALUATION = "at most one evaluation per work"
    ONE_POST = "at most one accepted social-media POST per URL and judge"
    EVERY_END = "every submission ends in a result, a typed failure or an in-doubt record"
    NOTHING_LOST = "every job that has content belongs to a submission"
    ONE_RESULT = "one result per work, and the one that Pique gave"
    NO_PUT_AFTER_EXPIRY = "no PUT begins after its URL's expiry"
    NO_KEY_AT_STORAGE = "the API key never goes to the storage host"
    NO_SECRET = "no secret in anything that is kept or shown"
    TRANSITIONS = "no transition outside the table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that should not have happened.

    Attributes:
        rule: What it breaks.
        sentence: What happened, to which item; never a secret.
    """

    rule: Rule
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRecord:
    """What a ledger says of one submission, as plain values.

    Attributes:
        work: What is wanted, such as the work key: submissions of one work are attempts at the same thing.
        state: As the ledger names it: COMPLETED, FAILED, REJECTED, IN_DOUBT, GIVEN_UP, ABANDONED are ends, others are
            not. Work whose content turned out to be unusable ends with the error beside its content item: give that as
            one more record, REJECTED, with the error for a reason.
        reason: Error or evidence, for the ends that need one.
        url: The video's address, for a social-media submission.
        wanted: Whether any content still asks for the work: what nobody wants may be given up for good.
    """

    work: str
    state: str
    job_id: str | None = None
    reason: str | None = None
    url: str | None = None
    wanted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One observed change of a submission's state."""

    submission: str
    before: str
    after: str


_RESULTS = {"COMPLETED": "completed", "FAILED": "failed"}
_EXPLAINED_ENDS = frozenset({"REJECTED", "IN_DOUBT", "GIVEN_UP"})
# Ended too, but only as one attempt: its work must have ended in another one.
_DEAD = "ABANDONED"


def check_history(
    *,
    records: Iterable[JobRecord],
    history: Iterable[Exchange] = (),
    submissions: Iterable[SubmissionRecord] | None = None,
    changes: Iterable[StateChange] = (),
    transitions: Mapping[str, AbstractSet[str]] | None = None,
    texts: Mapping[str, str | bytes] | None = None,
    secrets: Sequence[str] = (),
) -> list[Violation]:
    """All violations of the promise, in the order of `Rule`; an empty list is the proof.

    A *work* is, for the server, a judge, the bytes, title and description: the same bytes with another title are
    other work. Of a social-media video it is the judge and the URL, whatever bytes it leads to.

    Args:
        records: The server's record (`FaultyPique.records`).
        history: What was said over the wire (`FaultyPique.history`), of one or several proxies.
        submissions: Everything the ledger has; without it, the rules about submissions are not checked.
        changes: State changes that were observed.
        transitions: From each state to those that may follow; needed for ``changes``.
        texts: What was captured, by a name that says where: logs, dumps, tracebacks.
        secrets: Values that must not be in ``texts``; signatures of signed URLs are looked for anyway.

    Raises:
        ValueError: ``changes`` were given without ``transitions``.
    """
    jobs, exchanges = list(records), list(history)
    observed = list(changes)
    if observed and transitions is None:
        raise ValueError("changes can't be judged without the table of transitions")
    found = [*_repeated_uploads(jobs), *_repeated_videos(jobs)]
    if submissions is not None:
        entries = list(submissions)
        found += [*_unended(entries), *_lost_jobs(jobs, entries), *_results(jobs, entries)]
    found += [
        *_changed_results(exchanges),
        *_late_puts(exchanges),
        *_keys_at_storage(exchanges),
        *_secrets_in(texts or {}, secrets=secrets),
        *_forbidden(observed, transitions=transitions or {}),
    ]
    order = list(Rule)
    return sorted(found, key=lambda violation: order.index(violation.rule))


def _repeated_uploads(jobs: list[JobRecord]) -> Iterator[Violation]:
    by_work: dict[tuple[str, str, str | None, str | None], list[JobRecord]] = defaultdict(list)
    for job in jobs:
        if job.content_sha256 is not None and job.url is None:
            by_work[job.judge_id, job.content_sha256, job.title, job.description].append(job)
    for (judge_id, sha256, title, _), same in by_work.items():
        names = f"content {sha256[:12]} ({same[0].filename}, title {title!r}) for judge {judge_id}"
        where = ", ".join(job.job_id for job in same)
        puts = sum(job.complete_puts for job in same)
        evaluations = sum(len(job.evaluations) for job in same)
        if puts > 1:
            yield Violation(rule=Rule.ONE_PUT, sentence=f"{names} was put {puts} times, to {where}")
        if evaluations > 1:
            yield Violation(rule=Rule.ONE_EVALUATION, sentence=f"{names} was evaluated {evaluations} times, in {where}")


def _repeated_videos(jobs: list[JobRecord]) -> Iterator[Violation]:
    by_work: dict[tuple[str, str], list[JobRecord]] = defaultdict(list)
    for job in jobs:
        # A job that was refused inside its batch's 202 cost nothing, and its video may be wanted again.
        if job.url is not None and not job.refused_at_once:
            by_work[job.judge_id, job.url].append(job)
    for (judge_id, url), same in by_work.items():
        batches = sorted({str(job.batch_id) for job in same})
        evaluations = sum(len(job.evaluations) for job in same)
        if evaluations > 1:
            sentence = f"{url} for judge {judge_id} was evaluated {evaluations} times, in {', '.join(batches)}"
            yield Violation(rule=Rule.ONE_EVALUATION, sentence=sentence)
        if len(batches) > 1:
            sentence = f"{url} for judge {judge_id} was accepted {len(batches)} times, in {', '.join(batches)}"
            yield Violation(rule=Rule.ONE_POST, sentence=sentence)


def _unended(submissions: list[SubmissionRecord]) -> Iterator[Violation]:
    ended = {entry.work for entry in submissions if entry.state in _RESULTS or entry.state in _EXPLAINED_ENDS}
    for entry in submissions:
        who = f"the submission of {entry.work[:12]} (job {entry.job_id})"
        if entry.state in _RESULTS:
            continue
        if entry.state == _DEAD and entry.wanted and entry.work not in ended:
            sentence = f"{who} was abandoned, and no other attempt at the same work has ended"
        elif entry.state != _DEAD and entry.state not in _EXPLAINED_ENDS:
            sentence = f"{who} was left {entry.state}"
        elif not entry.reason:
            sentence = f"{who} ended {entry.state} without a reason"
        else:
            continue
        yield Violation(rule=Rule.EVERY_END, sentence=sentence)


def _lost_jobs(jobs: list[JobRecord], submissions: list[SubmissionRecord]) -> Iterator[Violation]:
    known = {entry.job_id for entry in submissions}
    # The answer that would have named the job was lost, and the submission says so.
    in_doubt = {entry.url for entry in submissions if entry.state == "IN_DOUBT" and entry.url is not None}
    for job in jobs:
        if job.content_sha256 is not None and job.job_id not in known and job.url not in in_doubt:
            sentence = f"job {job.job_id} ({job.url or job.filename}) is {job.status}, and no submission names it"
            yield Violation(rule=Rule.NOTHING_LOST, sentence=sentence)


def _results(jobs: list[JobRecord], submissions: list[SubmissionRecord]) -> Iterator[Violation]:
    reported: dict[str, list[str | None]] = defaultdict(list)
    status_of = {job.job_id: job.status for job in jobs}
    for entry in submissions:
        if entry.state not in _RESULTS:
            continue
        reported[entry.work].append(entry.job_id)
        given = status_of.get(entry.job_id or "")
        if given != _RESULTS[entry.state]:
            says = "does not know it" if given is None else f"has it as {given}"
            sentence = f"job {entry.job_id} is reported {entry.state}, and Pique {says}"
            yield Violation(rule=Rule.ONE_RESULT, sentence=sentence)
    for work, job_ids in reported.items():
        if len(job_ids) > 1:
            sentence = f"{len(job_ids)} results are reported for {work[:12]}: jobs {', '.join(map(str, job_ids))}"
            yield Violation(rule=Rule.ONE_RESULT, sentence=sentence)


def _changed_results(history: list[Exchange]) -> Iterator[Violation]:
    digests: dict[str, set[str]] = defaultdict(set)
    for exchange in history:
        if exchange.job_id is not None and exchange.result_digest is not None:
            digests[exchange.job_id].add(exchange.result_digest)
    for job_id, different in digests.items():
        if len(different) > 1:
            sentence = f"job {job_id} was told with {len(different)} different results: its content was replaced"
            yield Violation(rule=Rule.ONE_RESULT, sentence=sentence)


def _late_puts(history: list[Exchange]) -> Iterator[Violation]:
    expiries: dict[str, datetime] = {}
    for exchange in history:
        if exchange.job_id is None:
            continue
        if exchange.route is Route.PREPARE and exchange.expires_at is not None:
            expiries[exchange.job_id] = exchange.expires_at
        expires_at = expiries.get(exchange.job_id)
        if exchange.route is Route.UPLOAD and expires_at and exchange.began_at > expires_at + EXPIRY_TOLERANCE:
            late_s = (exchange.began_at - expires_at).total_seconds()
            sentence = f"a PUT to job {exchange.job_id} began {late_s:.1f} s after its URL had expired"
            yield Violation(rule=Rule.NO_PUT_AFTER_EXPIRY, sentence=sentence)


def _keys_at_storage(history: list[Exchange]) -> Iterator[Violation]:
    for exchange in history:
        if exchange.route in STORAGE_ROUTES and exchange.carried_api_key:
            sentence = f"request {exchange.number}, {exchange.method} {exchange.path}, carried it"
            yield Violation(rule=Rule.NO_KEY_AT_STORAGE, sentence=sentence)


def _secrets_in(texts: Mapping[str, str | bytes], *, secrets: Sequence[str]) -> Iterator[Violation]:
    for name, text in texts.items():
        shown = text if isinstance(text, str) else text.decode("utf-8", errors="replace")
        for number, secret in enumerate(secrets, start=1):
            if secret and (secret in shown or quote(secret, safe="") in shown):
                yield Violation(rule=Rule.NO_SECRET, sentence=f"{name} holds the secret given as number {number}")
        if _SIGNED_URL.search(shown):
            yield Violation(rule=Rule.NO_SECRET, sentence=f"{name} holds the signature of a signed URL")


def _forbidden(changes: list[StateChange], *, transitions: Mapping[str, AbstractSet[str]]) -> Iterator[Violation]:
    for change in changes:
        if change.after not in transitions.get(change.before, frozenset()):
            sentence = f"submission {change.submission} went from {change.before} to {change.after}"
            yield Violation(rule=Rule.TRANSITIONS, sentence=sentence)
