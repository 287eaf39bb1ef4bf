"""Media of many kinds, made by ffmpeg and Pillow on the spot: ordinary ones, and those that measuring gets wrong.

Belongs here: recipes. Does not: measuring (`measured_against_ffprobe`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

PICTURES = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=3"]
TONE = ["-f", "lavfi", "-i", "sine=f=440:d=3:r=44100"]
QUICK = ["-preset", "ultrafast"]
BUSY_LATE = ["-vf", "select='if(lt(t,10),not(mod(n,6)),1)'", "-fps_mode", "vfr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One file.

    Attributes:
        path: Where it lies.
        content_type: ``video``, ``audio`` or ``image``.
        truth: What it was made to be, where a header says something else; the values' names are those of the facts.
        reason: What a person can check `truth` by.
    """

    path: Path
    content_type: str
    truth: dict[str, float]
    reason: str = ""

    @property
    def container(self) -> str:
        """The name of its format."""
        return self.path.suffix[1:]


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg quietly."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


CODINGS: dict[str, tuple[str, ...]] = {
    "mp4": ("libx264", "libx265", "mpeg4", "libvpx-vp9", "mjpeg", "mpeg2video"),
    "mov": ("libx264", "prores_ks", "mjpeg", "qtrle", "mpeg4"),
    "m4v": ("libx264",),
    "3gp": ("mpeg4", "libx264"),
    "mkv": ("libx264", "libx265", "libvpx", "libvpx-vp9", "mpeg2video", "ffv1", "libtheora", "mjpeg"),
    "webm": ("libvpx", "libvpx-vp9"),
    "avi": ("mpeg4", "libx264", "mjpeg", "msmpeg4v2", "huffyuv"),
    "ts": ("libx264", "libx265", "mpeg2video"),
    "m2ts": ("libx264",),
    "mpg": ("mpeg1video", "mpeg2video"),
    "vob": ("mpeg2video",),
    "flv": ("flv", "libx264"),
    "wmv": ("wmv1", "wmv2"),
    "asf": ("msmpeg4",),
    "ogv": ("libtheora",),
    "mxf": ("mpeg2video",),
    "m2v": ("mpeg2video",),
    "ivf": ("libvpx",),
}
SOUND_CODINGS: dict[str, tuple[str, ...]] = {
    "mp3": ("libmp3lame",),
    "wav": ("pcm_s16le", "pcm_f32le", "pcm_u8", "adpcm_ms"),
    "w64": ("pcm_s16le",),
    "flac": ("flac",),
    "m4a": ("aac", "alac"),
    "aac": ("aac",),
    "ogg": ("libvorbis",),
    "oga": ("flac",),
    "opus": ("libopus",),
    "aiff": ("pcm_s16be",),
    "caf": ("pcm_s16be",),
    "au": ("pcm_s16be",),
    "ac3": ("ac3",),
    "eac3": ("eac3",),
    "wma": ("wmav2",),
    "mka": ("aac", "flac"),
    "wv": ("wavpack",),
    "tta": ("tta",),
}


def make_all(folder: Path) -> list[Made]:
    """Make every file."""
    made: list[Made] = []
    for container, codings in CODINGS.items():
        for coding in codings:
            path = folder / f"{coding}.{container}"
            pixels = ["-pix_fmt", "yuv422p10le"] if coding == "prores_ks" else []
            ffmpeg(*PICTURES, "-c:v", coding, *pixels, *(QUICK if coding in ("libx264", "libx265") else []), path)
            made.append(Made(path=path, content_type="video", truth={"duration_sec": 3.0, "fps": 25.0}))
    for container, codings in SOUND_CODINGS.items():
        for coding in codings:
            path = folder / f"{coding}-sound.{container}"
            ffmpeg(*TONE, "-c:a", coding, *(["-ar", "48000"] if coding == "libopus" else []), path)
            made.append(Made(path=path, content_type="audio", truth={}))
    return made + _odd_videos(folder) + _odd_sounds(folder) + _images(folder)


