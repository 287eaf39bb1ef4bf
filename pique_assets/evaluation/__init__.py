"""The engine: takes content items of a partition to results, through the ledger, over the API.

Belongs here: submitting, uploading, recovering, polling and collecting, with threads and time limits. `Engine` is what
a run hands to each of them; `submit_partition` and `collect_partition` are the two calls of a date. Does not: HTTP
(`api`), where content comes from (`media`), how submissions are stored (`ledger`), tables (`lake`), and anything of
Dagster: whoever calls the engine passes plain objects and reads plain reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.evaluation.admission import (
        Allowance as Allowance,
        BudgetExceeded as BudgetExceeded,
        allowances as allowances,
        fits as fits,
    )
    from pique_assets.evaluation.engine import Engine as Engine, Partition as Partition
    from pique_assets.evaluation.errors import (
        CannotGiveUp as CannotGiveUp,
        NothingSubmitted as NothingSubmitted,
        ResultsPending as ResultsPending,
        SubmissionsUnfinished as SubmissionsUnfinished,
    )
    from pique_assets.evaluation.giving_up import (
        give_up_job as give_up_job,
        give_up_unknown_uploads as give_up_unknown_uploads,
        said_of_status as said_of_status,
    )
    from pique_assets.evaluation.limits import NO_LIMIT as NO_LIMIT, Budget as Budget, Limits as Limits
    from pique_assets.evaluation.plan import (
        PartitionPlan as PartitionPlan,
        Reason as Reason,
        WantedContent as WantedContent,
        plan_partition as plan_partition,
    )
    from pique_assets.evaluation.progress import Progress as Progress, Say as Say
    from pique_assets.evaluation.reconciliation import (
        find_jobs as find_jobs,
        give_up_waiting as give_up_waiting,
        record_job_found as record_job_found,
        record_never_sent as record_never_sent,
    )
    from pique_assets.evaluation.recovery import UNTOUCHED_FOR_S as UNTOUCHED_FOR_S, end_orphans as end_orphans
    from pique_assets.evaluation.results import ResultPoller as ResultPoller, collect_partition as collect_partition
    from pique_assets.evaluation.social_posts import SocialPosts as SocialPosts
    from pique_assets.evaluation.submitting import (
        SubmissionReport as SubmissionReport,
        WayOfSending as WayOfSending,
        require_usable as require_usable,
        submit_partition as submit_partition,
    )
    from pique_assets.evaluation.uploads import Uploads as Uploads
else:
    __getattr__ = lazy_names(__name__)
