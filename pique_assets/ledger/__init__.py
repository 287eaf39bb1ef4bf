"""The durable record of what was wanted from Pique and what became of it.

Belongs here: states, leases, inventories and payloads, in SQLite or Postgres. Does not: HTTP, media,
Dagster. The ledger decides nothing: it refuses writes that would break a rule, and remembers the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.ledger.address import ledger_file as ledger_file
    from pique_assets.ledger.errors import DeclaredDifferently as DeclaredDifferently
    from pique_assets.ledger.errors import JobTaken as JobTaken
    from pique_assets.ledger.errors import LeaseLost as LeaseLost
    from pique_assets.ledger.errors import LedgerContended as LedgerContended
    from pique_assets.ledger.errors import LedgerError as LedgerError
    from pique_assets.ledger.errors import LedgerMissing as LedgerMissing
    from pique_assets.ledger.errors import LedgerOfAnotherPique as LedgerOfAnotherPique
    from pique_assets.ledger.errors import LedgerUnavailable as LedgerUnavailable
    from pique_assets.ledger.errors import RestoreRefused as RestoreRefused
    from pique_assets.ledger.errors import TransitionRefused as TransitionRefused
    from pique_assets.ledger.failpoints import failpoint as failpoint
    from pique_assets.ledger.identity import Declaration as Declaration
    from pique_assets.ledger.ledger import Ledger as Ledger
    from pique_assets.ledger.restoring import RememberedPayload as RememberedPayload
    from pique_assets.ledger.restoring import RememberedSubmission as RememberedSubmission
    from pique_assets.ledger.restoring import Restored as Restored
    from pique_assets.ledger.states import DEAD_STATES as DEAD_STATES
    from pique_assets.ledger.states import FINISHED_STATES as FINISHED_STATES
    from pique_assets.ledger.states import OPEN_STATES as OPEN_STATES
    from pique_assets.ledger.states import POLLED_STATES as POLLED_STATES
    from pique_assets.ledger.states import SETTLED_STATES as SETTLED_STATES
    from pique_assets.ledger.states import TERMINAL_STATES as TERMINAL_STATES
    from pique_assets.ledger.states import TRANSITIONS as TRANSITIONS
    from pique_assets.ledger.states import UNANSWERED_STATES as UNANSWERED_STATES
    from pique_assets.ledger.states import UNSENT_STATES as UNSENT_STATES
    from pique_assets.ledger.states import Claim as Claim
    from pique_assets.ledger.states import InventoryEntry as InventoryEntry
    from pique_assets.ledger.states import InventoryItem as InventoryItem
    from pique_assets.ledger.states import Lease as Lease
    from pique_assets.ledger.states import LeasedSubmission as LeasedSubmission
    from pique_assets.ledger.states import PartitionItem as PartitionItem
    from pique_assets.ledger.states import PartitionProgress as PartitionProgress
    from pique_assets.ledger.states import PartitionSummary as PartitionSummary
    from pique_assets.ledger.states import PayloadSource as PayloadSource
    from pique_assets.ledger.states import SettledPartition as SettledPartition
    from pique_assets.ledger.states import Source as Source
    from pique_assets.ledger.states import StoredPayload as StoredPayload
    from pique_assets.ledger.states import StoredWebhook as StoredWebhook
    from pique_assets.ledger.states import Submission as Submission
    from pique_assets.ledger.states import SubmissionOrder as SubmissionOrder
    from pique_assets.ledger.states import SubmissionState as SubmissionState
    from pique_assets.ledger.states import UploadTarget as UploadTarget
    from pique_assets.ledger.states import WebhookReceipt as WebhookReceipt
    from pique_assets.ledger.states import work_key as work_key
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "address": "ledger_file",
            "errors": (
                "DeclaredDifferently JobTaken LeaseLost LedgerContended LedgerError LedgerMissing "
                "LedgerOfAnotherPique LedgerUnavailable RestoreRefused TransitionRefused"
            ),
            "failpoints": "failpoint",
            "identity": "Declaration",
            "ledger": "Ledger",
            "restoring": "RememberedPayload RememberedSubmission Restored",
            "states": (
                "DEAD_STATES FINISHED_STATES OPEN_STATES POLLED_STATES SETTLED_STATES TERMINAL_STATES "
                "TRANSITIONS UNANSWERED_STATES UNSENT_STATES Claim InventoryEntry InventoryItem Lease "
                "LeasedSubmission PartitionItem PartitionProgress PartitionSummary PayloadSource "
                "SettledPartition Source StoredPayload StoredWebhook Submission SubmissionOrder "
                "SubmissionState UploadTarget WebhookReceipt work_key"
            ),
        },
    )
