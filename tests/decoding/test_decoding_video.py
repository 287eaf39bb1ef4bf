"""Reading media: the odd, the damaged and the hostile. No server; the readers run in this process."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from pique_assets.decoding.facts import UnreadableMedia
from pique_assets.decoding.reading import read_media


def facts_of(path: Path, *, content_type: str):
    return read_media(path, content_type=content_type).facts


def test_a_plain_video_is_measured(tmp_path, video_maker):
    facts = facts_of(video_maker(tmp_path / "a.mp4", sound=True), content_type="video")
    assert (facts.width, facts.height, facts.fps) == (320, 240, 25.0)
    assert facts.duration_sec == pytest.approx(2.0, abs=0.001)
    assert facts.audio_sample_rate == 44100
    assert facts.aspect_ratio == pytest.approx(4 / 3)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mov", "h264"), ("a.mkv", "h264"), ("a.webm", "libvpx"), ("a.avi", "h264"), ("a.ts", "h264")],
)
def test_other_containers_give_the_same_measures(tmp_path, video_maker, name, codec):
    facts = facts_of(video_maker(tmp_path / name, codec=codec), content_type="video")
    assert (facts.width, facts.height, facts.fps) == (320, 240, 25.0)
    assert facts.duration_sec == pytest.approx(2.0, abs=0.002)
    assert facts.audio_sample_rate is None


@pytest.mark.parametrize(
    ("rotation", "shown"), [(90, (240, 320)), (270, (240, 320)), (-90, (240, 320)), (180, (320, 240))]
)
def test_a_rotated_video_is_measured_as_shown(tmp_path, video_maker, rotation, shown):
    facts = facts_of(video_maker(tmp_path / "phone.mp4", rotation=rotation), content_type="video")
    assert (facts.width, facts.height) == shown
    assert facts.aspect_ratio == pytest.approx(shown[0] / shown[1])


def test_the_shape_of_pixels_counts_for_the_aspect_ratio(tmp_path, video_maker):
    path = video_maker(tmp_path / "dvd.mp4", width=360, height=288, sample_aspect_ratio="64/45")
    facts = facts_of(path, content_type="video")
    assert (facts.width, facts.height) == (360, 288)
    assert facts.aspect_ratio == pytest.approx(16 / 9)


def test_a_variable_frame_rate_gives_the_average(tmp_path, video_maker):
    times = [*range(0, 1000, 20), *range(1000, 3000, 100)]
    facts = facts_of(video_maker(tmp_path / "vfr.mp4", times=times), content_type="video")
    assert facts.fps == pytest.approx(70 / 3, rel=0.03)
    assert facts.duration_sec == pytest.approx(3.0, abs=0.1)


def test_cover_art_is_no_picture_of_the_video(tmp_path, video_maker):
    facts = facts_of(video_maker(tmp_path / "covered.mp4", cover=True), content_type="video")
    assert (facts.width, facts.height) == (320, 240)


def test_audio_in_an_mp4_is_no_video(tmp_path, sound_maker):
    path = sound_maker(tmp_path / "song.mp4")
    with pytest.raises(UnreadableMedia, match="no video stream"):
        facts_of(path, content_type="video")
    assert facts_of(path, content_type="audio").sample_rate == 44100


def test_a_truncated_video_has_the_duration_that_is_really_there(tmp_path, video_maker):
    whole = video_maker(tmp_path / "whole.mp4", options={"movflags": "faststart"}).read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(whole[: len(whole) // 2])
    facts = facts_of(half, content_type="video")
    assert facts.declared_duration_sec == pytest.approx(2.0, abs=0.01)
    assert 0.7 < facts.duration_sec < 1.3


def test_a_video_without_its_index_cannot_be_read(tmp_path, video_maker):
    whole = video_maker(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableMedia):
        facts_of(tmp_path / "half.mp4", content_type="video")


def test_bit_rot_in_single_frames_is_survived(tmp_path, video_maker):
    rotten = bytearray(video_maker(tmp_path / "whole.mp4", options={"movflags": "faststart"}).read_bytes())
    start = rotten.index(b"mdat") + 2000
    rotten[start : start + 40_000 : 7] = b"\xff" * len(range(start, start + 40_000, 7))
    (tmp_path / "rotten.mp4").write_bytes(rotten)
    assert facts_of(tmp_path / "rotten.mp4", content_type="video").width == 320


@pytest.mark.parametrize("content_type", ["video", "image", "audio"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 5000, b"only text\n" * 300, bytes(range(256)) * 40])
def test_what_is_no_media_is_refused(tmp_path, content, content_type):
    path = tmp_path / "junk.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableMedia):
        facts_of(path, content_type=content_type)


def test_an_image_named_as_a_video_is_refused(tmp_path, image_maker):
    path = tmp_path / "renamed.mp4"
    path.write_bytes(image_maker())
    with pytest.raises(UnreadableMedia):
        facts_of(path, content_type="video")
    assert facts_of(path, content_type="image").format == "PNG"


def test_a_video_is_no_image(tmp_path, video_maker):
    with pytest.raises(UnreadableMedia):
        facts_of(video_maker(tmp_path / "a.mp4"), content_type="image")


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{url}'\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><BaseURL>{url}</BaseURL></MPD>',
        "[playlist]\nFile1={url}\n",
        "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=control:{url}\n",
    ],
)
def test_a_playlist_is_refused_and_fetches_nothing(tmp_path, playlist):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        connections = []

        def accept() -> None:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                return
            connections.append(connection)
            connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        path = tmp_path / "list.mp4"
        path.write_text(playlist.format(url=f"http://127.0.0.1:{listener.getsockname()[1]}/secret.mp4"))
        for content_type in ("video", "audio", "image"):
            with pytest.raises(UnreadableMedia):
                facts_of(path, content_type=content_type)
        thread.join()
    assert connections == []


def test_a_playlist_of_local_files_is_refused(tmp_path, video_maker):
    video_maker(tmp_path / "private.mp4")
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'private.mp4'}'\n")
    with pytest.raises(UnreadableMedia):
        facts_of(tmp_path / "list.mp4", content_type="video")
