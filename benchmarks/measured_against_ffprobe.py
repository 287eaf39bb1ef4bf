"""What this project measures of media, beside what ffprobe says: equal, better or worse, by container.

    python benchmarks/measured_against_ffprobe.py [--keep FOLDER]

Needs ffmpeg and ffprobe on the PATH. Media are made on the spot by `odd_media`. Where the two differ, ffmpeg decodes
the file: whoever agrees with what was decoded, or with what the file was made to be, is right. CPU seconds are those
of this process, which is warm, and of the processes of ffprobe, which reads every packet too.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from odd_media import Made, make_all

from pique_assets.decoding.facts import AudioFacts, ImageFacts, MediaFacts, UnreadableMedia, VideoFacts
from pique_assets.decoding.reading import read_media

TOLERANCE = {"duration_sec": 0.03, "fps": 0.015, "aspect_ratio": 0.005}
"""Half a picture or less; everything else is equal or not."""


@dataclass(slots=True)
class Tally:
    """What was found of one container."""

    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    ours_s: float = 0.0
    theirs_s: float = 0.0


def ours(made: Made) -> dict[str, float | None]:
    """What this project measures."""
    facts: MediaFacts = read_media(made.path, content_type=made.content_type).facts
    if isinstance(facts, VideoFacts):
        names = ("width", "height", "aspect_ratio", "fps", "duration_sec", "audio_sample_rate")
    else:
        names = ("sample_rate", "duration_sec") if isinstance(facts, AudioFacts) else ("width", "height")
    assert isinstance(facts, VideoFacts | AudioFacts | ImageFacts)
    return {name: getattr(facts, name) for name in names}


def ffprobe(made: Made) -> dict[str, float | None]:
    """What ffprobe says of the same things."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-count_packets", "-of", "json"]
    said = json.loads(subprocess.run([*command, str(made.path)], check=True, capture_output=True).stdout)
    kind = "audio" if made.content_type == "audio" else "video"
    streams = [one for one in said["streams"] if one.get("codec_type") == kind]
    streams.sort(key=lambda one: (one["disposition"]["attached_pic"], -one["disposition"]["default"]))
    stream = streams[0]
    duration = stream.get("duration") or said["format"].get("duration")
    if made.content_type == "audio":
        return {"sample_rate": int(stream["sample_rate"]), "duration_sec": float(duration) if duration else None}
    width, height = stream["width"], stream["height"]
    if made.content_type == "image":
        return {"width": width, "height": height}
    across, down = (int(part) for part in stream.get("sample_aspect_ratio", "1:1").split(":"))
    shape = width * (across or 1) / (down or 1) / height
    turned = [int(one["rotation"]) for one in stream.get("side_data_list", []) if "rotation" in one]
    if turned and turned[0] % 180:
        width, height, shape = height, width, 1 / shape
    pictures, seconds = (int(part) for part in stream["avg_frame_rate"].split("/"))
    sounds = [one for one in said["streams"] if one.get("codec_type") == "audio"]
    return {
        "width": width,
        "height": height,
        "aspect_ratio": shape,
        "fps": pictures / seconds if seconds else None,
        "duration_sec": float(duration) if duration else None,
        "audio_sample_rate": int(sounds[0]["sample_rate"]) if sounds else None,
    }


