"""Where in a sound somebody speaks, for the detectors that need to know.

Belongs here: asking the voice activity model (Silero VAD) that `faster-whisper` ships in its wheel, which needs no
model files of the user. Does not: which language is spoken (`language`). Imported by detectors only where they judge.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps

from pique_assets.decoding.media import SOUND_RATE, Sound
from pique_assets.local.detectors.speech_windows import Span

SHORTEST_SPEECH_S = 0.25
"""What is shorter is a click or a breath."""

PAUSE_S = 0.3
"""A shorter pause does not end a span."""

EDGE_S = 0.1
"""A span begins and ends so much outside of what the model heard, because words fade in and out."""

PIECE_S = 120
"""A long sound is looked at in pieces: what the model keeps of a minute takes 30 MB."""

_OPTIONS = VadOptions(
    threshold=0.5,
    min_speech_duration_ms=round(1000 * SHORTEST_SPEECH_S),
    min_silence_duration_ms=round(1000 * PAUSE_S),
    speech_pad_ms=round(1000 * EDGE_S),
)


@lru_cache(maxsize=1)
def speech_spans(sound: Sound) -> tuple[Span, ...]:
    """When somebody speaks, in order and apart from each other.

    A function of the sound alone, kept for the next detector that asks about the same sound. Singing counts as speech
    where the model hears words in the singing; instruments, noise and silence do not.
    """
    spans: list[Span] = []
    length = PIECE_S * SOUND_RATE
    for start in range(0, len(sound.samples), length):
        piece = sound.samples[start : start + length].astype(np.float32) / 32768
        for number, heard in enumerate(get_speech_timestamps(piece, _OPTIONS, SOUND_RATE)):
            begin_s, end_s = (round((start + heard[side]) / SOUND_RATE, 3) for side in ("start", "end"))
            if number == 0 and spans and begin_s - spans[-1][1] < PAUSE_S:
                # Speech that goes on where one piece ends and the next begins.
                begin_s = spans.pop()[0]
            spans.append((begin_s, end_s))
    return tuple(spans)
