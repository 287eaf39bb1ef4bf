"""The social media URLs of one partition on their way to Pique: who goes, and what came of it.

Here: a partition's list in the ledger, and the report. Not here: the POSTs and their answers (`social_batches`), URLs
whose answer never came (`reconciliation`), and results (`results`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pique_assets.api.client import PiqueClient
from pique_assets.api.models import Judge
from pique_assets.evaluation.admission import admit_partition
from pique_assets.evaluation.announced import recording_announced
from pique_assets.evaluation.budget import NO_LIMIT, Budget
from pique_assets.evaluation.errors import JudgeNotUsable, SubmissionsUnfinished
from pique_assets.evaluation.lease_keeper import LeaseKeeper
from pique_assets.evaluation.limits import Limits
from pique_assets.evaluation.partition import require_usable
from pique_assets.evaluation.plan import PartitionPlan, positions_to_send
from pique_assets.evaluation.poll_schedule import learned_schedule
from pique_assets.evaluation.progress import Say
from pique_assets.evaluation.social_batches import BatchSender, SocialFate, SocialOutcome, Wish
from pique_assets.evaluation.wanted import WantedContent
from pique_assets.ledger import Ledger, SubmissionState
from pique_assets.media import ContentItem

SOCIAL_CONTENT_TYPE: Final = "video"
# In all others nothing was sent yet, or what was sent is certain to have led to no evaluation.
_SENT: Final = frozenset(SubmissionState) - {
    SubmissionState.INTENDED,
    SubmissionState.REJECTED,
    SubmissionState.ABANDONED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialReport:
    """What came of a partition's social media URLs; counts are URLs.

    Attributes:
        urls: In the list, each once.
        unusable: Lines with an error beside them instead of a submission.
        already_known: Whose evaluation was made or under way before this run.
        accepted: For which Pique named a job in this run.
        rejected: Refused by the API.
        unanswered: Sent in this run without a certain answer; never sent again, reconciled or given up later.
        work_keys: What is wanted of the list, sorted: it changes exactly when list or judge do.
    """

    urls: int
    unusable: int
    already_known: int
    accepted: int
    rejected: int
    unanswered: int
    work_keys: tuple[str, ...]


def require_video_judge(judge: Judge) -> None:
    """Refuse a judge that social media can't be given to, before anything is sent.

    Raises:
        JudgeNotUsable: It evaluates something else than video (social-media-urls seed document).
    """
    if judge.content_type != SOCIAL_CONTENT_TYPE:
        raise JudgeNotUsable(
            f"judge {judge.id} ({judge.name}) evaluates {judge.content_type}; social media needs a judge of content "
            f"type {SOCIAL_CONTENT_TYPE}: use another judge"
        )


def submit_social_partition(
    items: Sequence[ContentItem],
    *,
    evaluation: str,
    partition: str,
    judge: Judge,
    client: PiqueClient,
    ledger: Ledger,
    limits: Limits,
    say: Say,
    webhook_url: str | None = None,
    budget: Budget = NO_LIMIT,
    on_plan: Callable[[PartitionPlan], None] | None = None,
) -> SocialReport:
    """Have a partition's URLs evaluated, each exactly once, whatever happened before.

    Args:
        items: The list's inventory, each URL once, wrong lines too.
        evaluation: Name of the evaluation.
        partition: The date, `YYYY-MM-DD`.
        judge: As Pique describes it now; its configuration is recorded with every submission (contract trap 13).
        client: The API.
        ledger: The record of submissions.
        limits: Length of a lease, pace of polling.
        say: Hears how far it is.
        webhook_url: Where Pique is to announce results, which makes polling patient; what is announced while URLs are
            sent is recorded meanwhile. None leaves it to the organisation's own, and polls as if none came.
        budget: How many evaluations it may begin.
        on_plan: Hears what it comes to, before anything is sent or refused.

    Raises:
        LedgerOfAnotherPique: Nothing was sent.
        JudgeNotUsable: Nothing was sent.
        BudgetExceeded: Nothing was sent or recorded.
        SubmissionsUnfinished: Some URLs were certainly not taken by Pique; a later run sends them.
        Unauthorized, NotFound: Pique refuses key or judge; nothing more was sent.
        LedgerError: Nothing more was sent.
    """
    ledger.belong_to(client.pique)
    require_usable(judge)
    require_video_judge(judge)
    wanted = WantedContent.of(items, judge=judge, source="social")
    admit_partition(wanted, evaluation=evaluation, partition=partition, budget=budget, ledger=ledger, on_plan=on_plan)
    to_send = [items[position] for position in positions_to_send(wanted, ledger=ledger, but_not=_SENT)]
    wishes = [Wish(url=item.content_uri, order=wanted.order(item)) for item in to_send]
    outcomes: dict[str, SocialOutcome] = {}
    if wishes:
        meanwhile = recording_announced(
            client=client,
            ledger=ledger,
            limits=limits,
            evaluation=evaluation,
            partition=partition,
            webhook_url=webhook_url,
        )
        with meanwhile, LeaseKeeper(ledger, lease_s=limits.lease_s) as keeper:
            sender = BatchSender(
                judge_id=judge.id,
                client=client,
                ledger=ledger,
                keeper=keeper,
                schedule=learned_schedule(
                    ledger,
                    judge_id=judge.id,
                    content_type=SOCIAL_CONTENT_TYPE,
                    limits=limits,
                    webhook_expected=webhook_url is not None,
                ),
                limits=limits,
                webhook_url=webhook_url,
                say=say,
            )
            outcomes = sender.send(wishes)
    unfinished = {url: outcome.reason for url, outcome in outcomes.items() if outcome.fate is SocialFate.UNFINISHED}
    if unfinished:
        raise SubmissionsUnfinished(unfinished)
    return _report(wanted, outcomes=outcomes)


def _report(wanted: WantedContent, *, outcomes: dict[str, SocialOutcome]) -> SocialReport:
    fates = Counter(outcome.fate for outcome in outcomes.values())
    work_keys = Counter(item.work_key for item in wanted)
    unusable = work_keys.pop(None, 0)
    urls = work_keys.total()
    accepted, rejected = fates[SocialFate.ACCEPTED], fates[SocialFate.REJECTED]
    unanswered = fates[SocialFate.UNANSWERED]
    return SocialReport(
        urls=urls,
        unusable=unusable,
        already_known=urls - accepted - rejected - unanswered,
        accepted=accepted,
        rejected=rejected,
        unanswered=unanswered,
        work_keys=tuple(sorted(key for key in work_keys if key is not None)),
    )
