"""The `language` detector: what it accepts as an option, how it weighs what was heard, and what it really hears."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from pique_assets.decoding.facts import AudioFacts
from pique_assets.decoding.media import SOUND_RATE, Media, Sound
from pique_assets.extras import EXTRAS
from pique_assets.local.detectors.base import Material, Verdict
from pique_assets.local.detectors.language import LEAST_SPEECH_S, Language
from pique_assets.local.detectors.language_codes import NAMES
from pique_assets.local.detectors.registry import reason_refused
from pique_assets.local.detectors.speech_windows import MOST_WINDOWS, WINDOW_S, SpeechWindow, cut, seconds_in, spread

hears_speech = pytest.mark.skipif(
    bool(EXTRAS["local-speech"].missing()), reason="speech is found with the extra local-speech"
)
ENGLISH = Language(accepted_languages=["en"])


@pytest.mark.parametrize(
    ("given_code", "kept"),
    [("en", "en"), ("EN", "en"), ("en-US", "en"), ("en_GB", "en"), ("pt-BR", "pt"), ("zh-Hant-TW", "zh"), ("nb", "no")],
)
def test_a_code_is_kept_without_its_region(given_code, kept):
    assert Language(accepted_languages=[given_code]).accepted_languages == [kept]


@pytest.mark.parametrize("wrong", [["xx"], ["english"], [""], ["e"], ["en", "zz-US"], [], ["-en"], [None], "en"])
def test_what_is_no_list_of_codes_refuses_the_judge(wrong):
    with pytest.raises(ValidationError):
        Language.model_validate({"accepted_languages": wrong})


def test_an_unknown_code_is_named():
    with pytest.raises(ValidationError, match="'xx' is not the ISO 639-1 code of a language that can be told here"):
        Language(accepted_languages=["xx"])


def test_a_judge_with_an_unknown_code_is_refused_with_the_sentence():
    refused = reason_refused("language", {"accepted_languages": ["en", "xx"]}, content_type="video")
    assert refused is not None
    assert refused.startswith("language: option accepted_languages.1: ")
    assert "'xx' is not the ISO 639-1 code" in refused


def test_the_option_is_required():
    with pytest.raises(ValidationError, match="accepted_languages"):
        Language.model_validate({})


def test_the_server_imports_no_model_to_check_the_options():
    code = (
        "import sys, pique_assets.local.detectors.language as module\n"
        "module.Language(accepted_languages=['en']).reason_not_ready()\n"
        "print(*({'numpy', 'ctranslate2', 'faster_whisper', 'onnxruntime', 'huggingface_hub'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_missing_model_is_told_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("PIQUE_WHISPER_MODEL", str(tmp_path / "nowhere"))
    assert ENGLISH.reason_not_ready() == (
        f"PIQUE_WHISPER_MODEL names {tmp_path / 'nowhere'}, but model.bin can't be read: No such file or directory"
    )
    monkeypatch.delenv("PIQUE_WHISPER_MODEL")
    for name in ("XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert "run `pique-assets models fetch`" in (ENGLISH.reason_not_ready() or "")


spans_of_speech = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 60_000)), min_size=1, max_size=30).map(
    lambda gaps: _laid_out(gaps)
)


def _laid_out(gaps: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Spans from pauses and lengths in milliseconds."""
    spans, now = [], 0
    for pause, length in gaps:
        spans.append(((now + pause) / 1000, (now + pause + length) / 1000))
        now += pause + length
    return spans


@given(spans_of_speech)
def test_windows_hold_all_of_the_speech_in_order_in_equal_parts(spans):
    windows = cut(spans)
    pieces = [span for window in windows for span in window]
    assert pieces == sorted(pieces)
    assert seconds_in(pieces) == pytest.approx(seconds_in(spans), abs=0.01)
    lengths = [seconds_in(window) for window in windows]
    assert max(lengths) <= 1.5 * WINDOW_S + 0.05
    assert max(lengths) - min(lengths) <= 0.1
    assert all(any(start <= a and b <= end for start, end in spans) for a, b in pieces)


