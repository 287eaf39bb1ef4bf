"""What shall go wrong, when: faults as values, and the script that deals them out.

Belongs here: routes, kinds, the rule that says which request a fault strikes, and whether every fault was used up.
Does not: how a fault is brought about on the wire, which is the business of `conversation` and its neighbours.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Route(StrEnum):
    """A kind of request to Pique."""

    JUDGES = "GET /v1/judges"
    JUDGE = "GET /v1/judges/{judge_id}"
    CREATE_JUDGE = "POST /v1/judges"
    REFERENCE_CONTENT = "POST /v1/judges/reference_content"
    PREPARE = "POST /v1/evaluations/presigned-upload"
    SOCIAL_MEDIA = "POST /v1/evaluations/social-media"
    RESULT = "GET /v1/evaluations/results/{job_id}"
    UPLOAD = "PUT content"
    UPLOAD_REFERENCE = "PUT reference content"
    WEBHOOK = "webhook"
    OTHER = "other"
    ANY = "any request"
    """For faults only: strikes every route except webhooks."""


class FaultKind(StrEnum):
    """What goes wrong. "Before the effect" means that Pique never hears of the request."""

    STATUS = "status"
    """Answer ``status`` (with ``retry_after``), before the effect unless ``after_effect``."""
    SLOW = "slow"
    """The answer comes piece by piece, over ``seconds``."""
    STALLED = "stalled"
    """Silence for ``seconds``, then the end of the connection; before the effect unless ``after_effect``."""
    RESET = "reset"
    """The connection is reset after ``after_bytes`` of the body, or, ``after_effect``, when Pique has answered."""
    LOST_ANSWER = "lost answer"
    """Pique did it, and the connection is closed in order without an answer."""
    CUT_ANSWER = "cut answer"
    """The connection ends in the middle of the answer's body."""
    TRUNCATED_JSON = "truncated json"
    """A complete HTTP answer whose JSON ends in the middle."""
    INVALID_JSON = "invalid json"
    """A complete HTTP answer, status 200, with a page of HTML for a body."""
    EARLY_403 = "early 403"
    """The storage refuses the signature as soon as it has read the headers, while the body still comes."""
    EXPIRED_URL = "expired url"
    """The storage says that the signed URL has expired; nothing took effect."""
    NOTIFICATION_LAG = "notification lag"
    """For ``seconds`` after a good PUT, Pique says that the job still awaits its upload."""
    CREATION_LAG = "creation lag"
    """For ``seconds`` after its creation, Pique answers 404 for the job."""
    CLOCK_SKEW = "clock skew"
    """Each time in the answer (``Date``, ``expires_at``, ``timestamp``, ..) is ``seconds`` ahead; negative: behind.

    The signed URL itself ends when it does, so with a clock ahead it ends before ``expires_at`` as the client sees it.
    """
    REFUSED_VIDEOS = "refused videos"
    """Pique refuses the first ``videos`` addresses of the batch: failed jobs inside the 202, the others are taken."""
    DUPLICATE = "duplicate"
    """The webhook is delivered twice."""
    LATE = "late"
    """The webhook is delivered ``seconds`` later, though Pique was told 200 at once."""
    OUT_OF_ORDER = "out of order"
    """The webhook is held back until the next one was delivered, or, without a next one, until the end."""


SHAPING_KINDS = frozenset({FaultKind.NOTIFICATION_LAG, FaultKind.CREATION_LAG, FaultKind.CLOCK_SKEW})
"""These only change what answers say, so they go together with any other fault of the same request."""

STORAGE_ROUTES = frozenset({Route.UPLOAD, Route.UPLOAD_REFERENCE})

