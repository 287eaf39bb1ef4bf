"""The `title_and_description` detector: required hashtags in the text sent with the content.

Belongs here: options and verdict. The option's name is documented; those of the metrics are not, so they are this
project's own. Does not: where the text comes from.
"""

from __future__ import annotations

import unicodedata
from itertools import takewhile
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from pique_assets.decoding.facts import AUDIO, IMAGE, VIDEO
from pique_assets.local.detectors.base import Detector, Material, Verdict, share_passed

_JOINERS = "\u200c\u200d"
"""Letters that nobody sees, within words of Persian and of the languages of India."""


def _folded(text: str) -> str:
    """Text in a form in which two spellings of one hashtag are equal."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _hashtags(text: str) -> set[str]:
    """Each hashtag in a folded text: a letter or digit, and what belongs to the same word."""
    words = ("".join(takewhile(_belongs_to_word, piece)) for piece in text.split("#")[1:])
    return {f"#{word}" for word in words if word and (word[0].isalnum() or word[0] == "_")}


def _belongs_to_word(sign: str) -> bool:
    # Marks are vowels in many scripts; one is also the dot that lower case leaves of a Turkish capital i.
    return sign.isalnum() or sign == "_" or sign in _JOINERS or unicodedata.category(sign).startswith("M")


def _checked_hashtag(text: str) -> str:
    if _hashtags(_folded(text)) != {_folded(text)}:
        raise ValueError(f"{text!r} is not a hashtag such as '#acme'")
    return text


class TitleAndDescription(Detector):
    """Hashtags that must be in the title or in the description, whole words, upper and lower case alike."""

    detector_name: ClassVar[str] = "title_and_description"
    content_types: ClassVar[frozenset[str]] = frozenset({VIDEO, IMAGE, AUDIO})

    required_hashtags: list[Annotated[str, AfterValidator(_checked_hashtag)]] = Field(default_factory=list)

    def judge(self, material: Material) -> Verdict:
        """Look for each required hashtag; the score is the share found."""
        text = _folded(f"{material.title or ''}\n{material.description or ''}")
        present = _hashtags(text)
        found = [hashtag for hashtag in self.required_hashtags if _folded(hashtag) in present]
        missing = [hashtag for hashtag in self.required_hashtags if _folded(hashtag) not in present]
        return Verdict(
            pass_check=not missing,
            score=share_passed(len(found), len(self.required_hashtags)),
            rationale=_rationale(self.required_hashtags, missing),
            metrics={
                "required_hashtags": self.required_hashtags,
                "found_hashtags": found,
                "missing_hashtags": missing,
                "title_length": len(material.title or ""),
                "description_length": len(material.description or ""),
            },
        )


def _rationale(required: list[str], missing: list[str]) -> str:
    if missing:
        return f"missing in title and description: {', '.join(missing)}"
    return f"all required hashtags found: {', '.join(required)}" if required else "no hashtag required"
