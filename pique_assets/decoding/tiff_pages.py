"""TIFF files: which of their pages is the picture, and which are thumbnails of it.

Belongs here: raw photos, which are TIFF files whose first page is a small preview: nothing measures that as the photo.
Does not: decoding.
"""

from __future__ import annotations

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pique_assets.decoding.facts import UnreadableMedia

MOST_PAGES = 100
"""So many pages are looked at."""

_NEW_SUBFILE_TYPE = 254
_WIDTH, _HEIGHT = 256, 257
_SUB_IFDS = 330
_DNG_VERSION = 50706
_IS_REDUCED = 1


def go_to_picture(image: Image.Image) -> None:
    """Turn to the largest page that is no reduced copy of another one.

    Raises:
        UnreadableMedia: The picture itself is not in a page that can be decoded, as in raw photos.
    """
    if not isinstance(image, TiffImageFile):
        return
    if _DNG_VERSION in image.tag_v2:
        raise UnreadableMedia("it is a raw photo (DNG), which is not measured here: export it as JPEG or TIFF")
    has_more = _SUB_IFDS in image.tag_v2
    whole: list[tuple[int, int]] = []
    for page in range(min(image.n_frames, MOST_PAGES)):
        image.seek(page)
        if not int(image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)) & _IS_REDUCED:
            whole.append((image.width * image.height, -page))
    if not whole:
        what = "a raw photo" if has_more else "a TIFF file"
        raise UnreadableMedia(
            f"it is {what} of which only a thumbnail can be decoded, which is not measured: export it as JPEG"
        )
    image.seek(-max(whole)[1])


def stored_size(image: TiffImageFile) -> tuple[int, int]:
    """Pixels across and down of the page, as they are stored: not turned by the page's orientation."""
    return int(image.tag_v2[_WIDTH]), int(image.tag_v2[_HEIGHT])
