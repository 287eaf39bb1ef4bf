"""Small pictures of content, made in an expendable process and bounded in everything.

Belongs here: copying content to where the process can read it, starting and ending the process. Does not: decoding
(`decoding.thumbnail_child`), and which content is shown (`pictures`).

Content comes from strangers. A picture is never worth a step of a run: whatever goes wrong, the picture is missing.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from pique_assets import media as media_room

if TYPE_CHECKING:
    from pique_assets.media import ContentItem

# All bytes of a content item are read for its picture, because only all of them prove to be what was evaluated.
MOST_CONTENT_BYTES: Final = 128 * 1024**2
# For all pictures of a date together, from the first byte that is read to the last picture.
PATIENCE_S: Final = 20.0
MOST_PICTURE_BYTES: Final = 16 * 1024
PICTURABLE: Final = ("video", "image")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A picture that is wanted: of which content, and at which second of a video."""

    item: ContentItem
    at_s: float = 0.0


def can_make_thumbnails() -> bool:
    """Whether the decoders are installed, which are in the extra `local`."""
    return find_spec("av") is not None and find_spec("PIL") is not None


def thumbnails(
    wanted: Sequence[Wanted], *, open_content: Callable[[ContentItem], BinaryIO], patience_s: float = PATIENCE_S
) -> list[bytes | None]:
    """A JPEG for each picture that is wanted, or None where there is none.

    Args:
        wanted: Content of local folders and buckets.
        open_content: Opens the content by way of the evaluation's own source, and nothing else.
        patience_s: How long all of this may take.
    """
    until = time.monotonic() + patience_s
    with tempfile.TemporaryDirectory(prefix="pique_thumbnails_") as folder:
        copies = [
            _copy(one.item, to=Path(folder) / str(number), open_content=open_content, until=until)
            for number, one in enumerate(wanted)
        ]
        orders: list[dict[str, object]] = [
            {"path": str(copy), "content_type": one.item.content_type, "at_s": one.at_s}
            for one, copy in zip(wanted, copies, strict=True)
            if copy is not None
        ]
        made = iter(_made(orders, until=until))
        return [None if copy is None else next(made) for copy in copies]


def _copy(item: ContentItem, *, to: Path, open_content: Callable[[ContentItem], BinaryIO], until: float) -> Path | None:
    """A copy under a name of our own, or None: the process never sees a name that somebody else chose."""
    if item.content_type not in PICTURABLE or (item.size_bytes or 0) > MOST_CONTENT_BYTES or time.monotonic() > until:
        return None
    try:
        with open_content(item) as content, to.open("wb") as copy:
            shutil.copyfileobj(content, copy)
    except (media_room.MediaError, OSError, ValueError):
        # It has changed or vanished since, or its place can't be read from here.
        return None
    return to


def _made(orders: Sequence[dict[str, object]], *, until: float) -> list[bytes | None]:
    """The pictures in their order. Content that kills the process or takes all its time costs the rest their turn."""
    made: list[bytes | None] = []
    while len(made) < len(orders) and (left_s := until - time.monotonic()) > 0:
        answers = _answers(orders[len(made) :], within_s=left_s)
        made += [_picture(line) for line in answers]
        if len(made) < len(orders):
            # The next one ended the process.
            made.append(None)
    return [*made, *[None] * (len(orders) - len(made))]


def _answers(orders: Sequence[dict[str, object]], *, within_s: float) -> list[bytes]:
    lines = "".join(f"{json.dumps(order)}\n" for order in orders).encode()
    command = [sys.executable, "-P", "-m", "pique_assets.decoding.thumbnail_child"]
    try:
        # Without the environment of the run, which holds the key of Pique; with the run's path of modules.
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(command, input=lines, capture_output=True, timeout=within_s, check=False, env=environment)
        written = done.stdout
    except subprocess.TimeoutExpired as expired:
        written = expired.stdout or b""
    except OSError:
        return []
    # A line without its end is not whole.
    return written.split(b"\n")[:-1][: len(orders)]


def _picture(line: bytes) -> bytes | None:
    try:
        picture = base64.b64decode(line, validate=True)
    except binascii.Error:
        return None
    return picture if picture.startswith(b"\xff\xd8") and len(picture) <= MOST_PICTURE_BYTES else None
