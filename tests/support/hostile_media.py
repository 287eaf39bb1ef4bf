"""Files that a media folder may hold and nobody wants there, made by code: damaged, lying, disguised, endless.

Belongs here: a maker for each kind of file; the bytes of containers come from `hostile_containers`. Does not: what is
expected of them, which is the table in ``tests/hostile``. Nothing here is large: what looks large is sparse or
compressed.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from hostile_containers import FTYP, avi_with_subtitles, box, element, full_box, matroska, movie, png
from whole_media import clip, picture

NOBODY = 65534


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a hostile file is to be made.

    Attributes:
        path: Its path.
        bait_url: An address on this machine that nobody may ever ask for.
        outside: A folder outside the media folder.
    """

    path: Path
    bait_url: str
    outside: Path


Maker = Callable[[Place], object]


# Ways to spoil them.


def content(make: Callable[[], bytes]) -> Maker:
    """A file with these bytes."""
    return lambda place: place.path.write_bytes(make())


def truncated(make: Callable[[], bytes], share: float) -> Maker:
    """The beginning of a file, as an interrupted copy leaves it."""
    return content(lambda: make()[: int(len(make()) * share)])


def rotten(make: Callable[[], bytes], start: float, end: float) -> Maker:
    """A file with every seventh byte of a stretch turned over."""

    def spoil() -> bytes:
        body = bytearray(make())
        for index in range(int(len(body) * start), int(len(body) * end), 7):
            body[index] ^= 0xFF
        return bytes(body)

    return content(spoil)


def rotten_after(marker: bytes, make: Callable[[], bytes], *, skip: int = 0, length: int) -> Maker:
    """A file with every third byte of a stretch behind a marker turned over."""

    def spoil() -> bytes:
        body = bytearray(make())
        start = body.index(marker) + len(marker) + skip
        for index in range(start, min(start + length, len(body)), 3):
            body[index] ^= 0xFF
        return bytes(body)

    return content(spoil)


def text(template: str) -> Maker:
    """A text that names the bait, wherever ``{url}`` stands."""
    return lambda place: place.path.write_text(template.replace("{url}", place.bait_url), encoding="utf-8")


def own_clip(place: Place) -> None:
    """A good video whose bytes no other file has: an odd name is all that is wrong with it."""
    place.path.write_bytes(clip() + box(b"free", os.fsencode(place.path.name)))


def lying_movie(**lies: object) -> Maker:
    """An MP4 of five JPEG frames that declares something absurd; see `hostile_containers.movie`."""
    return content(lambda: movie([picture()] * 5, **lies))


def lying_matroska(**lies: object) -> Maker:
    """A Matroska file of five JPEG frames that declares something absurd; see `hostile_containers.matroska`."""
    return content(lambda: matroska([picture()] * 5, **lies))


def movie_elsewhere(kind: bytes) -> Maker:
    """An MP4 whose samples are said to be at the bait's address."""

    def make(place: Place) -> None:
        url = place.bait_url.encode() + b"\0"
        if kind == b"alis":
            path = place.bait_url.encode()
            alias = bytearray(150)
            alias[10:38] = bytes([27]) + b"volume".ljust(27, b"\0")
            alias[50:114] = bytes([63]) + path[:63].ljust(63, b"\0")
            url = bytes(alias) + struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2)
            url += struct.pack(">h", -1)
        place.path.write_bytes(movie([picture()] * 5, data_reference=full_box(kind, url), samples=5))

    return make


