"""A local Pique whose answers come to the client otherwise than they were given: odd, and still legal HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from line import Request, Told, answering, passed_on

from pique_assets.local.process import LocalPiqueProcess, running_local_pique

__all__ = ["OddPique", "Told", "running_odd_pique"]

Oddity: TypeAlias = Callable[[Told], Told]


@dataclass(kw_only=True)
class OddPique:
    """Where the client goes, and what becomes of answers at present.

    Attributes:
        oddity: Changes what the client is told.
        instead: Answers in the place of Pique, which then hears nothing; None passes the request on.
    """

    base_url: str
    oddity: Oddity | None = None
    instead: Callable[[str], Told | None] | None = None
    told: list[Told] = field(default_factory=list)
    pique: LocalPiqueProcess | None = None

    def asked(self, what: str) -> int:
        return sum(told.asked == what for told in self.told)


@contextmanager
def running_odd_pique(folder: Path, *, seed_judges: Path) -> Iterator[OddPique]:
    """A local Pique behind a line that tells its answers as the oddity of the moment wants them."""

    def tell(request: Request) -> Told:
        assert odd.pique is not None
        told = odd.instead(request.route) if odd.instead else None
        told = told or passed_on(request, to=odd.pique.base_url)
        told = odd.oddity(told) if odd.oddity else told
        odd.told.append(told)
        return told

    with answering(tell) as base_url:
        odd = OddPique(base_url=base_url)
        with running_local_pique(
            data_dir=folder / "pique", seed_judges=seed_judges, workers=1, public_url=base_url
        ) as pique:
            odd.pique = pique
            yield odd
