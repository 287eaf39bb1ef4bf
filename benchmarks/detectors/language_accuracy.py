"""How often the `language` detector is right, wrong or undetermined, and what it costs.

    python benchmarks/detectors/language_accuracy.py

Belongs here: one measurement with one command, in about five minutes. Real speech by eight voices in five languages,
clean and under noise and music, is judged with its own language as the accepted one: passed is right, failed is wrong.
So is what holds no speech, where any verdict but undetermined is wrong, and clips that change their language. Cost is
CPU seconds of one thread and the peak memory of a process of its own. Media and model come from `media_sources.py` and
`pique-assets models fetch`. Ends with status 1 when a clip is judged wrong under a condition for which something is
promised, or when fewer of these are decided than promised. Does not: making the clips (`language_clips`).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

# Before anything of numpy or a model is imported: one thread, as in an evaluation process.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from language_clips import (
    CONDITIONS,
    HARDER,
    LENGTHS_S,
    RATE,
    VOICES,
    Condition,
    Samples,
    Voice,
    clips_without_speech,
    fetch_all,
    mixed_clips,
    spoken_clips,
)
from media_sources import media_files

from pique_assets.decoding.facts import AUDIO, AudioFacts
from pique_assets.decoding.media import Media, Part, Sound
from pique_assets.decoding.reading import read_media
from pique_assets.local.detectors.base import Material, Verdict
from pique_assets.local.detectors.language import Language
from pique_assets.local.detectors.language_codes import NAMES

PROMISED_DECIDED = 0.85
MEMORY_LIMIT_BYTES = 4 * 1024**3
UNDETERMINED, RIGHT, WRONG = "undetermined", "right", "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of one clip."""

    voice: Voice
    condition: Condition
    length_s: float
    result: str
    heard: str


def main() -> int:
    """Measure and print; returns the exit status."""
    if sys.argv[1:2] == ["--cost"]:
        print(json.dumps(cost(Path(sys.argv[2]))))
        return 0
    if reason := Language(accepted_languages=["en"]).reason_not_ready():
        print(reason, file=sys.stderr)
        return 1
    fetch_all()
    promised = [one for number, condition in enumerate(CONDITIONS) for one in judged(condition, number=number)]
    harder = [one for number, condition in enumerate(HARDER) for one in judged(condition, number=100 + number)]
    print(f"{len(promised)} clips of speech, {len(LENGTHS_S)} lengths from {min(LENGTHS_S)} to {max(LENGTHS_S)} s")
    print_counts("by condition", promised, [condition.name for condition in CONDITIONS], lambda one: one.condition.name)
    print_counts("by language", promised, sorted({voice.language for voice in VOICES}), lambda one: one.voice.language)
    print_counts("by recording", promised, ["wide band", "telephone band"], lambda one: one.voice.band)
    print_counts("by length", promised, [f"{length} s" for length in LENGTHS_S], lambda one: f"{one.length_s:g} s")
    print_confusion(promised)
    print(f"\nnothing is promised for these {len(harder)} clips:")
    print_counts("by condition", harder, [condition.name for condition in HARDER], lambda one: one.condition.name)
    invented = print_without_speech()
    print_mixed()
    print_cost()
    print(
        "\nnot measured: spontaneous speech, children, strong accents, singing, film dialogue, languages other than "
        "these five, reverberation, and codecs below telephone quality"
    )
    wrong = [one for one in promised if one.result == WRONG]
    decided = sum(one.result == RIGHT for one in promised) / len(promised)
    print(f"\n{len(wrong)} wrong, {decided:.1%} decided (at least {PROMISED_DECIDED:.0%} is promised)")
    return 0 if not wrong and not invented and decided >= PROMISED_DECIDED else 1


def judge(samples: Samples, *accepted: str) -> Verdict:
    """The detector's verdict on samples."""
    return judge_sound(_sound(samples), *accepted)


def judge_sound(sound: Sound, *accepted: str) -> Verdict:
    """The detector's verdict on a sound."""
    return Language(accepted_languages=list(accepted)).judge(Material(media=Media(facts=_NO_FACTS, sound=sound)))


def _sound(samples: Samples) -> Sound:
    return Sound(samples=np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16))


def judged(condition: Condition, *, number: int) -> Iterable[Judged]:
    """Every clip of a condition, with its own language as the accepted one."""
    for voice, clip in spoken_clips(condition, number=number):
        verdict = judge(clip.samples, voice.language)
        result = {True: RIGHT, False: WRONG, None: UNDETERMINED}[verdict.pass_check]
        if result == WRONG:
            print(f"wrong: {clip.name}: {verdict.rationale}")
        heard = [window for window in _windows(verdict) if window["accepted"] is False]
        named = heard[0]["language"] if heard else voice.language if result == RIGHT else UNDETERMINED
        yield Judged(
            voice=voice,
            condition=condition,
            length_s=len(clip.samples) / RATE,
            result=result,
            heard=str(named),
        )