def decoded(made: Made) -> dict[str, float]:
    """What comes out when ffmpeg decodes everything: pictures counted, or samples in one rate."""
    if made.content_type == "audio":
        command = ["ffmpeg", "-v", "quiet", "-i", str(made.path), "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]
        return {"duration_sec": len(subprocess.run(command, check=False, capture_output=True).stdout) / 96000}
    if made.content_type == "image":
        return {}
    command = ["ffmpeg", "-v", "quiet", "-i", str(made.path), "-map", "0:V:0", "-fps_mode", "passthrough"]
    command += ["-f", "framehash", "-hash", "crc32", "-"]
    lines = subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()
    bases = [line.split()[-1] for line in lines if line.startswith("#tb")]
    rows = [line.split(",") for line in lines if line and not line.startswith("#")]
    if not rows or not bases:
        return {}
    up, down = (int(part) for part in bases[0].split("/"))
    moments = [int(row[2]) for row in rows]
    last = moments[-1] - moments[-2] if len(moments) > 1 else int(rows[-1][3])
    seconds = (moments[-1] - moments[0] + last) * up / down
    return {"duration_sec": seconds, "fps": len(moments) / seconds if seconds else 0.0}


def same(name: str, one: float | None, other: float | None) -> bool:
    """Whether two values are the same for a person."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= TOLERANCE.get(name, 0) * (max(abs(one), abs(other), 1) if name != "duration_sec" else 1)


def judged(made: Made, found: dict[str, float | None], said: dict[str, float | None]) -> list[tuple[str, str]]:
    """Outcome and explanation of each value that differs; nothing where all are equal."""
    differing = [name for name in found if not same(name, found[name], said.get(name))]
    if not differing:
        return []
    evidence = decoded(made)
    outcomes = []
    for name in differing:
        values = f"{name}: ours {found[name]}, ffprobe {said.get(name)}"
        if name in made.truth and same(name, found[name], made.truth[name]):
            why = made.reason or "as made"
            outcomes.append(("better", f"{values}, made to be {round(made.truth[name], 3)} ({why})"))
        elif name in evidence and same(name, found[name], evidence[name]):
            outcomes.append(("better", f"{values}, ffmpeg decodes {round(evidence[name], 3)}"))
        else:
            outcomes.append(("worse", f"{values}, ffmpeg decodes {evidence.get(name)}"))
    return outcomes


def children_s() -> float:
    """CPU seconds of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Compare everything; the exit code tells whether anything is worse."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, help="make the media here, and leave them")
    arguments = parser.parse_args()
    missing = [name for name in ("ffmpeg", "ffprobe") if shutil.which(name) is None]
    if missing:
        print(f"{' and '.join(missing)} must be on the PATH: install ffmpeg.")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        where = arguments.keep or Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        return compare(make_all(where))


def compare(files: list[Made]) -> int:
    """Print what was found."""
    # The first file of each type pays for imports.
    for content_type in ("video", "audio", "image"):
        read_media(next(one.path for one in files if one.content_type == content_type), content_type=content_type)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for made in files:
        tally = tallies[made.container]
        tally.files += 1
        began_s = time.process_time()
        try:
            found = ours(made)
        except UnreadableMedia as error:
            tally.outcomes["worse"] += 1
            print(f"worse   {made.path.name}: {error}")
            continue
        tally.ours_s += time.process_time() - began_s
        began_s = children_s()
        said = ffprobe(made)
        tally.theirs_s += children_s() - began_s
        outcomes = judged(made, found, said)
        worst = next((one for one in ("worse", "better") if any(kind == one for kind, _ in outcomes)), "equal")
        tally.outcomes[worst] += 1
        for kind, explanation in outcomes:
            print(f"{kind:7} {made.path.name}: {explanation}")
    print(f"\n{'container':10} {'files':>5} {'equal':>6} {'better':>6} {'worse':>6} {'CPU ours : ffprobe':>20}")
    for container, tally in sorted(tallies.items()):
        print(row(container, tally))
    total = Tally(
        files=sum(one.files for one in tallies.values()),
        outcomes=sum((one.outcomes for one in tallies.values()), Counter()),
        ours_s=sum(one.ours_s for one in tallies.values()),
        theirs_s=sum(one.theirs_s for one in tallies.values()),
    )
    print(row(f"all {len(tallies)}", total))
    return 1 if total.outcomes["worse"] else 0


def row(name: str, tally: Tally) -> str:
    """One line of the table."""
    counts = " ".join(f"{tally.outcomes[kind]:6}" for kind in ("equal", "better", "worse"))
    ratio = tally.ours_s / tally.theirs_s if tally.theirs_s else 0.0
    return f"{name:10} {tally.files:5} {counts} {tally.ours_s:7.2f}s : {tally.theirs_s:6.2f}s = {ratio:4.2f}"


if __name__ == "__main__":
    sys.exit(main())
