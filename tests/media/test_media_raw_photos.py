"""Raw photos are no images: what a viewer finds in them is a preview. Ordinary TIFF stays an image."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, strategies as st
from PIL import Image
from raw_photos import BYTES, LONG, SENSOR, SHORT, SHOWN, made_by, tiff

from pique_assets.media import ContentError
from pique_assets.media.content_type import recognise
from pique_assets.media.kinds import Kind, NoMedia
from pique_assets.media.tiff import sniff_tiff

RAW = {
    "DNG": tiff(SHOWN | {330: (LONG, -1), 50706: (BYTES, b"\1\4\0\0")}, SENSOR),
    "DNG, big-endian": tiff(SHOWN | {50706: (BYTES, b"\1\4\0\0")}, order=">"),
    "DNG, 64 bits": tiff(SHOWN | {330: (LONG, -1), 50706: (BYTES, b"\1\6\0\0")}, SENSOR, big=True),
    "NEF": tiff(made_by(b"NIKON CORPORATION"), SENSOR),
    "NEF, packed": tiff(made_by(b"NIKON"), SHOWN | {259: (SHORT, 34713)}),
    "ARW": tiff(made_by(b"SONY"), SENSOR),
    "PEF": tiff(SENSOR | {271: (2, b"PENTAX Corporation\0")}, order=">"),
    "SRW": tiff(made_by(b"SAMSUNG"), SHOWN | {259: (SHORT, 32770)}),
    "3FR": tiff(made_by(b"Hasselblad"), SENSOR),
    "raw": tiff(SHOWN, SHOWN, SENSOR),
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + bytes(64),
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + b"\0\0\0\x08free" + bytes(4000),
    "RAF": b"FUJIFILMCCD-RAW 0201FF383501" + bytes(64),
    "RW2": b"IIU\0\x18\0\0\0" + bytes(64),
    "ORF": b"IIRO\x08\0\0\0" + bytes(64),
    "X3F": b"FOVb" + bytes(64),
    "MRW": b"\0MRM" + bytes(64),
}


@pytest.mark.parametrize("which", RAW)
@pytest.mark.parametrize("filename", ["a.tif", "a.dng", "a.mp4", "a"])
def test_a_raw_photo_is_refused_with_its_format_and_the_way_out(which, filename):
    with pytest.raises(ContentError, match=r"raw photo.*export it as JPEG") as caught:
        recognise(RAW[which], filename=filename, size_bytes=len(RAW[which]))
    assert caught.value.code == "unsupported_type"
    assert (which.split(",")[0] if which != "raw" else "form of TIFF") in caught.value.error


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_an_ordinary_tiff_of_several_pictures_is_an_image(order, big):
    body = tiff(SHOWN | {330: (LONG, -1)}, SHOWN, SHOWN, order=order, big=big)
    assert recognise(body, filename="a.tiff", size_bytes=len(body)) == ("image", "image/tiff")


def test_what_pillow_writes_is_an_image_however_many_pages_it_has():
    file = io.BytesIO()
    pages = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue")]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    assert recognise(file.getvalue(), filename="a.tif", size_bytes=len(file.getvalue())) == ("image", "image/tiff")


def test_a_directory_beyond_the_first_bytes_is_one_and_beyond_the_file_is_none():
    head = tiff(SHOWN, first_at=5_000_000)[:1000]
    assert recognise(head, filename="a.tif", size_bytes=6_000_000) == ("image", "image/tiff")
    with pytest.raises(ContentError, match="before its directory") as caught:
        recognise(head, filename="a.tif", size_bytes=1000)
    assert caught.value.code == "incomplete"


@pytest.mark.parametrize("head", [b"II*\0" + b"note to all" * 20, b"MM\0*" + bytes(40), b"II*\0\x08\0\0\0\xff\xff"])
def test_four_bytes_do_not_make_a_tiff(head):
    assert not isinstance(sniff_tiff(head, size_bytes=len(head)), Kind)


@given(
    st.sampled_from([body for name, body in RAW.items() if name[:2] not in ("CR", "RA", "RW", "OR", "X3", "MR")]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=8),
    st.integers(0, 400),
)
def test_damage_is_no_reason_to_fail_or_hang(whole, damage, length):
    spoilt = bytearray(whole[:length])
    for place, value in damage:
        if place < len(spoilt):
            spoilt[place] = value
    assert isinstance(sniff_tiff(bytes(spoilt), size_bytes=len(whole)), Kind | NoMedia | None)


def test_directories_that_lead_round_in_circles_come_to_an_end():
    body = bytearray(tiff(SHOWN | {330: (LONG, -1)}, SHOWN | {330: (LONG, 8)}))
    assert isinstance(sniff_tiff(bytes(body), size_bytes=len(body)), Kind)
