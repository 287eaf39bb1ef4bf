"""Patience: how long to wait for an answer, when to try again, and after how long.

Belongs here: the policies and the arithmetic of waiting. Sending, and sleeping, is the transport's.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_A_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait, in seconds, for each step of a request.

    Attributes:
        connect_s: For a connection.
        read_s: For the next bytes of an answer.
        write_s: For the next bytes of a request to be taken.
        pool_s: For a free connection to the API; a pause that Pique asked for does not count.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    write_s: float = 30.0
    pool_s: float = 60.0


API_TIMEOUTS: Final = Timeouts()

# A storage host answers only after it has put a large object together.
UPLOAD_TIMEOUTS: Final = Timeouts(read_s=120.0, write_s=60.0)


class Repeat(Enum):
    """What sending a request twice would do.

    HARMLESS requests read, or prepare something that costs nothing when it is never used: the presigned
    POST evaluates nothing, only the PUT does. A COMMIT starts work when it is received, so it may be sent
    again only when Pique certainly did not receive it.
    """

    HARMLESS = "harmless"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how patiently a request is repeated.

    Attributes:
        attempts: Sendings in all, the first included.
        base_s: The first wait is drawn from 0 to this many seconds; the range doubles with each attempt.
        cap_s: The range never grows beyond this.
        retry_after_cap_s: The longest wait Pique may ask for; longer wishes are cut, not followed. All
            threads of a client keep to it.
    """

    attempts: int = 5
    base_s: float = 0.5
    cap_s: float = 20.0
    retry_after_cap_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a policy that would send nothing or wait backwards."""
        if self.attempts < 1 or min(self.base_s, self.cap_s, self.retry_after_cap_s) < 0:
            raise ValueError(f"a retry policy needs at least one attempt and no negative waits: {self}")

    def wait_s(self, *, attempt: int, retry_after_s: float | None) -> float:
        """Draw the wait before the next sending.

        Full jitter: many workers that failed together must not come back together. The same spread is laid
        over what Pique asks for, and only ever later, never earlier.

        Args:
            attempt: How many sendings have failed, from 1.
            retry_after_s: What Pique asked for, if it did.
        """
        spread = min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 32))
        jitter = random.uniform(0, spread)
        if retry_after_s is None:
            return jitter
        return min(retry_after_s, self.retry_after_cap_s) + min(jitter, self.base_s)


DEFAULT_RETRIES: Final = RetryPolicy()


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Read a ``Retry-After`` header: seconds, or an HTTP date.

    Args:
        value: The header as received, or None.
        now: What a date is measured against.

    Returns:
        Seconds to wait, 0 to one day, or None when the header is absent or makes no sense.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _A_DAY_S)
    moment = parse_http_date(text)
    return None if moment is None else min(max((moment - now).total_seconds(), 0.0), _A_DAY_S)


def parse_http_date(value: str | None) -> datetime | None:
    """Read an HTTP date, or None where there is none or it makes no sense."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
