"""The parts of a video: pictures at exact moments, sound in step with them, the text of subtitles."""

from __future__ import annotations

import gc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from av.video.frame import VideoFrame
from made_media import make_video

from pique_assets.decoding.frames import Sampler
from pique_assets.decoding.media import FRAME_SIDE, MOST_STILLS, SOUND_RATE, STILL_SIDE, Media, Part
from pique_assets.decoding.placement import Placement
from pique_assets.decoding.reading import read_media


def media_of(path: Path, *parts: Part) -> Media:
    return read_media(path, content_type="video", parts=parts)


def brightening(path: Path, *, times_ms: list[int], beside: Callable[[OutputContainer], object] | None = None) -> Path:
    """Pictures of one brightness each, 10 more than the one before; ``beside`` adds other tracks before theirs."""
    with av.open(path, "w") as container:
        if beside is not None:
            beside(container)
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time_ms in enumerate(times_ms):
            gray = np.full((180, 320, 3), 10 + 10 * number, np.uint8)
            frame = VideoFrame.from_ndarray(gray, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov"])
def test_a_frame_is_the_picture_that_is_shown_at_its_moment(tmp_path, name):
    media = media_of(brightening(tmp_path / name, times_ms=[0, 480, 520, 1400, 1500, 2600]), Part.FRAMES)
    assert [frame.time_s for frame in media.frames][:6] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    seen = [round((float(frame.gray.mean()) - 10) / 10) for frame in media.frames][:6]
    assert seen == [0, 1, 2, 4, 4, 4]
    assert media.frames[0].gray.shape == (72, FRAME_SIDE)
    assert media.frames[0].gray.dtype == np.uint8


@pytest.mark.parametrize(("name", "codec"), [("raw.h264", "h264"), ("raw.hevc", "libx265")])
def test_a_raw_stream_shows_its_pictures_at_the_moments_of_its_rate(tmp_path, name, codec):
    raw = media_of(make_video(tmp_path / name, codec=codec, fps=30, count=75), Part.FRAMES, Part.STILLS)
    held = media_of(make_video(tmp_path / "a.mp4", codec=codec, fps=30, count=75), Part.FRAMES, Part.STILLS)
    assert [frame.time_s for frame in raw.frames] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert [still.time_s for still in raw.stills] == [0.0, 1.5]
    for one, other in zip((*raw.frames, *raw.stills), (*held.frames, *held.stills), strict=True):
        assert np.array_equal(one.gray, other.gray)


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("a.mkv", lambda container: container.add_attachment("a.ttf", "font/ttf", b"letters")),
        ("a.ts", lambda container: container.add_data_stream("klv")),
        ("a.mp4", lambda container: container.add_stream("aac", rate=48000)),
    ],
    ids=["attachment", "data", "sound"],
)
def test_no_track_beside_the_picture_takes_its_last_frames(tmp_path, name, beside):
    path = brightening(tmp_path / name, times_ms=[0, 500, 1000, 1500, 2000, 2500], beside=beside)
    media = media_of(path, *Part)
    assert [round((float(frame.gray.mean()) - 10) / 10) for frame in media.frames][:6] == [0, 1, 2, 3, 4, 5]


def test_no_picture_of_a_video_stays_in_memory(tmp_path):
    path = make_video(tmp_path / "a.mp4", count=100)
    gc.collect()
    gc.disable()
    try:
        media_of(path, *Part)
        assert sum(isinstance(held, VideoFrame) for held in gc.get_objects()) < 5
    finally:
        gc.enable()


def test_only_what_is_asked_for_is_there(tmp_path):
    path = make_video(tmp_path / "a.mp4", count=100, sound=True)
    assert not any((media_of(path).frames, media_of(path).stills, media_of(path).sound))
    media = media_of(path, Part.STILLS)
    assert [still.time_s for still in media.stills] == [0.0, 1.5, 3.0]
    assert media.stills[0].gray.shape == (240, 320)
    assert (media.frames, media.sound) == ((), None)


def test_facts_do_not_depend_on_the_parts(tmp_path):
    path = make_video(tmp_path / "a.mp4", sound=True)
    assert media_of(path).facts == media_of(path, *Part).facts


def test_a_large_picture_is_made_small(tmp_path):
    media = media_of(make_video(tmp_path / "a.mp4", width=1280, height=720, count=5), *Part)
    assert media.frames[0].gray.shape == (72, 128)
    assert media.stills[0].gray.shape == (360, STILL_SIDE)


