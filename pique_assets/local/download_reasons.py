"""Why a video could not be downloaded, in a sentence for the job's error.

Belongs here: reading yt-dlp's exceptions, which tell most in their text; the words looked for are yt-dlp's own. A
reason never holds more of a stranger's text than one short line. Does not: downloading (`download_child`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_LENGTH = 200

_HTTP_STATUS = re.compile(r"HTTP ?Error (\d{3})")
_BOT_CHECK = re.compile(r"not a (?:ro)?bot|captcha|anti-bot|unusual traffic", re.IGNORECASE)
_LOGIN = re.compile(r"log(?:ged)?[ -]?in|sign in|private|cookies|members|subscri", re.IGNORECASE)
_NO_VIDEO = re.compile(r"unsupported url|no video|no media|no formats|unusual and will be skipped", re.IGNORECASE)
_TOO_LARGE = re.compile(r"larger than max-filesize \((\d+) bytes > (\d+) bytes\)")
_TOO_LARGE_AFTER_ALL = re.compile(r"file too large", re.IGNORECASE)
_SILENCE = re.compile(r"timed out", re.IGNORECASE)
_CUT_SHORT = re.compile(r"bytes read, \d+ more expected|downloaded \d+ bytes, expected", re.IGNORECASE)
_NO_HOST = re.compile(r"name or service not known|no address associated|name resolution|nodename", re.IGNORECASE)
_FILE = re.compile(r"file:// URLs are disabled")
_PREFIX = re.compile(r"^(?:ERROR: )?(?:\[[^\]]*\] )?")


class ReasonFound(Exception):
    """Ends a download whose reason is known; the text is that reason."""


def reason_of(error: Exception | None, *, refused: Sequence[str], said: Sequence[str] = ()) -> str:
    """The reason behind an exception of yt-dlp, or behind a download that ended quietly without a file.

    Args:
        error: What was raised, if anything was.
        refused: What the network guard refused meanwhile.
        said: What yt-dlp told its log.
    """
    text = str(error) if error is not None else "\n".join(said)
    status = _HTTP_STATUS.search(text)
    if status is not None:
        return _reason_of_status(int(status[1]), text)
    if refused:
        return refused[0]
    if isinstance(error, MemoryError):
        return "the host sent more than fits into the memory allowed"
    too_large = _TOO_LARGE.search(text)
    if too_large is not None:
        return f"the video has {too_large[1]} bytes, more than the {too_large[2]} that are accepted"
    for pattern, reason in (
        (_FILE, "it leads to an address of the kind file:, which is not supported"),
        (_NO_HOST, "no host of this name is known"),
        (_BOT_CHECK, "the host takes the download for a bot's and refuses it"),
        (_NO_VIDEO, "there is no video at this address"),
        (_LOGIN, "the video is private, or shown to members only"),
        (_TOO_LARGE_AFTER_ALL, "the video is larger than what is accepted"),
        (_SILENCE, "the host did not answer in time"),
        (_CUT_SHORT, "the host ended the connection in the middle of the video"),
    ):
        if pattern.search(text):
            return reason
    if error is None:
        return "the download ended without a video"
    return _first_line(text) or type(error).__name__


def _reason_of_status(status: int, text: str) -> str:
    if 300 <= status < 400:
        return f"the address redirects in circles, or to where no video can be (HTTP {status})"
    if status in (403, 429) or _BOT_CHECK.search(text):
        return f"the host refuses the download, as hosts do with bots (HTTP {status})"
    if status in (401, 404, 410, 451):
        return f"the video is private, or is not there (HTTP {status})"
    return f"the host answered with HTTP {status}"


def _first_line(text: str) -> str:
    line = _PREFIX.sub("", text.strip().partition("\n")[0])
    printable = "".join(letter for letter in line if letter.isprintable())
    return printable.encode("utf-8", "replace").decode()[:MAX_LENGTH]
