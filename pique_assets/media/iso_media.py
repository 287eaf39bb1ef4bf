"""Files made of boxes: MP4, QuickTime, 3GP, HEIF and AVIF.

Belongs here: brands, the kinds of tracks that ``moov`` lists, and whether the file ends before anything in it can be
played. Does not: other containers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pique_assets.media.content import ErrorCode
from pique_assets.media.kinds import AUDIO, IMAGE, VIDEO, Kind, NoMedia

_MP4 = Kind("video/mp4", (VIDEO, AUDIO))
_QUICKTIME = Kind("video/quicktime", (VIDEO, AUDIO))
_OF_SOUND = Kind("audio/mp4", (AUDIO,), is_sound_in_video_format=True)
# Books and songs may have a track of pictures, one for each chapter.
_OF_SOUND_WITH_PICTURES = Kind("audio/mp4", (AUDIO, VIDEO), is_sound_in_video_format=True)

_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
_IMAGE_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"),
    **dict.fromkeys((b"mif1", b"mif2", b"msf1", b"miaf", b"avci", b"avcs"), "image/heif"),
}
# What these say of a picture's coding, others of the same file say more precisely.
_COMMON_IMAGE_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
_RAW_BRAND = b"crx "

# A QuickTime file may begin with any of these; what tells it is the first of `_TELLING` behind them.
_PASSED_OVER = frozenset({b"free", b"skip", b"wide", b"pnot", b"PICT", b"pict", b"uuid", b"junk", b"udta", b"prfl"})
_TELLING = frozenset({b"ftyp", b"moov", b"mdat"})
_IN_MOOV = frozenset({b"mvhd", b"cmov", b"rmra", b"trak", b"iods", b"udta", b"meta", b"prfl", b"free", b"skip"})
_EMPTY = b"\0\0\0\0"
_PLAYABLE = frozenset({b"moov", b"moof", b"meta"})
_OF_A_PICTURE = frozenset({b"ftyp", b"meta", b"mdat", b"moov"})
_CUT_PICTURE = NoMedia("It ends inside its picture: it is still being written, or was cut off.", ErrorCode.INCOMPLETE)
_MOST_BOXES = 1000
_MOST_READS = 16
_MOST_INDEX_BYTES = 16 * 1024 * 1024
"""An index of more is left unread: then a name or a person says whether a film is sound alone."""
_HANDLERS = {b"vide": VIDEO, b"soun": AUDIO}


ReadAt: TypeAlias = Callable[[int, int], bytes]
"""Reads up to a number of bytes from a place in a file on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box of which the beginning is known.

    Attributes:
        name: Four bytes.
        start: Where the box begins in the data.
        body: What is known of its content.
        end: Where the box ends, perhaps beyond what is known; None where it reaches to the end of the file.
    """

    name: bytes
    start: int
    body: bytes
    end: int | None


def sniff_boxes(head: bytes, *, size_bytes: int | None, read_at: ReadAt | None = None) -> Kind | NoMedia | None:
    """What these first bytes of a file are, if they are boxes of media; None if they are not.

    Args:
        head: The file's first bytes, or all of it.
        size_bytes: The file's size; None where nobody knows, and then no file is called incomplete.
        read_at: Reads further on in the file; None where nothing does.
    """
    top = _leading_boxes(head)
    telling = next((box for box in top if box.name in _TELLING), None)
    if telling is None or not _is_sound(telling, size_bytes=size_bytes):
        return None
    kind = _of_brands(telling.body, top=top) if telling.name == b"ftyp" else _QUICKTIME
    if isinstance(kind, NoMedia):
        return kind
    if kind.content_types == (IMAGE,):
        return _CUT_PICTURE if size_bytes is not None and _ends_inside(top[-1], size_bytes=size_bytes) else kind
    if size_bytes is not None and read_at is not None:
        top = [*top, *_boxes_beyond(top[-1], size_bytes=size_bytes, read_at=read_at)]
    if size_bytes is not None and _is_cut(top, size_bytes=size_bytes):
        return NoMedia(
            "It has no index (moov), without which no player can open it, or ends inside of it: it is still being "
            "written, or was cut off.",
            ErrorCode.INCOMPLETE,
        )
    return _by_tracks(kind, _tracks(top))


def _ends_inside(last: Box, *, size_bytes: int) -> bool:
    """Whether a picture's file ends inside of a box that the picture needs; what cameras add behind may be anything."""
    return last.name in _OF_A_PICTURE and last.end is not None and last.end > size_bytes


