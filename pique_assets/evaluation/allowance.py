"""What a budget leaves, and the refusal of a run that wants more.

Here: arithmetic on counts. Not here: the limits themselves (`budget`), and the counting (`admission`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pique_assets.evaluation.errors import EvaluationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One limit of a budget, and how much of it is used already.

    Attributes:
        name: The field of `Budget`.
        limit: New evaluations it allows.
        begun_today: How many of them were begun since 00:00 UTC; None for a limit that each run has to itself.
        intended: Work keys that were recorded since then to be begun, and are not yet.
    """

    name: str
    limit: int
    begun_today: int | None = None
    intended: frozenset[str] = frozenset()

    @property
    def left(self) -> int:
        """How many more evaluations it allows."""
        return max(0, self.limit - (self.begun_today or 0) - len(self.intended))

    def after(self, begun: int) -> Allowance:
        """What it is once other runs have begun so many more."""
        return self if self.begun_today is None else replace(self, begun_today=self.begun_today + begun)

    def besides(self, work_keys: frozenset[str]) -> Allowance:
        """What it is for a run whose own work this is."""
        return replace(self, intended=self.intended - work_keys)

    def __str__(self) -> str:
        begun = "" if self.begun_today is None else f", of which {self.begun_today} were begun since 00:00 UTC"
        intended = f" and {len(self.intended)} are intended by other runs" if self.intended else ""
        return f"{self.name} is {self.limit}{begun}{intended}"


def fits(wanted: int, *, allowances: Iterable[Allowance]) -> bool:
    """Whether a run may begin so many new evaluations."""
    return all(wanted <= allowance.left for allowance in allowances)


class BudgetExceeded(EvaluationError):
    """More new evaluations are wanted than the budget leaves; nothing was sent.

    Attributes:
        wanted: New evaluations that would be begun.
        fits: How many of them the budget leaves.
    """

    def __init__(self, *, what: str, wanted: int, allowances: Sequence[Allowance]) -> None:
        self.wanted = wanted
        exceeded = [allowance for allowance in allowances if allowance.left < wanted]
        self.fits = min((allowance.left for allowance in exceeded), default=wanted)
        limits = " and ".join(map(str, exceeded))
        super().__init__(
            f"{what} would begin {wanted} new evaluations and {self.fits} fit its budget: {limits}. Nothing was sent. "
            f"{_advice(wanted=wanted, fits=self.fits, exceeded=exceeded)}"
        )


def _advice(*, wanted: int, fits: int, exceeded: Sequence[Allowance]) -> str:
    fewer = f"Leave {wanted - fits} content items out" if fits else "Send nothing new"
    if all(allowance.begun_today and allowance.limit >= wanted for allowance in exceeded):
        return f"{fewer}, run it again after 00:00 UTC, when all of it fits, or raise the limit."
    return f"{fewer}, or raise the limit."
