"""The `subtitles` detector: whether viewers can read along, by a subtitle track or by captions in the picture.

Belongs here: options and verdict. The option's name is documented; those of the metrics are not, so they are this
project's own. Does not: rules for tracks (`soft_subtitles`) and for text in the picture (`captions`), reading
(`text_in_pictures`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pique_assets.decoding.facts import VIDEO, VideoFacts
from pique_assets.decoding.media import LOOKED_AT_SEC, Media, Part
from pique_assets.extras import EXTRAS
from pique_assets.local.detectors.base import Detector, Material, Verdict, undetermined

if TYPE_CHECKING:
    from pique_assets.local.detectors.captions import Cue, FoundText
    from pique_assets.local.detectors.soft_subtitles import JudgedTrack

MOST_CUES_SHOWN = 20
MOST_MOMENTS = 20
LONGEST_TEXT = 120
"""Metrics show so many cues and moments, and so much of a text; counts are of all."""

UNSPOKEN_GAP_S = 1.0
"""Speech without a cue is worth a look from this length on."""

_Spans = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was found in one video.

    Attributes:
        end_s: When the picture, or what is looked at of it, ends.
        least_cues: What counts as subtitles.
        tracks: All subtitle tracks.
        track: The one that counts; None without any.
        text: What is in the picture; None where a track counts, because nobody needs to look then.
        stills_count: How many stills there are to look at.
        speech: When somebody speaks; None where that is not known.
    """

    end_s: float
    least_cues: int
    tracks: Sequence[JudgedTrack]
    track: JudgedTrack | None
    text: FoundText | None
    stills_count: int
    speech: _Spans | None

    @property
    def cues(self) -> Sequence[Cue]:
        """The cues of the track that counts, else those in the picture."""
        from pique_assets.local.detectors.captions import Cue

        if self.track is not None:
            return [Cue(start_s=cue.start_s, end_s=cue.end_s, text=cue.text) for cue in self.track.cues]
        return self.text.cues if self.text else ()

    @property
    def spans(self) -> _Spans:
        """When a cue is shown."""
        return [(cue.start_s, cue.end_s) for cue in self.cues]

    @property
    def kind(self) -> str:
        """``soft``, ``burned_in``, ``unclear`` or ``none``."""
        if self.track is not None:
            return "soft"
        if self.text is not None and self.text.cues:
            return "burned_in"
        return "unclear" if self.reason_unclear else "none"

    @property
    def reason_unclear(self) -> str | None:
        """Why nobody can say that there are no subtitles."""
        if self.text is not None and self.text.unreadable_s:
            return (
                f"text stands where captions do in {len(self.text.unreadable_s)} stills, first at "
                f"{self.text.unreadable_s[0]:g}s, in a script that is not read or not clearly enough"
            )
        pictures = next((track for track in self.tracks if track.is_unclear), None)
        return None if pictures is None else f"the cues of the {pictures.codec} track are pictures, which are not read"


class Subtitles(Detector):
    """Subtitles in a track or in the picture, required unless the option says otherwise.

    Without ``require_subtitles`` nothing is asked: the video passes, and the metrics still say what was found.
    Latin letters, Chinese and Japanese are read in the picture; where captions seem to be in another script, the
    outcome is undetermined. ``flagged_frames`` are the moments of speech without a cue (known with the extra
    ``local-speech``, and never decisive), of text that is not taken for captions, and of text that can't be read, each
    with its reason. ``timestamps`` are the same moments where the video fails, else empty.
    """

    detector_name: ClassVar[str] = "subtitles"
    content_types: ClassVar[frozenset[str]] = frozenset({VIDEO})
    parts: ClassVar[frozenset[Part]] = frozenset({Part.STILLS, Part.SUBTITLES, Part.SOUND})
    extras: ClassVar[tuple[str, ...]] = ("local", "local-ocr")

    require_subtitles: bool = True

    def reason_not_ready(self) -> str | None:
        """Whether the models inside the wheel are those that were measured."""
        from pique_assets.local.detectors.text_in_pictures import ModelRefused, model_files

        try:
            model_files()
        except ModelRefused as error:
            return str(error)
        return None

    def judge(self, material: Material) -> Verdict:
        """Look for a track that counts, then in the picture."""
        found = _found(material.media)
        metrics = _metrics(found, required=self.require_subtitles)
        moments = _moments(found)
        if self.require_subtitles and found.kind == "unclear":
            verdict = undetermined(f"undetermined: {found.reason_unclear}", metrics=metrics)
            return Verdict(
                pass_check=None,
                score=None,
                rationale=verdict.rationale,
                metrics=verdict.metrics,
                flagged_frames=moments[:MOST_MOMENTS],
            )
        passed = not self.require_subtitles or found.kind in ("soft", "burned_in")
        return Verdict(
            pass_check=passed,
            score=1.0 if passed else 0.0,
            rationale=_rationale(found, required=self.require_subtitles),
            metrics={"outcome": "passed" if passed else "failed", **metrics},
            timestamps=[] if passed else [float(str(moment["timestamp"])) for moment in moments[:MOST_MOMENTS]],
            flagged_frames=moments[:MOST_MOMENTS],
        )


