"""Files that are certainly no media: text, documents, archives, disc images, programs, raw photos.

Belongs here: what a refused file is, where its structure says so beyond doubt. Does not: guesses. Of a file that none
of these tells, nobody says what it may be.
"""

from __future__ import annotations

import codecs
import unicodedata

from pique_assets.media.kinds import NoMedia, is_certainly
from pique_assets.media.tiff import raw_photo

_ARCHIVE = "an archive or a packed file"
_DISC = "a disc image"
_PROGRAM = "a program"
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive, or a document that is one"),
    (0, b"PK\x05\x06\0\0\0\0", "a ZIP archive, or a document that is one"),
    (0, bytes.fromhex("d0cf11e0a1b11ae1"), "an office document"),
    (0, b"\x1f\x8b\x08", _ARCHIVE),
    (0, b"\xfd7zXZ\0", _ARCHIVE),
    (0, b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (0, b"Rar!\x1a\x07", _ARCHIVE),
    (4, b"1AY&SY", _ARCHIVE),
    (257, b"ustar", _ARCHIVE),
    (32769, b"CD001", _DISC),
    (32769, b"BEA01", _DISC),
    (0, b"\0" + b"\xff" * 10 + b"\0", _DISC),
    (0, b"QFI\xfb\0\0\0", _DISC),
    (0, b"conectix", _DISC),
    (0, b"KDMV\1\0\0\0", _DISC),
    (0, b"SQLite format 3\0", "a database"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"\x7fELF", _PROGRAM),
    (0, b"MThd\0\0\0\x06", "a MIDI file, which has notes and no sound"),
    (0, b"8BPS\0\1", "a Photoshop document"),
    (0, b"8BPS\0\2", "a Photoshop document"),
    (0, b"d8:announce", "a torrent, which only names files"),
    (0, b"version https://git-lfs.github.com/spec/", "a pointer of Git LFS, whose file `git lfs pull` fetches"),
)
_RAW_PHOTOS: tuple[tuple[bytes, str], ...] = (
    (b"FUJIFILMCCD-RAW", "RAF"),
    (b"IIU\0", "RW2"),
    (b"IIRO", "ORF"),
    (b"IIRS", "ORF"),
    (b"MMOR", "ORF"),
    (b"FOVb", "X3F"),
    (b"\0MRM", "MRW"),
    (b"II\x1a\0\0\0HEAPCCDR", "CRW"),
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_READ_OF_TEXT = 4096
_ALLOWED_CONTROLS = frozenset("\t\n\r\f\x1b")
_NO_TEXT = frozenset({"Cc", "Cn", "Co", "Cs"})
# Of less, a few bytes of anything may be letters.
_ENOUGH_LATIN_BYTES = 512


def sniff_other(head: bytes) -> NoMedia | None:
    """What these first bytes of a file are, if they are certainly no media."""
    for offset, signature, what in _SIGNATURES:
        if head.startswith(signature, offset):
            return is_certainly(what)
    for signature, which in _RAW_PHOTOS:
        if head.startswith(signature):
            return raw_photo(which)
    if head.startswith(b"MZ") and head.startswith(b"PE\0\0", int.from_bytes(head[60:64], "little")):
        return is_certainly(_PROGRAM)
    if head.count(0) == len(head):
        return NoMedia("It begins with nothing but zeros: perhaps it is still being written.")
    return is_certainly("text") if _is_text(head[:_READ_OF_TEXT], is_all=len(head) <= _READ_OF_TEXT) else None


def _is_text(data: bytes, *, is_all: bool) -> bool:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _reads_as(encoding, data, is_all=is_all)
    half = len(data) // 2
    if half >= 8 and data[1::2].count(0) > 0.4 * half:
        return _reads_as("utf-16-le", data, is_all=is_all)
    if half >= 8 and data[::2].count(0) > 0.4 * half:
        return _reads_as("utf-16-be", data, is_all=is_all)
    return _reads_as("utf-8", data, is_all=is_all) or (
        len(data) >= _ENOUGH_LATIN_BYTES and _reads_as("latin-1", data, is_all=is_all, allowed=range(0x80, 0xA0))
    )


def _reads_as(encoding: str, data: bytes, *, is_all: bool, allowed: range = range(0)) -> bool:
    """Whether the bytes are text in an encoding, whose last character may have been cut where they are not all."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, final=is_all)
    except UnicodeDecodeError:
        return False
    return all(
        character in _ALLOWED_CONTROLS or ord(character) in allowed or unicodedata.category(character) not in _NO_TEXT
        for character in set(text)
    )
