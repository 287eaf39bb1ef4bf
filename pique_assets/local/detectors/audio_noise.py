"""The `audio_noise` detector: how far speech is above the noise around it.

Belongs here: options and verdict. Metric names are those of Pique's documented example; its documented config is
empty. Speech is what stands out, and music is not told from speech at all, so the ``music`` metrics are there and
null, and decide nothing. ``levels`` is this project's own. Does not: measuring (`pique_assets.decoding`).
"""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import Field

from pique_assets.decoding.facts import AUDIO, AudioFacts
from pique_assets.local.detectors.base import Detector, Material, Verdict

SCORE_STEP_DB = 3.5
"""How many dB beside the threshold move the score from 0.5 to 0.73 or 0.27."""


class AudioNoise(Detector):
    """A limit on the ratio of speech to noise, in dB; the default is that of Pique's documented example."""

    detector_name: ClassVar[str] = "audio_noise"
    content_types: ClassVar[frozenset[str]] = frozenset({AUDIO})

    min_snr_db_threshold: float = Field(default=12.0, ge=0, le=90)

    def judge(self, material: Material) -> Verdict:
        """Compare the ratio with the limit; audio in which it can't be measured does not pass."""
        facts = material.media.facts
        if not isinstance(facts, AudioFacts):
            raise TypeError(f"audio_noise needs audio, not {type(facts).__name__}")
        snr_db = _snr_db(facts)
        passed = snr_db is not None and snr_db >= self.min_snr_db_threshold
        return Verdict(
            pass_check=passed,
            score=_score(snr_db, threshold=self.min_snr_db_threshold),
            rationale="; ".join([self._rationale(facts, snr_db), *facts.notes]),
            metrics={
                "snr": {
                    "snr_db": snr_db,
                    "speech_rms": _rounded(facts.speech_rms),
                    "noise_rms": _rounded(facts.noise_rms),
                    "usable_noise_duration_sec": round(facts.noise_duration_sec, 2),
                    "min_snr_db_threshold": self.min_snr_db_threshold,
                    "pass": passed,
                },
                "music": {
                    "overlap_pct": None,
                    "max_overlap_threshold": None,
                    "music_score_threshold": None,
                    "pass": None,
                },
                "speech_segments_count": facts.speech_segments_count,
                "total_speech_duration_sec": round(facts.speech_duration_sec, 2),
                "levels": {
                    "peak_dbfs": round(facts.peak_dbfs, 1),
                    "noise_floor_dbfs": round(facts.noise_floor_dbfs, 1),
                    "clipped_ratio": round(facts.clipped_ratio, 6),
                    "silence_ratio": round(facts.silence_ratio, 4),
                    "duration_sec": round(facts.duration_sec, 2),
                    "sample_rate": facts.sample_rate,
                    **({"notes": list(facts.notes)} if facts.notes else {}),
                },
            },
        )

    def _rationale(self, facts: AudioFacts, snr_db: float | None) -> str:
        if facts.silence_ratio == 1:
            return f"nothing is to be heard: all of it ({facts.duration_sec:.1f}s) is silent"
        if facts.speech_rms is None:
            return f"nothing stands out from the background ({facts.duration_sec:.1f}s)"
        if snr_db is None:
            return "no pause is long enough to measure the noise in it"
        found = f"SNR {snr_db:g} dB over {facts.speech_duration_sec:.1f}s of speech"
        if snr_db >= self.min_snr_db_threshold:
            return found
        return f"{found}, wanted at least {self.min_snr_db_threshold:g} dB"


def _snr_db(facts: AudioFacts) -> float | None:
    """The ratio of speech alone to noise: while somebody speaks, the noise goes on."""
    if facts.speech_rms is None or facts.noise_rms is None:
        return None
    noise_power = facts.noise_rms**2
    # Speech is louder than the floor by definition, but a loud pause may be louder than quiet speech.
    speech_power = max(facts.speech_rms**2 - noise_power, noise_power * 1e-3)
    return round(10 * math.log10(speech_power / noise_power), 1)


def _score(snr_db: float | None, *, threshold: float) -> float:
    return 0.0 if snr_db is None else round(1 / (1 + math.exp((threshold - snr_db) / SCORE_STEP_DB)), 4)


def _rounded(amplitude: float | None) -> float | None:
    return None if amplitude is None else round(amplitude, 6)