def print_counts(title: str, clips: Sequence[Judged], names: Sequence[str], key: Callable[[Judged], str]) -> None:
    """A line for each group of clips."""
    print(f"\n{title:24} {'clips':>6} {RIGHT:>6} {UNDETERMINED:>13} {WRONG:>6} {'decided':>8}")
    for name in names:
        counts = Counter(one.result for one in clips if key(one) == name)
        total = counts.total()
        print(
            f"{name:24} {total:6} {counts[RIGHT]:6} {counts[UNDETERMINED]:13} {counts[WRONG]:6} "
            f"{counts[RIGHT] / total:8.1%}"
        )


def print_confusion(clips: Sequence[Judged]) -> None:
    """What was heard in place of what is spoken."""
    spoken = sorted({one.voice.language for one in clips})
    heard = [*spoken, *sorted({one.heard for one in clips} - {*spoken, UNDETERMINED}), UNDETERMINED]
    print(f"\n{'spoken, heard as':24}" + "".join(f"{name:>14}" for name in heard))
    for code in spoken:
        counts = Counter(one.heard for one in clips if one.voice.language == code)
        print(f"{NAMES[code]:24}" + "".join(f"{counts[name]:14}" for name in heard))


def print_without_speech() -> int:
    """Everything that holds no speech; returns how many of the verdicts are invented."""
    reasons: Counter[str] = Counter()
    invented = 0
    for clip in clips_without_speech():
        verdict = judge(clip.samples, "en")
        if verdict.pass_check is not None:
            invented += 1
            print(f"invented: {clip.name}: {verdict.rationale}")
        reasons[verdict.rationale.split(" of sound")[0].split(" in ")[0].split(";")[0]] += 1
    print(f"\n{reasons.total()} clips without speech (noise, tones, music, game sounds, films): {invented} invented")
    for reason, count in reasons.most_common():
        print(f"  {count:4} {reason}")
    return invented


def print_mixed() -> None:
    """Clips that change their language, where only the first is accepted."""
    results: Counter[str] = Counter()
    apart_s = []
    for first, second, change_s, clip in mixed_clips():
        verdict = judge(clip.samples, first)
        both = judge(clip.samples, first, second)
        results[str(verdict.metrics["outcome"])] += 1
        results[f"{both.metrics['outcome']} with both accepted"] += 1
        if verdict.timestamps:
            apart_s.append(abs(verdict.timestamps[0] - change_s))
    print("\nclips of 24 s that change their language after 8 to 16 s, with the first accepted:", dict(results))
    if apart_s:
        print(f"  the first timestamp is {np.median(apart_s):.1f} s from there (median), {max(apart_s):.1f} s at most")


def print_cost() -> None:
    """What a process of its own measured under the memory limit of an evaluation process."""
    clip = next(clip for voice, clip in spoken_clips(CONDITIONS[0], number=0) if len(clip.samples) > 20 * RATE)
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, _sound(clip.samples).samples)
        command = [sys.executable, __file__, "--cost", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    print("\ncost, one thread:")
    for what, figure in json.loads(done.stdout).items():
        print(f"  {what:56} {figure:8.2f}")


def cost(speech: Path) -> dict[str, float]:
    """CPU seconds and memory; nothing else is in this process.

    Args:
        speech: A clip of 24 s in English, as numpy saves samples of 16 bits.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    samples = np.load(speech)
    figures = {"MB, at most, before the first clip": _peak_mb()}
    figures["CPU s, the first clip of 24 s (the model is loaded)"] = _cpu_s(Sound(samples=samples))
    figures["MB, at most, after that clip"] = _peak_mb()
    warm = [_cpu_s(Sound(samples=samples)) for _ in range(5)]
    figures["CPU s, a clip of 24 s, all of it speech, warm"] = float(np.median(warm))
    figures["CPU s a minute, an hour of speech"] = _cpu_s(Sound(samples=np.resize(samples, 3600 * RATE))) / 60
    figures["MB, at most, after that hour"] = _peak_mb()
    film = read_media(media_files("moviepy", "bbb.mp4")[0], content_type=AUDIO, parts={Part.SOUND}).sound
    assert film is not None
    figures["CPU s a minute, a film of ten minutes without speech"] = _cpu_s(film) / film.duration_s * 60
    return figures


def _cpu_s(sound: Sound) -> float:
    started = time.process_time()
    judge_sound(sound, "en")
    return time.process_time() - started


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _windows(verdict: Verdict) -> list[dict[str, object]]:
    windows = verdict.metrics["windows"]
    assert isinstance(windows, list)
    return windows


_NO_FACTS = AudioFacts(
    duration_sec=0.0,
    sample_rate=RATE,
    peak_dbfs=0.0,
    noise_floor_dbfs=0.0,
    clipped_ratio=0.0,
    silence_ratio=0.0,
    speech_segments_count=0,
    speech_duration_sec=0.0,
    speech_rms=None,
    noise_duration_sec=0.0,
    noise_rms=None,
)
"""The detector looks at the sound alone."""

if __name__ == "__main__":
    sys.exit(main())
