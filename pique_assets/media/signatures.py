"""What a file is, told by its structure alone.

Belongs here: media formats that begin with enough fixed bytes, and the order in which all structures are looked for.
Does not: formats of several modules' worth (`iso_media`, `matroska`, `tiff` ...), and what no structure here tells,
which `content_type` has libav and Pillow look into.
"""

from __future__ import annotations

from pique_assets.media.audio_frames import behind_labels, sniff_frames
from pique_assets.media.iso_media import ReadAt, sniff_boxes
from pique_assets.media.kinds import AUDIO, IMAGE, VIDEO, Kind, NoMedia
from pique_assets.media.matroska import sniff_matroska
from pique_assets.media.not_media import sniff_other
from pique_assets.media.ogg import sniff_ogg
from pique_assets.media.tiff import sniff_tiff
from pique_assets.media.transport_stream import sniff_transport_stream

_WAVE = Kind("audio/wav", (AUDIO,))
_MPEG = Kind("video/mpeg", (VIDEO,))
_ASF = Kind("video/x-ms-asf", (VIDEO, AUDIO))
_FLV = Kind("video/x-flv", (VIDEO, AUDIO))

_JPEG_XL = Kind("image/jxl", (IMAGE,))

_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", Kind("image/png", (IMAGE,))),
    (b"GIF87a", Kind("image/gif", (IMAGE,))),
    (b"GIF89a", Kind("image/gif", (IMAGE,))),
    (b"\0\0\0\x0cJXL \r\n\x87\n", _JPEG_XL),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Kind("image/jp2", (IMAGE,))),
    (b"fLaC", Kind("audio/flac", (AUDIO,))),
    (b"#!AMR\n", Kind("audio/amr", (AUDIO,))),
    (b"#!AMR-WB\n", Kind("audio/amr-wb", (AUDIO,))),
    (b"caff\0\x01\0\0", Kind("audio/x-caf", (AUDIO,))),
)
_RIFF_FORMS = {
    b"AVI ": Kind("video/x-msvideo", (VIDEO,)),
    b"WEBP": Kind("image/webp", (IMAGE,)),
    b"WAVE": _WAVE,
}
# RF64 and BW64 are a WAVE beyond 4 GB, RIFX one with its numbers the other way round.
_RIFF_NAMES = (b"RIFF", b"RF64", b"BW64", b"RIFX")
_WAVE64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_WAVE64_FORM = bytes.fromhex("77617665f3acd3118cd100c04f8edb8a")
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_SOUND = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_ASF_PICTURES = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_MXF_PARTITION = bytes.fromhex("060e2b34020501010d01020101")
_MXF_RUN_IN_BYTES = 64 * 1024
_MXF = Kind("application/mxf", (VIDEO, AUDIO))
_MOST_CONTENTS = 64
_MXF_SOUND = frozenset({0x06, 0x0A})
"""What the names of the contents of an MXF have at one place, where they are sound."""
_JPEG_MARKERS = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_BITS_OF_A_SIDE = (9, 13, 18, 30)
_LONGEST_SIDE = 2**18
_FLV_FLAGS = {1: _FLV, 5: _FLV, 4: _FLV.of_sound()}


def sniff(head: bytes, *, size_bytes: int | None = None, read_at: ReadAt | None = None) -> Kind | NoMedia | None:
    """What a file is by its structure; None where that tells nothing for certain.

    Args:
        head: The file's first bytes, or all of it.
        size_bytes: The file's size; None where nobody knows, and then no file is called incomplete.
        read_at: Reads further on in the file, for the index at the end of a film; None where nothing does.
    """
    return (
        _by_signature(head)
        or sniff_boxes(head, size_bytes=size_bytes, read_at=read_at)
        or sniff_tiff(head, size_bytes=size_bytes)
        # Before sound is searched for, which lies in archives and disc images too.
        or sniff_other(head)
        or sniff_transport_stream(head)
        or _labelled(head)
        or sniff_frames(head, size_bytes=size_bytes)
    )


def _by_signature(head: bytes) -> Kind | None:
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(_RIFF_NAMES):
        return _RIFF_FORMS.get(head[8:12])
    return (
        _jpeg(head)
        or sniff_matroska(head)
        or sniff_ogg(head)
        or _forms_of_sound(head)
        or _windows_media(head)
        or _mpeg(head)
        or _by_header(head)
    )


