"""Measuring images with Pillow.

Belongs here: everything of Pillow: opening what strangers sent, and measuring it without holding more pixels than
needed. Does not: verdicts.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.MpoImagePlugin import MpoImageFile
from PIL.TiffImagePlugin import TiffImageFile

from pique_assets.decoding import png_chunks
from pique_assets.decoding.facts import ImageFacts, UnreadableMedia
from pique_assets.decoding.tiff_pages import go_to_picture, stored_size

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000")
"""What is opened at all: formats of pictures, none of which runs another program (as EPS does)."""

MAX_PIXELS = 200_000_000
"""Largest image that is decoded: phones take pictures of 200 megapixels."""

_NOT_MEASURED = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"<svg", "an SVG drawing"),
)
_BEGINNINGS = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF8", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (8, b"WEBP", "WebP"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
)
"""Where and how files of the formats that are opened begin, so that of a damaged one the format can be named."""

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})

_HEAD_BYTES = 64

_LYING_ON_ITS_SIDE = frozenset({5, 6, 7, 8})
"""EXIF orientations whose rows are the columns of the picture as shown."""

_EXIF_ORIENTATION = ExifTags.Base.Orientation

_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""Pillow's decoders report damage as any of these, depending on the format."""


def image_facts(path: Path) -> ImageFacts:
    """Decode the whole image at ``path`` and measure it.

    Raises:
        UnreadableMedia: It is no image, is damaged or cut short, or is too large to be decoded.
    """
    try:
        with opened_image(path) as (image, file):
            return _measured(image, file)
    except _DAMAGE as error:
        reason = "it needs too much memory" if isinstance(error, MemoryError) else "it is damaged or cut short"
        raise UnreadableMedia(f"the image cannot be decoded: {reason} ({type(error).__name__})") from error


@contextmanager
def opened_image(path: Path) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """The image at ``path``, not decoded yet, and its file.

    Raises:
        UnreadableMedia: It is no image of a known format, or is too large to be decoded.
        Exception: Whatever Pillow makes of damage.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        is_png = head.startswith(png_chunks.SIGNATURE)
        source = png_chunks.picture_alone(file, png_chunks.chunks_of(file)) if is_png else file
        source.seek(0)
        with warnings.catch_warnings():
            # Every size is checked here, so Pillow need not warn of large ones.
            warnings.simplefilter("ignore")
            with _identified(source, head) as image:
                megapixels = image.width * image.height / 1e6
                if megapixels > MAX_PIXELS / 1e6:
                    raise UnreadableMedia(
                        f"the image is too large: {megapixels:.0f} megapixels, "
                        f"more than the {MAX_PIXELS / 1e6:.0f} that are decoded"
                    )
                yield image, file


def _identified(source: BinaryIO, head: bytes) -> Image.Image:
    # Pillow refuses twice this number, and its own limit is lower than ours.
    Image.MAX_IMAGE_PIXELS = None
    formats = FORMATS
    brands = {head[place : place + 4] for place in range(8, len(head), 4)} if head[4:8] == b"ftyp" else set()
    if brands & _HEIF_BRANDS:
        # Each process that meets such an image pays for the library, and no other.
        from pi_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
        formats = (*FORMATS, "HEIF")
    try:
        return Image.open(source, formats=formats)
    except UnidentifiedImageError as error:
        for start, name in _NOT_MEASURED:
            if head.startswith(start):
                raise UnreadableMedia(
                    f"the content is not an image of a supported format but {name}: convert it to PNG or JPEG"
                ) from error
        for place, start, name in _BEGINNINGS:
            if head.startswith(start, place):
                raise UnreadableMedia(
                    f"the content begins like {name} and cannot be decoded: it is damaged, cut short, or of a variant "
                    "that is not supported"
                ) from error
        raise UnreadableMedia("the content is not an image of a supported format") from error


def _measured(image: Image.Image, file: BinaryIO) -> ImageFacts:
    notes = []
    image_format = image.format or "unknown"
    if image_format == "TIFF":
        go_to_picture(image)
    count = getattr(image, "n_frames", 1)
    if isinstance(image, MpoImageFile):
        image_format, count = "JPEG", _as_large_as_the_first(image)
    if count > 1:
        notes.append(
            f"it holds {count} pictures, and the {'largest' if image_format == 'TIFF' else 'first'} is measured"
        )
    dpi = _dpi(image)
    width, height = _shown_size(image)
    mode = image.mode
    _check_whole(image, file)
    return ImageFacts(width=width, height=height, mode=mode, format=image_format, dpi=dpi, notes=tuple(notes))


def _as_large_as_the_first(image: MpoImageFile) -> int:
    """How many pictures of a JPEG have the size of its first: cameras and phones add previews and maps of light."""
    sizes = [image.size]
    with suppress(*_DAMAGE):
        for number in range(1, image.n_frames):
            image.seek(number)
            sizes.append(image.size)
    image.seek(0)
    return sizes.count(sizes[0])


def _check_whole(image: Image.Image, file: BinaryIO) -> None:
    """Decode everything, for the formats of large photos without holding all pixels."""
    if image.format == "PNG":
        png_chunks.check_whole(file, png_chunks.chunks_of(file))
        return
    if image.format in ("JPEG", "MPO"):
        # An eighth of the size needs a sixty-fourth of the memory, and every byte is read all the same.
        image.draft(image.mode, (max(1, image.width // 8), max(1, image.height // 8)))
    image.load()


def _shown_size(image: Image.Image) -> tuple[int, int]:
    # Pillow itself turns the size of a TIFF, and that of no other format.
    width, height = stored_size(image) if isinstance(image, TiffImageFile) else image.size
    return (height, width) if _lies_on_its_side(image) else (width, height)


def _lies_on_its_side(image: Image.Image) -> bool:
    # Not ImageOps.exif_transpose: it copies every pixel, and the largest image allowed has many.
    try:
        return image.getexif().get(_EXIF_ORIENTATION) in _LYING_ON_ITS_SIDE
    except _DAMAGE:
        # Damage beside the picture: viewers show it unturned.
        return False


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    stored = image.info.get("dpi")
    if not isinstance(stored, tuple) or len(stored) != 2:
        return None
    try:
        across, down = (round(float(figure), 2) for figure in stored)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return across, down
