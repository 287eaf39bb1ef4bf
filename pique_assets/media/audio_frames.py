"""Sound that is a row of frames and nothing else: MP3 and its older layers, AAC (ADTS), AC-3 and E-AC-3.

Belongs here: the headers of such frames, and the labels and padding that may stand before the first. Does not:
containers.

A header is 11 to 16 fixed bits, which text in UTF-16 and other data have by chance. So a header counts only if another
of its like stands where the frame says that it ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from pique_assets.media.content import ErrorCode
from pique_assets.media.kinds import AUDIO, Kind, NoMedia

MP3 = Kind("audio/mpeg", (AUDIO,))
_AAC = Kind("audio/aac", (AUDIO,))
_AC3 = Kind("audio/ac3", (AUDIO,))
_EAC3 = Kind("audio/eac3", (AUDIO,))

# Where the first frame stands right at the beginning, or behind a label, or has to be searched for.
_ENOUGH_FRAMES = 3
_ENOUGH_FOUND_FRAMES = 24
_ENOUGH_LONG_FRAMES = 6
_ENOUGH_FOUND_BYTES = 1024
# A stream that was cut inside a frame has its first whole frame within the length of one.
_SEARCHED_BYTES = 4096
_LABELS_AT_THE_END = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"\0\0\0\0")

# Kilobits a second by the version (1, or 2 and 2.5), the layer, and the index in the header.
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_AC3_BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame by its header: its length in bytes, and what all frames of a stream have in common."""

    length: int
    stream: tuple[Kind, int, int]


@dataclass(frozen=True, slots=True)
class _Labels:
    """Labels and padding before the sound: where they end, and whether there is a label among them."""

    end: int
    is_labelled: bool


def behind_labels(head: bytes) -> bytes | None:
    """What stands behind labels (ID3, APE) at the beginning; None where there is no label, or no end of it in sight."""
    labels = _labels(head)
    return head[labels.end :] if labels.is_labelled and labels.end < len(head) else None


def sniff_frames(head: bytes, *, size_bytes: int | None) -> Kind | NoMedia | None:
    """What these first bytes of a file are, if they are frames of sound behind labels and padding; None if not.

    Args:
        head: The file's first bytes, or all of it.
        size_bytes: The file's size; None where nobody knows, and then no file is called incomplete.
    """
    labels = _labels(head)
    if labels.end < len(head):
        return _first_frames(head, labels.end)
    if not labels.is_labelled:
        return None
    if size_bytes is not None and labels.end >= size_bytes:
        return NoMedia(
            "It ends inside the label (ID3 or APE) before its sound: it is still being written, or was cut off.",
            ErrorCode.INCOMPLETE,
        )
    # Covers of several megabytes are common in such labels.
    return MP3


def _labels(head: bytes) -> _Labels:
    place, is_labelled = 0, False
    while True:
        while head[place : place + 1] == b"\0":
            place = _behind_zeros(head, place)
        length = _label_bytes(head, place)
        if length is None:
            return _Labels(place, is_labelled)
        place, is_labelled = place + length, True


def _behind_zeros(head: bytes, place: int) -> int:
    rest = head[place:]
    return place + len(rest) - len(rest.lstrip(b"\0"))


def _label_bytes(head: bytes, place: int) -> int | None:
    """The length of the ID3 or APE label at a place; None where there is none."""
    label = head[place : place + 32]
    if label.startswith(b"ID3") and len(label) >= 10:
        size = label[6:10]
        if not (2 <= label[3] <= 4 and label[4] < 0xFF and max(size) < 0x80):
            return None
        footer = 10 if label[5] & 0x10 else 0
        return 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) + footer
    if label.startswith(b"APETAGEX") and len(label) == 32:
        return 32 + int.from_bytes(label[12:16], "little")
    return None


def _first_frames(head: bytes, start: int) -> Kind | None:
    if (kind := _frames_at(head, start)) is not None:
        return kind
    for place in range(start + 1, min(start + _SEARCHED_BYTES, len(head) - 8)):
        if head[place] in (0xFF, 0x0B) and (kind := _found_frames(head, place)):
            return kind
    return None


def _frames_at(head: bytes, place: int) -> Kind | None:
    """The format of the frames from a place on, if some stand in a row, or a row of fewer ends with the data."""
    row = _row(head, place, most=_ENOUGH_FRAMES)
    if not row:
        return None
    end = place + sum(frame.length for frame in row)
    ends_well = end == len(head) or (len(row) >= 2 and (end > len(head) or _is_end(head[end : end + 16])))
    return row[0].stream[0] if len(row) == _ENOUGH_FRAMES or ends_well else None


def _found_frames(head: bytes, place: int) -> Kind | None:
    """The same in the middle of something: tables of numbers have short rows of what looks like short frames."""
    row = _row(head, place, most=_ENOUGH_FOUND_FRAMES)
    is_long = len(row) >= _ENOUGH_LONG_FRAMES and sum(frame.length for frame in row) >= _ENOUGH_FOUND_BYTES
    return row[0].stream[0] if is_long or len(row) == _ENOUGH_FOUND_FRAMES else None


def _row(head: bytes, place: int, *, most: int) -> list[_Frame]:
    """Frames of one stream, each where the one before ends."""
    row: list[_Frame] = []
    while len(row) < most and (frame := _frame(head, place)) is not None:
        if row and frame.stream != row[0].stream:
            break
        row.append(frame)
        place += frame.length
    return row


def _is_end(rest: bytes) -> bool:
    return len(rest) < 8 or rest.startswith(_LABELS_AT_THE_END)


def _frame(head: bytes, place: int) -> _Frame | None:
    header = head[place : place + 8]
    if len(header) < 8:
        return None
    if header[0] == 0xFF and header[1] & 0xE0 == 0xE0:
        return _adts(header) if header[1] & 0xF6 == 0xF0 else _mpeg(header)
    return _ac3(header) if header[:2] == b"\x0b\x77" else None


def _mpeg(header: bytes) -> _Frame | None:
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    # An index of zero leaves the bit rate open: only a decoder can tell the length of such frames.
    if version == 1 or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    bits = _BITRATES[1 if version == 3 else 2, layer][bitrate_index - 1] * 1000
    rate = _SAMPLE_RATES[version][rate_index]
    if layer == 1:
        length = (12 * bits // rate + padding) * 4
    else:
        length = (72 if layer == 3 and version != 3 else 144) * bits // rate + padding
    return _Frame(length, (MP3, version << 2 | layer, rate))


def _adts(header: bytes) -> _Frame | None:
    rate_index = header[2] >> 2 & 15
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate_index > 12 or length < 8:
        return None
    return _Frame(length, (_AAC, header[1], rate_index))


def _ac3(header: bytes) -> _Frame | None:
    rate_index, stream_id = header[4] >> 6, header[5] >> 3
    if stream_id > 16:
        return None
    if stream_id > 10:
        return _Frame(((header[2] & 7) << 8 | header[3]) * 2 + 2, (_EAC3, stream_id, rate_index))
    size_code = header[4] & 63
    if rate_index == 3 or size_code >= 2 * len(_AC3_BITRATES):
        return None
    kilobits = _AC3_BITRATES[size_code >> 1]
    length = (kilobits * 4, 2 * (320 * kilobits // 147 + (size_code & 1)), kilobits * 6)[rate_index]
    return _Frame(length, (_AC3, stream_id, rate_index))