def huge_h264() -> bytes:
    """One black H.264 frame of 12,000 x 12,000: 400 kB that decode to 216 MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "huge.mp4"
        with av.open(path, "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 12_000, 12_000, "yuv420p"
            stream.options = {"preset": "ultrafast"}
            container.mux(stream.encode(av.VideoFrame(12_000, 12_000, "yuv420p")))
            container.mux(stream.encode())
        return path.read_bytes()


def claiming_vp8() -> bytes:
    """A WebM whose key frames declare 16383 x 16383."""
    size = b"\x9d\x01\x2a" + struct.pack("<HH", 160, 120)
    return clip(".webm", codec="libvpx").replace(size, size[:3] + b"\xff\x3f\xff\x3f")


def compressed_index() -> bytes:
    """A QuickTime index that claims to unpack to two gigabytes."""
    packed = struct.pack(">I", 2**31 - 1) + zlib.compress(b"\0" * 10_000_000)
    return FTYP + box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", packed)))


def reference_movie(place: Place) -> None:
    """A QuickTime movie that is nothing but the address of another one."""
    url = place.bait_url.encode() + b"\0"
    reference = full_box(b"rdrf", b"url ", struct.pack(">I", len(url)), url)
    place.path.write_bytes(FTYP + box(b"moov", box(b"rmra", box(b"rmda", reference))))


def deep_matroska_tags() -> bytes:
    """Tags in tags in tags."""
    tag = b""
    for _ in range(1000):
        tag = element("67C8", tag)
    return matroska([picture()] * 5, extra=element("1254C367", element("7373", tag)))


def playlist_as_subtitles(place: Place) -> None:
    """An AVI whose embedded subtitles are a playlist: libav chooses the subtitles' demuxer by itself."""
    list_ = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{place.bait_url}\n#EXT-X-ENDLIST\n".encode()
    place.path.write_bytes(avi_with_subtitles(picture(), list_))


def claiming_jpeg(width: int, height: int) -> bytes:
    """A JPEG that declares another size than its data have."""
    body = bytearray(picture())
    at = body.index(b"\xff\xc0") + 5
    body[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(body)


def claiming_gif() -> bytes:
    body = bytearray(picture("GIF"))
    body[6:10] = struct.pack("<HH", 65535, 65535)
    return bytes(body)


def claiming_webp() -> bytes:
    """A WebP with a canvas of 60000 x 60000 around a small frame."""

    def three(value: int) -> bytes:
        return struct.pack("<I", value)[:3]

    frame = picture("WEBP")[12:]
    canvas = b"VP8X" + struct.pack("<II", 10, 2) + three(59_999) + three(59_999)
    animation = b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    shown = three(0) * 2 + three(63) + three(47) + three(100) + b"\0" + frame
    body = b"WEBP" + canvas + animation + b"ANMF" + struct.pack("<I", len(shown)) + shown
    return b"RIFF" + struct.pack("<I", len(body)) + body


def packed_png() -> bytes:
    """A PNG of 9,000 x 9,000 real pixels in some 80 kB."""
    return png(9000, 9000, pixels=bytes(9001 * 9000))


def png_with_packed_text() -> bytes:
    """A PNG whose caption unpacks to 100 MB."""
    return png(2, 2, pixels=bytes(14), extra=[(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000)))])


def zipped() -> bytes:
    """A ZIP archive of 50 MB of nothing."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("video.mp4", bytes(50_000_000))
    return output.getvalue()


def gzipped() -> bytes:
    return gzip.compress(bytes(50_000_000))


def id3_only() -> bytes:
    """An MP3 that is all label: tags of a megabyte and no sound."""
    return b"ID3\x04\0\0\0\x3f\x7f\x7f" + b"TIT2" + bytes(1_000_000)


def id3_endless() -> bytes:
    """An ID3 label that claims 256 MB, in a file of a few bytes."""
    return b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(64)


def sparse(size_bytes: int, *, head: bytes = b"") -> Maker:
    """A file of any size that takes no room on the disk."""

    def make(place: Place) -> None:
        with place.path.open("wb") as file:
            file.write(head)
            file.truncate(size_bytes)

    return make


# What is no file.


def pipe(place: Place) -> None:
    os.mkfifo(place.path)


def unix_socket(place: Place) -> None:
    os.mknod(place.path, stat.S_IFSOCK | 0o600)


def device(place: Place) -> None:
    """``/dev/zero`` under a media name; `PermissionError` where devices may not be made."""
    os.mknod(place.path, stat.S_IFCHR | 0o600, os.makedev(1, 5))


def link_to(target: str) -> Maker:
    """A link; ``{outside}`` in its target is the folder outside the root."""
    return lambda place: place.path.symlink_to(target.format(outside=place.outside, itself=place.path.name))


def link_out(place: Place) -> None:
    place.outside.chmod(0o755)
    private = place.outside / "private.mp4"
    private.write_bytes(clip())
    place.path.symlink_to(private)


def locked(place: Place) -> None:
    own_clip(place)
    place.path.chmod(0)


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Read a folder below the temporary one with no privileges: permissions mean nothing to root."""
    if os.geteuid() != 0:
        yield
        return
    for parent in (folder, *folder.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(parent.stat().st_mode | 0o055)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
