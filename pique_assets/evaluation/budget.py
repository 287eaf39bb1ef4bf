"""How many evaluations may be begun: they cost money.

Here: the limits a user may set, light enough to be declared while a code location loads. Not here: what they leave
(`allowance`), how many evaluations a partition would begin (`plan`), counting what was begun (`admission`), nor limits
on how much happens at once (`limits`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What an evaluation may begin; None is no limit, 0 is nothing.

    A run that would begin more is refused before anything is sent, with what would fit.

    Attributes:
        new_evaluations_per_run: New evaluations that one run may begin: one date of one evaluation, or one call of
            `pique-assets evaluate`.
        new_evaluations_per_day: New evaluations of the judge that may be begun from 00:00 UTC to the next,
            whichever evaluation asks for them; counted from the ledger, with what other runs are about to begin.
    """

    new_evaluations_per_run: int | None = None
    new_evaluations_per_day: int | None = None

    def __post_init__(self) -> None:
        """Refuse negative limits.

        Raises:
            ValueError: The message names the limit.
        """
        for name in vars(self):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"Budget.{name} must not be negative, not {value}; leave it out for no limit")


NO_LIMIT = Budget()
