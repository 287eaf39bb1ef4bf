"""The way to each failpoint: what has to happen so that a process comes by there.

Belongs here: orders for workers, ending with the one that dies. Does not: what happens afterwards.
"""

from __future__ import annotations

from typing import Any

from date_worker import MIDDLE_OF_THE_PUT

from pique_assets.ledger.failpoints import failpoints

EVERY_POINT = (*failpoints("upload"), MIDDLE_OF_THE_PUT)
NOBODY = "http://127.0.0.1:9"

Road = tuple[dict[str, Any], ...]
"""Changes to the usual order, one for each worker; those with a failpoint are to die there."""


def road_to(point: str) -> Road:
    """The shortest way on which a worker certainly meets this point, whatever the server does."""
    fatal = {"failpoint": point}
    match point.partition(".")[0]:
        case "adopt":
            return ({"failpoint": "upload.after"}, fatal)
        case "renew_lease":
            return ({**fatal, "slow_s": 1.0},)
        case "release_lease":
            return ({**fatal, "api_key": "pk_refused"},)
        case "claim_orphans":
            return ({"failpoint": "claim_submissions.after_commit"}, {**fatal, "steps": ["look_for_orphans"]})
        case "claim_begun_long_ago":
            return ({"failpoint": "upload.after"}, {**fatal, "steps": ["look_for_begun"]})
        case "record_poll":
            return ({"steps": ["submit"]}, {**fatal, "steps": ["webhook", "tick"], "base_url": NOBODY})
        case _:
            return (fatal,)
