"""The room for what the lake gives back: a lost ledger, tables anew from payloads, jobs the ledger does not know.

Belongs here: reading the lake in order to make a ledger or tables again (`ledger_from_lake`, `tables_from_payloads`),
and to find the jobs that a wrong or old ledger lacks (`unknown_jobs`). Does not: Pique, Dagster, and what becomes of a
single submission whose worker died, which the room `evaluation` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.recovering.ledger_from_lake import (
        LakeUnusable as LakeUnusable,
        RestoreReport as RestoreReport,
        restore_ledger as restore_ledger,
    )
    from pique_assets.recovering.tables_from_payloads import rebuild_tables as rebuild_tables
    from pique_assets.recovering.unknown_jobs import (
        require_known_jobs as require_known_jobs,
        require_unbought as require_unbought,
    )
else:
    __getattr__ = lazy_names(__name__)