def test_of_many_windows_some_are_heard_from_the_first_to_the_last():
    few = cut([(0.0, MOST_WINDOWS * WINDOW_S)])
    assert spread(few) == few
    many = cut([(0.0, 3600.0)])
    heard = spread(many)
    assert len(set(heard)) == MOST_WINDOWS
    assert (heard[0], heard[-1]) == (many[0], many[-1])
    steps = np.diff([window[0][0] for window in heard])
    assert max(steps) - min(steps) <= WINDOW_S + 0.01


def verdict(*heard: dict[str, float], accepted: Sequence[str] = ("en",)) -> Verdict:
    """Of windows of ten seconds in which each language was as probable as given."""
    windows = []
    for number, known in enumerate(heard):
        rest = (1 - sum(known.values())) / (len(NAMES) - len(known))
        probabilities = dict.fromkeys(NAMES, rest) | known
        windows.append(SpeechWindow(spans=((number * 12.0, number * 12.0 + 10.0),), probabilities=probabilities))
    spans = [span for window in windows for span in window.spans]
    return Language(accepted_languages=list(accepted)).verdict(windows, sound_s=12.0 * len(windows), spans=spans)


# What the model said of real recordings.
CLEAR_ENGLISH = {"en": 0.98, "cy": 0.005}
CLEAR_SPANISH = {"es": 0.94, "gl": 0.02, "en": 0.01}
UNCLEAR = {"id": 0.41, "es": 0.28, "ms": 0.05}
BETWEEN_TWO = {"es": 0.5, "gl": 0.42, "pt": 0.05}


def test_an_accepted_language_passes():
    found = verdict(CLEAR_ENGLISH, CLEAR_ENGLISH)
    assert (found.pass_check, found.score, found.metrics["outcome"]) == (True, 0.98, "passed")
    assert found.rationale == "English (0.98) in 20.0 s of speech"
    assert (list(found.timestamps), list(found.flagged_frames)) == ([], [])
    assert found.metrics["detected_language"] == "en"


def test_another_language_fails_and_is_named():
    found = verdict(CLEAR_SPANISH)
    assert (found.pass_check, found.score, found.metrics["outcome"]) == (False, 0.01, "failed")
    assert found.rationale == "Spanish (0.94) in 10.0 s of speech; accepted: en"
    assert list(found.timestamps) == [0.0]


def test_another_language_in_one_part_fails_there():
    found = verdict(CLEAR_ENGLISH, CLEAR_ENGLISH, CLEAR_SPANISH, CLEAR_ENGLISH)
    assert found.pass_check is False
    assert found.rationale == "Spanish (0.94) in 10.0 of 40.0 s of speech, first at 24.0 s; accepted: en"
    assert list(found.timestamps) == [24.0]
    assert list(found.flagged_frames) == [{"timestamp": 24.0, "reason": "Spanish (0.94) is spoken here"}]
    shares = {language["language"]: language["share"] for language in found.metrics["languages"]}
    assert shares == {"en": 0.75, "es": 0.25}
    assert [window["accepted"] for window in found.metrics["windows"]] == [True, True, False, True]


def test_both_languages_accepted_pass():
    assert verdict(CLEAR_ENGLISH, CLEAR_SPANISH, accepted=("en", "es")).pass_check is True


def test_an_unclear_language_is_undetermined_with_the_likeliest():
    found = verdict(UNCLEAR)
    assert (found.pass_check, found.score, found.metrics["outcome"]) == (None, None, "undetermined")
    assert found.rationale == "the language is not clear: Indonesian (0.41) at 0.0 s; wanted 0.8 throughout"
    assert found.metrics["detected_language"] is None
    assert [window["accepted"] for window in found.metrics["windows"]] == [None]


def test_doubts_within_one_language_are_told_where_they_are():
    found = verdict({"en": 0.92, "cy": 0.08}, {"en": 0.5, "cy": 0.3, "de": 0.2}, {"en": 0.6, "cy": 0.4})
    assert found.pass_check is None
    assert found.rationale == (
        "the language is not clear: English (0.92) at 0.0 s, English (0.50) at 12.0 s; wanted 0.8 throughout"
    )


