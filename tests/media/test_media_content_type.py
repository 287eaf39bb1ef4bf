"""Content types, told by files that real encoders wrote."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from pique_assets.media import ContentError
from pique_assets.media.content_type import SNIFFED_BYTES, recognise
from pique_assets.media.kinds import Kind
from pique_assets.media.signatures import sniff


@cache
def encoded(container: str, video: str | None, audio: str | None) -> bytes:
    """Encode a fraction of a second of black and silence."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        pictures = output.add_stream(video, rate=25) if video is not None else None
        sound = output.add_stream(audio, rate=48_000, layout="stereo") if audio is not None else None
        if pictures is not None:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
            for number in range(5):
                picture = av.VideoFrame(64, 64, "yuv420p")
                picture.pts, picture.time_base = number, Fraction(1, 25)
                output.mux(pictures.encode(picture))
            output.mux(pictures.encode(None))
        if sound is not None:
            resampler = av.AudioResampler(format=sound.format, layout="stereo", rate=48_000)
            for number in range(10):
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 2_048), np.int16), layout="stereo")
                silence.sample_rate, silence.pts, silence.time_base = (
                    48_000,
                    number * 1024,
                    Fraction(1, 48_000),
                )
                for frame in resampler.resample(silence):
                    output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("filename", "container", "video", "audio", "content_type", "media_type"),
    [
        ("a.mp4", "mp4", "mpeg4", None, "video", "video/mp4"),
        ("a.mov", "mov", "mpeg4", "aac", "video", "video/quicktime"),
        ("a.mkv", "matroska", "mpeg4", "aac", "video", "video/x-matroska"),
        ("a.webm", "webm", "libvpx", None, "video", "video/webm"),
        ("a.avi", "avi", "mpeg4", None, "video", "video/x-msvideo"),
        ("a.ts", "mpegts", "mpeg2video", "aac", "video", "video/mp2t"),
        ("a.mpg", "mpeg", "mpeg1video", None, "video", "video/mpeg"),
        ("a.flv", "flv", "flv", None, "video", "video/x-flv"),
        ("a.wmv", "asf", "mpeg4", None, "video", "video/x-ms-asf"),
        ("a.m4a", "ipod", None, "aac", "audio", "audio/mp4"),
        ("a.m4a", "mp4", None, "aac", "audio", "audio/mp4"),
        ("a.weba", "webm", None, "libopus", "audio", "audio/webm"),
        ("a.ogg", "ogg", None, "libopus", "audio", "audio/ogg"),
        ("a.wav", "wav", None, "pcm_s16le", "audio", "audio/wav"),
        ("a.flac", "flac", None, "flac", "audio", "audio/flac"),
        ("a.aiff", "aiff", None, "pcm_s16be", "audio", "audio/aiff"),
        ("a.aac", "adts", None, "aac", "audio", "audio/aac"),
        ("a.mp3", "mp3", None, "libmp3lame", "audio", "audio/mpeg"),
        ("a.w64", "w64", None, "pcm_s16le", "audio", "audio/x-w64"),
        ("a.caf", "caf", None, "pcm_s16be", "audio", "audio/x-caf"),
        ("a.wma", "asf", None, "libmp3lame", "audio", "audio/x-ms-asf"),
        ("a.flv", "flv", None, "libmp3lame", "audio", "audio/x-flv"),
        ("a.mts", "mpegts", None, "aac", "audio", "audio/mp2t"),
        ("a.mxf", "mxf", "mpeg2video", "pcm_s16le", "video", "application/mxf"),
    ],
)
def test_what_encoders_write_is_told_with_and_without_the_name(
    filename, container, video, audio, content_type, media_type
):
    body = encoded(container, video, audio)
    assert recognise(body[:SNIFFED_BYTES], filename=filename) == (content_type, media_type)
    assert sniff(body[:SNIFFED_BYTES]).media_type.split("/")[1] == media_type.split("/")[1]


def element(identifier: bytes, body: bytes) -> bytes:
    """An element of Matroska whose size takes four bytes."""
    return identifier + (len(body) | 0x10000000).to_bytes(4, "big") + body


@pytest.mark.parametrize("doc_type", [b"matroska", b"webm", b"webm\0\0"])
def test_a_document_type_counts_wherever_it_stands_in_its_header(doc_type):
    padding = element(b"\xec", bytes(500))
    header = element(b"\x1a\x45\xdf\xa3", padding + element(b"\x42\x82", doc_type) + padding)
    expected = "video/webm" if doc_type.startswith(b"webm") else "video/x-matroska"
    assert recognise(header, filename="a") == ("video", expected)
    assert sniff(element(b"\x1a\x45\xdf\xa3", padding + element(b"\x42\x82", b"webmaster"))) is None


