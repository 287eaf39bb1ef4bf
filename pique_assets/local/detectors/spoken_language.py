"""Which language is spoken where in a sound, as the speech model Whisper hears it.

Belongs here: asking the model for the probability of each language in each window of speech. Nothing is transcribed.
Does not: limits and verdicts (`language`), where somebody speaks (`speech`), where the model's files are
(`pique_assets.local.model_files`). Imported by a detector only where it judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import ctranslate2
import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from pique_assets.decoding.media import SOUND_RATE, Sound
from pique_assets.local.detectors.language_codes import language_code
from pique_assets.local.detectors.speech_windows import Span, SpeechWindow, cut, spread
from pique_assets.local.model_files import WHISPER_BASE, find_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

SILENCE_AFTER_S = 3
"""The model was trained on speech that ends in silence; without any, what is short is told wrong more often."""

SLOWER = 1.1
"""How much slower speech is heard the second time: what the model is not sure of changes with the speed."""


def spoken_languages(sound: Sound, spans: Sequence[Span]) -> tuple[SpeechWindow, ...]:
    """What is spoken in windows of the speech, spread over all of it.

    A window whose language no other window has is heard a second time, somewhat slower, and has the mean of the two:
    the model is now and then sure of a wrong language, but seldom twice of the same.

    Args:
        sound: All of the sound.
        spans: Where somebody speaks; not empty.

    Raises:
        ModelMissing: The model's files are gone.
    """
    windows = [_heard(sound, window) for window in spread(cut(spans))]
    count = Counter(window.language for window in windows)
    return tuple(window if count[window.language] > 1 else _heard_again(sound, window) for window in windows)


def _heard(sound: Sound, spans: tuple[Span, ...]) -> SpeechWindow:
    return SpeechWindow(spans=spans, probabilities=_probabilities(_speech(sound, spans)))


def _heard_again(sound: Sound, window: SpeechWindow) -> SpeechWindow:
    speech = _speech(sound, window.spans)
    moments = np.arange(0, len(speech) - 1, 1 / SLOWER)
    again = _probabilities(np.interp(moments, np.arange(len(speech)), speech).astype(np.float32))
    mean = {code: (first + again[code]) / 2 for code, first in window.probabilities.items()}
    return SpeechWindow(spans=window.spans, probabilities=mean)


def _speech(sound: Sound, spans: tuple[Span, ...]) -> NDArray[np.float32]:
    pieces = [sound.samples[round(start * SOUND_RATE) : round(end * SOUND_RATE)] for start, end in spans]
    return np.concatenate(pieces).astype(np.float32) * np.float32(1 / 32768)


def _probabilities(speech: NDArray[np.float32]) -> dict[str, float]:
    features = _extractor()(np.pad(speech, (0, SILENCE_AFTER_S * SOUND_RATE)))
    model = _model()
    # As long as the speech is: the usual half minute of features would cost five times as much.
    encoded = model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(features[np.newaxis], np.float32)))
    # "<|en|>" is the token of English.
    return {language_code(token.strip("<|>")): float(p) for token, p in model.detect_language(encoded)[0]}


@cache
def _extractor() -> FeatureExtractor:
    return FeatureExtractor()


@cache
def _model() -> ctranslate2.models.Whisper:
    folder = find_model(WHISPER_BASE)
    # One thread: there are as many evaluation processes as cores.
    return ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="int8", intra_threads=1, inter_threads=1)
