"""The table of hostile files: how each is made, its row in the inventory, the end of its evaluation.

Belongs here: expectations only. The makers are in `hostile_media`, the tests that hold the table against reality in
``tests/hostile``.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from hostile_containers import FTYP, box, matroska, movie, nested, png
from hostile_media import (
    Maker,
    claiming_gif,
    claiming_jpeg,
    claiming_vp8,
    claiming_webp,
    compressed_index,
    content,
    deep_matroska_tags,
    device,
    gzipped,
    huge_h264,
    id3_endless,
    id3_only,
    link_out,
    link_to,
    locked,
    lying_matroska,
    lying_movie,
    movie_elsewhere,
    own_clip,
    packed_png,
    pipe,
    playlist_as_subtitles,
    png_with_packed_text,
    reference_movie,
    rotten,
    rotten_after,
    sparse,
    text,
    truncated,
    unix_socket,
    zipped,
)
from whole_media import clip, picture, sound


class Hostile(NamedTuple):
    """One row of the table.

    Attributes:
        name: File name; bytes where it is no text.
        make: How it is made.
        row: In the inventory: what it is ready as, or why it is not.
        end: Of its evaluation. What the inventory refuses but has bytes is evaluated too, as what its name says:
            others may upload without our inventory.
        says: Part of the error, or of the first detector's rationale.
    """

    name: str | bytes
    make: Maker
    row: str
    end: str = ""
    says: str = ""


def webm() -> bytes:
    return clip(".webm", codec="libvpx")


def mkv() -> bytes:
    return clip(".mkv")


def streamable() -> bytes:
    return clip(faststart=True)


def png_picture() -> bytes:
    return picture("PNG")


def avif_picture() -> bytes:
    return picture("AVIF")


def webp_picture() -> bytes:
    return picture("WEBP")


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n"
HLS_KEY = '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n'
CONCAT = "ffconcat version 1.0\nfile '{url}'\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT5S">'
    '<Period duration="PT5S"><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
    "<BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>"
)
XSPF = (
    '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track>'
    "<location>{url}</location></track></trackList></playlist>"
)
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:{url}\n"
    "m=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{url}" width="9" height="9"/></svg>'
HTML = '<!doctype html><html><body><img src="{url}"><video src="{url}" autoplay></video></body></html>'
PDF = "%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI({url})>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
POSTSCRIPT = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({url}) run\nshowpage\n"


def pixels(across: int, down: int) -> bytes:
    """The shape of a movie's pixels."""
    return box(b"pasp", struct.pack(">II", across, down))


def song(*, cover: bool = False) -> bytes:
    return sound(".mp3", codec="libmp3lame", cover=cover)


def sound_as_video(*, cover: bool = False) -> bytes:
    return sound(".mp4", codec="aac", cover=cover)


def claiming_mjpeg() -> bytes:
    return matroska([claiming_jpeg(30_000, 30_000)] * 3)


def moov_in_moov() -> bytes:
    return FTYP + nested(b"moov", 100_000)


def trak_in_trak() -> bytes:
    return FTYP + box(b"moov", nested(b"trak", 100_000))


