"""Keeping secrets out of words: API keys and signed URLs never reach an error text or a log.

Belongs here: what makes a text safe to show. Nothing here knows where the text came from.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pique_assets.visible import visible

_HIDDEN = "***"

# Texts come from outside and can be long: each pattern takes time linear in them.
_QUERY = re.compile(r"\?[^\s\"'<>]*")
_CREDENTIAL_IN_QUERY = re.compile(
    r"x-goog-|x-amz-|signature|credential|token|secret|password|passwd|api_?key|sig=|upload_id=",
    re.IGNORECASE,
)
_SIGNING_PARAMETER = re.compile(
    r"((?:x-goog|x-amz)-(?:signature|credential|security-token)[\"']?\s*[=:]\s*[\"']?)[^\s&\"'<>,;]+",
    re.IGNORECASE,
)
_KEY_HEADER = re.compile(r"(x-api-key[\"']?\s*[,=:]\s*(?:b?[\"'])?)[^\s\"',;]+", re.IGNORECASE)
_KEY = re.compile(r"\b(p[kq]_)[A-Za-z0-9_\-]{4,}")
_USERINFO = re.compile(r"([a-z][a-z0-9+.\-]{0,20}://)[^\s/@\"'<>]+@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is not shown: what is kept in variables where a traceback may print them.

    Attributes:
        value: The text itself, to be used where it is needed and kept in no variable.
    """

    value: str = field(repr=False)


def redact(text: str, *, secrets: Sequence[Secret] = ()) -> str:
    """Make a text safe to show.

    Args:
        text: Any text that may have met a request: an error, a log line, an answer.
        secrets: Exact values to hide as well; keys are opaque and need not look like one.

    Returns:
        The text without API keys, the values of ``X-API-Key``, the queries of signed URLs and URL passwords, and with
        whatever would command a terminal written out.
    """
    for secret in secrets:
        if secret.value:
            text = text.replace(secret.value, _HIDDEN)
    text = _QUERY.sub(_without_credentials, text)
    text = _SIGNING_PARAMETER.sub(rf"\g<1>{_HIDDEN}", text)
    text = _KEY_HEADER.sub(rf"\g<1>{_HIDDEN}", text)
    text = _KEY.sub(rf"\g<1>{_HIDDEN}", text)
    return visible(_USERINFO.sub(rf"\g<1>{_HIDDEN}@", text))


def _without_credentials(query: re.Match[str]) -> str:
    # A query that holds a credential goes as a whole: its other parts (expiry, scope) are useless without it.
    # Other queries stay, because https://www.youtube.com/watch?v=... is nothing without its query.
    return f"?{_HIDDEN}" if _CREDENTIAL_IN_QUERY.search(query.group()) else query.group()


class RedactingFilter(logging.Filter):
    """Redacts the message of every record that passes; it never drops one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's message with its redacted text."""
        record.msg = redact(record.getMessage())
        record.args = ()
        return True


def install_redaction(*logger_names: str) -> None:
    """Redact what the named loggers say. Doing it twice changes nothing.

    A filter sees only what is logged at its own logger, never at a child: each must be named.
    """
    for name in logger_names:
        logger = logging.getLogger(name)
        if not any(isinstance(known, RedactingFilter) for known in logger.filters):
            logger.addFilter(RedactingFilter())
