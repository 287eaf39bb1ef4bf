"""What one run of the engine works with, and for which date.

Belongs here: the things that every part of the engine is given together. Does not: what any part does with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.limits import NO_LIMIT, Budget, Limits
from pique_assets.evaluation.progress import Say
from pique_assets.ledger import Ledger


class PartitionNames(TypedDict):
    """The names by which the ledger's methods take a partition."""

    evaluation: str
    partition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One date of one evaluation.

    Attributes:
        evaluation: Name of the evaluation.
        key: The date, `YYYY-MM-DD`; the command line's, whose files have no date, is a name for the files.
    """

    evaluation: str
    key: str

    @property
    def names(self) -> PartitionNames:
        """The keyword arguments by which the ledger's methods take the partition."""
        return {"evaluation": self.evaluation, "partition": self.key}

    def __str__(self) -> str:
        return f"{self.evaluation} {self.key}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Engine:
    """Pique, the ledger, and what stays the same for as long as a run lasts.

    Attributes:
        client: The API.
        ledger: The record of submissions.
        limits: How much at once, how long.
        say: Hears how far the engine is.
        budget: How many new evaluations may be begun.
        webhook_url: Where Pique is to announce results of what is submitted; None leaves that to the organisation's
            own. May hold a token, so the repr leaves the URL out.
        expects_webhooks: Whether webhooks make jobs due, so that the engine rarely polls. A `webhook_url` implies it;
            where results are only collected, no URL is needed.
    """

    client: PiqueClient
    ledger: Ledger
    limits: Limits = field(default_factory=Limits)
    say: Say
    budget: Budget = NO_LIMIT
    webhook_url: str | None = field(default=None, repr=False)
    expects_webhooks: bool = False

    def __post_init__(self) -> None:
        """Expect webhooks where a URL for them is given."""
        if self.webhook_url is not None:
            object.__setattr__(self, "expects_webhooks", True)
