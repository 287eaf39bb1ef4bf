"""The durable record of what was wanted from Pique and what became of it.

Belongs here: states, leases, inventories and payloads, in SQLite or Postgres. Does not: HTTP, media,
Dagster. The ledger decides nothing: it refuses writes that would break a rule, and remembers the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.ledger.address import ledger_file as ledger_file
    from pique_assets.ledger.errors import (
        DeclaredDifferently as DeclaredDifferently,
        JobTaken as JobTaken,
        LeaseLost as LeaseLost,
        LedgerContended as LedgerContended,
        LedgerDeadlocked as LedgerDeadlocked,
        LedgerError as LedgerError,
        LedgerMissing as LedgerMissing,
        LedgerOfAnotherPique as LedgerOfAnotherPique,
        LedgerUnavailable as LedgerUnavailable,
        RestoreRefused as RestoreRefused,
        TransitionRefused as TransitionRefused,
    )
    from pique_assets.ledger.failpoints import failpoint as failpoint
    from pique_assets.ledger.identity import Declaration as Declaration
    from pique_assets.ledger.ledger import Ledger as Ledger
    from pique_assets.ledger.restoring import (
        RememberedPayload as RememberedPayload,
        RememberedSubmission as RememberedSubmission,
        Restored as Restored,
    )
    from pique_assets.ledger.states import (
        DEAD_STATES as DEAD_STATES,
        FINISHED_STATES as FINISHED_STATES,
        OPEN_STATES as OPEN_STATES,
        POLLED_STATES as POLLED_STATES,
        SETTLED_STATES as SETTLED_STATES,
        TERMINAL_STATES as TERMINAL_STATES,
        TRANSITIONS as TRANSITIONS,
        UNANSWERED_STATES as UNANSWERED_STATES,
        UNSENT_STATES as UNSENT_STATES,
        Claim as Claim,
        InventoryEntry as InventoryEntry,
        InventoryItem as InventoryItem,
        Lease as Lease,
        LeasedSubmission as LeasedSubmission,
        PartitionItem as PartitionItem,
        PartitionProgress as PartitionProgress,
        PartitionSummary as PartitionSummary,
        PayloadSource as PayloadSource,
        SettledPartition as SettledPartition,
        Source as Source,
        StoredPayload as StoredPayload,
        StoredWebhook as StoredWebhook,
        Submission as Submission,
        SubmissionOrder as SubmissionOrder,
        SubmissionState as SubmissionState,
        UploadTarget as UploadTarget,
        WebhookReceipt as WebhookReceipt,
        work_key as work_key,
    )
else:
    __getattr__ = lazy_names(__name__)
