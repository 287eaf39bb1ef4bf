"""The `language` detector: whether what is spoken is in an accepted language.

Belongs here: options, limits and verdict; the option is documented, the metrics are this project's own. Does not:
finding speech (`speech`), hearing its language (`spoken_language`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from pique_assets.decoding.facts import AUDIO, VIDEO
from pique_assets.decoding.media import LOOKED_AT_SEC, Part
from pique_assets.local.detectors.base import Detector, Material, Verdict, undetermined
from pique_assets.local.detectors.language_codes import NAMES, LanguageCode
from pique_assets.local.detectors.speech_windows import MOST_WINDOWS, WINDOW_S, Span, SpeechWindow, seconds_in
from pique_assets.local.model_files import WHISPER_BASE, ModelMissing, find_model

LEAST_SPEECH_S = 3.0
"""In less speech a language is told wrong too often."""

CLEAR_FROM = 0.8
"""A window is in a language when the probability of that is at least this; speech passes when its mean is, too."""

SURE_FROM = 0.9
"""What contradicts the rest of the recording has to be at least this probable."""

NORWEGIAN = frozenset({"no", "nn"})
"""The model knows the two written forms, which sound alike: either stands for both."""


class Language(Detector):
    """The languages that may be spoken, as ISO 639-1 codes; "en-US" counts as "en".

    Speech that is clearly in accepted languages passes; speech of which any window is clearly in another fails. Nothing
    is said of content without speech, with too little of it, or with speech whose language is not clear. The
    ``timestamps`` and ``flagged_frames`` are where windows in another language begin.
    """

    detector_name: ClassVar[str] = "language"
    content_types: ClassVar[frozenset[str]] = frozenset({VIDEO, AUDIO})
    parts: ClassVar[frozenset[Part]] = frozenset({Part.SOUND})
    extras: ClassVar[tuple[str, ...]] = ("local", "local-speech")

    accepted_languages: list[LanguageCode] = Field(min_length=1)

    def reason_not_ready(self) -> str | None:
        """That the speech model is missing, and the command that fetches it."""
        try:
            find_model(WHISPER_BASE)
        except ModelMissing as missing:
            return str(missing)
        return None

    def judge(self, material: Material) -> Verdict:
        """Hear what is spoken, and compare its language with the accepted ones."""
        sound = material.media.sound
        if sound is None:
            return self._unknown("there is no sound track")
        # Imported here, because the server needs the options alone.
        from pique_assets.local.detectors.speech import speech_spans

        spans = speech_spans(sound)
        found_s = seconds_in(spans)
        if not spans:
            return self._unknown(f"nobody speaks in {sound.duration_s:.1f} s of sound", sound_s=sound.duration_s)
        if found_s < LEAST_SPEECH_S:
            return self._unknown(
                f"there are only {found_s:.1f} s of speech; a language is told from {LEAST_SPEECH_S:g} s on",
                sound_s=sound.duration_s,
                spans=spans,
            )
        from pique_assets.local.detectors.spoken_language import spoken_languages

        return self.verdict(spoken_languages(sound, spans), sound_s=sound.duration_s, spans=spans)

    def verdict(self, windows: Sequence[SpeechWindow], *, sound_s: float, spans: Sequence[Span]) -> Verdict:
        """Compare what was heard with the accepted languages.

        Args:
            windows: What was heard; at least one.
            sound_s: Seconds of sound.
            spans: Where somebody speaks.
        """
        metrics = self._metrics(windows, sound_s=sound_s, spans=spans)
        foreign = self._foreign(windows, at_least=CLEAR_FROM)
        # One window alone is now and then heard wrong, so it has to be surer where others say something else.
        sure = self._foreign(windows, at_least=SURE_FROM) if any(map(self._accepts, windows)) else foreign
        score = round(_mean([self._accepted(window) for window in windows], windows), 4)
        if not sure and (foreign or score < CLEAR_FROM):
            return undetermined(_unclear(windows), metrics=metrics)
        return Verdict(
            pass_check=not sure,
            score=score,
            rationale=self._rationale(windows, sure),
            metrics={"outcome": "failed" if sure else "passed", **metrics},
            timestamps=[window.start_s for window in sure],
            flagged_frames=[
                {"timestamp": window.start_s, "reason": f"{_named([window])} is spoken here"} for window in sure
            ],
        )

    def _foreign(self, windows: Sequence[SpeechWindow], *, at_least: float) -> list[SpeechWindow]:
        return [window for window in windows if not self._accepts(window) and window.probability >= at_least]

    def _accepted(self, window: SpeechWindow) -> float:
        """The probability that the window is in one of the accepted languages."""
        accepted = set(self.accepted_languages)
        if accepted & NORWEGIAN:
            accepted |= NORWEGIAN
        return min(1.0, sum(window.probabilities.get(code, 0.0) for code in accepted))

    def _accepts(self, window: SpeechWindow) -> bool | None:
        """Whether the window is clearly in an accepted language or clearly in another; None where it is not clear."""
        if self._accepted(window) >= CLEAR_FROM:
            return True
        return False if window.probability >= CLEAR_FROM else None

    def _unknown(self, reason: str, *, sound_s: float = 0.0, spans: Sequence[Span] = ()) -> Verdict:
        return undetermined(reason, metrics=self._metrics((), sound_s=sound_s, spans=spans))

    def _metrics(self, windows: Sequence[SpeechWindow], *, sound_s: float, spans: Sequence[Span]) -> dict[str, object]:
        languages = _languages(windows)
        return {
            "accepted_languages": self.accepted_languages,
            "detected_language": languages[0]["language"] if languages else None,
            "languages": languages,
            "speech": {
                "found_sec": round(seconds_in(spans), 2),
                "heard_sec": round(sum(window.speech_s for window in windows), 2),
                "sound_sec": round(sound_s, 2),
            },
            "limits": {
                "min_speech_sec": LEAST_SPEECH_S,
                "min_probability": CLEAR_FROM,
                "min_probability_against_the_rest": SURE_FROM,
                "max_heard_sec": MOST_WINDOWS * WINDOW_S,
                "max_sound_sec": LOOKED_AT_SEC,
            },
            "windows": [
                {
                    "start_sec": round(window.start_s, 2),
                    "end_sec": round(window.end_s, 2),
                    "speech_sec": round(window.speech_s, 2),
                    "language": window.language,
                    "probability": round(window.probability, 2),
                    "accepted": self._accepts(window),
                }
                for window in windows
            ],
        }

    def _rationale(self, windows: Sequence[SpeechWindow], foreign: Sequence[SpeechWindow]) -> str:
        heard = f"{sum(window.speech_s for window in windows):.1f} s of speech"
        if not foreign:
            return f"{_named(windows) or 'an accepted language'} in {heard}"
        accepted = f"accepted: {', '.join(self.accepted_languages)}"
        if len(foreign) == len(windows):
            return f"{_named(foreign)} in {heard}; {accepted}"
        seconds = sum(window.speech_s for window in foreign)
        return f"{_named(foreign)} in {seconds:.1f} of {heard}, first at {foreign[0].start_s:.1f} s; {accepted}"


def _languages(windows: Sequence[SpeechWindow]) -> list[dict[str, object]]:
    """The languages that are clear somewhere, the most spoken first."""
    heard_s = sum(window.speech_s for window in windows)
    by_code: dict[str, list[SpeechWindow]] = {}
    for window in windows:
        if window.probability >= CLEAR_FROM:
            by_code.setdefault(window.language, []).append(window)
    seconds = {code: sum(window.speech_s for window in those) for code, those in by_code.items()}
    return [
        {
            "language": code,
            "name": NAMES[code],
            "probability": round(_mean([window.probability for window in by_code[code]], by_code[code]), 2),
            "speech_sec": round(seconds[code], 2),
            "share": round(seconds[code] / heard_s, 4),
        }
        for code in sorted(seconds, key=lambda code: (-seconds[code], code))
    ]


def _mean(figures: Sequence[float], windows: Sequence[SpeechWindow]) -> float:
    """Of a figure for each window, where a window with more speech counts for more."""
    total = sum(figure * window.speech_s for figure, window in zip(figures, windows, strict=True))
    return total / sum(window.speech_s for window in windows)


def _named(windows: Sequence[SpeechWindow]) -> str:
    """The clear languages with their probability, such as "Spanish (0.97), Catalan (0.85)"."""
    return ", ".join(f"{language['name']} ({language['probability']})" for language in _languages(windows))


def _unclear(windows: Sequence[SpeechWindow]) -> str:
    """Why nothing can be said: the likeliest window of each of the two likeliest languages, or of one and its doubt."""
    likeliest: dict[str, SpeechWindow] = {}
    for window in sorted(windows, key=lambda window: -window.probability):
        likeliest.setdefault(window.language, window)
    shown = list(likeliest.values())[:2]
    if len(shown) == 1 and len(windows) > 1:
        shown.append(min(windows, key=lambda window: window.probability))
    heard = [f"{NAMES[window.language]} ({window.probability:.2f}) at {window.start_s:.1f} s" for window in shown]
    return f"the language is not clear: {', '.join(heard)}; wanted {CLEAR_FROM:g} throughout"
