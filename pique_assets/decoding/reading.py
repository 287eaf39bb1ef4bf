"""A file read once: its facts, and the parts of it that were asked for.

Belongs here: which reader is for which content type, and the sampling of frames, stills, sound and subtitles. Does not:
verdicts.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pique_assets.decoding.facts import AUDIO, IMAGE, VIDEO, UnreadableMedia
from pique_assets.decoding.media import Media, Part


def read_media(path: Path, *, content_type: str, parts: Collection[Part] = ()) -> Media:
    """Read the content at ``path``.

    Args:
        path: A local file.
        content_type: ``video``, ``image`` or ``audio``.
        parts: What is wanted beside the facts; images have no parts.

    Raises:
        UnreadableMedia: It is not decodable media of that content type.
    """
    # Imported here because each costs a worker's start-up what the others do not need.
    from pique_assets.decoding import picture, sampling, sound, video

    if content_type == IMAGE:
        return Media(facts=picture.image_facts(path))
    if content_type not in (VIDEO, AUDIO):
        raise UnreadableMedia(f"content of type {content_type!r} cannot be measured here")
    facts = video.video_facts(path) if content_type == VIDEO else sound.audio_facts(path)
    return sampling.sampled(path, facts=facts, parts=frozenset(parts)) if parts else Media(facts=facts)
