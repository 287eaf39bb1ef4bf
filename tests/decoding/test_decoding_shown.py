"""What a player would show, counted: edit lists, clocks, rates, tracks, sizes, and packets that show nothing."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import pytest
from made_media import make_sound, make_video, noise_frames

from pique_assets.decoding.facts import UnreadableMedia, VideoFacts
from pique_assets.decoding.reading import read_media
from pique_assets.decoding.shown import Shown, shows_nothing

QUIET_THEN_BUSY = [*range(0, 2000, 200), *range(2000, 4000, 40)]
WRAP_SEC = 2**33 / 90_000


def facts_of(path: Path) -> VideoFacts:
    facts = read_media(path, content_type="video").facts
    assert isinstance(facts, VideoFacts)
    return facts


def copied(source: Path, target: Path, *, shift_s: float = 0.0, **options: str) -> Path:
    """The same packets in another container, all later by some seconds."""
    with av.open(source) as read, av.open(target, "w", options=options) as written:
        streams = {stream.index: written.add_stream_from_template(stream) for stream in read.streams}
        for packet in read.demux():
            if packet.dts is not None:
                ticks = round(shift_s / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = streams[packet.stream_index]
                written.mux(packet)
    return target


@pytest.mark.parametrize("name", ["trim.mp4", "trim.mov"])
def test_what_an_edit_list_leaves_out_is_not_counted(tmp_path, name):
    whole = make_video(tmp_path / "whole.mp4", count=100)
    facts = facts_of(copied(whole, tmp_path / name, shift_s=-2.0))
    assert (facts.duration_sec, facts.fps, facts.frames) == (2.0, 25.0, 50)
    assert facts.declared_duration_sec == 2.0


@pytest.mark.parametrize("name", ["trim.mp4", "trim.mov"])
def test_an_edit_in_the_middle_of_a_picture_has_its_full_length(tmp_path, name):
    whole = make_video(tmp_path / "whole.mp4", count=100)
    facts = facts_of(copied(whole, tmp_path / name, shift_s=-2.02))
    assert (facts.duration_sec, facts.fps) == (pytest.approx(1.98, abs=0.001), 25.0)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.flv", "a.ts"])
def test_sound_that_outlasts_the_picture_never_makes_a_video_cut_short(tmp_path, name):
    path = make_video(tmp_path / name, count=50, sound=True, sound_s=6.0)
    facts = facts_of(path)
    assert facts.duration_sec == pytest.approx(2.0, abs=0.002)
    declared_sec = facts.declared_duration_sec
    assert declared_sec is None or declared_sec == pytest.approx(2.0, abs=0.002)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.flv", "a.ts", "a.webm"])
def test_a_variable_rate_is_counted_in_every_container(tmp_path, name):
    codec = "libvpx" if name.endswith("webm") else "h264"
    facts = facts_of(make_video(tmp_path / name, codec=codec, times=QUIET_THEN_BUSY))
    assert facts.fps == pytest.approx(60 / 4, abs=0.01)
    assert facts.duration_sec == pytest.approx(4.0, abs=0.002)


@pytest.mark.parametrize("name", ["a.mkv", "a.flv", "a.ts", "a.mp4"])
def test_times_that_a_container_rounds_leave_the_rate_exact(tmp_path, name):
    facts = facts_of(make_video(tmp_path / name, fps=24, count=13))
    assert facts.fps == 24.0


@pytest.mark.parametrize("starts_s", [3000.0, WRAP_SEC - 1.0, WRAP_SEC - 2.5])
def test_a_clock_that_starts_late_or_wraps_does_not_matter(tmp_path, starts_s):
    path = copied(make_video(tmp_path / "a.mp4"), tmp_path / "a.ts", shift_s=starts_s, muxdelay="0")
    facts = facts_of(path)
    assert (facts.duration_sec, facts.fps, facts.notes) == (pytest.approx(2.0), 25.0, ())


@pytest.mark.parametrize("second_s", [0.0, 40_000.0])
def test_pieces_whose_clocks_start_anew_or_jump_are_put_together(tmp_path, second_s):
    whole = make_video(tmp_path / "a.mp4")
    first, second = copied(whole, tmp_path / "1.ts"), copied(whole, tmp_path / "2.ts", shift_s=second_s)
    (tmp_path / "both.ts").write_bytes(first.read_bytes() + second.read_bytes())
    facts = facts_of(tmp_path / "both.ts")
    assert (facts.duration_sec, facts.fps, facts.frames) == (pytest.approx(4.0, abs=0.001), 25.0, 100)
    assert facts.notes == ("it is put together from 2 pieces with clocks of their own, and all of them count",)


def test_a_pause_in_a_broadcast_is_time_in_which_its_picture_stays(tmp_path):
    facts = facts_of(make_video(tmp_path / "slides.ts", times=[0, 20_000, 40_000]))
    assert facts.duration_sec == pytest.approx(60.0, abs=0.001)


@pytest.mark.parametrize(
    ("codec", "name"), [("h264", "ts"), ("mpeg2video", "ts"), ("libx265", "ts"), ("mpeg1video", "mpg")]
)
def test_a_size_that_changes_on_the_way_is_told(tmp_path, codec, name):
    pieces = [
        make_video(tmp_path / f"{width}.{name}", codec=codec, width=width, height=240).read_bytes()
        for width in (320, 480)
    ]
    (tmp_path / f"both.{name}").write_bytes(b"".join(pieces))
    facts = facts_of(tmp_path / f"both.{name}")
    assert (facts.width, facts.height) == (320, 240)
    assert facts.notes[0] == "the picture changes to 480x240 at 2.0s, and the first size is the one measured"


def _two_tracks(path: Path, *, default: int) -> Path:
    with av.open(path, "w") as container:
        streams = []
        for width, fps in ((64, 5), (320, 25)):
            stream = container.add_stream("h264", rate=fps)
            stream.width, stream.height, stream.pix_fmt = width, 240, "yuv420p"
            stream.options = {"preset": "ultrafast"}
            stream.disposition = av.stream.Disposition.default if len(streams) == default else 0
            streams.append(stream)
        for stream, count in zip(streams, (5, 25), strict=True):
            for frame in noise_frames(stream.width, 240, count):
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize(("default", "width", "other"), [(0, 64, 320), (1, 320, 64)])
def test_the_default_track_is_measured_and_the_other_is_named(tmp_path, name, default, width, other):
    facts = facts_of(_two_tracks(tmp_path / name, default=default))
    assert facts.width == width
    assert facts.notes == (f"another video track ({other}x240) is not what players show first",)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_video_of_one_picture_is_measured(tmp_path, name):
    facts = facts_of(make_video(tmp_path / name, count=1))
    assert (facts.frames, facts.fps, facts.duration_sec) == (1, 25.0, pytest.approx(0.04))


def test_pictures_before_the_first_that_decodes_are_not_shown(tmp_path):
    body = make_video(tmp_path / "whole.ts", count=60).read_bytes()
    with av.open(tmp_path / "whole.ts") as container:
        second_key = [packet.pos for packet in container.demux() if packet.is_keyframe and packet.pos is not None][1]
    # Every group is of 10; the first one loses its beginning.
    cut = (second_key // 188 - 40) * 188
    (tmp_path / "cut.ts").write_bytes(body[cut:])
    facts = facts_of(tmp_path / "cut.ts")
    assert (facts.frames, facts.duration_sec) == (50, pytest.approx(2.0, abs=0.001))


@pytest.mark.parametrize("name", ["a.mkv", "a.flv", "a.avi", "a.mp4"])
def test_a_picture_that_breaks_off_is_said_to_be_cut_short(tmp_path, name):
    options = {"movflags": "faststart"} if name.endswith("mp4") else {}
    body = make_video(tmp_path / name, count=100, options=options).read_bytes()
    (tmp_path / name).write_bytes(body[: len(body) // 2])
    facts = facts_of(tmp_path / name)
    assert facts.declared_duration_sec == pytest.approx(4.0, abs=0.05)
    assert facts.duration_sec < 2.5


def test_a_recording_whose_length_was_never_written_is_not_cut_short(tmp_path):
    pictures = {"a.mkv": {}, "live.mkv": {"live": "1"}}
    for name, options in pictures.items():
        with av.open(tmp_path / name, "w", options=options) as container:
            picture, sound = container.add_stream("mjpeg", rate=25), container.add_stream("pcm_s16le", rate=44_100)
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p"
            for number in range(250):
                container.mux(picture.encode(av.VideoFrame(64, 48, "yuvj420p")))
                samples = av.AudioFrame(format="s16", layout="stereo", samples=1764)
                samples.sample_rate, samples.pts = 44_100, number * 1764
                container.mux(sound.encode(samples))
    assert facts_of(tmp_path / "a.mkv").declared_duration_sec == pytest.approx(10.0, abs=0.01)
    facts = facts_of(tmp_path / "live.mkv")
    assert (facts.duration_sec, facts.declared_duration_sec) == (10.0, None)


def test_fragments_are_counted_like_a_whole(tmp_path):
    path = make_video(tmp_path / "a.mp4", options={"movflags": "frag_keyframe+empty_moov"})
    assert (facts_of(path).duration_sec, facts_of(path).frames) == (2.0, 50)


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60])
@pytest.mark.parametrize(("name", "codec"), [("a.h264", "h264"), ("a.hevc", "libx265"), ("a.m2v", "mpeg2video")])
def test_a_raw_stream_has_the_rate_that_it_states_and_the_length_of_its_pictures(tmp_path, name, codec, fps):
    facts = facts_of(make_video(tmp_path / name, codec=codec, fps=fps, count=2 * fps))
    assert (facts.duration_sec, facts.fps, facts.frames) == (2.0, float(fps), 2 * fps)


def test_pictures_only_for_reference_show_nothing(tmp_path):
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "8"}
    path = make_video(tmp_path / "a.webm", codec="libvpx", count=60, encoder_options=options)
    assert facts_of(path).frames == 60


@pytest.mark.parametrize(
    ("codec", "body", "nothing"),
    [
        ("vp8", b"\x10\0\0", False),
        ("vp8", b"\x01\0\0", True),
        ("vp9", b"\x82\0\0", False),
        ("vp9", b"\x84\0\0", True),
        ("vp9", b"\x88\0\0", False),
        ("vp9", b"\xb0\0\0", True),
        ("vp9", b"\xb1\0\0", False),
        ("vp9", b"\x84\0\xc0", False),
        ("h264", b"\0\0\0", False),
    ],
)
def test_headers_tell_what_shows_nothing(codec, body, nothing):
    assert shows_nothing(codec, av.Packet(body)) is nothing


def shown(*pictures: tuple[int, int]) -> Shown:
    counted = Shown(time_base=Fraction(1, 1000))
    for pts, duration in pictures:
        counted.add(pts, duration)
    return counted


@pytest.mark.parametrize(
    ("pictures", "seconds"),
    [
        ([(0, 40), (40, 40)], 0.08),
        ([(0, 40), (80, 40), (40, 40)], 0.12),
        ([(0, 57), (200, 57), (233, 57)], 0.266),
        ([(0, 40), (40, 5000)], 5.04),
        ([(0, 0), (40, 0)], 0.08),
        ([(500, 40)], 0.04),
    ],
    ids=["stated", "reordered", "a guess", "stays long", "not stated", "one"],
)
def test_the_last_picture_is_shown_as_long_as_its_container_can_be_believed(pictures, seconds):
    assert float(shown(*pictures).duration_sec()) == pytest.approx(seconds)


def test_an_edit_ends_the_last_picture(tmp_path):
    counted = shown((0, 5000), (5000, 5000))
    assert float(counted.duration_sec(declared_end=Fraction(6))) == 6.0
    assert float(counted.duration_sec(declared_end=Fraction(60))) == 10.0


def without_length(path: Path) -> Path:
    """The same file, the edits of whose tracks last for nothing, as some programs write them."""
    body = bytearray(path.read_bytes())
    for edit in re.finditer(b"elst", body):
        body[edit.end() + 8 : edit.end() + 12] = bytes(4)
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_an_edit_list_that_leaves_out_everything_is_passed_over(tmp_path, name):
    facts = facts_of(without_length(make_video(tmp_path / name, sound=True)))
    assert (facts.frames, facts.fps, facts.duration_sec) == (50, 25.0, 2.0)
    assert facts.notes == ("its edit list leaves out all of it, and is passed over, as some players do",)
    sound = read_media(without_length(make_sound(tmp_path / "a.m4a")), content_type="audio").facts
    assert sound.duration_sec == pytest.approx(1.0, abs=0.05)
    assert sound.notes == facts.notes


def test_too_large_a_picture_is_refused_with_the_limit(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 12_000, 9_000, "yuvj420p"
        frame = av.VideoFrame(12_000, 9_000, "yuvj420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UnreadableMedia, match="larger ones than 100 megapixels are not tried"):
        facts_of(path)


def test_pictures_whose_times_run_backwards_are_all_counted(tmp_path):
    path = make_video(tmp_path / "a.mkv", codec="ffv1", times=[0, 1000, 2000])
    body = bytearray(path.read_bytes())
    with av.open(path) as container:
        places = [packet.pos for packet in container.demux() if packet.size]
    for place, time_ms in zip(places, (2000, 1000, 0), strict=True):
        # A block's time stands behind the number of its track.
        at = body.index(b"\x81", place) + 1
        body[at : at + 2] = time_ms.to_bytes(2, "big")
    path.write_bytes(body)
    facts = facts_of(path)
    assert (facts.frames, facts.duration_sec) == (3, pytest.approx(2.04, abs=0.001))


def test_a_chain_of_videos_says_that_it_is_one(tmp_path):
    first, second = (make_video(tmp_path / name, count=25, codec="libvpx").read_bytes() for name in ("1.ogg", "2.ogg"))
    (tmp_path / "chain.ogv").write_bytes(first + second)
    facts = facts_of(tmp_path / "chain.ogv")
    assert facts.duration_sec >= 1.0
    assert "it is a chain of 2 videos" in facts.notes[-1]
    assert not facts_of(tmp_path / "1.ogg").notes


def test_a_title_that_is_no_utf8_decides_nothing(tmp_path):
    path = make_video(tmp_path / "a.avi", count=25)
    title = b"INFOINAM" + (6).to_bytes(4, "little") + b"caf\xe9!\0"
    whole = path.read_bytes()
    # Beside the list of the pictures, inside the file's only chunk.
    listed = b"LIST" + len(title).to_bytes(4, "little") + title
    begin = whole.index(b"LIST", whole.index(b"movi") - 12)
    size = int.from_bytes(whole[4:8], "little") + len(listed)
    path.write_bytes(whole[:4] + size.to_bytes(4, "little") + whole[8:begin] + listed + whole[begin:])
    assert facts_of(path).frames == 25
