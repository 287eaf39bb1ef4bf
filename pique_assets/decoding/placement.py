"""How a decoded picture is turned and mirrored before it is shown: the display matrix of a frame.

Belongs here: quarter turns and mirrors. Does not: angles between them, which players show unturned as well.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

from pique_assets.decoding.containers import side_data_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a stored pixel at (x, y) is shown: at (a*x + c*y, b*x + d*y), by signs alone."""

    a: int = 1
    b: int = 0
    c: int = 0
    d: int = 1

    @classmethod
    def of(cls, frame: VideoFrame) -> Placement:
        """That of a decoded frame; unturned where nothing is said, or nothing that makes sense."""
        # PyAV's types know no other side data than motion vectors.
        held: Any = side_data_of(frame)
        found = [held[place] for place in range(len(held)) if held[place].type is SideDataType.DISPLAYMATRIX]
        said = bytes(found[0]) if found else b""
        if len(said) < 36:
            return cls()
        matrix = struct.unpack("=9i", said[:36])
        a, b, c, d = (_sign(matrix[place]) for place in (0, 1, 3, 4))
        quarter = (a == d == 0 and b and c) or (b == c == 0 and a and d)
        return cls(a, b, c, d) if quarter else cls()

    @property
    def lies_on_its_side(self) -> bool:
        """Whether stored rows are shown as columns."""
        return self.b != 0

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height as shown."""
        return (height, width) if self.lies_on_its_side else (width, height)

    def shown(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An array of shape (height, width) as it is shown."""
        if self.lies_on_its_side:
            return pixels.T[:: self.b or 1, :: self.c or 1]
        return pixels[:: self.d, :: self.a]


def _sign(fixed: int) -> int:
    """Of a number in 16.16; noise around zero is zero."""
    return 0 if abs(fixed) < 1 << 12 else (1 if fixed > 0 else -1)
