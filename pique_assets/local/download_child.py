"""The download process: reads an order a line, fetches the video with yt-dlp, writes an answer a line.

Belongs here: everything of yt-dlp; pages and hosts from strangers meet it here and nowhere else. The process knows no
secret and no database; it reaches no address that is not public (`network_guard`), starts no other program, and has
neither configuration nor cookies nor cache nor plugins. Like an evaluation process it is expendable. Does not: why a
download failed (`download_reasons`), and the server's end of the pipe (`download_pool`).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pique_assets.decoding.confinement import confine, private_output, say
from pique_assets.local.addresses import parse_endpoint
from pique_assets.local.download_reasons import ReasonFound, reason_of
from pique_assets.local.network_guard import NetworkGuard
from pique_assets.local.orders import DownloadAnswer, DownloadedVideo, DownloadOrder

MEMORY_LIMIT_BYTES = 2 * 1024**3
"""Address space of the process: yt-dlp reads pages, and whatever is packed with gzip, into memory."""

MAX_TEXT_LENGTH = 5000
"""Characters kept of a title or a description."""

_UNWANTED = ("curl_cffi", "requests", "websockets", "urllib3", "Cryptodome", "mutagen", "secretstorage", "brotli")
"""Optional helpers of yt-dlp: without them everything goes through the one HTTP client whose ways are tested here."""


def download(order: DownloadOrder, *, guard: NetworkGuard) -> DownloadAnswer:
    """Fetch one video, or say why not."""
    import yt_dlp  # type: ignore[import-untyped]

    guard.refused.clear()
    # Relative names from here on: a folder's own name could hold what yt-dlp takes for a template.
    os.chdir(order.folder)
    # Python writes what it compiled without asking whether all of it was written: half a file would break every later
    # start of the environment this runs in.
    sys.dont_write_bytecode = True
    # What is not announced and comes nevertheless meets this limit, whatever code writes it.
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (order.max_bytes + 1, hard))
    log = _Log()
    try:
        with yt_dlp.YoutubeDL(_options(order, log=log)) as client:
            found = client.extract_info(order.url)
        video = _downloaded(order, found)
    except ReasonFound as known:
        return DownloadAnswer(reason=str(known))
    # Extractors are written for a thousand sites and fail in as many ways; each is the end of this download only.
    except Exception as error:
        return DownloadAnswer(reason=reason_of(error, refused=guard.refused))
    if video is None:
        return DownloadAnswer(reason=reason_of(None, refused=guard.refused, said=log.lines))
    return DownloadAnswer(video=video)


class _Log:
    """Takes what yt-dlp would print; some outcomes are only told there."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def debug(self, line: str) -> None:
        self.lines.append(line)

    info = warning = error = debug


def _options(order: DownloadOrder, *, log: _Log) -> dict[str, object]:
    return {
        "logger": log,
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "outtmpl": {"default": "video.%(ext)s"},
        # Without another program nothing can be merged: one file that holds both, or else the picture alone.
        "format": "best/bestvideo",
        "fixup": "never",
        "js_runtimes": {},
        "cachedir": False,
        "usenetrc": False,
        "geo_bypass": False,
        "proxy": "",
        "updatetime": False,
        "noplaylist": True,
        "playlist_items": "1:2",
        "match_filter": _only_one_recorded_video,
        "max_filesize": order.max_bytes,
        "socket_timeout": order.silence_s,
        "retries": 2,
        "fragment_retries": 2,
        "extractor_retries": 1,
        "file_access_retries": 0,
    }


def _only_one_recorded_video(info: Mapping[str, Any], *, incomplete: bool) -> None:
    """Refuse what has no end, and an address that does not say which video is meant."""
    if (info.get("n_entries") or 1) > 1:
        raise ReasonFound("the address leads to several videos, not to one")
    if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
        raise ReasonFound("the address leads to a live broadcast")


def _downloaded(order: DownloadOrder, found: Mapping[str, Any] | None) -> DownloadedVideo | None:
    files = [path for path in sorted(order.folder.iterdir()) if path.suffix not in (".part", ".ytdl")]
    if found is None or len(files) != 1:
        return None
    (path,) = files
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return DownloadedVideo(
        path=path,
        size_bytes=path.stat().st_size,
        sha256=digest,
        title=_text(_told(found, "title")),
        description=_text(_told(found, "description")),
    )


def _told(found: Mapping[str, Any], name: str) -> object:
    """What is said of the video, also where it is the one entry of a list."""
    entries = [entry for entry in found.get("entries") or () if entry]
    return (entries[0] if entries else found).get(name)


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    # Pages can hold halves of characters, which neither JSON nor a database takes.
    return value[:MAX_TEXT_LENGTH].encode("utf-8", "replace").decode()


def main() -> None:
    """Serve downloads until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m pique_assets.local.download_child")
    parser.add_argument("--allow", type=parse_endpoint, action="append", default=[])
    guard = NetworkGuard(allowed=parser.parse_args().allow)
    answers = private_output()
    confine(memory_bytes=MEMORY_LIMIT_BYTES)
    guard.install()
    for name in _UNWANTED:
        sys.modules[name] = None  # type: ignore[assignment]
    import yt_dlp  # noqa: F401

    say(answers, b"ready")
    start = Path.cwd()
    for line in sys.stdin.buffer:
        answer = download(DownloadOrder.model_validate_json(line), guard=guard)
        os.chdir(start)
        say(answers, answer.model_dump_json().encode())


if __name__ == "__main__":
    main()