_ROUTES_OF = {
    FaultKind.EARLY_403: STORAGE_ROUTES,
    FaultKind.EXPIRED_URL: STORAGE_ROUTES,
    FaultKind.NOTIFICATION_LAG: frozenset({Route.UPLOAD}),
    FaultKind.CREATION_LAG: frozenset({Route.PREPARE, Route.SOCIAL_MEDIA}),
    FaultKind.REFUSED_VIDEOS: frozenset({Route.SOCIAL_MEDIA}),
    FaultKind.DUPLICATE: frozenset({Route.WEBHOOK}),
    FaultKind.LATE: frozenset({Route.WEBHOOK}),
    FaultKind.OUT_OF_ORDER: frozenset({Route.WEBHOOK}),
}
_NEEDS_SECONDS = SHAPING_KINDS | {FaultKind.SLOW, FaultKind.STALLED, FaultKind.LATE}
_MAY_FOLLOW_THE_EFFECT = frozenset({FaultKind.STATUS, FaultKind.STALLED, FaultKind.RESET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, and when.

    Give at most one of ``hit``, ``every`` and ``probability``; without any, it is the first request of the route.

    Attributes:
        route: Which requests it may strike.
        kind: What goes wrong.
        hit: Strikes once: the n-th request of the route, or the next one after it that no other fault strikes.
        every: Strikes each n-th request of the route.
        probability: Strikes each request of the route with this probability, drawn from the script's seed.
        seconds: How long, for the kinds that say so.
        status: The status of `FaultKind.STATUS`.
        retry_after: ``Retry-After`` of it: a number of seconds, a timedelta (sent as the HTTP date that far from
            now), or any text as it is.
        after_bytes: Bytes of the body read before a reset or a stall that precedes the effect.
        after_effect: Let Pique do it first, for the kinds that say so.
        videos: How many addresses `FaultKind.REFUSED_VIDEOS` means.
        required: Whether the script is only used up when this fault has struck. A fault with a probability never is
            required.
    """

    route: Route
    kind: FaultKind
    hit: int | None = None
    every: int | None = None
    probability: float | None = None
    seconds: float = 0.0
    status: int = 500
    retry_after: float | timedelta | str | None = None
    after_bytes: int = 0
    after_effect: bool = False
    videos: int = 1
    required: bool = True

    def __post_init__(self) -> None:
        """Refuse a fault that could not be brought about.

        Raises:
            ValueError: The message says what contradicts what.
        """
        given = [value for value in (self.hit, self.every, self.probability) if value is not None]
        if len(given) > 1:
            raise ValueError(f"{self}: give one of hit, every and probability, not {len(given)}")
        if (self.hit is not None and self.hit < 1) or (self.every is not None and self.every < 1):
            raise ValueError(f"{self}: hit and every count from 1")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(f"{self}: a probability is 0 to 1, not {self.probability}")
        if self.route not in _ROUTES_OF.get(self.kind, frozenset(Route)):
            raise ValueError(f"{self}: happens only on {', '.join(sorted(_ROUTES_OF[self.kind]))}")
        if self.kind in _NEEDS_SECONDS and (
            self.seconds == 0 or (self.seconds < 0 and self.kind != FaultKind.CLOCK_SKEW)
        ):
            raise ValueError(f"{self}: say how many seconds")
        if self.videos < 1:
            raise ValueError(f"{self}: at least one video is refused, not {self.videos}")
        if self.after_effect and self.kind not in _MAY_FOLLOW_THE_EFFECT:
            raise ValueError(f"{self}: after_effect is for {', '.join(sorted(_MAY_FOLLOW_THE_EFFECT))}")

    def __str__(self) -> str:
        if self.every is not None:
            when = f"every {self.every}"
        elif self.probability is not None:
            when = f"p={self.probability:g}"
        else:
            when = f"request {self.hit or 1}"
        what = f"{self.kind} {self.status}" if self.kind is FaultKind.STATUS else str(self.kind)
        return f"{what}{' after the effect' if self.after_effect else ''} on {self.route} ({when})"

    def strikes(self, count: int, *, struck: bool, draw: float) -> bool:
        """Whether the ``count``-th request of its route is struck.

        Args:
            count: From 1.
            struck: Whether it has struck before.
            draw: A random number, 0 to 1.
        """
        if self.probability is not None:
            return draw < self.probability
        if self.every is not None:
            return count % self.every == 0
        return not struck and count >= (self.hit or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """The faults that one request meets: at most one that acts on the connection, and any that shape answers."""

    acting: Fault | None = None
    shaping: tuple[Fault, ...] = ()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All of them."""
        return self.shaping if self.acting is None else (self.acting, *self.shaping)


class FaultsUnconsumed(AssertionError):
    """Some faults of the script never showed, so what was tested is not what was meant to be tested."""


class FaultScript:
    """The faults of one run, dealt out request by request; thread-safe, for one run only.

    The draws of faults with a probability follow from ``seed``, the fault's place in the script and the number of the
    request on its route: the same seed gives the same faults however fast the machine is.
    """

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 0) -> None:
        """Deal out ``faults``; where several could act on one request, the first of the script does."""
        self.faults = tuple(faults)
        self.seed = seed
        self._requests: Counter[Route] = Counter()
        self._all_requests = 0
        self._struck: set[int] = set()
        self._seen: Counter[Fault] = Counter()
        self._lock = threading.Lock()

    def strike(self, route: Route) -> Strike:
        """Count a request of this route, and say what it meets."""
        with self._lock:
            self._requests[route] += 1
            self._all_requests += route is not Route.WEBHOOK
            acting: Fault | None = None
            shaping: list[Fault] = []
            for place, fault in enumerate(self.faults):
                if fault.kind not in SHAPING_KINDS and acting is not None:
                    continue
                if not self._strikes(fault, place=place, route=route):
                    continue
                self._struck.add(place)
                if fault.kind in SHAPING_KINDS:
                    shaping.append(fault)
                else:
                    acting = fault
            return Strike(acting=acting, shaping=tuple(shaping))

    def saw(self, fault: Fault) -> None:
        """Note that a client has met this fault."""
        with self._lock:
            self._seen[fault] += 1

    def seen(self) -> Counter[Fault]:
        """How often each fault was met by a client."""
        with self._lock:
            return Counter(self._seen)

    def unconsumed(self) -> tuple[Fault, ...]:
        """The required faults that no client has met.

        A lag counts as met when an answer was changed by it: a lag that nobody looked into tests nothing.
        """
        seen = self.seen()
        missing = []
        for fault in self.faults:
            if not fault.required or fault.probability is not None:
                continue
            seen[fault] -= 1
            if seen[fault] < 0:
                missing.append(fault)
        return tuple(missing)

    def require_consumed(self) -> None:
        """Check that every required fault has been met.

        Raises:
            FaultsUnconsumed: The message lists those that were not, and how many requests each route had.
        """
        missing = self.unconsumed()
        if missing:
            counted = ", ".join(f"{route}: {count}" for route, count in sorted(self._requests.items())) or "none at all"
            raise FaultsUnconsumed(
                f"{len(missing)} of {len(self.faults)} scripted faults never showed: "
                f"{'; '.join(str(fault) for fault in missing)}. Requests seen: {counted}."
            )

    def _strikes(self, fault: Fault, *, place: int, route: Route) -> bool:
        if fault.route is Route.ANY:
            if route is Route.WEBHOOK:
                return False
            count = self._all_requests
        elif fault.route is route:
            count = self._requests[route]
        else:
            return False
        draw = 1.0 if fault.probability is None else random.Random(f"{self.seed}:{place}:{count}").random()
        return fault.strikes(count, struck=place in self._struck, draw=draw)
