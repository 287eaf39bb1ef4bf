"""Real images by the hundred, small enough to be evaluated in a moment, each unlike every other.

Belongs here: the files and the content items that stand for them. Does not: the demo's media (`desk`).
"""

from __future__ import annotations

import hashlib
import itertools
import random
from dataclasses import replace
from pathlib import Path

from PIL import Image

from pique_assets.media import ContentItem

SMALL_PX, LARGE_PX = 16, 400
"""Edge lengths; the large image is more than one chunk of an upload."""


class Studio:
    """Makes images in one folder.

    Args:
        folder: An existing folder.
        seed: What the pixels follow from.
    """

    def __init__(self, folder: Path, *, seed: int) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self._numbers = itertools.count()

    def images(self, count: int) -> list[ContentItem]:
        return [self._image(SMALL_PX) for _ in range(count)]

    def large_image(self) -> ContentItem:
        return self._image(LARGE_PX)

    def refused(self) -> ContentItem:
        """Its name is longer than the API allows."""
        return replace(self._image(SMALL_PX), filename="n" * 300 + ".png")

    def changed(self) -> ContentItem:
        """The file is not what was fingerprinted any more."""
        return replace(self._image(SMALL_PX), fingerprint=hashlib.sha256(b"what it was").hexdigest())

    def _image(self, edge_px: int) -> ContentItem:
        number = next(self._numbers)
        path = self._folder / f"image_{number}.png"
        pixels = self._random.randbytes(3 * edge_px * edge_px)
        Image.frombytes("RGB", (edge_px, edge_px), pixels).save(path, compress_level=0)
        body = path.read_bytes()
        return ContentItem(
            content_uri=path.as_uri(),
            filename=path.name,
            size_bytes=len(body),
            content_type="image",
            media_type="image/png",
            fingerprint=hashlib.sha256(body).hexdigest(),
            title=f"Image {number}",
        )
