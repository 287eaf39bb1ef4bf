"""The process that looks into files whose structure tells nothing: reads first bytes, writes what libav or Pillow see.

Belongs here: the decoders that are asked last, which meet bytes from strangers in this process alone. So the process
is expendable: it may crash, spin or be killed at its deadline, and only the file that did it has no type. It knows no
secret, no database and no network. Does not: structures that tell a type without a decoder (`pique_assets.media`), and
the other end of the pipe (`type_client`).

A decoder's guess at a format counts only if the decoder then makes pictures or sound of it.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from PIL import Image

from pique_assets.decoding.confinement import confine, private_output, say
from pique_assets.decoding.containers import AUDIO_DEMUXERS, MAX_PIXELS
from pique_assets.decoding.picture import FORMATS

MEMORY_LIMIT_BYTES = 2 * 1024**3
LENGTH_BYTES = 4
"""Before the bytes of each question stands their number, big-endian."""

_MOST_PACKETS = 200
_SHOWN = ("video", "audio")
_ENOUGH_SOUNDS = 3
_SOUNDS_BEYOND_CHANCE = 100
_MEDIA_TYPES = {
    "mov": "video/quicktime",
    "matroska": "video/x-matroska",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "flv": "video/x-flv",
    "asf": "video/x-ms-asf",
    "ogg": "video/ogg",
    "mxf": "application/mxf",
    "dv": "video/dv",
    "mpegvideo": "video/mpeg",
    "m4v": "video/mp4v-es",
    "h264": "video/h264",
    "hevc": "video/h265",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "caf": "audio/x-caf",
    "amr": "audio/amr",
    "w64": "audio/x-w64",
    "ac3": "audio/ac3",
    "eac3": "audio/eac3",
    "au": "audio/basic",
    "dts": "audio/vnd.dts",
}


def look_into(head: bytes) -> dict[str, str]:
    """Content type and media type of a file by its first bytes; empty where neither decoder makes anything of them."""
    return _picture(head) or _film_or_sound(head)


def _picture(head: bytes) -> dict[str, str]:
    try:
        with Image.open(io.BytesIO(head), formats=FORMATS) as image:
            media_type = Image.MIME.get(image.format or "")
    except Exception:  # Decoders report damage as almost anything.
        return {}
    return {"content_type": "image", "media_type": media_type} if media_type else {}


def _film_or_sound(head: bytes) -> dict[str, str]:
    # No protocol has this name: whatever the bytes name, nothing can be opened.
    options = {
        "format_whitelist": ",".join(AUDIO_DEMUXERS),
        "protocol_whitelist": "none",
        "max_pixels": str(MAX_PIXELS),
    }
    try:
        with av.open(io.BytesIO(head), "r", options=options) as container:
            name = container.format.name.partition(",")[0]
            content_type = _decoded(container, all_bytes=len(head))
    except Exception:  # Decoders report damage as almost anything.
        return {}
    if content_type is None:
        return {}
    return {"content_type": content_type, "media_type": _MEDIA_TYPES.get(name, f"{content_type}/x-{name}")}


def _decoded(container: InputContainer, *, all_bytes: int) -> str | None:
    """The kind of stream of which the first packets gave frames; None where there is none, or it may be chance."""
    frames = dict.fromkeys(_SHOWN, 0)
    failures = sound_bytes = 0
    streams = [stream for stream in container.streams if _is_shown(stream)]
    for stream in streams:
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    for packet in _first_packets(container, streams):
        try:
            frames[packet.stream.type] += len(packet.decode())
            sound_bytes += packet.size if packet.stream.type == "audio" else 0
        except (av.FFmpegError, ValueError):
            failures += 1
        if frames["video"] or failures > _MOST_PACKETS // 4:
            break
    if failures > sum(frames.values()):
        return None
    # Tables of numbers have places that look like a few frames of MP3, and decode.
    is_chance = frames["audio"] < _SOUNDS_BEYOND_CHANCE and 2 * sound_bytes < all_bytes
    is_sound = frames["audio"] >= _ENOUGH_SOUNDS and not is_chance
    return "video" if frames["video"] else "audio" if is_sound else None


def _is_shown(stream: Stream) -> bool:
    is_cover = bool(stream.disposition & Disposition.attached_pic)
    return stream.type in _SHOWN and stream.codec_context is not None and not is_cover


def _first_packets(container: InputContainer, streams: Sequence[Stream]) -> Iterator[Packet[Stream]]:
    try:
        for number, packet in enumerate(container.demux(streams)):
            if number == _MOST_PACKETS:
                return
            yield packet
    except (av.FFmpegError, OSError):
        # The bytes end in the middle of things.
        return


def main() -> None:
    """Answer questions until the input ends."""
    answers = private_output()
    confine(memory_bytes=MEMORY_LIMIT_BYTES)
    # Nothing of a picture is decoded here but its size, which may be any.
    Image.MAX_IMAGE_PIXELS = None
    say(answers, b"ready")
    questions = sys.stdin.buffer
    while len(length := questions.read(LENGTH_BYTES)) == LENGTH_BYTES:
        say(answers, json.dumps(look_into(questions.read(int.from_bytes(length, "big")))).encode())


if __name__ == "__main__":
    main()
