"""Audio: what a player plays, in each of its own rates, to the end."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from pique_assets.decoding.facts import AudioFacts, UnreadableMedia
from pique_assets.decoding.media import Media, Part
from pique_assets.decoding.reading import read_media


def tone(
    *,
    codec: str,
    container: str,
    rate: int = 44_100,
    layout: str = "mono",
    seconds: float = 2.0,
    options: dict[str, str] | None = None,
) -> bytes:
    """A tone, encoded."""
    moments = np.arange(round(seconds * rate)) / rate
    samples = (8000 * np.sin(2 * np.pi * 440 * moments)).astype(np.int16)
    written = io.BytesIO()
    with av.open(written, "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        step = stream.codec_context.frame_size or 1024
        channels = stream.codec_context.layout.nb_channels
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate, frame_size=step)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, channels)[None], format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode())
    return written.getvalue()


def media_of(path: Path, body: bytes, *parts: Part) -> Media:
    path.write_bytes(body)
    return read_media(path, content_type="audio", parts=parts)


def facts_of(path: Path, body: bytes) -> AudioFacts:
    facts = media_of(path, body).facts
    assert isinstance(facts, AudioFacts)
    return facts


@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [
        ("pcm_s16be", "aiff", 44_100),
        ("pcm_s16be", "caf", 44_100),
        ("pcm_s16le", "wav", 44_100),
        ("pcm_s16le", "w64", 8_000),
        ("pcm_s16be", "au", 44_100),
        ("flac", "flac", 44_100),
        ("flac", "ogg", 44_100),
        ("aac", "ipod", 44_100),
        ("alac", "ipod", 44_100),
        ("libopus", "ogg", 48_000),
        ("libmp3lame", "mp3", 44_100),
    ],
)
def test_every_format_is_measured_without_what_encoders_add(tmp_path, codec, container, rate):
    facts = facts_of(tmp_path / "a", tone(codec=codec, container=container, rate=rate))
    assert (facts.sample_rate, facts.notes) == (rate, ())
    assert facts.duration_sec == pytest.approx(2.0, abs=0.002)


@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [
        ("ac3", "ac3", 44_100),
        ("eac3", "eac3", 44_100),
        ("aac", "adts", 44_100),
    ],
)
def test_formats_without_a_word_on_padding_have_all_their_blocks(tmp_path, codec, container, rate):
    facts = facts_of(tmp_path / "a", tone(codec=codec, container=container, rate=rate))
    assert facts.duration_sec == pytest.approx(2.0, abs=0.06)


def test_amr_has_all_its_blocks(tmp_path):
    """Blocks of 20 ms at 12.2 kbit/s, by RFC 4867; what their speech says is chance."""
    speech = np.random.default_rng(0).bytes(31 * 100)
    blocks = b"".join(b"\x3c" + speech[at : at + 31] for at in range(0, len(speech), 31))
    facts = facts_of(tmp_path / "a.amr", b"#!AMR\n" + blocks)
    assert (facts.duration_sec, facts.sample_rate) == (pytest.approx(2.0, abs=0.001), 8_000)


def test_a_long_wav_is_measured(tmp_path):
    body = tone(codec="pcm_s16le", container="wav", options={"rf64": "always"})
    assert body.startswith(b"RF64")
    assert facts_of(tmp_path / "a.wav", body).duration_sec == pytest.approx(2.0)


@pytest.mark.parametrize("claimed", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_whose_sizes_are_wrong_has_the_sound_that_is_there(tmp_path, claimed):
    body = bytearray(tone(codec="pcm_s16le", container="wav"))
    at = body.index(b"data") + 4
    body[at : at + 4] = struct.pack("<I", claimed)
    facts = facts_of(tmp_path / "a.wav", bytes(body))
    assert (facts.duration_sec, facts.notes) == (pytest.approx(2.0, abs=0.001), ())


def bare_mp3(rate: int, layout: str = "stereo") -> bytes:
    options = {"write_xing": "0", "id3v2_version": "0"}
    return tone(codec="libmp3lame", container="mp3", rate=rate, layout=layout, options=options)


@pytest.mark.parametrize(("first", "second"), [(44_100, 22_050), (44_100, 48_000), (22_050, 44_100)])
def test_seconds_are_counted_in_the_rate_of_each_piece(tmp_path, first, second):
    alone = sum(facts_of(tmp_path / "one", bare_mp3(rate)).duration_sec for rate in (first, second))
    facts = facts_of(tmp_path / "both", bare_mp3(first) + bare_mp3(second))
    assert facts.duration_sec == pytest.approx(alone, abs=0.06)
    assert facts.sample_rate == first
    assert facts.notes[0].endswith(f"the sound changes from {first} Hz stereo to {second} Hz stereo")


@pytest.mark.parametrize(("codec", "rates"), [("libopus", (48_000, 24_000)), ("flac", (44_100, 48_000))])
def test_a_chain_is_measured_to_its_end(tmp_path, codec, rates):
    body = b"".join(
        tone(codec=codec, container="ogg", rate=rate, layout=layout)
        for rate, layout in zip(rates, ("stereo", "mono"), strict=True)
    )
    media = media_of(tmp_path / "a.ogg", body, Part.SOUND)
    assert isinstance(media.facts, AudioFacts)
    assert media.facts.duration_sec == pytest.approx(4.0, abs=0.01)
    assert media.facts.notes[0] == "it is a chain of 2 streams, and all of them were measured"
    assert media.sound.duration_s == pytest.approx(4.0, abs=0.05)


def test_a_chain_of_different_codings_is_measured_to_its_end(tmp_path):
    body = tone(codec="flac", container="ogg") + tone(codec="libopus", container="ogg", rate=48_000)
    assert facts_of(tmp_path / "a.ogg", body).duration_sec == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize(
    ("codec", "container"),
    [
        ("flac", "flac"),
        ("pcm_s16le", "wav"),
        ("pcm_s24le", "wav"),
        ("pcm_u8", "wav"),
        ("pcm_f32le", "wav"),
        ("adpcm_ima_wav", "wav"),
        ("pcm_s16le", "w64"),
        ("pcm_s16be", "aiff"),
        ("pcm_s16be", "au"),
        ("libmp3lame", "mp3"),
        ("aac", "matroska"),
        ("libopus", "webm"),
    ],
)
def test_sound_that_breaks_off_is_said_to_be_cut_short(tmp_path, codec, container):
    body = tone(codec=codec, container=container, rate=48_000, seconds=6.0)
    assert not facts_of(tmp_path / "whole", body).notes
    facts = facts_of(tmp_path / "half", body[: len(body) // 2])
    assert 2 < facts.duration_sec < 4
    assert facts.notes == ("it is cut short: its container declares 6.0s",)


@pytest.mark.parametrize("codec", ["libmp3lame", "ac3", "aac", "pcm_s16le"])
def test_a_recording_whose_length_was_never_written_is_not_cut_short(tmp_path, codec):
    body = tone(codec=codec, container="matroska", rate=48_000, seconds=60.0, options={"live": "1"})
    facts = facts_of(tmp_path / "live.mka", body)
    assert facts.duration_sec == pytest.approx(60.0, abs=0.1)
    assert not facts.notes


@pytest.mark.parametrize("rf64", ["always", "never"])
def test_a_wav_with_the_size_of_a_large_one_may_be_cut_short(tmp_path, rf64):
    body = tone(codec="pcm_s16le", container="wav", seconds=6.0, options={"rf64": rf64})
    assert facts_of(tmp_path / "a.wav", body[: len(body) // 2]).notes == (
        "it is cut short: its container declares 6.0s",
    )


@pytest.mark.parametrize(("rate", "label"), [(44_100, b""), (22_050, b""), (11_025, b"ID3\4\0\0\0\0\1\0" + bytes(128))])
def test_the_count_of_an_mp3_is_of_its_own_frames(tmp_path, rate, label):
    body = tone(codec="libmp3lame", container="mp3", rate=rate, seconds=6.0, options={"id3v2_version": "0"})
    assert not facts_of(tmp_path / "whole.mp3", label + body).notes
    assert not facts_of(tmp_path / "joined.mp3", label + body + body).notes
    half = facts_of(tmp_path / "half.mp3", label + body[: len(body) // 2])
    assert half.notes[0].startswith("it is cut short: its container declares 6.")


@pytest.mark.parametrize("body", [b"", b"words " * 1000, b"RIFF" + b"\0" * 1000], ids=["empty", "text", "no wave"])
def test_what_is_no_audio_can_not_be_measured(tmp_path, body):
    with pytest.raises(UnreadableMedia, match="damaged, cut short, or not media of a supported format"):
        facts_of(tmp_path / "no.wav", body)


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_sound_comes_as_one_channel_in_one_rate(tmp_path, rate, layout):
    body = tone(codec="pcm_s16le", container="wav", rate=rate, layout=layout)
    sound = media_of(tmp_path / "a.wav", body, Part.SOUND).sound
    assert sound.samples.dtype == np.int16
    assert sound.duration_s == pytest.approx(2.0, abs=0.01)
    spectrum = np.abs(np.fft.rfft(sound.samples.astype(float)))
    assert np.argmax(spectrum) * 16_000 / len(sound.samples) == pytest.approx(440, abs=1)


def wav_of(samples: np.ndarray, *, layout: str) -> bytes:
    """Samples of shape (moments, channels), 48,000 a second."""
    written = io.BytesIO()
    with av.open(written, "w", format="wav") as output:
        stream = output.add_stream("pcm_s16le", rate=48_000, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts = 48_000, 0
        output.mux([*stream.encode(frame), *stream.encode()])
    return written.getvalue()


BEEPS = np.where(np.arange(96_000) % 32_000 < 16_000, 8000 * np.sin(np.arange(96_000) / 17), 0).astype(np.int16)


def test_a_voice_in_the_centre_is_heard(tmp_path):
    samples = np.zeros((96_000, 6), np.int16)
    samples[:, 2] = BEEPS
    sound = media_of(tmp_path / "a.wav", wav_of(samples, layout="5.1"), Part.SOUND).sound
    assert np.abs(sound.samples.astype(int)).max() > 1500


def test_channels_that_are_out_of_phase_are_heard(tmp_path):
    same = media_of(tmp_path / "a.wav", wav_of(np.stack([BEEPS, BEEPS], axis=1), layout="stereo"), Part.SOUND)
    opposite = media_of(tmp_path / "b.wav", wav_of(np.stack([BEEPS, -BEEPS], axis=1), layout="stereo"), Part.SOUND)
    assert opposite.facts == same.facts
    assert same.facts.speech_segments_count == 3
    assert np.array_equal(opposite.sound.samples, same.sound.samples)
