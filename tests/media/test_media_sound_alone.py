"""Sound in a container that is known for video: told by its tracks, where its first bytes list them."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_in_pieces import sound, with_index_far_away
from whole_media import clip

from pique_assets.media import ContentError
from pique_assets.media.content_type import SNIFFED_BYTES, recognise
from pique_assets.media.kinds import Kind, NoMedia
from pique_assets.media.signatures import sniff


class OnlyAhead(io.BytesIO):
    """A file that cannot be gone back in, as a recorder's stream: its sizes stay unknown."""

    def seekable(self) -> bool:
        return False


def live_sound() -> bytes:
    file = OnlyAhead()
    with av.open(file, "w", format="webm", options={"live": "1"}) as output:
        stream = output.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize(
    ("filename", "container", "codec", "options", "media_type"),
    [
        ("memo.mp4", "mp4", "aac", {}, "audio/mp4"),
        ("track.mp4", "mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}, "audio/mp4"),
        ("memo.mov", "mov", "aac", {}, "audio/quicktime"),
        ("memo.webm", "webm", "libopus", {}, "audio/webm"),
        ("memo.mkv", "matroska", "flac", {}, "audio/x-matroska"),
        ("memo", "mp4", "aac", {}, "audio/mp4"),
        ("A01.mxf", "mxf_opatom", "pcm_s16le", {}, "application/mxf"),
    ],
)
def test_sound_alone_is_audio_whatever_its_container_is_known_for(filename, container, codec, options, media_type):
    head = sound(container, codec, **options)[:SNIFFED_BYTES]
    assert recognise(head, filename=filename) == ("audio", media_type)
    with pytest.raises(ContentError, match=f"Its content is {media_type}, but its sidecar or manifest says video"):
        recognise(head, filename=filename, declared="video")


def test_what_a_browser_records_is_audio_though_its_length_is_unknown():
    head = live_sound()
    assert b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" in head
    assert recognise(head, filename="recording.webm") == ("audio", "audio/webm")


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "libx264"), (".mov", "libx264"), (".mkv", "libx264"), (".mxf", "mpeg2video")]
)
def test_a_picture_makes_it_a_video(suffix, codec):
    head = clip(suffix, codec=codec)[:SNIFFED_BYTES]
    assert recognise(head, filename=f"clip{suffix}")[0] == "video"


def test_an_index_beyond_the_first_bytes_leaves_it_to_the_name_and_the_sidecar():
    whole = sound("mp4", "aac")
    head = whole[: whole.index(b"moov") + 200]
    assert recognise(head, filename="memo.mp4") == ("video", "video/mp4")
    assert recognise(head, filename="memo.m4a") == ("audio", "audio/mp4")
    assert recognise(head, filename="memo.mp4", declared="audio") == ("audio", "audio/mp4")


@pytest.mark.parametrize("boxes_between", [0, 3])
def test_an_index_at_the_end_of_a_large_file_is_read(folder, boxes_between):
    folder.add("film.mp4", with_index_far_away(clip(), boxes_between=boxes_between))
    folder.add("memo.mp4", with_index_far_away(sound("mp4", "aac"), boxes_between=boxes_between))
    assert [(item.content_type, item.media_type) for item in folder.items()] == [
        ("video", "video/mp4"),
        ("audio", "audio/mp4"),
    ]


@pytest.mark.parametrize("filename", ["wave.mp4", "wave.png"])
def test_sound_of_its_own_format_under_another_name_stays_a_contradiction(filename):
    with pytest.raises(ContentError, match="audio/wav"):
        recognise(sound("wav", "pcm_s16le"), filename=filename)


def test_a_wave_beyond_4_gb_is_told():
    head = b"RF64\xff\xff\xff\xffWAVEds64" + bytes(28)
    assert recognise(head, filename="concert.wav") == ("audio", "audio/wav")


@given(
    st.sampled_from([sound("mp4", "aac"), sound("webm", "libopus")]),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=8),
    st.integers(0, 1200),
)
def test_damage_is_no_reason_to_fail_or_hang(whole, damage, length):
    spoilt = bytearray(whole[:length])
    for place, value in damage:
        if place < len(spoilt):
            spoilt[place] = value
    assert isinstance(sniff(bytes(spoilt), size_bytes=len(whole)), Kind | NoMedia | None)
