"""The process that makes small pictures of content: reads a file's path a line, writes a picture a line.

Belongs here: what happens to media from strangers, which meets native decoders in this process alone. So the process is
expendable: it may crash, spin or be killed, and only its pictures are missing. It knows no secret, no database and no
network. Does not: which content is worth a picture, and who starts the process (`thumbnails`).
"""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path

import av
from PIL import Image, ImageOps

from pique_assets.decoding.confinement import confine, private_output, say
from pique_assets.decoding.containers import MAX_PIXELS, VIDEO_DEMUXERS, opened
from pique_assets.decoding.picture import opened_image
from pique_assets.decoding.tracks import shown_track

MEMORY_LIMIT_BYTES = 2 * 1024**3
SIDE = 160
QUALITY = 70
# From the key frame before a moment to the moment; a video whose key frames are further apart shows an earlier frame.
MOST_FRAMES = 120


def thumbnail(path: Path, *, content_type: str, at_s: float) -> bytes:
    """A JPEG of an image, or of the frame of a video at a moment.

    Raises:
        Exception: Whatever a decoder raises; the caller has one answer to all.
    """
    picture = _image(path) if content_type == "image" else _frame(path, at_s=at_s)
    picture.thumbnail((SIDE, SIDE))
    written = io.BytesIO()
    picture.convert("RGB").save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()


def _image(path: Path) -> Image.Image:
    with opened_image(path) as (image, _):
        # A JPEG is decoded at the size that is wanted, at a fraction of the price.
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        image.load()
        return ImageOps.exif_transpose(image)


def _frame(path: Path, *, at_s: float) -> Image.Image:
    with opened(path, demuxers=VIDEO_DEMUXERS) as container:
        stream = shown_track(container)
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        if at_s > 0:
            container.seek(int(at_s * av.time_base))
        frame = None
        for number, found in enumerate(container.decode(stream)):
            frame = found
            if number >= MOST_FRAMES or found.time is None or found.time >= at_s:
                break
        if frame is None:
            raise ValueError("no frame can be decoded")
        picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
        return picture.rotate(frame.rotation, expand=True)


def main() -> None:
    """Make pictures until the input ends."""
    answers = private_output()
    confine(memory_bytes=MEMORY_LIMIT_BYTES)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        try:
            made = thumbnail(Path(order["path"]), content_type=order["content_type"], at_s=order["at_s"])
        except Exception:  # Decoders report damage as almost anything.
            made = b""
        say(answers, base64.b64encode(made))


if __name__ == "__main__":
    main()
