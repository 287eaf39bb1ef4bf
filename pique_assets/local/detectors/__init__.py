"""The detectors this Pique has, by name, and whether one can work with the options of a judge.

Belongs here: the list. The real Pique has an open set, this one a short list: whatever is not in `DETECTORS` fails
the judge that asks for it, and never passes. Does not: any import of a media library.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from pique_assets.local.detectors.audio_noise import AudioNoise
from pique_assets.local.detectors.base import Detector
from pique_assets.local.detectors.image_specs import ImageSpecs
from pique_assets.local.detectors.title_and_description import TitleAndDescription
from pique_assets.local.detectors.video_specs import VideoSpecs

DETECTORS: dict[str, type[Detector]] = {
    detector.detector_name: detector for detector in (VideoSpecs, ImageSpecs, AudioNoise, TitleAndDescription)
}
"""Every detector that really measures something here."""


def reason_refused(detector_name: str, config: Mapping[str, object], *, content_type: str) -> str | None:
    """Why a judge of ``content_type`` cannot have this detector with these options, or None if it can."""
    detector = DETECTORS.get(detector_name)
    if detector is None:
        return f"{detector_name}: the local Pique has no such detector (it has {', '.join(sorted(DETECTORS))})"
    if content_type not in detector.content_types:
        measured = " and ".join(sorted(detector.content_types))
        return f"{detector_name}: measures {measured}, not {content_type}"
    try:
        detector.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{detector_name}: option {where}: {first['msg']}"
    return None