def _odd_videos(folder: Path) -> list[Made]:
    made: list[Made] = []

    def video(name: str, *arguments: object, reason: str = "", **truth: float) -> Path:
        path = folder / name
        if arguments:
            ffmpeg(*arguments, path)
        made.append(Made(path=path, content_type="video", truth=truth, reason=reason))
        return path

    base = video("base.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=10", *QUICK, "-g", "250")
    for container in ("mp4", "mov"):
        video(f"edit-list.{container}", "-ss", "5", "-i", base, "-c", "copy")
        video(f"edit-in-a-picture.{container}", "-ss", "5.5", "-i", base, "-c", "copy", duration_sec=4.5)
    both = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4", "-f", "lavfi", "-i", "sine=d=9"]
    for container, coding in (("mkv", "libx264"), ("webm", "libvpx"), ("flv", "libx264"), ("mp4", "libx264")):
        why = "the picture was made 4 s long, the sound 9 s"
        video(f"sound-outlasts.{container}", *both, "-c:v", coding, duration_sec=4.0, fps=25.0, reason=why)
    busy = video("busy-late.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=20", *BUSY_LATE, *QUICK)
    why = "350 pictures in 20 s"
    for container in ("mkv", "ts", "mov", "flv", "avi"):
        copied = ["-c", "copy", "-fps_mode", "passthrough"]
        video(f"busy-late.{container}", "-i", busy, *copied, duration_sec=20.0, fps=17.5, reason=why)
    late = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=20", *BUSY_LATE, "-c:v", "libvpx"]
    video("busy-late.webm", *late, "-deadline", "realtime", duration_sec=20.0, fps=17.5, reason=why)
    slides = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=1:d=60", "-vf", "select='not(mod(n,20))'", "-fps_mode", "vfr"]
    for container in ("mp4", "mkv"):
        truth = {"duration_sec": 41.0, "fps": 3 / 41}
        video(f"slides.{container}", *slides, *QUICK, reason="3 pictures: of 20 s, 20 s and 1 s", **truth)
    stream = video("stream.ts", "-i", base, "-c", "copy")
    video("clock-wraps.ts", "-i", base, "-c", "copy", "-output_ts_offset", "95441.7177")
    video("starts-late.ts", "-i", base, "-c", "copy", "-output_ts_offset", "5000")
    later = folder / "later-piece"
    ffmpeg("-i", base, "-c", "copy", "-output_ts_offset", "50000", "-f", "mpegts", later)
    for name, second in (("clock-jumps.ts", later), ("clock-restarts.ts", stream)):
        path = video(name, duration_sec=20.0, fps=25.0, reason="two pieces of 10 s")
        path.write_bytes(stream.read_bytes() + second.read_bytes())
    large = folder / "large-piece"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=4", "-c:v", "libx264", *QUICK, "-f", "mpegts", large)
    path = video("size-changes.ts", duration_sec=14.0, fps=25.0, reason="pieces of 10 s and 4 s")
    path.write_bytes(stream.read_bytes() + large.read_bytes())
    video("field-order.ts", *PICTURES, "-c:v", "libx264", "-flags", "+ildct+ilme", *QUICK)
    video("reordered.ts", *PICTURES, "-c:v", "libx264", "-bf", "3")
    video("reordered.avi", *PICTURES, "-c:v", "libx264", "-bf", "3")
    short = folder / "short-groups"
    ffmpeg(*PICTURES, "-c:v", "libx264", "-g", "10", "-f", "mpegts", short)
    video("begins-in-a-group.ts").write_bytes(short.read_bytes()[188 * 60 :])
    two = ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=5:d=3", *PICTURES, "-map", "0", "-map", "1", *QUICK]
    for container in ("mkv", "mp4"):
        chosen = ["-disposition:v:0", "0", "-disposition:v:1", "default"]
        video(f"second-is-default.{container}", *two, "-c:v", "libx264", *chosen)
        video(f"one-picture.{container}", *PICTURES, "-frames:v", "1", *QUICK)
        video(f"picture-late.{container}", "-itsoffset", "2", "-i", base, *TONE, "-c:v", "copy")
        why = "of 24000/1001 a second"
        rate = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=24000/1001:d=3"]
        video(f"film-rate.{container}", *rate, *QUICK, fps=24000 / 1001, reason=why)
    for container, coding in (("h264", "libx264"), ("hevc", "libx265")):
        rate = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=3", "-c:v", coding]
        video(f"raw.{container}", *rate, *QUICK, duration_sec=3.0, fps=30.0, reason="90 pictures, 30 a second")
    for container in ("mp4", "mov"):
        video(f"turned.{container}", "-i", base, "-c", "copy", "-metadata:s:v:0", "rotate=90", width=240, height=320)
    video("wide-pixels.mp4", *PICTURES, "-vf", "setsar=64/45", *QUICK, aspect_ratio=4 / 3 * 64 / 45)
    video("wide-pixels.mpg", *PICTURES, "-vf", "setsar=4/3", "-c:v", "mpeg2video", aspect_ratio=16 / 9)
    video("fragments.mp4", "-i", base, "-c", "copy", "-movflags", "frag_keyframe+empty_moov")
    video("alternate-reference.webm", *PICTURES, "-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16")
    front = folder / "front.mp4"
    ffmpeg("-i", base, "-c", "copy", "-movflags", "+faststart", front)
    for name, whole in (("half.mp4", front), ("half.ts", stream)):
        video(name).write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for container in ("mkv", "flv"):
        whole = folder / f"whole-{container}"
        ffmpeg("-i", base, "-c", "copy", "-f", {"mkv": "matroska"}.get(container, container), whole)
        video(f"half.{container}").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return made


