"""Text in pictures: where lines of it are, and what they say.

Belongs here: the models that find and read text, which are files inside the wheel of `rapidocr`, checked by their
SHA-256, and how little of a picture is looked at. Does not: what the text is there for (`captions`). Latin letters
and Chinese characters are read; of other scripts comes noise with a low confidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pique_assets.decoding.media import Frame

FINDING_SIDE = 480
FINDING_PIXELS = 480 * 300
"""Text is looked for in pictures of at most this longest side and this many pixels; lines are read at the size of the
still."""

MOST_LINES_READ = 4
"""A still with more new lines is a page of text, of which no line is read."""

SAME_PICTURE = 1.0
"""Mean difference of brightness, of 255, up to which two stills are one picture."""

SAME_LINE = 0.75
"""Correlation from which two pictures of a line at one place are the same line."""

SAME_PLACE = 0.02
"""How far, in shares of the picture, a line's box may be from where it was."""

OFF_CENTRE = 0.07
"""How far from the middle of the picture the middle of a caption may be, in shares of the width."""

WORD_GAP = 1.2
"""Words of one line are nearer than this, in shares of the line's height by those of the width."""

PLAIN = 6.0
"""Standard deviation of brightness, of 255, below which a picture is one plain area."""

HIGHEST = 0.2
"""A box that is higher than this share of the picture is a shape that looks like a letter."""

STEEPEST = 0.12
"""Rise over run from which a line is on something in the picture."""

MODELS: Final = {
    "PP-OCRv6_det_small.onnx": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "PP-OCRv6_rec_small.onnx": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}
"""The models that find and that read, and their SHA-256."""


class ModelRefused(Exception):
    """A model is absent or is not the one this package was made with; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of text in a still.

    Attributes:
        left, top, right, bottom: Its box, in shares of the picture's width and height.
        text: What was read; None for a line that was found and not read.
        confidence: 0..1, the mean over its characters.
    """

    left: float
    top: float
    right: float
    bottom: float
    text: str | None = None
    confidence: float = 0.0

    @property
    def height(self) -> float:
        """The height of its box, in shares of the picture's height."""
        return self.bottom - self.top

    @property
    def centre(self) -> float:
        """Where its middle is across the picture."""
        return (self.left + self.right) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSeen:
    """The lines in one still.

    Attributes:
        time_s: When the still is shown.
        lines: From top to bottom.
        is_card: Whether the picture behind the lines is one plain area.
    """

    time_s: float
    lines: tuple[TextLine, ...]
    is_card: bool = False


def model_files() -> dict[str, Path]:
    """The checked model files by their names.

    Raises:
        ModelRefused: One is absent, or is another one.
    """
    spec = find_spec("rapidocr")
    folder = Path(next(iter((spec and spec.submodule_search_locations) or ["rapidocr"]))) / "models"
    files = {name: folder / name for name in MODELS}
    for name, file in files.items():
        if not file.is_file():
            raise ModelRefused(f"the model {file} is missing: pip install --force-reinstall 'pique_assets[local-ocr]'")
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if found != MODELS[name]:
            raise ModelRefused(
                f"the model {file} has the SHA-256 {found}, not {MODELS[name]}: "
                "pip install --force-reinstall 'pique_assets[local-ocr]'"
            )
    return files