def test_pixels_that_are_not_square_become_so(tmp_path):
    media = media_of(make_video(tmp_path / "a.mp4", sample_aspect_ratio="2/1", count=5), Part.FRAMES)
    assert media.frames[0].gray.shape == (48, 128)


def left_is_bright(path: Path, *, degrees: int, mirrored: bool) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        stream.set_display_rotation(degrees, hflip=mirrored)
        picture = np.zeros((64, 128, 3), np.uint8)
        picture[:, :64] = 200
        picture[:32] += 50
        for _ in range(5):
            container.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_frames_are_turned_and_mirrored_as_players_do(tmp_path, degrees, mirrored):
    media = media_of(left_is_bright(tmp_path / "a.mp4", degrees=degrees, mirrored=mirrored), Part.FRAMES)
    stored = np.kron(np.array([[250, 50], [200, 0]]), np.ones((32, 64)))
    # Turned against the clock, then mirrored.
    turned = np.rot90(stored, degrees // 90)
    expected = np.fliplr(turned) if mirrored else turned
    gray = media.frames[0].gray
    assert gray.shape == expected.shape == (media.facts.height, media.facts.width)
    assert np.abs(gray.astype(float) - expected).mean() < 25


def test_an_unturned_picture_is_at_its_place():
    assert Placement.of(VideoFrame(4, 2, "gray")) == Placement(1, 0, 0, 1)


def test_a_long_video_has_stills_that_are_further_apart():
    sampler = Sampler(interval_s=1.5, side=8, most=MOST_STILLS)
    for second in range(2000):
        sampler.add(VideoFrame(8, 8, "gray"), time_s=float(second), pixel_shape=1.0)
    stills = sampler.finish(end_s=2000.0)
    assert MOST_STILLS / 2 <= len(stills) <= MOST_STILLS
    assert [still.time_s for still in stills[:4]] == [0.0, 6.0, 12.0, 18.0]


def test_nothing_is_sampled_after_the_first_hour():
    sampler = Sampler(interval_s=600.0, side=8)
    sampler.add(VideoFrame(8, 8, "gray"), time_s=0.0, pixel_shape=1.0)
    sampler.add(VideoFrame(8, 8, "gray"), time_s=1e9, pixel_shape=1.0)
    assert [frame.time_s for frame in sampler.finish(end_s=2e9)] == [0.0, 600.0, 1200.0, 1800.0, 2400.0, 3000.0]


def clicking(path: Path, *, picture_from_s: float, sound_from_s: float) -> Path:
    """A video whose sound is a click, a second after the sound's own beginning."""
    with av.open(path, "w") as container:
        video = container.add_stream("h264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("flac" if path.suffix == ".mkv" else "aac", rate=48_000, layout="mono")
        for number in range(50):
            frame = VideoFrame(64, 64, "yuv420p")
            frame.pts, frame.time_base = round(picture_from_s * 25) + number, Fraction(1, 25)
            container.mux(video.encode(frame))
        samples = np.zeros(96_000, np.int16)
        samples[48_000:48_480] = 20_000
        kind = audio.codec_context.format.name
        for start in range(0, 96_000, 1024):
            piece = samples[None, start : start + 1024]
            body = piece if kind.startswith("s16") else piece.astype(np.float32) / 32768
            sound = av.AudioFrame.from_ndarray(body, format=kind, layout="mono")
            sound.sample_rate, sound.pts = 48_000, round(sound_from_s * 48_000) + start
            sound.time_base = Fraction(1, 48_000)
            container.mux(audio.encode(sound))
        container.mux([*video.encode(), *audio.encode()])
    return path


@pytest.mark.parametrize(
    ("layout", "loudness", "heard"),
    [
        ("stereo", [1, 1], 1.0),
        ("stereo", [1, 0], 0.5),
        ("stereo", [1, -1], 1.0),
        ("stereo", [1, -0.99], 1.0),
        ("stereo", [0, 0], 0.0),
        ("quad", [1, -1, 1, -1], 1.0),
    ],
)
def test_no_voice_is_lost_by_mixing_channels(tmp_path, layout, loudness, heard):
    tone = 10_000 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000)
    channels = np.stack([tone * share for share in loudness], axis=1).astype(np.int16)
    path = tmp_path / "a.flac"
    with av.open(path, "w") as container:
        stream = container.add_stream("flac", rate=48_000, layout=layout)
        for start in range(0, 48_000, 4096):
            piece = channels[start : start + 4096].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    sound = read_media(path, content_type="audio", parts=[Part.SOUND]).sound
    assert sound is not None
    loudest = float(np.abs(sound.samples[1000:-1000].astype(float)).max()) / 10_000
    assert loudest == pytest.approx(heard, abs=0.05)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
@pytest.mark.parametrize(
    ("picture_from_s", "sound_from_s", "heard_s"), [(0.0, 0.0, 1.0), (0.0, 0.6, 1.6), (0.6, 0.0, 0.4)]
)
def test_sound_is_in_step_with_the_picture(tmp_path, name, picture_from_s, sound_from_s, heard_s):
    path = clicking(tmp_path / name, picture_from_s=picture_from_s, sound_from_s=sound_from_s)
    sound = media_of(path, Part.SOUND).sound
    loud = np.flatnonzero(np.abs(sound.samples.astype(int)) > 8000)
    assert loud[0] / SOUND_RATE == pytest.approx(heard_s, abs=0.03)


def subtitled(path: Path, codec: str) -> Path:
    """A video with two texts: from 0.5 s to 1.2 s, and from 1.5 s to 1.9 s."""
    texts = [(500, 1200, "Hello, you"), (1500, 1900, "two\\Nlines")]
    with av.open(path, "w") as container:
        video = container.add_stream("h264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        track = container.add_stream(codec)
        track.codec_context.subtitle_header = b"[Script Info]\n[Events]\n"
        track.metadata["language"] = "deu"
        for number in range(50):
            frame = VideoFrame(64, 64, "yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for number, (start, end, text) in enumerate(texts):
            line = f"{number},0,Default,,0,0,0,,{{\\i1}}{text}{{\\i0}}".encode()
            made = av.subtitles.subtitle.SubtitleSet.create(line, 0, end - start, start * 1000)
            packet = track.codec_context.encode_subtitle(made)
            packet.stream, packet.time_base = track, Fraction(1, 1000)
            packet.pts = packet.dts = start
            packet.duration = end - start
            container.mux(packet)
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "srt"), ("a.mkv", "ass"), ("a.mp4", "mov_text")])
def test_the_text_of_subtitles_is_read_without_markup(tmp_path, name, codec):
    media = media_of(subtitled(tmp_path / name, codec), Part.SUBTITLES)
    (track,) = media.subtitle_tracks
    assert (track.language, track.is_forced) == ("deu", False)
    assert [(cue.start_s, cue.end_s, cue.text) for cue in track.cues] == [
        (0.5, 1.2, "Hello, you"),
        (1.5, 1.9, "two\nlines"),
    ]