def page(body: bytes, *, begins: bool = True) -> bytes:
    """A page of Ogg with one packet."""
    return b"OggS\0" + bytes([2 * begins]) + bytes(20) + bytes([1, len(body)]) + body


@pytest.mark.parametrize(
    ("pages", "content_type"),
    [
        ([page(b"\x01vorbis" + bytes(23))], "audio"),
        ([page(b"\x01vorbis" + bytes(23)), page(b"\x80theora" + bytes(34))], "video"),
        ([page(b"fishead\0" + bytes(56)), page(b"OpusHead" + bytes(11)), page(b"\x80theora" + bytes(34))], "video"),
        ([page(b"OpusHead" + bytes(11)), page(b"words of \x80theora", begins=False)], "audio"),
    ],
)
def test_ogg_is_video_where_any_of_its_streams_is(pages, content_type):
    assert recognise(b"".join(pages), filename="a.ogg") == (content_type, f"{content_type}/ogg")


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"#!AMR\n" + bytes(64), "audio/amr"),
        (b"#!AMR-WB\n" + bytes(64), "audio/amr-wb"),
        (b"FORM\0\0\1\0AIFC" + bytes(64), "audio/aiff"),
        (b"RF64\xff\xff\xff\xffWAVEds64" + bytes(64), "audio/wav"),
        (b"BW64\xff\xff\xff\xffWAVEds64" + bytes(64), "audio/wav"),
        (b"RIFX\0\0\1\0WAVEfmt " + bytes(64), "audio/wav"),
    ],
)
def test_forms_of_sound_that_no_encoder_here_writes_are_told(head, media_type):
    assert recognise(head, filename="a") == ("audio", media_type)


@pytest.mark.parametrize("extension", ["jpg", "png", "gif", "webp", "bmp", "tiff", "avif", "jp2"])
def test_pictures_are_told_by_their_bytes(extension):
    file = io.BytesIO()
    kind = {"jpg": "jpeg", "jp2": "jpeg2000"}.get(extension, extension)
    Image.new("RGB", (64, 64), "red").save(file, format=kind)
    media_type = f"image/{'jpeg' if extension == 'jpg' else extension}"
    assert recognise(file.getvalue(), filename=f"a.{extension.upper()}") == ("image", media_type)


# The beginnings of what libjxl wrote of pictures of 64x64, 320x180, 16x1000, 4000x3000 and 12000x6 pixels.
@pytest.mark.parametrize(
    "head",
    [
        "ff0a4f0600128802000d10cd9d1c0000",
        "ff0a98d5010c25010402008400005cfe",
        "ff0a3a1fe0c1001288020060416a78cb",
        "ff0aba5d1b0c25830b0200440b005cfe",
        "ff0a2800bf5d180012880200f4c110a4",
    ],
)
def test_a_jpeg_xl_without_a_container_is_told_by_its_sides(head):
    assert recognise(bytes.fromhex(head), filename="a.jxl") == ("image", "image/jxl")
    with pytest.raises(ContentError, match="no video, image or audio file of a known format"):
        recognise(bytes.fromhex(head)[:2] + b"\xfe" + b"\xff" * 13, filename="a.jxl")


def test_an_mp3_without_tags_is_told():
    body = encoded("mp3", None, "libmp3lame")
    assert body.startswith(b"ID3")
    frames = body[body.index(b"\xff\xfb") :]
    assert recognise(frames, filename="a.mp3") == ("audio", "audio/mpeg")


@pytest.mark.parametrize("filename", ["clip", "clip.part", "clip.", "mp4", "clip.mp4.bak"])
def test_a_name_that_promises_nothing_is_no_contradiction(filename):
    assert recognise(encoded("mp4", "mpeg4", None), filename=filename)[0] == "video"


def test_one_video_container_under_the_name_of_another_is_still_a_video():
    assert recognise(encoded("mp4", "mpeg4", None), filename="clip.mov") == ("video", "video/mp4")


@pytest.mark.parametrize("filename", ["clip.mp3", "clip.png", "clip.json"])
def test_a_name_that_promises_something_else_is_a_contradiction(filename):
    with pytest.raises(ContentError) as caught:
        recognise(encoded("avi", "mpeg4", None), filename=filename)
    assert caught.value.code == "type_mismatch"


@given(st.binary(max_size=600), st.text(max_size=20))
def test_any_bytes_are_told_or_refused(head, filename):
    try:
        content_type, media_type = recognise(head, filename=filename)
    except ContentError as error:
        assert error.code in {"unsupported_type", "type_mismatch"}
    else:
        assert media_type.split("/")[0] in (content_type, "application")


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=30))
def test_plain_text_is_no_media(text):
    assert not isinstance(sniff(text.encode()), Kind)