@cache
def _engine() -> Any:  # noqa: ANN401 - the library publishes no types
    """The models in memory, once a process, on one thread."""
    files = model_files()
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    find, read = files.values()
    params = {
        "Global.use_cls": False,
        "Global.log_level": "critical",
        "Global.text_score": 0.0,
        # With their paths given, nothing is ever downloaded.
        "Det.model_path": str(find),
        "Rec.model_path": str(read),
        "Det.limit_type": "max",
        "Det.limit_side_len": FINDING_SIDE,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return RapidOCR(params=params)


def text_in(stills: Sequence[Frame]) -> tuple[TextSeen, ...]:
    """The text in each still, in their order.

    A line that looks as in the still before is not read again, and lines that are no candidates for captions are found
    but not read: those beside the middle, and those of a page of text.
    """
    seen: list[TextSeen] = []
    for number, still in enumerate(stills):
        before = stills[number - 1] if number else None
        if before is not None and _is_same_picture(before.gray, still.gray):
            seen.append(replace(seen[-1], time_s=still.time_s))
            continue
        lines = rows_of(_boxes(still.gray))
        known = [line for line in seen[-1].lines if line.text is not None] if seen else []
        seen.append(
            TextSeen(
                time_s=still.time_s,
                lines=_read(still.gray, lines, before=None if before is None else before.gray, known=known),
                is_card=bool(lines) and _is_card(still.gray, lines),
            )
        )
    return tuple(seen)


def rows_of(boxes: Sequence[TextLine]) -> list[TextLine]:
    """Boxes that are parts of one line, such as its words, joined; from top to bottom."""
    rows: list[TextLine] = []
    for box in sorted(boxes, key=lambda one: one.left):
        for number, row in enumerate(rows):
            shared = min(row.bottom, box.bottom) - max(row.top, box.top)
            if shared > 0.6 * min(row.height, box.height) and box.left - row.right < WORD_GAP * row.height:
                rows[number] = replace(
                    row, right=max(row.right, box.right), top=min(row.top, box.top), bottom=max(row.bottom, box.bottom)
                )
                break
        else:
            rows.append(box)
    return sorted(rows, key=lambda one: one.top)


def _boxes(gray: NDArray[np.uint8]) -> list[TextLine]:
    if gray.std() < PLAIN:
        return []
    small = _shrunk(gray)
    found = _engine()(_in_colour(small), use_det=True, use_cls=False, use_rec=False)
    height, width = small.shape
    boxes = []
    for corners in [] if found.boxes is None else found.boxes:
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        slant = abs(corners[1][1] - corners[0][1]) / max(1.0, abs(corners[1][0] - corners[0][0]))
        if slant < STEEPEST and right - left > bottom - top and bottom - top < HIGHEST * height:
            boxes.append(
                TextLine(
                    left=float(left / width),
                    top=float(top / height),
                    right=float(right / width),
                    bottom=float(bottom / height),
                )
            )
    return boxes


def _shrunk(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    height, width = gray.shape
    scale = min(1.0, FINDING_SIDE / max(height, width), (FINDING_PIXELS / (height * width)) ** 0.5)
    small = cv2.resize(
        gray, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(small, dtype=np.uint8)


def _read(
    gray: NDArray[np.uint8], lines: Sequence[TextLine], *, before: NDArray[np.uint8] | None, known: Sequence[TextLine]
) -> tuple[TextLine, ...]:
    read: list[TextLine] = []
    candidates = [line for line in lines if abs(line.centre - 0.5) <= OFF_CENTRE]
    is_page = len(candidates) > MOST_LINES_READ
    for line in lines:
        if line not in candidates or is_page:
            read.append(line)
            continue
        same = next((one for one in known if before is not None and _is_same_line(before, gray, one, line)), None)
        if same is not None:
            read.append(replace(line, text=same.text, confidence=same.confidence))
            continue
        found = _engine()(_in_colour(_cut(gray, line)), use_det=False, use_cls=False, use_rec=True)
        text, confidence = (found.txts[0], found.scores[0]) if found.txts else ("", 0.0)
        read.append(replace(line, text=text.strip(), confidence=round(float(confidence), 3)))
    return tuple(read)


def _is_same_line(before: NDArray[np.uint8], gray: NDArray[np.uint8], known: TextLine, line: TextLine) -> bool:
    import numpy as np

    edges = ((known.left, line.left), (known.right, line.right), (known.top, line.top), (known.bottom, line.bottom))
    if any(abs(one - other) > SAME_PLACE for one, other in edges):
        return False
    first, second = _cut(before, line).ravel(), _cut(gray, line).ravel()
    if first.std() < 1 or second.std() < 1:
        return False
    return float(np.corrcoef(first, second)[0, 1]) >= SAME_LINE


def _is_same_picture(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    import numpy as np

    if one.shape != other.shape:
        return False
    return float(np.abs(one.astype(np.int16) - other).mean()) <= SAME_PICTURE


def _is_card(gray: NDArray[np.uint8], lines: Sequence[TextLine]) -> bool:
    """Whether what is beside the lines is one plain area."""
    import numpy as np

    beside = np.ones(gray.shape, dtype=bool)
    height, width = gray.shape
    for line in lines:
        pad = line.height / 2
        top, bottom = max(0, int((line.top - pad) * height)), int((line.bottom + pad) * height)
        left, right = max(0, int((line.left - pad) * width)), int((line.right + pad) * width)
        beside[top:bottom, left:right] = False
    return bool(beside.any()) and float(gray[beside].std()) < PLAIN


def _cut(gray: NDArray[np.uint8], line: TextLine) -> NDArray[np.uint8]:
    height, width = gray.shape
    top, bottom = int(line.top * height), max(int(line.top * height) + 1, round(line.bottom * height))
    left, right = int(line.left * width), max(int(line.left * width) + 1, round(line.right * width))
    return gray[top:bottom, left:right]


def _in_colour(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np

    return np.repeat(gray[:, :, None], 3, axis=2)