absurd_pixels_turned = lying_movie(
    entry_extra=pixels(1, 2**31 - 1), matrix=(0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
)
GIGA = 1024**3

NOT_MEDIA = "not media of a supported format"
NO_FRAME = "no frame of the video can be decoded"
NO_PICTURE = "no video stream"
TOO_LARGE = "megapixels, more than the 200 that are decoded"
NO_IMAGE = "not an image of a supported format"

# fmt: off
TABLE = (
    # The good ones, in whose company all others go.
    Hostile("good.mp4", content(clip), "video", "completed", "160x120 (4:3), 25.0fps, 1.0s within limits"),
    Hostile("good.webm", content(webm), "video", "completed", "160x120 (4:3), 25.0fps, 1.0s within limits"),
    Hostile("good.jpg", content(picture), "image", "completed", "64x48"),
    Hostile("good.mp3", content(song), "audio", "completed"),

    # Cut short.
    Hostile("empty.mp4", content(bytes), "empty"),
    Hostile("empty.png", content(bytes), "empty"),
    Hostile("one byte.mp4", content(lambda: b"\0"), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("signature only.mp4", content(lambda: FTYP), "incomplete", "failed", "Media processing failed"),
    Hostile("cut at 10%.mp4", truncated(clip, 0.1), "incomplete", "failed", NOT_MEDIA),
    Hostile("cut at 99%.mp4", truncated(clip, 0.99), "incomplete", "failed", NOT_MEDIA),
    Hostile("streamable, cut at 5%.mp4", truncated(streamable, 0.05), "video", "failed", NO_FRAME),
    Hostile("streamable, cut at 50%.mp4", truncated(streamable, 0.5), "video", "completed", "declares 1.0s"),
    Hostile("cut at 2%.webm", truncated(webm, 0.02), "video", "failed", NO_FRAME),
    Hostile("cut at 50%.webm", truncated(webm, 0.5), "video", "completed", "declares 1.0s"),
    Hostile("cut at 50%.mkv", truncated(mkv, 0.5), "video", "completed", "declares 1.0s"),
    Hostile("cut at 1%.jpg", truncated(picture, 0.01), "image", "failed", "image"),
    Hostile("cut at 90%.jpg", truncated(picture, 0.9), "image", "failed", "cannot be decoded"),
    Hostile("cut at 50%.png", truncated(png_picture, 0.5), "image", "failed", "cannot be decoded"),
    Hostile("cut at 90%.webp", truncated(webp_picture, 0.9), "image", "failed", "cannot be decoded"),

    # Bit rot.
    Hostile("rot in the first bytes.mp4", rotten(clip, 0, 0.0004), "unsupported_type", "failed"),
    Hostile("rot behind the signature.mp4", rotten(clip, 0.0002, 0.01), "video", "failed", NOT_MEDIA),
    Hostile("rot in the middle.mp4", rotten(clip, 0.4, 0.6), "video", "completed", "160x120"),
    Hostile("rot in moov.mp4", rotten_after(b"moov", clip, length=400), "video", "failed", NO_PICTURE),
    Hostile("rot in stbl.mp4", rotten_after(b"stbl", clip, length=400), "video", "failed", "not supported"),
    Hostile("rot in all of mdat.mp4", rotten_after(b"mdat", streamable, length=10**6), "video", "failed", NO_FRAME),
    Hostile("rot in the middle.jpg", rotten(picture, 0.2, 0.8), "image", "failed", "cannot be decoded"),
    Hostile("rot in mdat.avif", rotten_after(b"mdat", avif_picture, length=20), "image", "failed", "cannot be decoded"),
    Hostile("rot in the middle.png", rotten(png_picture, 0.2, 0.8), "image", "failed", "cannot be decoded"),

    # Addresses in disguise.
    Hostile("hls.mp4", text(HLS), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("hls with a key.mkv", text(HLS_KEY), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("hls.png", text(HLS), "unsupported_type", "failed", NO_IMAGE),
    Hostile("ffconcat.mp4", text(CONCAT), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("dash.mp4", text(DASH), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("pls.mp4", text("[playlist]\nFile1={url}\nNumberOfEntries=1\n"), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("pls.mp3", text("[playlist]\nFile1={url}\nNumberOfEntries=1\n"), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("xspf.mkv", text(XSPF), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("sdp.mp4", text(SDP), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("asx.wmv", text("[Reference]\nRef1={url}\n"), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("samples elsewhere, url.mp4", movie_elsewhere(b"url "), "video", "completed", "64x48"),
    Hostile("samples elsewhere, alias.mp4", movie_elsewhere(b"alis"), "video", "failed", NO_FRAME),
    Hostile("movie elsewhere.mp4", reference_movie, "video", "failed", NO_PICTURE),
    Hostile("playlist as subtitles.avi", playlist_as_subtitles, "video", "completed", "64x48"),

    # Something else under a media name.
    Hostile("a png.mp4", content(png_picture), "type_mismatch", "failed", NOT_MEDIA),
    Hostile("an mp4.png", content(clip), "type_mismatch", "failed", NO_IMAGE),
    Hostile("svg.png", text(SVG), "unsupported_type", "failed", NO_IMAGE),
    Hostile("html.mp4", text(HTML), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("html.jpg", text(HTML), "unsupported_type", "failed", NO_IMAGE),
    Hostile("pdf.jpg", text(PDF), "unsupported_type", "failed", NO_IMAGE),
    Hostile("postscript.png", text(POSTSCRIPT), "unsupported_type", "failed", NO_IMAGE),
    Hostile("zip.mp4", content(zipped), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("zip.png", content(zipped), "unsupported_type", "failed", NO_IMAGE),
    Hostile("gzip.mkv", content(gzipped), "unsupported_type", "failed", NOT_MEDIA),
    Hostile("5 GB of nothing.mp4", sparse(5 * GIGA), "unsupported_type"),

    # Without a picture, without sound.
    Hostile("only sound.mp4", content(sound_as_video), "audio", "completed"),
    Hostile("only cover art.mp4", content(lambda: sound_as_video(cover=True)), "audio", "completed"),
    Hostile("cover art.mp3", content(lambda: song(cover=True)), "audio", "completed"),
    Hostile("only a label.mp3", content(id3_only), "incomplete", "failed", NOT_MEDIA),
    Hostile("endless label.mp3", content(id3_endless), "incomplete", "failed", NOT_MEDIA),
    Hostile("no samples.mp4", content(lambda: movie([])), "video", "failed", NO_FRAME),

    # Sizes that would fill the memory.
    Hostile("claims 60000x60000.png", content(lambda: png(60_000, 60_000, pixels=b"")), "image", "failed", TOO_LARGE),
    Hostile("claims 65500x65500.jpg", content(lambda: claiming_jpeg(65_500, 65_500)), "image", "failed", TOO_LARGE),
    Hostile("claims 9000x9000.jpg", content(lambda: claiming_jpeg(9000, 9000)), "image", "completed", "9000x9000"),
    Hostile("claims 65535x65535.gif", content(claiming_gif), "image", "failed", TOO_LARGE),
    Hostile("claims 60000x60000.webp", content(claiming_webp), "image", "failed", "image"),
    Hostile("81 megapixels in 80 kB.png", content(packed_png), "image", "completed", "9000x9000"),
    Hostile("100 MB caption.png", content(png_with_packed_text), "image", "completed", "within limits"),
    Hostile("144 megapixels.mp4", content(huge_h264), "video", "failed", NO_FRAME),
    Hostile("claims 16383x16383.webm", content(claiming_vp8), "video", "failed", NO_FRAME),
    Hostile("claims 30000x30000.mkv", content(claiming_mjpeg), "video", "failed", NO_FRAME),
    Hostile("index of 2 GB.mp4", content(compressed_index), "video", "failed", NO_PICTURE),

    # Numbers that cannot be.
    Hostile("100 million samples.mp4", lying_movie(samples=10**8, sample_bytes=1), "video", "failed", NO_FRAME),
    Hostile("4 billion samples.mp4", lying_movie(samples=2**32 - 1, sample_bytes=1), "video", "failed", NO_FRAME),
    Hostile("4 billion times.mp4", lying_movie(runs=[(2**32 - 1, 1)]), "video", "completed", "0.2s"),
    Hostile("time scale of zero.mp4", lying_movie(timescale=0), "video", "completed", "64x48"),
    Hostile("frames of 68 years.mp4", lying_movie(timescale=1, frame_ticks=2**31 - 1), "video", "completed", "8235.0s"),
    Hostile("frames of no time.mp4", lying_movie(frame_ticks=0), "video", "completed", "0.0s"),
    Hostile("ends after the universe.mp4", lying_movie(duration=2**64 - 1), "video", "completed", "0.2s"),
    Hostile("matrix of zeros.mp4", lying_movie(matrix=[0] * 9), "video", "completed", "64x48"),
    Hostile("matrix of extremes.mp4", lying_movie(matrix=[-(2**31)] * 9), "video", "completed", "64x48"),
    Hostile("absurd pixels.mp4", lying_movie(entry_extra=pixels(2**31 - 1, 1)), "video", "completed", "64x48"),
    Hostile("absurd pixels, turned.mp4", absurd_pixels_turned, "video", "completed", "48x64"),
    Hostile("pixels of zero.mp4", lying_movie(entry_extra=pixels(0, 0)), "video", "completed", "64x48 (4:3)"),
    Hostile("endless.mkv", lying_matroska(duration=1e300), "video", "completed", "0.2s"),
    Hostile("of infinite length.mkv", lying_matroska(duration=float("inf")), "video", "completed", "0.2s"),
    Hostile("of no length at all.mkv", lying_matroska(duration=float("nan")), "video", "completed", "0.2s"),
    Hostile("shown in 146 million years.mkv", lying_matroska(times=[0, 1, 2, 3, 2**62]), "video", "completed", "64x48"),
    Hostile("shown backwards.mkv", lying_matroska(times=[5000, 4000, 3000, 2000, 0]), "video", "completed", "6.0s"),
    Hostile("ticks of centuries.mkv", lying_matroska(tick_ns=2**63), "video", "failed", NOT_MEDIA),
    Hostile("ticks of nothing.mkv", lying_matroska(tick_ns=0), "video", "completed", "64x48"),
    Hostile("frames of centuries.mkv", lying_matroska(frame_ns=2**63), "video", "completed", "64x48"),

    # Structures without an end.
    Hostile("moov in moov in moov.mp4", content(moov_in_moov), "video", "failed", NOT_MEDIA),
    Hostile("trak in trak in trak.mp4", content(trak_in_trak), "video", "failed", NO_PICTURE),
    Hostile("tag in tag in tag.mkv", content(deep_matroska_tags), "video", "completed", "64x48"),

    # Turned, or with no word about the shape of pixels.
    Hostile("on its side.mp4", content(lambda: clip(rotation=90)), "video", "completed", "120x160 (3:4)"),
    Hostile("upside down.mp4", content(lambda: clip(rotation=180)), "video", "completed", "160x120 (4:3)"),
    Hostile("no pixel shape.mkv", content(lambda: matroska([picture()] * 5)), "video", "completed", "64x48 (4:3)"),

    # What is no file.
    Hostile("pipe.mp4", pipe, "not_a_file"),
    Hostile("socket.mp4", unix_socket, "not_a_file"),
    Hostile("device.mp4", device, "not_a_file"),
    Hostile("locked.mp4", locked, "permission_denied"),
    Hostile("round in circles.mp4", link_to("{itself}"), "symlink_loop"),
    Hostile("the folder itself", link_to("."), "linked_folder"),
    Hostile("link to nothing.mp4", link_to("nowhere.mp4"), "vanished"),
    Hostile("link out.mp4", link_out, "outside_root"),
    Hostile("link to a device.mp4", link_to("/dev/zero"), "outside_root"),
    Hostile("link to all processes.mp4", link_to("/proc/self/mem"), "outside_root"),

    # Names.
    Hostile("клип 🎬.mp4", own_clip, "video", "completed"),
    Hostile("e\u0301te\u0301.mp4", own_clip, "video", "completed"),
    Hostile("\u202e4pm.mp4", own_clip, "video", "completed"),
    Hostile("x" * 251 + ".mp4", own_clip, "video", "completed"),
    Hostile("a folder.mp4/inside.mp4", own_clip, "video", "completed"),
    Hostile("50%2F a?b=c#d&e.mp4", own_clip, "video", "completed"),
    Hostile("'; DROP TABLE jobs; --.mp4", own_clip, "video", "completed"),
    Hostile("--help.mp4", own_clip, "video", "completed"),
    Hostile("<img src=x>\\..\\.mp4", own_clip, "video", "completed"),
    Hostile(".hidden.mp4", own_clip, "hidden"),
    Hostile("two\nlines.mp4", own_clip, "bad_name"),
    Hostile("nul\x01.mp4", own_clip, "bad_name"),
    Hostile(b"caf\xe9.mp4", own_clip, "bad_name"),
)
# fmt: on
