"""The durable record of what was wanted from Pique and what became of it .

Belongs here: states, leases, inventories and payloads, in SQLite or Postgres. Does not: HTTP, media,
Dagster. The ledger decides nothing: it refuses writes that would break a rule, and remembers the rest.
"""

from __future__ import annotations

from pique_assets.ledger.address import ledger_file
from pique_assets.ledger.errors import (
    DeclaredDifferently,
    JobTaken,
    LeaseLost,
    LedgerContended,
    LedgerError,
    LedgerMissing,
    LedgerOfAnotherPique,
    LedgerUnavailable,
    RestoreRefused,
    TransitionRefused,
)
from pique_assets.ledger.failpoints import failpoint
from pique_assets.ledger.identity import Declaration
from pique_assets.ledger.ledger import Ledger
from pique_assets.ledger.restoring import RememberedPayload, RememberedSubmission, Restored
from pique_assets.ledger.states import (
    DEAD_STATES,
    FINISHED_STATES,
    OPEN_STATES,
    POLLED_STATES,
    SETTLED_STATES,
    TERMINAL_STATES,
    TRANSITIONS,
    UNANSWERED_STATES,
    UNSENT_STATES,
    Claim,
    InventoryEntry,
    InventoryItem,
    Lease,
    LeasedSubmission,
    PartitionItem,
    PartitionProgress,
    PartitionSummary,
    PayloadSource,
    SettledPartition,
    Source,
    StoredPayload,
    StoredWebhook,
    Submission,
    SubmissionOrder,
    SubmissionState,
    UploadTarget,
    WebhookReceipt,
)
from pique_assets.ledger.work_key import work_key

__all__ = [
    "DEAD_STATES",
    "FINISHED_STATES",
    "OPEN_STATES",
    "POLLED_STATES",
    "SETTLED_STATES",
    "TERMINAL_STATES",
    "TRANSITIONS",
    "UNANSWERED_STATES",
    "UNSENT_STATES",
    "Claim",
    "Declaration",
    "DeclaredDifferently",
    "InventoryEntry",
    "InventoryItem",
    "JobTaken",
    "Lease",
    "LeaseLost",
    "LeasedSubmission",
    "Ledger",
    "LedgerContended",
    "LedgerError",
    "LedgerMissing",
    "LedgerOfAnotherPique",
    "LedgerUnavailable",
    "PartitionItem",
    "PartitionProgress",
    "PartitionSummary",
    "PayloadSource",
    "RememberedPayload",
    "RememberedSubmission",
    "RestoreRefused",
    "Restored",
    "SettledPartition",
    "Source",
    "StoredPayload",
    "StoredWebhook",
    "Submission",
    "SubmissionOrder",
    "SubmissionState",
    "TransitionRefused",
    "UploadTarget",
    "WebhookReceipt",
    "failpoint",
    "ledger_file",
    "work_key",
]