def _found(media: Media) -> _Found:
    from pique_assets.local.detectors.captions import found_text, least_cues
    from pique_assets.local.detectors.soft_subtitles import judged

    facts = media.facts
    if not isinstance(facts, VideoFacts):
        raise TypeError(f"subtitles needs a video, not {type(facts).__name__}")
    end_s = min(facts.duration_sec, LOOKED_AT_SEC)
    least = least_cues(end_s)
    tracks = [judged(track, end_s=end_s, least_cues=least) for track in media.subtitle_tracks]
    counting = [track for track in tracks if track.reason_against is None]
    track = max(counting, key=lambda one: one.coverage, default=None)
    text = None
    if track is None:
        from pique_assets.local.detectors.text_in_pictures import text_in

        seen = text_in(media.stills)
        text = found_text(seen, aspect_ratio=facts.width / facts.height, end_s=end_s)
    return _Found(
        end_s=end_s,
        least_cues=least,
        tracks=tracks,
        track=track,
        text=text,
        stills_count=len(media.stills),
        speech=_speech(media),
    )


def _speech(media: Media) -> _Spans | None:
    """When somebody speaks; None where that is not known: without sound, or without the extra."""
    if media.sound is None or EXTRAS["local-speech"].missing():
        return None
    from pique_assets.local.detectors.speech import speech_spans

    return speech_spans(media.sound)


def _moments(found: _Found) -> list[Mapping[str, object]]:
    """Moments worth a look, by time."""
    moments: list[Mapping[str, object]] = []
    for start, end in found.speech or ():
        if end - start >= UNSPOKEN_GAP_S and all(cue.end_s <= start or cue.start_s >= end for cue in found.cues):
            moments.append({"timestamp": round(start, 2), "reason": f"{end - start:.1f}s of speech without a cue"})
    if found.text is not None and not found.text.cues:
        for one in found.text.rejected:
            said = f"the text {_short(one.text)!r}" if one.text else "the text"
            moments.append({"timestamp": round(one.time_s, 2), "reason": f"{said} {one.reason}"})
        for time_s in found.text.unreadable_s:
            moments.append({"timestamp": round(time_s, 2), "reason": "text where captions stand can't be read"})
    return sorted(moments, key=lambda one: float(str(one["timestamp"])))


def _metrics(found: _Found, *, required: bool) -> dict[str, object]:
    from pique_assets.local.detectors.soft_subtitles import coverage_of

    cues = found.cues
    return {
        "require_subtitles": required,
        "kind": found.kind,
        "language": found.track.language if found.track else None,
        "cues_count": len(cues),
        "cues": [
            {"start": round(cue.start_s, 2), "end": round(cue.end_s, 2), "text": _short(cue.text)}
            for cue in cues[:MOST_CUES_SHOWN]
        ],
        "coverage": coverage_of(found.spans, [(0.0, found.end_s)]),
        "looked_at_sec": round(found.end_s, 2),
        "least_cues": found.least_cues,
        "speech": _speech_metrics(found),
        "tracks": [
            {
                "codec": track.codec,
                "language": track.language,
                "is_forced": track.is_forced,
                "cues_count": len(track.cues),
                "coverage": track.coverage,
                "reason_against": track.reason_against,
            }
            for track in found.tracks
        ],
        "picture": _picture_metrics(found.text, stills=found.stills_count),
    }


def _speech_metrics(found: _Found) -> dict[str, object] | None:
    if found.speech is None:
        return None
    from pique_assets.local.detectors.soft_subtitles import coverage_of

    spoken = sum(end - start for start, end in found.speech)
    return {
        "duration_sec": round(spoken, 2),
        "coverage": coverage_of(found.spans, found.speech) if spoken else None,
    }


def _picture_metrics(text: FoundText | None, *, stills: int) -> dict[str, object] | None:
    if text is None:
        return None
    return {
        "stills_count": stills,
        "unclear_stills_count": len(text.unreadable_s),
        "other_text_count": len(text.rejected),
        "other_text": [
            {"timestamp": round(one.time_s, 2), "text": _short(one.text), "reason": str(one.reason)}
            for one in text.rejected[:MOST_MOMENTS]
        ],
    }


def _rationale(found: _Found, *, required: bool) -> str:
    if found.track is not None:
        tag = found.track.language or "no language"
        said = (
            f"the {found.track.codec} track ({tag}) with {len(found.cues)} cues covers {_percent(found)} of the video"
        )
    elif found.cues:
        said = f"captions in the picture: {len(found.cues)} seen, over {_percent(found)} of the video"
    elif found.reason_unclear:
        said = f"unclear: {found.reason_unclear}"
    else:
        said = f"no subtitles: {_reason_without(found)}"
    if found.speech and found.cues:
        from pique_assets.local.detectors.soft_subtitles import coverage_of

        said += f" and {coverage_of(found.spans, found.speech):.0%} of the speech"
    return said if required else f"{said} (not required)"


def _percent(found: _Found) -> str:
    from pique_assets.local.detectors.soft_subtitles import coverage_of

    return f"{coverage_of(found.spans, [(0.0, found.end_s)]):.0%}"


def _reason_without(found: _Found) -> str:
    """What is there instead of subtitles."""
    reasons = [f"the {track.codec} track does not count, {track.reason_against}" for track in found.tracks]
    if not reasons:
        reasons.append("the file has no subtitle track")
    rejected = Counter(one.reason for one in found.text.rejected) if found.text else Counter()
    if rejected:
        most = rejected.most_common(1)[0][0]
        texts = (
            "the text in the picture is no caption: it"
            if rejected.total() == 1
            else (f"of {rejected.total()} texts in the picture none is a caption: most of it")
        )
        reasons.append(f"{texts} {most}")
    else:
        reasons.append("no text is seen in the picture")
    return "; ".join(reasons)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
