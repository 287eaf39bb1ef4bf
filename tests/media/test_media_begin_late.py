"""Media that begin with something else, or in the middle of something: players take them, and so does the inventory."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, strategies as st
from whole_media import clip, sound

from pique_assets.media.audio_frames import sniff_frames
from pique_assets.media.content_type import SNIFFED_BYTES, recognise
from pique_assets.media.iso_media import sniff_boxes
from pique_assets.media.kinds import Kind, NoMedia
from pique_assets.media.signatures import sniff
from pique_assets.media.transport_stream import sniff_transport_stream


def told(body: bytes, filename: str = "a") -> tuple[str, str]:
    return recognise(body[:SNIFFED_BYTES], filename=filename, size_bytes=len(body))


def box(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def quicktime() -> bytes:
    """A QuickTime film without its first box."""
    whole = clip(".mov", codec="mpeg4")
    return whole[int.from_bytes(whole[:4], "big") :]


@pytest.mark.parametrize(
    "first",
    [
        *(box(name, bytes(12)) for name in (b"pnot", b"skip", b"free", b"uuid", b"junk", b"PICT", b"wide")),
        b"",
        box(b"free") * 3 + box(b"uuid", bytes(16)),
        struct.pack(">I4sQ", 1, b"skip", 16 + 5) + bytes(5),
    ],
    ids=lambda first: first[4:8].decode(errors="replace"),
)
def test_quicktime_may_begin_with_any_box(first):
    assert told(first + quicktime(), "a.mov") == ("video", "video/quicktime")


def test_quicktime_may_begin_with_its_samples_or_its_index():
    samples, index = box(b"mdat", bytes(5000)), quicktime()
    index = index[index.index(b"moov") - 4 :]
    assert told(samples + index) == told(index + samples) == ("video", "video/quicktime")


@pytest.mark.parametrize(
    "body", [b"abcdmdat" + bytes(99), b"\0\0\0\x20freemdat", b"\0\0\0\x10moovtrees and bushes", b"wide"]
)
def test_a_name_of_a_box_alone_makes_no_film(body):
    assert not isinstance(sniff(body, size_bytes=len(body)), Kind)


@pytest.mark.parametrize(
    ("brands", "expected"),
    [
        ([b"isom", b"mp41"], ("video", "video/mp4")),
        ([b"3gp5", b"isom"], ("video", "video/3gpp")),
        ([b"3g2a"], ("video", "video/3gpp2")),
        ([b"M4V "], ("video", "video/mp4")),
        *(([brand, b"isom"], ("audio", "audio/mp4")) for brand in (b"M4A ", b"M4B ", b"F4A ", b"F4B ")),
        ([b"heic", b"mif1"], ("image", "image/heic")),
        ([b"mif1", b"heic"], ("image", "image/heic")),
        ([b"msf1", b"hevc"], ("image", "image/heic")),
        ([b"heim", b"mif1"], ("image", "image/heic")),
        ([b"mif1", b"avif"], ("image", "image/avif")),
        ([b"avis", b"msf1"], ("image", "image/avif")),
        ([b"mif1", b"miaf"], ("image", "image/heif")),
    ],
)
def test_brands_say_what_boxes_hold(brands, expected):
    body = box(b"ftyp", brands[0] + bytes(4) + b"".join(brands)) + box(b"free", bytes(100)) + box(b"moof", bytes(9))
    assert told(body) == expected


def test_a_picture_of_an_unknown_brand_is_told_by_what_it_describes():
    described = box(b"meta", bytes(4) + box(b"hdlr", bytes(8) + b"pict" + bytes(13)))
    body = box(b"ftyp", b"new1" + bytes(4) + b"mif1heic") + described + box(b"mdat", bytes(99))
    assert told(body) == ("image", "image/heic")


def with_packets_of(size: int, stream: bytes) -> bytes:
    """A transport stream of packets of 188 bytes as one of 192 (time stamps before) or 204 (checks behind)."""
    packets = [stream[at : at + 188] for at in range(0, len(stream) - 187, 188)]
    return b"".join(bytes(4) + packet if size == 192 else packet + bytes(size - 188) for packet in packets)


@pytest.mark.parametrize("size", [188, 192, 204])
@pytest.mark.parametrize("cut", [0, 1, 3, 4, 100, 187])
def test_a_transport_stream_may_begin_anywhere(size, cut):
    stream = with_packets_of(size, clip(".ts", codec="mpeg2video"))
    assert told(stream[cut:], "a.mts") == ("video", "video/mp2t")


def test_a_transport_stream_of_sound_alone_is_audio():
    assert told(sound(".ts", codec="aac"), "radio.ts") == ("audio", "audio/mp2t")
    assert told(sound(".ts", codec="mp2"), "radio.mts") == ("audio", "audio/mp2t")


def test_the_letter_g_alone_makes_no_transport_stream():
    assert sniff_transport_stream(b"G" * 5000) is None


ID3 = b"ID3\4\0\0\0\0\1\0" + bytes(128)
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 20, 0, 0x80000000) + bytes(8) + bytes(20)


def mp3() -> bytes:
    whole = sound(".mp3", codec="libmp3lame")
    return whole[whole.index(b"\xff\xfb") :]


@pytest.mark.parametrize(
    "first",
    [b"", bytes(1000), ID3, ID3 + ID3, ID3 + bytes(500), APE, APE + ID3, b"\x12\x34 the end of a frame", bytes(70_000)],
)
@pytest.mark.parametrize(
    ("frames", "media_type"), [(mp3, "audio/mpeg"), (lambda: sound(".aac", codec="aac"), "audio/aac")]
)
def test_frames_may_stand_behind_padding_and_labels(first, frames, media_type):
    assert told(first + frames(), "a") == ("audio", media_type)


@pytest.mark.parametrize(("codec", "media_type"), [("ac3", "audio/ac3"), ("eac3", "audio/eac3"), ("mp2", "audio/mpeg")])
@pytest.mark.parametrize("cut", [0, 300])
def test_frames_of_other_codings_are_told_and_may_begin_anywhere(codec, media_type, cut):
    assert told(sound(f".{codec}", codec=codec)[cut:], f"a.{codec}") == ("audio", media_type)


def test_flac_and_others_behind_a_label_are_what_they_are():
    assert told(ID3 + sound(".flac", codec="flac"), "a.flac") == ("audio", "audio/flac")
    assert told(ID3 + sound(".aiff", codec="pcm_s16be"), "a.aiff") == ("audio", "audio/aiff")


def test_a_label_that_is_longer_than_what_is_looked_at_is_one_of_sound():
    label = b"ID3\3\0\0\1\0\0\0" + b"APIC" + b"\xd8" * 2_097_148
    assert told(label + mp3(), "a.mp3") == ("audio", "audio/mpeg")


def test_a_label_that_is_longer_than_the_file_says_that_the_file_was_cut():
    found = sniff(b"ID3\3\0\0\1\0\0\0" + bytes(500), size_bytes=510)
    assert isinstance(found, NoMedia) and found.code == "incomplete"


def test_one_header_of_a_frame_is_no_sound():
    frame = mp3()[:4]
    for body in (frame + bytes(3000), frame * 800, b"\xff\xfe" + "Encoder finished.\r\n".encode("utf-16-le") * 20):
        assert not isinstance(sniff(body, size_bytes=len(body)), Kind), body[:8]


def test_a_short_file_of_whole_frames_is_sound():
    body = mp3()
    length = body.index(b"\xff\xfb", 4)
    assert told(body[:length]) == told(body[: 2 * length + 100]) == ("audio", "audio/mpeg")


@given(st.randoms(use_true_random=False), st.sampled_from([64, 4096, 100_000]))
def test_noise_is_no_media(chance, length):
    # A name or a label of a few bytes may come up by chance; what is tested is that nothing is found further on.
    body = b"\x01\x02" + chance.randbytes(length)
    assert sniff_transport_stream(body) is None
    assert sniff_frames(body, size_bytes=len(body)) is None
    assert sniff_boxes(body, size_bytes=len(body)) is None


@pytest.mark.parametrize(
    "whole",
    [clip(), quicktime(), clip(".ts", codec="mpeg2video"), ID3 + mp3(), APE + mp3(), sound(".ac3", codec="ac3")],
    ids=["mp4", "mov", "ts", "id3", "ape", "ac3"],
)
def test_damage_is_no_reason_to_fail_or_hang(whole):
    chance = random.Random(7)
    for _ in range(300):
        spoilt = bytearray(whole[: chance.randrange(len(whole) + 1)])
        for _ in range(chance.randrange(12)):
            if spoilt:
                spoilt[min(int(chance.expovariate(1 / 200)), len(spoilt) - 1)] = chance.randrange(256)
        found = sniff(bytes(spoilt), size_bytes=chance.choice([None, len(spoilt), len(whole)]))
        assert isinstance(found, Kind | NoMedia | None)
