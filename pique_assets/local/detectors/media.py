"""Content to facts: the one door through which evaluation processes read media.

Belongs here: which reader is for which content type. Does not: any dealing with native libraries (`probe`, `picture`,
`sound`).
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
