"""What kind of content a file is, told by its first bytes.

Belongs here: signatures of media formats, and what a file name may promise. puremagic only helps to say what
a refused file is: its guesses depend on the name and vary between its releases, so they decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError
from pique_assets.media.tracks import holds_sound_alone

VIDEO, IMAGE, AUDIO = "video", "image", "audio"
CONTENT_TYPES = (VIDEO, IMAGE, AUDIO)
"""The content types a direct upload takes."""

# Enough for the list of tracks of most containers that have it in front.
SNIFFED_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """A media format. A container that may hold sound alone lists ``audio`` second: its name can say so."""

    media_type: str
    content_types: tuple[str, ...]


_MP4 = Kind("video/mp4", (VIDEO, AUDIO))
_WEBM = Kind("video/webm", (VIDEO, AUDIO))
_MATROSKA = Kind("video/x-matroska", (VIDEO, AUDIO))
_QUICKTIME = Kind("video/quicktime", (VIDEO, AUDIO))
_MPEG_TS = Kind("video/mp2t", (VIDEO,))
_MP3 = Kind("audio/mpeg", (AUDIO,))
_AAC = Kind("audio/aac", (AUDIO,))

_SIGNATURES: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\xff\xd8\xff", Kind("image/jpeg", (IMAGE,))),
    (0, b"\x89PNG\r\n\x1a\n", Kind("image/png", (IMAGE,))),
    (0, b"GIF87a", Kind("image/gif", (IMAGE,))),
    (0, b"GIF89a", Kind("image/gif", (IMAGE,))),
    (0, b"II*\0", Kind("image/tiff", (IMAGE,))),
    (0, b"MM\0*", Kind("image/tiff", (IMAGE,))),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", Kind("image/jxl", (IMAGE,))),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Kind("image/jp2", (IMAGE,))),
    (0, b"FLV\x01", Kind("video/x-flv", (VIDEO,))),
    (0, b"\0\0\x01\xba", Kind("video/mpeg", (VIDEO,))),
    (0, b"\0\0\x01\xb3", Kind("video/mpeg", (VIDEO,))),
    (0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), Kind("video/x-ms-asf", (VIDEO, AUDIO))),
    (0, b"ID3", _MP3),
    (0, b"fLaC", Kind("audio/flac", (AUDIO,))),
    (0, b"#!AMR", Kind("audio/amr", (AUDIO,))),
    (0, b"caff\0\x01", Kind("audio/x-caf", (AUDIO,))),
    (4, b"moov", _QUICKTIME),
    (4, b"mdat", _QUICKTIME),
    (4, b"wide", _QUICKTIME),
)

_RIFF_FORMS = {
    b"AVI ": Kind("video/x-msvideo", (VIDEO,)),
    b"WEBP": Kind("image/webp", (IMAGE,)),
    b"WAVE": Kind("audio/wav", (AUDIO,)),
}

_FTYP_BRANDS = {
    b"qt  ": _QUICKTIME,
    b"M4A ": Kind("audio/mp4", (AUDIO,)),
    b"M4B ": Kind("audio/mp4", (AUDIO,)),
    b"avif": Kind("image/avif", (IMAGE,)),
    b"avis": Kind("image/avif", (IMAGE,)),
    b"heic": Kind("image/heic", (IMAGE,)),
    b"heix": Kind("image/heic", (IMAGE,)),
    b"mif1": Kind("image/heif", (IMAGE,)),
    b"msf1": Kind("image/heif", (IMAGE,)),
}

_EXTENSIONS = {
    VIDEO: "3g2 3gp asf avi f4v flv m2ts m2v m4v mkv mov mp4 mpeg mpg mts ogv qt vob webm wmv",
    IMAGE: "avif bmp gif heic heif jfif jp2 jpe jpeg jpg jxl png tif tiff webp",
    AUDIO: "aac aif aifc aiff amr caf flac m4a m4b mka mp3 oga ogg opus wav weba wma",
    "text": "csv htm html json md srt svg txt vtt xml yaml yml",
}
_PROMISES = {extension: promise for promise, line in _EXTENSIONS.items() for extension in line.split()}
# An .ogg may hold video, and its name alone has never said so.
_PROMISES_NOTHING = frozenset({"ogg"})
# Recorders give these names to sound alone, too.
_MAY_BE_SOUND_ALONE = frozenset({"mp4", "mov", "mkv", "webm", "3gp", "3g2", "f4v"})


def recognise(head: bytes, *, filename: str, declared: str | None = None) -> tuple[str, str]:
    """Tell content type and media type from the first bytes of a file.

    Args:
        head: The first `SNIFFED_BYTES` bytes, or the whole file when it is smaller.
        filename: Must not promise another content type by its extension; unknown extensions promise nothing.
        declared: The content type a sidecar or manifest states; must not contradict either.

    Returns:
        ``(content_type, media_type)`` such as ``("video", "video/mp4")``.

    Raises:
        ContentError: ``unsupported_type`` for no known media format, ``type_mismatch`` on a contradiction.
    """
    kind = sniff(head)
    if kind is None:
        raise ContentError(ErrorCode.UNSUPPORTED_TYPE, f"It is no video, image or audio file{_likeness(head)}.")
    extension = filename.rpartition(".")[2].lower()
    promises_nothing = extension in _PROMISES_NOTHING
    if holds_sound_alone(head):
        kind = Kind(_of_sound(kind.media_type), (AUDIO,))
        promises_nothing |= extension in _MAY_BE_SOUND_ALONE
    promised = None if promises_nothing else _PROMISES.get(extension)
    for wanted, who in ((declared, "its sidecar or manifest"), (promised, f"its name (.{extension})")):
        if wanted is not None and wanted not in kind.content_types:
            raise ContentError(ErrorCode.TYPE_MISMATCH, f"Its content is {kind.media_type}, but {who} says {wanted}.")
    content_type = declared or promised or kind.content_types[0]
    return content_type, _of_sound(kind.media_type) if content_type == AUDIO else kind.media_type


def _of_sound(media_type: str) -> str:
    return media_type.replace("video/", "audio/")


def sniff(head: bytes) -> Kind | None:
    """Return the media format whose signature these first bytes carry; None when there is none."""
    for offset, signature, kind in _SIGNATURES:
        if head.startswith(signature, offset):
            return kind
    if head[4:8] == b"ftyp":
        return _FTYP_BRANDS.get(head[8:12], _MP4)
    # RF64 is a WAVE beyond 4 GB.
    if head.startswith((b"RIFF", b"RF64")):
        return _RIFF_FORMS.get(head[8:12])
    if head.startswith(b"FORM") and head[8:12] in {b"AIFF", b"AIFC"}:
        return Kind("audio/aiff", (AUDIO,))
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _sniff_ebml(head)
    if head.startswith(b"OggS"):
        has_video = b"\x80theora" in head[:256]
        return Kind("video/ogg", (VIDEO,)) if has_video else Kind("audio/ogg", (AUDIO,))
    return _sniff_unmarked(head)


def _sniff_ebml(head: bytes) -> Kind | None:
    if b"webm" in head[:64]:
        return _WEBM
    return _MATROSKA if b"matroska" in head[:64] else None


def _sniff_unmarked(head: bytes) -> Kind | None:
    """Recognise formats that begin with structure instead of a signature."""
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return _MPEG_TS
    if len(head) > 388 and head[4] == head[196] == head[388] == 0x47:
        return _MPEG_TS
    if head.startswith(b"BM") and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return Kind("image/bmp", (IMAGE,))
    if len(head) >= 4 and head[0] == 0xFF:
        return _sniff_mpeg_audio(head[1], head[2])
    return None


def _sniff_mpeg_audio(second: int, third: int) -> Kind | None:
    if second & 0xF6 == 0xF0:
        return _AAC
    version, layer = second >> 3 & 3, second >> 1 & 3
    bitrate, sample_rate = third >> 4, third >> 2 & 3
    is_frame = second & 0xE0 == 0xE0 and version != 1 and layer != 0 and bitrate != 15 and sample_rate != 3
    return _MP3 if is_frame else None


def _likeness(head: bytes) -> str:
    """Say what a refused file looks like, if anything."""
    if not any(head):
        return " (it begins with nothing but zeros: perhaps it is still being written)"
    import puremagic

    try:
        guesses = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        guesses = []
    if guesses:
        return f" (it looks like {guesses[0].name or guesses[0].extension})"
    is_text = not any(byte < 9 for byte in head)
    return " (it looks like text)" if is_text else ""
