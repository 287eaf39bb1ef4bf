"""Content to facts: the one door through which worker processes read media.

Picks the reader for the content type; the readers hold all dealings with native libraries.
"""

from __future__ import annotations

from pathlib import Path

from pique_assets.local.detectors.base import AUDIO, IMAGE, VIDEO, MediaFacts, UnreadableMedia


def examine(path: Path, *, content_type: str) -> MediaFacts:
    """Measure the content at ``path``.

    Raises:
        UnreadableMedia: It is not decodable media of that content type.
    """
    # Imported here because each costs a worker's start-up what the others do not need.
    from pique_assets.local.detectors import picture, probe, sound

    if content_type == VIDEO:
        return probe.video_facts(path)
    if content_type == IMAGE:
        return picture.image_facts(path)
    if content_type == AUDIO:
        return sound.audio_facts(path)
    raise UnreadableMedia(f"content of type {content_type!r} cannot be measured here")
