"""Measuring images with Pillow.

Belongs here: everything of Pillow. Does not: verdicts.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from pique_assets.decoding.facts import ImageFacts, UnreadableMedia

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
"""What is opened at all: formats of pictures, none of which runs another program (as EPS does)."""

_LYING_ON_ITS_SIDE = frozenset({5, 6, 7, 8})
"""EXIF orientations whose rows are the columns of the picture as shown."""


def image_facts(path: Path) -> ImageFacts:
    """Decode the whole image at ``path`` and measure it.

    Raises:
        UnreadableMedia: It is no image, is damaged or cut short, or would decode to an absurd size.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                return _measured(image)
    except UnidentifiedImageError as error:
        raise UnreadableMedia("the content is not an image of a supported format") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadableMedia("the image is too large to decode safely") from error
    # Pillow's decoders report damage as any of these, depending on the format.
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        MemoryError,
        RuntimeError,
    ) as error:
        raise UnreadableMedia(f"the image cannot be decoded: {type(error).__name__}") from error


def _measured(image: Image.Image) -> ImageFacts:
    image_format = image.format or "unknown"
    dpi = _dpi(image)
    image.load()
    width, height = image.size
    # Not ImageOps.exif_transpose: it copies every pixel, and the largest image allowed has many.
    if image.getexif().get(ExifTags.Base.Orientation) in _LYING_ON_ITS_SIDE:
        width, height = height, width
    return ImageFacts(
        width=width,
        height=height,
        mode=image.mode,
        format=image_format,
        dpi=dpi,
    )


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    stored = image.info.get("dpi")
    if not isinstance(stored, tuple) or len(stored) != 2:
        return None
    try:
        across, down = (round(float(figure), 2) for figure in stored)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return across, down