def boxes(data: bytes) -> Iterator[Box]:
    """Each box that begins in the data, as far as their sizes make sense."""
    place = 0
    while place + 8 <= len(data):
        size, header = int.from_bytes(data[place : place + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        end = place + size if size else None
        if end is not None and size < header:
            return
        yield Box(name=data[place + 4 : place + 8], start=place, body=data[place + header : end], end=end)
        if end is None:
            return
        place = end


def _leading_boxes(head: bytes) -> list[Box]:
    """The boxes at the top, up to the first whose name no such file has."""
    if head[4:8] not in _TELLING | _PASSED_OVER:
        return []
    found: list[Box] = []
    for box in boxes(head):
        if len(found) == _MOST_BOXES or not all(32 <= byte < 127 or byte == 0xA9 for byte in box.name):
            break
        if not found or any(one.name in _TELLING for one in found) or box.name in _TELLING | _PASSED_OVER:
            found.append(box)
        else:
            break
    return found


def _boxes_beyond(last: Box, *, size_bytes: int, read_at: ReadAt) -> Iterator[Box]:
    """The boxes behind the samples, as far as the index, each read where the one before ends."""
    if last.name != b"mdat":
        return
    place = last.end
    for _ in range(_MOST_READS):
        if place is None or place >= size_bytes:
            return
        header = read_at(place, 16)
        box = next(boxes(header), None)
        if box is None or not any(header[:8]):
            # Room that was made for a whole file, of which the rest has not come yet.
            is_empty = not any(header) and not any(read_at(size_bytes - 16, 16))
            if is_empty:
                yield Box(name=_EMPTY, start=place, body=b"", end=size_bytes)
            return
        length = size_bytes - place if box.end is None else box.end
        end = place + length
        is_read = box.name == b"moov" and length <= _MOST_INDEX_BYTES
        body = read_at(place, length)[8 + 8 * (header[:4] == b"\0\0\0\1") :] if is_read else b""
        yield Box(name=box.name, start=place, body=body, end=end)
        if box.name in _PLAYABLE:
            return
        place = end


def _is_sound(box: Box, *, size_bytes: int | None) -> bool:
    """Whether a box is more than four letters that it shares by chance."""
    if box.name == b"ftyp":
        return box.end is not None and 16 <= box.end - box.start <= 4096
    if box.name == b"moov":
        return box.body[4:8] in _IN_MOOV
    # A box behind others has its place; the first bytes of a file may be anything.
    return box.start > 0 or size_bytes is None or box.end is None or box.end <= max(size_bytes, 2**32)


def _of_brands(ftyp: bytes, *, top: Sequence[Box]) -> Kind | NoMedia:
    major = ftyp[:4]
    compatible = [ftyp[at : at + 4] for at in range(8, len(ftyp) - 3, 4)]
    if major == _RAW_BRAND:
        return NoMedia("It is a raw photo or film (Canon CR3 or CRM): export it as JPEG, PNG or MP4.")
    if major in _IMAGE_BRANDS or _holds_a_picture(top):
        brands = [major, *compatible]
        of_image = [brand for brand in brands if brand in _IMAGE_BRANDS]
        exact = next((brand for brand in of_image if brand not in _COMMON_IMAGE_BRANDS), None)
        return Kind(_IMAGE_BRANDS[exact] if exact else "image/heif", (IMAGE,))
    if major in _SOUND_BRANDS:
        return _OF_SOUND
    if major == b"qt  ":
        return _QUICKTIME
    if major[:2] == b"3g":
        return Kind("video/3gpp2" if major[:3] == b"3g2" else "video/3gpp", (VIDEO, AUDIO))
    return _MP4


def _holds_a_picture(top: Sequence[Box]) -> bool:
    """Whether the first box that says what is in the file describes pictures and no film."""
    telling = next((box for box in top if box.name in {b"moov", b"meta"}), None)
    # A version and flags stand before the boxes of `meta`.
    inner = boxes(telling.body[4:]) if telling is not None and telling.name == b"meta" else iter(())
    return any(box.name == b"hdlr" and box.body[8:12] == b"pict" for box in inner)


def _is_cut(top: Sequence[Box], *, size_bytes: int) -> bool:
    """Whether the file ends inside its samples or index, without anything in front by which these could be played.

    An end inside the samples of a file that has its index in front is none: players show what is there.
    """
    names = {box.name for box in top[:-1]}
    last = top[-1]
    reaches_beyond = last.end is None or last.end > size_bytes
    if last.name == b"moov":
        return last.end is not None and reaches_beyond
    if last.name == b"mdat":
        return (reaches_beyond or last.end == size_bytes) and not names & _PLAYABLE
    return last.end == size_bytes and not (names | {last.name}) & _PLAYABLE


def _tracks(top: Sequence[Box]) -> set[str] | None:
    """Kinds of the tracks listed in ``moov``; None where that is not known, or not to its end."""
    for box in top:
        if box.name == b"moov":
            is_whole = box.end is not None and len(box.body) >= box.end - box.start - 16
            return {_HANDLERS.get(handler, "") for handler in _handlers(box.body)} if is_whole else None
    return None


def _handlers(moov: bytes) -> Iterator[bytes]:
    for track in boxes(moov):
        for media in boxes(track.body) if track.name == b"trak" else ():
            for box in boxes(media.body) if media.name == b"mdia" else ():
                if box.name == b"hdlr":
                    # A version, flags and a field that QuickTime alone uses stand before the handler.
                    yield box.body[8:12]


def _by_tracks(kind: Kind, tracks: set[str] | None) -> Kind:
    if tracks is None:
        return kind
    if VIDEO in tracks:
        return _OF_SOUND_WITH_PICTURES if kind == _OF_SOUND else kind
    return kind.of_sound() if AUDIO in tracks else kind