def test_subtitles_that_are_no_utf8_lose_a_letter_at_most(tmp_path):
    path = subtitled(tmp_path / "a.mkv", "srt")
    path.write_bytes(path.read_bytes().replace(b"deu", b"d\xe9u").replace(b"Hello", b"H\xe9llo"))
    (track,) = media_of(path, Part.SUBTITLES).subtitle_tracks
    assert track.language == "d\N{REPLACEMENT CHARACTER}u"
    assert track.cues[0].text == "H\N{REPLACEMENT CHARACTER}llo, you"


def test_subtitles_that_are_pictures_are_listed_without_text(tmp_path):
    path = subtitled(tmp_path / "a.mkv", "srt")
    path.write_bytes(path.read_bytes().replace(b"S_TEXT/UTF8", b"S_HDMV/PGS\0"))
    (track,) = media_of(path, Part.SUBTITLES).subtitle_tracks
    assert (track.codec, track.cues) == ("pgssub", None)


def test_damaged_packets_are_survived(tmp_path):
    path = make_video(tmp_path / "a.mp4", count=100, sound=True, options={"movflags": "faststart"})
    rotten = bytearray(path.read_bytes())
    start = rotten.index(b"mdat") + 2000
    rotten[start : start + 200_000 : 97] = b"\xff" * len(range(start, start + 200_000, 97))
    path.write_bytes(rotten)
    media = media_of(path, *Part)
    assert media.facts.frames >= 99
    assert len(media.frames) >= 7
