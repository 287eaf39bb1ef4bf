"""Images: what lies beside a picture never decides whether the picture opens, and limits are named."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from heic import heic
from PIL import Image, PngImagePlugin

from pique_assets.decoding.facts import UnreadableMedia
from pique_assets.decoding.reading import read_media


def facts_of(path: Path, *, content_type: str = "image"):
    return read_media(path, content_type=content_type).facts


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_images_are_measured(tmp_path, image_maker, image_format):
    path = tmp_path / "image"
    path.write_bytes(image_maker(image_format=image_format))
    facts = facts_of(path, content_type="image")
    assert (facts.width, facts.height, facts.format) == (120, 90, image_format)


def test_an_image_is_measured_as_its_exif_orientation_shows_it(tmp_path, image_maker):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "phone.jpg"
    path.write_bytes(image_maker(image_format="JPEG", exif=exif, dpi=(72, 72)))
    facts = facts_of(path, content_type="image")
    assert (facts.width, facts.height, facts.dpi) == (90, 120, (72.0, 72.0))


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_a_truncated_image_is_said_to_be_damaged_or_cut_short(tmp_path, image_maker, image_format):
    whole = image_maker(image_format=image_format)
    path = tmp_path / "half"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableMedia, match=r"cannot be decoded: it is damaged(,| or) cut short"):
        facts_of(path, content_type="image")


def test_an_image_that_would_fill_the_memory_is_refused(tmp_path):
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 9999))
        + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(UnreadableMedia, match="3600 megapixels, more than the 200"):
        facts_of(tmp_path / "bomb.png", content_type="image")


def test_postscript_is_no_image(tmp_path):
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    with pytest.raises(UnreadableMedia):
        facts_of(tmp_path / "page.eps", content_type="image")


def test_large_text_beside_a_picture_is_passed_over(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_itxt("workflow", "x" * 2_000_000, zip=True)
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png", pnginfo=text)
    facts = facts_of(tmp_path / "a.png")
    assert (facts.width, facts.height, facts.mode) == (64, 48, "RGB")


def test_a_large_profile_beside_a_picture_is_passed_over(tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png", icc_profile=bytes(2_000_000))
    assert facts_of(tmp_path / "a.png").width == 64


def _with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("kind", [b"iCCP", b"tEXt", b"eXIf", b"gAMA", b"sRGB", b"zTXt", b"iTXt", b"cHRM"])
def test_damaged_data_beside_a_picture_is_passed_over(tmp_path, image_maker, kind):
    (tmp_path / "a.png").write_bytes(_with_chunk(image_maker(), kind, b"\xff\xfe damaged"))
    assert facts_of(tmp_path / "a.png").width == 120


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_leaves_the_picture_unturned(tmp_path, image_maker, image_format):
    damaged = b"Exif\0\0II*\0\xff\xff\xff\xff" if image_format != "PNG" else b"II*\0\xff\xff\xff\xff"
    (tmp_path / "a").write_bytes(image_maker(image_format=image_format, exif=damaged))
    assert facts_of(tmp_path / "a").width == 120


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_of_every_format_counts(tmp_path, image_maker, image_format):
    exif = Image.Exif()
    exif[0x0112] = 8
    (tmp_path / "a").write_bytes(image_maker(image_format=image_format, exif=exif))
    facts = facts_of(tmp_path / "a")
    assert (facts.width, facts.height) == (90, 120)


@pytest.mark.parametrize(("orientation", "shown"), [(1, (120, 90)), (3, (120, 90)), (6, (90, 120)), (8, (90, 120))])
@pytest.mark.parametrize("compression", ["raw", "tiff_deflate", "jpeg"])
def test_the_orientation_of_a_tiff_counts_once(tmp_path, image_maker, orientation, shown, compression):
    tags = {0x0112: orientation}
    (tmp_path / "a.tif").write_bytes(image_maker(image_format="TIFF", tiffinfo=tags, compression=compression))
    facts = facts_of(tmp_path / "a.tif")
    assert (facts.width, facts.height) == shown


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_whole_or_refused(tmp_path, mode):
    Image.new(mode, (301, 203)).save(tmp_path / "a.png")
    assert facts_of(tmp_path / "a.png").height == 203
    body = (tmp_path / "a.png").read_bytes()
    at = body.index(b"IDAT")
    (tmp_path / "a.png").write_bytes(body[: at + 10])
    with pytest.raises(UnreadableMedia):
        facts_of(tmp_path / "a.png")


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9), (301, 203)])
def test_an_interlaced_png_is_measured(tmp_path, size):
    width, height = size
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b"".join(
        (b"\0" + b"\x40" * len(range(left, width, across))) * len(range(top, height, down))
        for left, top, across, down in passes
        if left < width
    )
    png = b"\x89PNG\r\n\x1a\n" + bytes(25) + bytes(12)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    png = png[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    (tmp_path / "a.png").write_bytes(png)
    assert facts_of(tmp_path / "a.png").width == width


def test_a_png_with_rotten_pixels_is_refused(tmp_path, image_maker):
    body = bytearray(image_maker())
    at = body.index(b"IDAT") + 2000
    body[at : at + 8] = b"\0" * 8
    (tmp_path / "a.png").write_bytes(body)
    with pytest.raises(UnreadableMedia):
        facts_of(tmp_path / "a.png")


def test_bytes_after_a_picture_are_passed_over(tmp_path, image_maker):
    for image_format in ("JPEG", "PNG"):
        (tmp_path / "a").write_bytes(image_maker(image_format=image_format) + b"more" * 10_000)
        assert facts_of(tmp_path / "a").width == 120


@pytest.mark.slow
def test_a_photo_of_108_megapixels_is_measured(tmp_path):
    Image.new("RGB", (12000, 9000)).save(tmp_path / "a.jpg", quality=10)
    facts = facts_of(tmp_path / "a.jpg")
    assert (facts.width, facts.height, facts.mode) == (12000, 9000, "RGB")


@pytest.mark.parametrize(
    ("image_format", "called"), [("MPO", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP"), ("GIF", "GIF")]
)
def test_of_several_pictures_the_first_is_measured_and_the_others_are_named(tmp_path, image_format, called):
    first, second = Image.effect_noise((64, 48), 9), Image.effect_noise((64, 48), 90)
    first.convert("RGB").save(tmp_path / "a", image_format, save_all=True, append_images=[second.convert("RGB")])
    facts = facts_of(tmp_path / "a")
    assert (facts.width, facts.height, facts.format) == (64, 48, called)
    assert facts.notes == ("it holds 2 pictures, and the first is measured",)


def test_previews_that_a_camera_adds_to_a_photo_are_not_worth_a_word(tmp_path):
    photo, preview = Image.effect_noise((64, 48), 9).convert("RGB"), Image.new("RGB", (16, 12))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview, preview], exif=exif)
    facts = facts_of(tmp_path / "a.jpg")
    assert (facts.width, facts.height, facts.format, facts.notes) == (48, 64, "JPEG", ())
    body = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(body[: body.rindex(b"\xff\xd8")])
    assert facts_of(tmp_path / "cut.jpg") == facts


def test_the_largest_page_of_a_tiff_is_measured(tmp_path):
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[254] = 1
    thumbnail, picture = Image.new("RGB", (16, 12)), Image.new("RGB", (160, 120))
    thumbnail.encoderinfo = {"tiffinfo": tags}
    thumbnail.save(tmp_path / "a.tif", save_all=True, append_images=[picture], tiffinfo=tags)
    body = (tmp_path / "a.tif").read_bytes()
    # Pillow writes the tag on both pages; the second is the whole picture.
    entry = struct.pack("<HHII", 254, 4, 1, 1)
    at = body.rindex(entry)
    (tmp_path / "a.tif").write_bytes(body[:at] + struct.pack("<HHII", 254, 4, 1, 0) + body[at + 12 :])
    assert facts_of(tmp_path / "a.tif").width == 160


def _tiff(*tags: tuple[int, int, int, int]) -> bytes:
    """One page of 16x12 gray pixels with more tags."""
    base = [(256, 4, 1, 16), (257, 4, 1, 12), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (278, 4, 1, 12)]
    entries = sorted([*base, (277, 3, 1, 1), (279, 4, 1, 192), (273, 4, 1, 0), *tags])
    pixels = 8 + 2 + 12 * len(entries) + 4
    entries = [(tag, kind, count, pixels if tag == 273 else value) for tag, kind, count, value in entries]
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4) + bytes(192)


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ([(254, 4, 1, 1), (330, 4, 1, 8), (50706, 1, 4, 0x401)], "a raw photo .DNG."),
        ([(50706, 1, 4, 0x401)], "a raw photo .DNG."),
        ([(254, 4, 1, 1), (330, 4, 1, 8)], "only a thumbnail"),
        ([(254, 4, 1, 1)], "only a thumbnail"),
    ],
)
def test_a_thumbnail_is_never_measured_as_the_photo(tmp_path, tags, why):
    (tmp_path / "a.tif").write_bytes(_tiff())
    assert facts_of(tmp_path / "a.tif").width == 16
    (tmp_path / "a.dng").write_bytes(_tiff(*tags))
    with pytest.raises(UnreadableMedia, match=why):
        facts_of(tmp_path / "a.dng")


@pytest.mark.parametrize(("quarter_turns", "shown"), [(0, (96, 64)), (1, (64, 96)), (2, (96, 64)), (3, (64, 96))])
def test_a_photo_of_an_iphone_is_measured_as_shown(tmp_path, quarter_turns, shown):
    (tmp_path / "a.heic").write_bytes(heic(width=96, height=64, quarter_turns=quarter_turns))
    facts = facts_of(tmp_path / "a.heic")
    assert (facts.width, facts.height, facts.format) == (*shown, "HEIF")


def test_a_truncated_photo_of_an_iphone_is_refused(tmp_path):
    body = heic(width=96, height=64)
    (tmp_path / "a.heic").write_bytes(body[:-200])
    with pytest.raises(UnreadableMedia):
        facts_of(tmp_path / "a.heic")


def test_a_known_format_that_is_not_measured_is_named(tmp_path):
    (tmp_path / "a.jxl").write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100))
    with pytest.raises(UnreadableMedia, match="not an image of a supported format but JPEG XL: convert"):
        facts_of(tmp_path / "a.jxl")


def test_a_still_image_is_no_video(tmp_path, image_maker):
    (tmp_path / "a.avif").write_bytes(image_maker(image_format="AVIF"))
    with pytest.raises(UnreadableMedia, match="an image, not a video"):
        facts_of(tmp_path / "a.avif", content_type="video")
    assert facts_of(tmp_path / "a.avif").width == 120
