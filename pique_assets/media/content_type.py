"""What kind of content a file is: told by what it is, held against what its name and people say.

Belongs here: what a name promises, whose word counts, and when libav and Pillow are asked. Does not: any structure of a
format (`signatures`).
"""

from __future__ import annotations

from pique_assets.decoding.type_client import TypeProbe
from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError
from pique_assets.media.iso_media import ReadAt
from pique_assets.media.kinds import AUDIO, IMAGE, VIDEO, Kind, NoMedia, sound_media_type
from pique_assets.media.signatures import sniff

SNIFFED_BYTES = 1024 * 1024
"""How much of a file decides what it is: enough for the list of tracks of most containers that have it in front."""

_EXTENSIONS = {
    VIDEO: "264 265 3g2 3gp asf avi dv f4v flv h264 hevc ivf m2t m2ts m2v m4v mkv mov mp4 mpeg mpg mts mxf ogv qt tod "
    "ts vob webm wmv",
    IMAGE: "avif bmp gif heic heif hif jfif jp2 jpe jpeg jpg jxl png tif tiff webp",
    AUDIO: "aac ac3 aif aifc aiff amr ape au awb bwf caf dts eac3 ec3 f4a f4b flac m4a m4b mka mp2 mp3 oga ogg opus "
    "rf64 tta w64 wav weba wma wv",
    "text": "csv htm html json md srt svg txt vtt xml yaml yml",
}
_PROMISES = {extension: promise for promise, line in _EXTENSIONS.items() for extension in line.split()}
MEDIA_EXTENSIONS = frozenset(extension for extension, promise in _PROMISES.items() if promise != "text")
# An .ogg may hold video, and its name alone has never said so; programs have files named .ts, too.
_PROMISES_NOTHING = frozenset({"ogg", "ts"})
# Recorders give these names to sound alone, too.
_MAY_BE_SOUND_ALONE = frozenset(
    {"3g2", "3gp", "asf", "f4v", "flv", "m2t", "m2ts", "mkv", "mov", "mp4", "mts", "mxf", "webm"}
)
_UNKNOWN = "It is no video, image or audio file of a known format."


def recognise(
    head: bytes,
    *,
    filename: str,
    declared: str | None = None,
    size_bytes: int | None = None,
    read_at: ReadAt | None = None,
    probe: TypeProbe | None = None,
) -> tuple[str, str]:
    """Tell content type and media type from the first bytes of a file.

    Args:
        head: The first `SNIFFED_BYTES` bytes, or the whole file when it is smaller.
        filename: Must not promise another content type by its extension; unknown extensions promise nothing.
        declared: The content type a sidecar or manifest states; must not contradict either.
        size_bytes: The size of the whole file; None where nobody knows, and then no file is called incomplete.
        read_at: Reads further on in the file, for the index at the end of a film; None where nothing does.
        probe: Asked where the structure tells nothing. It gets the first bytes alone, so that a file on a disk and one
            in a bucket have the same answer.

    Returns:
        ``(content_type, media_type)`` such as ``("video", "video/mp4")``.

    Raises:
        ContentError: ``unsupported_type`` for no known media format, ``type_mismatch`` on a contradiction,
            ``incomplete`` for a file that ends before anything in it can be played, ``unreadable`` where what was asked
            to look into the file did not come to an end.
    """
    found = sniff(head, size_bytes=size_bytes, read_at=read_at) or _looked_into(head, probe=probe)
    if isinstance(found, NoMedia):
        raise ContentError(found.code, found.reason)
    extension = filename.rpartition(".")[2].lower()
    promises_nothing = extension in _PROMISES_NOTHING or (
        found.is_sound_in_video_format and extension in _MAY_BE_SOUND_ALONE
    )
    promised = None if promises_nothing else _PROMISES.get(extension)
    for wanted, who in ((declared, "its sidecar or manifest"), (promised, f"its name (.{extension})")):
        if wanted is not None and wanted not in found.content_types:
            raise ContentError(ErrorCode.TYPE_MISMATCH, f"Its content is {found.media_type}, but {who} says {wanted}.")
    content_type = declared or promised or found.content_types[0]
    return content_type, sound_media_type(found.media_type) if content_type == AUDIO else found.media_type


def _looked_into(head: bytes, *, probe: TypeProbe | None) -> Kind | NoMedia:
    """What libav or Pillow make of a file whose structure tells nothing."""
    if probe is None:
        return NoMedia(_UNKNOWN)
    answer = probe.ask(head)
    if answer.trouble is not None:
        code = ErrorCode.UNREADABLE if answer.may_pass else ErrorCode.UNSUPPORTED_TYPE
        return NoMedia(f"It has the structure of no known format{answer.trouble}.", code)
    if answer.content_type is None or answer.media_type is None:
        return NoMedia(_UNKNOWN)
    kind = Kind(answer.media_type, (answer.content_type,))
    is_of_video = answer.content_type == AUDIO and not answer.media_type.startswith("audio/")
    return kind.of_sound() if is_of_video else kind
