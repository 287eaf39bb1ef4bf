"""Captions among the text of a video: which lines are words said, and why the others are not.

Belongs here: rules over lines and their boxes, still by still. A caption is centred, stands at the place where its
neighbours stand and is as high as they are, stays for seconds, and makes way for the next one. Does not: finding and
reading text (`text_in_pictures`), subtitle tracks (`soft_subtitles`), what a
text is by its letters (`caption_words`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from statistics import median

from pique_assets.local.detectors.caption_words import is_garbled, is_known, is_number, is_same, is_sentence, letters_of
from pique_assets.local.detectors.text_in_pictures import OFF_CENTRE, TextLine, TextSeen

LEAST_CUES = 3
LEAST_CUES_OF_A_SHORT_VIDEO = 2
SHORT_VIDEO_SEC = 10.0
"""Fewer different captions could be anything; a video that is shorter than this has time for fewer."""

LEAST_COVERAGE = 0.05
"""Share of the stills in which captions are seen."""

LONGEST_STAY_SEC = 9.0
"""What stands for longer is no caption."""

MOST_LINES = 3
"""Of one caption."""

MOST_OTHER_LINES = 2.5
"""Beside a caption, in the median: where there are more, the text is part of a page."""

LOWER, UPPER = 0.6, 0.22
"""Captions stand below the one or above the other, in shares of the height; in between only where the picture is
not wide, because in wide pictures titles stand there."""

WIDE_ASPECT_RATIO = 1.05

LEAST_CONFIDENCE = 0.8
LEAST_LETTERS = 0.6
"""How surely a line must be read, and how many letters it must have for each stretch as long as it is high."""

SHARE_OF_SENTENCES = 0.5
SHARE_OF_SENTENCES_ON_CARDS = 0.8
SHARE_OF_CARDS = 0.6
SHARE_OF_FOLLOWERS = 0.6
SHARE_OF_NEW_TEXTS = 0.8


class NotACaption(StrEnum):
    """Why text is not taken for captions."""

    STAYS = "stays unchanged, as a watermark, a logo or a sign does"
    NUMBERS = "is numbers, as a timecode or a score is"
    BESIDE = "is beside the middle, as a lower third or a sign is"
    MOVES = "moves through the picture, as a ticker or credits do"
    PAGE = "is part of a page of text, as in slides, credits or on a screen"
    MIDDLE = "stands in the middle of a wide picture, as a title does"
    CARDS = "stands on a plain area, as a title or an end card does"
    NAMES = "is names and titles without a sentence, as credits and title cards are"
    FEW = "is too little for captions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A caption: when it is seen, in seconds from the first still with it to the next still without it."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Text that is not taken for captions: when it is seen first, and why."""

    time_s: float
    text: str
    reason: NotACaption


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundText:
    """What the text in a video's picture is.

    Attributes:
        cues: Captions, by time.
        rejected: Other text, by time; each text once.
        unreadable_s: Moments with text where captions stand that is in a script that is not read, or not clear.
    """

    cues: tuple[Cue, ...]
    rejected: tuple[Rejected, ...]
    unreadable_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Centred lines above each other, in one still.

    Attributes:
        still: The number of the still.
        lines: From top to bottom.
        others: How many lines there are beside them.
        is_card: See `TextSeen`.
    """

    still: int
    lines: tuple[TextLine, ...]
    others: int
    is_card: bool

    @property
    def top(self) -> float:
        return self.lines[0].top

    @property
    def bottom(self) -> float:
        return self.lines[-1].bottom

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def line_height(self) -> float:
        return median(line.height for line in self.lines)

    @property
    def text(self) -> str:
        return "\n".join(line.text or "" for line in self.lines)


def least_cues(end_s: float) -> int:
    """How many different texts make subtitles in a video that ends then."""
    return LEAST_CUES if end_s >= SHORT_VIDEO_SEC else LEAST_CUES_OF_A_SHORT_VIDEO


def found_text(seen: Sequence[TextSeen], *, aspect_ratio: float, end_s: float) -> FoundText:
    """Tell captions from other text.

    Args:
        seen: The text in each still.
        aspect_ratio: Width over height of the picture.
        end_s: When the picture ends.
    """
    rules = _Rules(seen, aspect_ratio=aspect_ratio, end_s=end_s)
    return rules.found()


class _Rules:
    """The rules at work on one video."""

    def __init__(self, seen: Sequence[TextSeen], *, aspect_ratio: float, end_s: float) -> None:
        self._seen = seen
        self._aspect_ratio = aspect_ratio
        self._end_s = end_s
        self._rejected: list[tuple[int, str, NotACaption]] = []
        self._unreadable: set[int] = set()

    def found(self) -> FoundText:
        cues: list[Cue] = []
        for lane in _lanes(self._blocks()):
            reason = self._reason_against(lane)
            if reason is not None:
                self._reject(lane, reason)
            elif sum(self._is_readable(block) for block in lane) < len(lane) / 2:
                if _are_cards(lane):
                    self._reject(lane, NotACaption.CARDS)
                else:
                    self._unreadable.update(block.still for block in lane)
            elif (reason := self._reason_against_words(lane)) is not None:
                self._reject(lane, reason)
            else:
                cues += self._cues(lane)
        return FoundText(
            cues=tuple(sorted(cues, key=lambda cue: cue.start_s)),
            rejected=tuple(self._each_once()),
            unreadable_s=tuple(self._seen[still].time_s for still in sorted(self._unreadable)),
        )

    def _reject(self, lane: Iterable[_Block], reason: NotACaption) -> None:
        self._rejected += [(block.still, block.text, reason) for block in lane]

    def _each_once(self) -> Iterator[Rejected]:
        known: list[tuple[str, NotACaption]] = []
        for still, text, reason in sorted(self._rejected):
            if not any(reason == other and is_same(text, one) for one, other in known):
                known.append((text, reason))
                yield Rejected(time_s=self._seen[still].time_s, text=text, reason=reason)

    def _blocks(self) -> list[_Block]:
        """The blocks of lines that could be captions; all other lines are rejected."""
        kept = [list(seen.lines) for seen in self._seen]
        for still, line in self._staying():
            kept[still].remove(line)
            self._rejected.append((still, line.text or "", NotACaption.STAYS))
        blocks = []
        for still, lines in enumerate(kept):
            candidates = []
            for line in lines:
                reason = self._reason_against_line(still, line)
                if reason is None:
                    candidates.append(line)
                else:
                    self._rejected.append((still, line.text or "", reason))
            for stack in _stacks(candidates):
                block = _Block(
                    still=still,
                    lines=tuple(stack),
                    others=len(lines) - len(stack),
                    is_card=self._seen[still].is_card,
                )
                if len(stack) > MOST_LINES or any(line.text is None for line in stack):
                    self._reject([block], NotACaption.PAGE)
                else:
                    blocks.append(block)
        return blocks

    def _staying(self) -> list[tuple[int, TextLine]]:
        """Lines that are seen in most stills, or for long without a break."""
        groups: list[list[tuple[int, TextLine]]] = []
        for still, seen in enumerate(self._seen):
            for line in seen.lines:
                if is_number(line.text):
                    continue
                group = next((one for one in groups if one[-1][0] < still and _is_same_line(one[-1][1], line)), None)
                if group is None:
                    groups.append([(still, line)])
                else:
                    group.append((still, line))
        return [one for group in groups if self._stays([still for still, _ in group]) for one in group]

    def _stays(self, stills: Sequence[int]) -> bool:
        if len(stills) >= max(3, len(self._seen) / 2):
            return True
        start = 0
        for number, still in enumerate(stills):
            if number and still - stills[number - 1] > 1:
                start = number
            if self._seen[still].time_s - self._seen[stills[start]].time_s >= LONGEST_STAY_SEC:
                return True
        return False

    def _reason_against_line(self, still: int, line: TextLine) -> NotACaption | None:
        if line.left < 0.02 and line.right > 0.98:
            return NotACaption.MOVES
        if abs(line.centre - 0.5) > OFF_CENTRE:
            return NotACaption.BESIDE
        if is_number(line.text):
            return NotACaption.NUMBERS
        if self._moves(still, line):
            return NotACaption.MOVES
        return None

    def _moves(self, still: int, line: TextLine) -> bool:
        """Whether the same text stands elsewhere in the still before or after."""
        if len(letters_of(line.text)) < 5:
            return False
        near = [self._seen[other] for other in (still - 1, still + 1) if 0 <= other < len(self._seen)]
        return any(
            abs(one.top - line.top) > 0.5 * line.height or abs(one.centre - line.centre) > 0.03
            for seen in near
            for one in seen.lines
            if one.text is not None and is_same(one.text, line.text or "")
        )

    def _reason_against(self, lane: Sequence[_Block]) -> NotACaption | None:
        """By place and company, whatever the words."""
        stills = {block.still for block in lane}
        if len(stills) < least_cues(self._end_s) or len(stills) < LEAST_COVERAGE * len(self._seen):
            return NotACaption.FEW
        middle = median(block.middle for block in lane)
        if self._aspect_ratio > WIDE_ASPECT_RATIO and UPPER < middle < LOWER:
            return NotACaption.MIDDLE
        if median(block.others for block in lane) > MOST_OTHER_LINES:
            return NotACaption.PAGE
        return None

    def _reason_against_words(self, lane: Sequence[_Block]) -> NotACaption | None:
        cues = self._cues(lane)
        if len({letters_of(cue.text) for cue in cues}) < least_cues(self._end_s):
            return NotACaption.FEW
        sentences = sum(is_sentence(cue.text) for cue in cues) / len(cues)
        in_capitals = sum(cue.text.isupper() and len(cue.text.split()) >= 3 for cue in cues) / len(cues)
        following = sum(later.start_s <= cue.end_s for cue, later in pairwise(cues)) / max(1, len(cues) - 1)
        if _are_cards(lane):
            # Somebody may speak before a plain wall; only sentences at the foot of the picture are captions there.
            is_low = median(block.middle for block in lane) >= LOWER
            is_speech = sentences >= SHARE_OF_SENTENCES_ON_CARDS and following >= SHARE_OF_FOLLOWERS
            return None if is_low and is_speech else NotACaption.CARDS
        if self._is_word_by_word(lane, cues) or sentences >= SHARE_OF_SENTENCES:
            return None
        if in_capitals >= SHARE_OF_SENTENCES and following >= SHARE_OF_FOLLOWERS:
            return None
        return NotACaption.NAMES

    def _is_word_by_word(self, lane: Sequence[_Block], cues: Sequence[Cue]) -> bool:
        """Whether every still has other words, a few each time, through most of the video."""
        few = sum(len(cue.text.split()) <= 4 for cue in cues)
        return (
            len(cues) >= max(4, SHARE_OF_NEW_TEXTS * len(lane), 0.6 * len(self._seen))
            and few >= SHARE_OF_NEW_TEXTS * len(cues)
            and self._aspect_ratio <= WIDE_ASPECT_RATIO
        )

    def _is_readable(self, block: _Block) -> bool:
        if is_garbled(block.text):
            return False
        confidence = median(line.confidence for line in block.lines)
        letters = letters_of(block.text)
        # Boxes are in shares of the picture; a letter is about half as wide as its line is high.
        room = sum((line.right - line.left) * self._aspect_ratio / line.height for line in block.lines)
        foreign = sum(not is_known(letter) for letter in letters)
        return confidence >= LEAST_CONFIDENCE and len(letters) >= LEAST_LETTERS * room and foreign <= 0.2 * len(letters)

    def _cues(self, lane: Sequence[_Block]) -> list[Cue]:
        cues: list[Cue] = []
        last = -2
        for block in sorted(lane, key=lambda one: one.still):
            after = block.still + 1
            end = self._seen[after].time_s if after < len(self._seen) else max(self._end_s, self._seen[-1].time_s)
            if block.still == last + 1 and is_same(cues[-1].text, block.text):
                cues[-1] = replace(cues[-1], end_s=end)
            else:
                cues.append(Cue(start_s=self._seen[block.still].time_s, end_s=end, text=block.text))
            last = block.still
        return cues


def _are_cards(lane: Sequence[_Block]) -> bool:
    return sum(block.is_card for block in lane) > SHARE_OF_CARDS * len(lane)


def _stacks(lines: Sequence[TextLine]) -> Iterator[list[TextLine]]:
    """Lines that stand above each other, closely and in one size."""
    stack: list[TextLine] = []
    for line in lines:
        if stack:
            above = stack[-1]
            larger, smaller = max(line.height, above.height), min(line.height, above.height)
            if line.top - above.bottom > 0.8 * smaller or larger > 1.7 * smaller:
                yield stack
                stack = []
        stack.append(line)
    if stack:
        yield stack


def _lanes(blocks: Sequence[_Block]) -> Iterator[list[_Block]]:
    """Blocks at one place and of one size, the largest lane first; a lane has one block a still."""
    rest = list(blocks)
    while rest:
        best: list[_Block] = []
        for seed in rest:
            lane = {block.still: block for block in rest if _is_aligned(seed, block)}
            if len(lane) > len(best):
                best = list(lane.values())
        yield best
        rest = [block for block in rest if block not in best]


def _is_aligned(one: _Block, other: _Block) -> bool:
    height = max(one.line_height, other.line_height)
    if height > 1.4 * min(one.line_height, other.line_height):
        return False
    off = min(abs(one.top - other.top), abs(one.bottom - other.bottom), abs(one.middle - other.middle))
    return off <= 0.4 * height


def _is_same_line(one: TextLine, other: TextLine) -> bool:
    """Whether two lines of different stills are the same text at the same place."""
    shared = max(0.0, min(one.right, other.right) - max(one.left, other.left)) * max(
        0.0, min(one.bottom, other.bottom) - max(one.top, other.top)
    )
    areas = (one.right - one.left) * one.height + (other.right - other.left) * other.height
    if shared <= 0.5 * (areas - shared):
        return False
    if is_garbled(one.text) or is_garbled(other.text):
        return one.text == other.text and shared > 0.7 * (areas - shared)
    if one.text is None or other.text is None or not letters_of(one.text) or not letters_of(other.text):
        return shared > 0.7 * (areas - shared)
    return is_same(one.text, other.text)
