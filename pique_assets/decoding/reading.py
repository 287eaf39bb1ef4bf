"""A file read once: its facts, and the parts of it that were asked for.

Belongs here: which reader is for which content type. Does not: reading (`viewing`, `sound`, `picture`), verdicts.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pique_assets.decoding.facts import AUDIO, IMAGE, VIDEO, UnreadableMedia
from pique_assets.decoding.media import Media, Part


def read_media(path: Path, *, content_type: str, parts: Collection[Part] = ()) -> Media:
    """Read the content at ``path`` in one pass.

    Args:
        path: A local file.
        content_type: ``video``, ``image`` or ``audio``.
        parts: What is wanted beside the facts; images have no parts, and audio has `Part.SOUND` alone.

    Raises:
        UnreadableMedia: It is not decodable media of that content type.
    """
    # Imported here because each costs a worker's start-up what the others do not need.
    from pique_assets.decoding import picture, sound, viewing

    if content_type == IMAGE:
        return Media(facts=picture.image_facts(path))
    if content_type == VIDEO:
        return viewing.read_video(path, parts=frozenset(parts))
    if content_type == AUDIO:
        return sound.read_audio(path, parts=frozenset(parts))
    raise UnreadableMedia(f"content of type {content_type!r} cannot be measured here")
