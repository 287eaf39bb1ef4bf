"""Which route of the API a request is for, and which job the request names."""

from __future__ import annotations

import re

from pique_assets.local.settings import CONTENT_BUCKET, REFERENCE_BUCKET
from pique_assets.testing.faults import Route
from pique_assets.testing.wire import RequestHead

WEBHOOK_PATH = "/webhooks-through-the-fault-proxy"
"""Where the local Pique sends webhooks; no path of the API."""

_JOB = r"(?P<job>[^/]+)"
_PATTERNS = (
    ("GET", r"/v1/judges", Route.JUDGES),
    ("POST", r"/v1/judges", Route.CREATE_JUDGE),
    ("POST", r"/v1/judges/reference_content", Route.REFERENCE_CONTENT),
    ("GET", r"/v1/judges/[^/]+", Route.JUDGE),
    ("POST", r"/v1/evaluations/presigned-upload", Route.PREPARE),
    ("POST", r"/v1/evaluations/social-media", Route.SOCIAL_MEDIA),
    ("GET", rf"/v1/evaluations/results/{_JOB}", Route.RESULT),
    ("PUT", rf"/{CONTENT_BUCKET}/[^/]+/pending/{_JOB}/.+", Route.UPLOAD),
    ("PUT", rf"/{REFERENCE_BUCKET}/.+", Route.UPLOAD_REFERENCE),
    ("POST", WEBHOOK_PATH, Route.WEBHOOK),
)


def classify(head: RequestHead) -> tuple[Route, str | None]:
    """The route, and the job in the path if the path names one."""
    for method, pattern, route in _PATTERNS:
        match = re.fullmatch(pattern, head.path)
        if match and head.method == method:
            return route, match.groupdict().get("job")
    return Route.OTHER, None