def _labelled(head: bytes) -> Kind | None:
    """Sound of a format of its own behind a label that is meant for MP3, as some programs write it."""
    rest = behind_labels(head)
    kind = None if rest is None else _by_signature(rest)
    return kind if kind is not None and AUDIO in kind.content_types else None


def _jpeg(head: bytes) -> Kind | None:
    """A JPEG: the first segment is of a known kind, and another begins where it ends."""
    if not head.startswith(b"\xff\xd8\xff") or len(head) < 6 or head[3] not in _JPEG_MARKERS:
        return None
    following = head[4 + int.from_bytes(head[4:6], "big") :][:1]
    return Kind("image/jpeg", (IMAGE,)) if following in (b"", b"\xff") else None


def _forms_of_sound(head: bytes) -> Kind | None:
    if head.startswith(b"FORM") and head[8:12] in {b"AIFF", b"AIFC"}:
        return Kind("audio/aiff", (AUDIO,))
    if head.startswith(_WAVE64) and head[24:40] == _WAVE64_FORM:
        return Kind("audio/x-w64", (AUDIO,))
    return None


def _windows_media(head: bytes) -> Kind | None:
    if not head.startswith(_ASF_HEADER):
        return None
    header = head[: int.from_bytes(head[16:24], "little")]
    return _ASF.of_sound() if _ASF_SOUND in header and _ASF_PICTURES not in header else _ASF


def _mpeg(head: bytes) -> Kind | None:
    """A program stream, or the bare pictures of one."""
    if head.startswith(b"\0\0\x01\xba") and len(head) > 4 and (head[4] & 0xC4 == 0x44 or head[4] & 0xF1 == 0x21):
        return _MPEG
    has_pictures = head.startswith(b"\0\0\x01\xb3") and len(head) >= 12
    if has_pictures and int.from_bytes(head[4:7], "big") and 1 <= head[7] & 0x0F <= 8 and head[10] & 0x20:
        return _MPEG
    return None


def _by_header(head: bytes) -> Kind | None:
    """Formats whose first bytes are few, and whose next ones can be only some."""
    if head.startswith(b"FLV\x01") and int.from_bytes(head[5:9], "big") >= 9:
        return _FLV_FLAGS.get(head[4])
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        is_old = head[14] == 12
        planes = head[22:24] if is_old else head[26:28]
        return Kind("image/bmp", (IMAGE,)) if planes == b"\1\0" else None
    if head.startswith(b"\xff\x0a") and len(head) >= 16 and _has_sides_of_a_picture(head[2:12]):
        return _JPEG_XL
    return _mxf(head)


def _mxf(head: bytes) -> Kind | None:
    start = head.find(_MXF_PARTITION, 0, _MXF_RUN_IN_BYTES)
    if start < 0:
        return None
    # The key of 16 bytes, the length, and 80 bytes of numbers stand before the list of what the file contains.
    length = head[start + 16 : start + 17]
    listed = start + 17 + (length[0] & 0x7F if length >= b"\x80" else 0) + 80
    count, size = (int.from_bytes(head[at : at + 4], "big") for at in (listed, listed + 4))
    names = [head[at : at + 16] for at in range(listed + 8, listed + 8 + 16 * min(count, _MOST_CONTENTS), 16)]
    is_of_sound = size == 16 and names and all(name[13:14] and name[13] in _MXF_SOUND for name in names)
    return _MXF.of_sound() if is_of_sound else _MXF


def _has_sides_of_a_picture(header: bytes) -> bool:
    """Whether the sides that a bare JPEG XL states first are those of a picture; its signature has two bytes alone."""
    bits = int.from_bytes(header, "little")
    is_small = bool(bits & 1)
    height, rest = _side(bits >> 1, is_small=is_small)
    has_ratio = bool(rest & 7)
    width = height if has_ratio else _side(rest >> 3, is_small=is_small)[0]
    return max(height, width) <= _LONGEST_SIDE


def _side(bits: int, *, is_small: bool) -> tuple[int, int]:
    """A side in pixels, and the bits behind it."""
    if is_small:
        return ((bits & 0x1F) + 1) * 8, bits >> 5
    length = _BITS_OF_A_SIDE[bits & 3]
    return (bits >> 2 & (1 << length) - 1) + 1, bits >> 2 + length
