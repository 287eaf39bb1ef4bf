"""Containers written byte by byte: MP4, Matroska, AVI and PNG with whatever numbers a stranger might put into them.

Belongs here: the structure of the formats, each with one track of JPEG frames, because a JPEG needs no codec set-up.
Does not: which lies are told (`hostile_media`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
"""The matrix of a movie that is shown as it is stored: 16.16 and 2.30 fixed point."""


def box(kind: bytes, *parts: bytes) -> bytes:
    """An MP4 box of a whole with its parts."""
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def nested(kind: bytes, depth: int) -> bytes:
    """Boxes in boxes in boxes; written from the outside, as no recursion could."""
    return b"".join(struct.pack(">I", 8 * (depth - level)) + kind for level in range(depth))


FTYP = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isommp41")
LOCAL_DATA = full_box(b"url ", flags=1)


def movie(
    frames: Sequence[bytes],
    *,
    width: int = 64,
    height: int = 48,
    timescale: int = 25,
    frame_ticks: int = 1,
    duration: int | None = None,
    matrix: Sequence[int] = UPRIGHT,
    data_reference: bytes = LOCAL_DATA,
    entry_extra: bytes = b"",
    samples: int | None = None,
    sample_bytes: int | None = None,
    runs: Sequence[tuple[int, int]] | None = None,
) -> bytes:
    """An MP4 whose index may say something else than what is in the file.

    Args:
        frames: JPEG files, stored one after the other.
        width: Pixels across, as declared.
        height: Pixels down, as declared.
        timescale: Ticks a second.
        frame_ticks: Ticks a frame is shown.
        duration: Ticks in all, as declared.
        matrix: How the picture is turned.
        data_reference: Where the samples are.
        entry_extra: Boxes within the sample entry.
        samples: Number of samples, as declared.
        sample_bytes: Size of every sample, as declared.
        runs: Time table: pairs of a number of samples and their ticks.
    """
    count = len(frames) if samples is None else samples
    media = box(b"mdat", *frames)
    duration = count * frame_ticks if duration is None else duration
    sizes = [] if sample_bytes is not None else [len(frame) for frame in frames]
    time_table = [(count, frame_ticks)] if runs is None else runs
    entry = box(
        b"jpeg",
        struct.pack(">6xH16xHHIIIH32sHH", 1, width, height, 0x480000, 0x480000, 0, 1, b"", 24, 0xFFFF),
        entry_extra,
    )
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        full_box(b"stts", struct.pack(">I", len(time_table)), *(struct.pack(">II", *run) for run in time_table)),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, count, 1)),
        full_box(b"stsz", struct.pack(">II", sample_bytes or 0, count), *(struct.pack(">I", size) for size in sizes)),
        full_box(b"stco", struct.pack(">II", 1, len(FTYP) + 8)),
    )
    track = box(
        b"trak",
        full_box(
            b"tkhd",
            struct.pack(">QQIIQ8xhhHH", 0, 0, 1, 0, duration, 0, 0, 0, 0),
            struct.pack(">9i", *matrix),
            struct.pack(">II", width << 16 & 0xFFFFFFFF, height << 16 & 0xFFFFFFFF),
            version=1,
            flags=3,
        ),
        box(
            b"mdia",
            full_box(b"mdhd", struct.pack(">QQIQHH", 0, 0, timescale, duration, 0x55C4, 0), version=1),
            full_box(b"hdlr", struct.pack(">4x4s12x", b"vide"), b"picture\0"),
            box(
                b"minf",
                full_box(b"vmhd", struct.pack(">8x"), flags=1),
                box(b"dinf", full_box(b"dref", struct.pack(">I", 1), data_reference)),
                table,
            ),
        ),
    )
    header = full_box(
        b"mvhd",
        struct.pack(">QQIQIH10x", 0, 0, timescale, duration, 0x10000, 0x100),
        struct.pack(">9i", *UPRIGHT),
        struct.pack(">24xI", 2),
        version=1,
    )
    return FTYP + media + box(b"moov", header, track)


def element(identifier: str, *parts: bytes) -> bytes:
    """An EBML element; its size is written in eight bytes, so that it can be any."""
    body = b"".join(parts)
    return bytes.fromhex(identifier) + struct.pack(">Q", 1 << 56 | len(body)) + body


def number(identifier: str, value: int) -> bytes:
    return element(identifier, value.to_bytes(8, "big"))


EBML = element("1A45DFA3", element("4282", b"matroska"), number("4287", 4), number("4285", 2))


def matroska(
    frames: Sequence[bytes],
    *,
    width: int = 64,
    height: int = 48,
    tick_ns: int = 1_000_000,
    duration: float = 1000.0,
    times: Sequence[int] | None = None,
    frame_ns: int = 40_000_000,
    extra: bytes = b"",
) -> bytes:
    """A Matroska file of JPEG frames, each in a cluster of its own.

    Args:
        frames: JPEG files.
        width: Pixels across, as declared.
        height: Pixels down, as declared.
        tick_ns: Nanoseconds of a tick.
        duration: Ticks in all, as declared.
        times: When the frames are shown, in ticks; without it, 40 ticks apart.
        frame_ns: Nanoseconds a frame is shown, as declared.
        extra: Elements before the tracks.
    """
    shown_at = [40 * index for index in range(len(frames))] if times is None else times
    track = element(
        "AE",
        number("D7", 1),
        number("73C5", 1),
        number("83", 1),
        element("86", b"V_MJPEG"),
        number("23E383", frame_ns),
        element("E0", number("B0", width), number("BA", height)),
    )
    clusters = [
        element("1F43B675", number("E7", time), element("A3", b"\x81\0\0\x80", frame))
        for time, frame in zip(shown_at, frames, strict=True)
    ]
    info = element("1549A966", number("2AD7B1", tick_ns), element("4489", struct.pack(">d", duration)))
    return EBML + element("18538067", info, extra, element("1654AE6B", track), *clusters)


def chunk(kind: bytes, *parts: bytes) -> bytes:
    """A RIFF chunk."""
    body = b"".join(parts)
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def avi_with_subtitles(frame: bytes, subtitles: bytes, *, width: int = 64, height: int = 48) -> bytes:
    """An AVI with one JPEG frame and an embedded subtitle file, which libav hands to a demuxer of its choice."""
    format_of_picture = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", len(frame), 0, 0, 0, 0)
    headers = chunk(
        b"LIST",
        b"hdrl",
        chunk(b"avih", struct.pack("<10I16x", 40_000, 0, 0, 16, 1, 0, 2, len(frame), width, height)),
        chunk(
            b"LIST",
            b"strl",
            chunk(b"strh", struct.pack("<4s4sIHHIIIIIIII8x", b"vids", b"MJPG", 0, 0, 0, 0, 1, 25, 0, 1, 0, 0, 0)),
            chunk(b"strf", format_of_picture),
        ),
        chunk(
            b"LIST",
            b"strl",
            chunk(b"strh", struct.pack("<4s4sIHHIIIIIIII8x", b"txts", b"\0\0\0\0", 0, 0, 0, 0, 1, 25, 0, 1, 0, 0, 0)),
            chunk(b"strf"),
        ),
    )
    padded = subtitles.ljust(400, b"\n")
    embedded = b"GAB2\0" + struct.pack("<HI", 2, 0) + struct.pack("<HI", 4, len(padded)) + padded
    return chunk(b"RIFF", b"AVI ", headers, chunk(b"LIST", b"movi", chunk(b"01tx", embedded), chunk(b"00dc", frame)))


def png(
    width: int, height: int, *, pixels: bytes, extra: Sequence[tuple[bytes, bytes]] = (), color: int = 0, depth: int = 8
) -> bytes:
    """A PNG that declares its own size; ``pixels`` are what is compressed, filter bytes included."""

    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + b"".join(
        part(kind, body)
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)),
            *extra,
            (b"IDAT", zlib.compress(pixels)),
            (b"IEND", b""),
        )
    )