def test_mostly_unclear_speech_does_not_pass_by_its_clear_part():
    found = verdict(CLEAR_ENGLISH, UNCLEAR, CLEAR_ENGLISH)
    assert found.pass_check is None
    assert found.rationale == (
        "the language is not clear: English (0.98) at 0.0 s, Indonesian (0.41) at 12.0 s; wanted 0.8 throughout"
    )
    assert verdict(*[CLEAR_ENGLISH] * 9, UNCLEAR).pass_check is True


def test_one_window_that_contradicts_the_rest_must_be_sure():
    doubtful = {"id": 0.87, "es": 0.05}
    assert verdict(CLEAR_SPANISH, doubtful, accepted=("es",)).pass_check is None
    assert verdict(doubtful, doubtful, accepted=("es",)).pass_check is False
    assert verdict(UNCLEAR, doubtful, accepted=("es",)).pass_check is False
    assert verdict(CLEAR_SPANISH, {"id": 0.95}, accepted=("es",)).pass_check is False


def test_between_two_accepted_languages_passes_and_between_others_is_undetermined():
    assert verdict(BETWEEN_TWO, accepted=("es", "gl")).pass_check is True
    assert verdict(BETWEEN_TWO, accepted=("es",)).pass_check is None
    assert verdict(BETWEEN_TWO).pass_check is None


def test_either_form_of_norwegian_stands_for_both():
    for code in ("no", "nn", "nb"):
        assert verdict({"no": 0.5, "nn": 0.45}, accepted=(code,)).pass_check is True


def material(samples: np.ndarray | None) -> Material:
    sound = None if samples is None else Sound(samples=samples.astype(np.int16))
    facts = AudioFacts(
        duration_sec=1.0,
        sample_rate=SOUND_RATE,
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
    return Material(media=Media(facts=facts, sound=sound))


def test_without_a_sound_track_nothing_is_said():
    found = ENGLISH.judge(material(None))
    assert (found.pass_check, found.score) == (None, None)
    assert found.rationale == "there is no sound track"
    assert found.metrics["speech"] == {"found_sec": 0, "heard_sec": 0, "sound_sec": 0}


def moments(seconds: int = 12) -> np.ndarray:
    return np.arange(seconds * SOUND_RATE) / SOUND_RATE


def chord(time: np.ndarray) -> np.ndarray:
    """An organ that plays three notes at a time, and others each half second."""
    out = np.zeros(len(time))
    for start, notes in enumerate([(220, 277, 330), (247, 311, 370), (196, 247, 294), (220, 262, 330)] * 6):
        part = (time >= start / 2) & (time < start / 2 + 0.5)
        for note in notes:
            out += part * sum(np.sin(2 * np.pi * note * k * time) / k for k in range(1, 6))
    return out


NOT_SPEECH: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "silence": lambda time, rng: np.zeros(len(time)),
    "white noise": lambda time, rng: rng.standard_normal(len(time)),
    "quiet noise": lambda time, rng: 0.001 * rng.standard_normal(len(time)),
    "noise in bursts": lambda time, rng: rng.standard_normal(len(time)) * (time % 0.3 < 0.15),
    "a tone": lambda time, rng: np.sin(2 * np.pi * 440 * time),
    "hum": lambda time, rng: sum(np.sin(2 * np.pi * 50 * k * time) / k for k in range(1, 10)),
    "music": lambda time, rng: chord(time),
    "clicks": lambda time, rng: (time % 0.5 < 0.001).astype(float),
    "full scale": lambda time, rng: np.sign(np.sin(2 * np.pi * 200 * time)),
}


@hears_speech
@pytest.mark.parametrize("name", NOT_SPEECH)
def test_what_is_no_speech_is_undetermined(name):
    made = NOT_SPEECH[name](moments(), np.random.default_rng(1))
    found = ENGLISH.judge(material(made / max(1.0, np.abs(made).max()) * 20_000))
    assert found.pass_check is None
    assert found.rationale == "nobody speaks in 12.0 s of sound"


@hears_speech
def test_no_sound_at_all_and_less_than_the_model_takes_at_once():
    for length in (0, 1, 511, 512, 513):
        found = ENGLISH.judge(material(np.zeros(length)))
        assert found.rationale == "nobody speaks in 0.0 s of sound", length