def _odd_sounds(folder: Path) -> list[Made]:
    made: list[Made] = []

    def sound(name: str, body: bytes | None = None, *, reason: str = "", **truth: float) -> Path:
        path = folder / name
        if body is not None:
            path.write_bytes(body)
        made.append(Made(path=path, content_type="audio", truth=truth, reason=reason))
        return path

    bare = ["-ac", "2", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"]
    pieces = {}
    for rate in (44100, 22050, 48000):
        piece = folder / f"piece-{rate}"
        ffmpeg("-f", "lavfi", "-i", f"sine=f=440:d=5:r={rate}", *bare, piece)
        pieces[rate] = piece.read_bytes()
    first = "the first piece has this rate"
    sound("rate-falls.mp3", pieces[44100] + pieces[22050], sample_rate=44100, reason=first)
    sound("rate-rises.mp3", pieces[44100] + pieces[48000], sample_rate=44100, reason=first)
    for container, coding, rates in (("ogg", "libvorbis", (44100, 48000)), ("opus", "libopus", (48000, 24000))):
        links = b""
        for rate in rates:
            piece = folder / f"link-{rate}-{container}"
            ffmpeg("-f", "lavfi", "-i", f"sine=d=5:r={rate}", "-c:a", coding, "-f", container, piece)
            links += piece.read_bytes()
        sound(f"chain.{container}", links, duration_sec=10.0, reason="two links of 5 s")
    whole = (folder / "flac-sound.flac").read_bytes()
    sound("half.flac", whole[: len(whole) // 2])
    streamed = bytearray((folder / "pcm_s16le-sound.wav").read_bytes())
    streamed[4:8] = b"\xff\xff\xff\xff"
    at = streamed.index(b"data") + 4
    streamed[at : at + 4] = b"\xff\xff\xff\xff"
    sound("streamed.wav", bytes(streamed))
    ffmpeg(*TONE, "-rf64", "always", sound("rf64.wav"))
    ffmpeg(*TONE, "-q:a", "2", sound("variable.mp3"))
    # PyAV's decoder of AMR has no encoder beside it: blocks of 20 ms at 12.2 kbit/s, whose speech is noise.
    blocks = np.random.default_rng(0).bytes(31 * 150)
    sound("narrow.amr", b"#!AMR\n" + b"".join(b"\x3c" + blocks[at : at + 31] for at in range(0, len(blocks), 31)))
    return made


def _images(folder: Path) -> list[Made]:
    picture = Image.effect_noise((640, 480), 50).convert("RGB")
    made: list[Made] = []

    def image(name: str, save: Callable[[Path], object], *, reason: str = "", **truth: float) -> None:
        save(folder / name)
        made.append(Made(path=folder / name, content_type="image", truth=truth, reason=reason))

    for name in ("a.png", "a.jpg", "a.webp", "a.gif", "a.tif", "a.bmp", "a.jp2"):
        image(name, picture.save)
    text = PngImagePlugin.PngInfo()
    text.add_itxt("workflow", "x" * 2_000_000, zip=True)
    image("workflow.png", lambda path: picture.save(path, pnginfo=text))
    image("profile.png", lambda path: picture.save(path, icc_profile=bytes(2_000_000)))
    turned = Image.Exif()
    turned[0x0112] = 6
    for name in ("turned.jpg", "turned.png", "turned.webp"):
        why = "EXIF orientation 6"
        image(name, lambda path: picture.save(path, exif=turned), width=480, height=640, reason=why)
    tags = {0x0112: 6}
    image("turned.tif", lambda path: picture.save(path, tiffinfo=tags), width=480, height=640, reason=why)
    image("108-megapixels.jpg", lambda path: Image.new("RGB", (12000, 9000)).save(path, quality=10))
    return made