@pytest.fixture(scope="module")
def recorded() -> Callable[[str, float], np.ndarray]:
    """So many seconds of real prompts in a language; nothing is asked of the network where they are in the cache."""
    if missing := ENGLISH.reason_not_ready():
        pytest.skip(missing)
    from media_sources import NotFetched, media_files

    def speech(language: str, seconds: float) -> np.ndarray:
        try:
            paths = media_files(f"asterisk-core-sounds-{language}-g722", "vm-*.g722")
        except NotFetched as error:
            pytest.skip(str(error))
        found: list[np.ndarray] = []
        for path in sorted(paths, key=lambda path: (-path.stat().st_size, path.name)):
            with av.open(str(path), format="g722") as container:
                found += [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
            if sum(map(len, found)) >= seconds * SOUND_RATE:
                break
        return np.concatenate(found)[: round(seconds * SOUND_RATE)]

    return speech


@hears_speech
@pytest.mark.long
@pytest.mark.parametrize("code", ["en", "es", "fr", "it", "ru"])
def test_a_recorded_language_passes_where_it_is_accepted_and_fails_elsewhere(recorded, code):
    heard = material(recorded(code, 12))
    passed = Language(accepted_languages=[code]).judge(heard)
    assert passed.pass_check is True, passed.rationale
    failed = Language(accepted_languages=["de"]).judge(heard)
    assert failed.pass_check is False
    assert failed.rationale.startswith(NAMES[code])
    assert passed == Language(accepted_languages=[code]).judge(material(heard.media.sound.samples.copy()))


@hears_speech
@pytest.mark.long
def test_a_recording_that_changes_its_language_fails_from_there_on(recorded):
    found = ENGLISH.judge(material(np.concatenate([recorded("en", 20), recorded("fr", 20)])))
    assert found.pass_check is False
    assert abs(found.timestamps[0] - 20) <= WINDOW_S
    assert {language["language"] for language in found.metrics["languages"]} == {"en", "fr"}


@hears_speech
@pytest.mark.long
def test_quiet_speech_is_heard_and_little_speech_is_not_judged(recorded):
    speech = recorded("en", 8)
    assert ENGLISH.judge(material(speech / 100)).pass_check is True
    short = ENGLISH.judge(material(np.concatenate([np.zeros(3 * SOUND_RATE), recorded("en", LEAST_SPEECH_S - 1)])))
    assert short.pass_check is None
    assert short.rationale.startswith("there are only ")


@hears_speech
@pytest.mark.long
def test_speech_is_found_where_it_is(recorded):
    from pique_assets.local.detectors.speech import speech_spans

    silence = np.zeros(5 * SOUND_RATE)
    sound = Sound(samples=np.concatenate([silence, recorded("en", 4), silence, recorded("es", 4)]).astype(np.int16))
    spans = speech_spans(sound)
    assert 4.5 <= spans[0][0] <= 6
    assert not [span for span in spans if 9.5 < span[0] < 13.5]
    assert 16 <= spans[-1][1] <= 18
    assert speech_spans(sound) is spans


IN_A_CONFINED_PROCESS = """
import sys
import numpy as np
from pique_assets.decoding.confinement import confine
from pique_assets.local.evaluation_child import MEMORY_LIMIT_BYTES
confine(memory_bytes=MEMORY_LIMIT_BYTES)
from pique_assets.decoding.media import Sound
from pique_assets.local.detectors.spoken_language import spoken_languages
samples = np.random.default_rng(1).integers(-9999, 9999, 3600 * 16000).astype(np.int16)
print(len(spoken_languages(Sound(samples=samples), [(0.0, 3600.0)])))
"""


@hears_speech
@pytest.mark.long
def test_an_hour_is_heard_within_the_memory_of_an_evaluation_process():
    if missing := ENGLISH.reason_not_ready():
        pytest.skip(missing)
    done = subprocess.run([sys.executable, "-c", IN_A_CONFINED_PROCESS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{MOST_WINDOWS}\n"), done.stderr
