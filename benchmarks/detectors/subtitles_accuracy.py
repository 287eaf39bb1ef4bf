"""How well the detector `subtitles` tells captioned videos from others, and at what cost.

    python benchmarks/detectors/subtitles_accuracy.py [--part test|development] [--only NAME] [--cache FOLDER]

Belongs here: asking the detector about each clip of `caption_clips`, and counting. Media and fonts are fetched at the
first run (`media_sources`), clips are made once and kept in the cache. The process that asks the detector has the
memory limit of an evaluation process (4 GB of addresses), and no other work. Does not: the clips.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from statistics import mean

from caption_clips import TEST, Clip, all_clips
from clip_rendering import FULL
from media_sources import cache_folder

from pique_assets.decoding.media import SubtitleCue

ADDRESS_SPACE_BYTES = 4 * 1024**3
SAME_TEXT = 0.75
RIGHT = {"captioned": "passed", "none": "failed", "unreadable": "undetermined"}
NOT_MEASURED = (
    "captions at the left or right, one word a line at changing places, captions that move or roll up, "
    "more than three lines, handwriting, video of less than 240 lines, broadcast captions of real channels, "
    "captions over speech of real people, Chinese and Japanese, videos longer than a minute"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the detector said of a clip.

    Attributes:
        clip: Its name.
        outcome: ``passed``, ``failed`` or ``undetermined``.
        kind: ``soft``, ``burned_in``, ``unclear`` or ``none``.
        rationale: As given.
        cues: Start, end and text.
        decoding_s, judging_s: CPU seconds.
        duration_s: Of the clip.
    """

    clip: str
    outcome: str
    kind: str
    rationale: str
    cues: tuple[SubtitleCue, ...]
    decoding_s: float
    judging_s: float
    duration_s: float


def make(order: tuple[str, str]) -> None:
    """Make one clip, in a process of its own."""
    name, folder = order
    next(clip for clip in all_clips() if clip.name == name).write(Path(folder))


def answers(clips: Sequence[tuple[str, str]], results: multiprocessing.Queue[object]) -> None:
    """Ask the detector about each clip, in a process with the limits of an evaluation process."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    from pique_assets.decoding.reading import read_media
    from pique_assets.local.detectors.base import Material
    from pique_assets.local.detectors.subtitles import Subtitles

    detector = Subtitles()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, (name, path) in enumerate([clips[0], *clips]):
        began = time.process_time()
        media = read_media(Path(path), content_type="video", parts=detector.parts)
        read = time.process_time()
        verdict = detector.judge(Material(media=media))
        judged = time.process_time()
        if number == 0:
            # The first one loads the models.
            continue
        metrics = verdict.metrics
        cues: Sequence[Mapping[str, object]] = metrics["cues"]  # type: ignore[assignment]
        results.put(
            Answer(
                clip=name,
                outcome=str(metrics["outcome"]),
                kind=str(metrics["kind"]),
                rationale=verdict.rationale,
                cues=tuple(
                    SubtitleCue(start_s=float(str(cue["start"])), end_s=float(str(cue["end"])), text=str(cue["text"]))
                    for cue in cues
                ),
                decoding_s=read - began,
                judging_s=judged - read,
                duration_s=media.facts.duration_sec,  # type: ignore[union-attr]
            )
        )
    results.put((before / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def cue_counts(clip: Clip, answer: Answer) -> Counter[str]:
    """How many of a clip's cues were found, and how many were invented."""
    counts: Counter[str] = Counter(
        shown=len(clip.cues), reported=len(answer.cues), invented=len(invented(clip, answer))
    )
    counts["right to the letter"] = sum(_best_likeness(clip, cue) == 1.0 for cue in answer.cues)
    for true in clip.cues:
        near = [cue for cue in answer.cues if true.start_s < cue.end_s + 0.3 and true.end_s > cue.start_s - 0.3]
        counts["found"] += any(_likeness(cue.text, true.text) >= SAME_TEXT for cue in near)
        # Stills are 1.5 s apart: what is shown between two of them can't be found.
        counts["between stills"] += clip.kind == "burned_in" and not any(
            true.start_s <= 1.5 * number < true.end_s for number in range(round(clip.seconds / 1.5) + 1)
        )
    return counts


def invented(clip: Clip, answer: Answer) -> list[str]:
    """Cues that say what no caption said at that time."""
    return [cue.text for cue in answer.cues if _best_likeness(clip, cue) < SAME_TEXT]


def _best_likeness(clip: Clip, cue: SubtitleCue) -> float:
    near = [true for true in clip.cues if true.start_s < cue.end_s + 0.3 and true.end_s > cue.start_s - 0.3]
    return max((_likeness(cue.text, true.text) for true in near), default=0.0)


def _likeness(one: str, other: str) -> float:
    first, second = " ".join(one.split()), " ".join(other.split())
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def report(clips: Sequence[Clip], given: Mapping[str, Answer], *, memory_mb: tuple[float, float]) -> bool:
    """Print what was counted; returns whether the bounds hold."""
    table: Counter[tuple[str, str]] = Counter((clip.answer, given[clip.name].outcome) for clip in clips)
    print(f"{len(clips)} clips: " + ", ".join(f"{n} {a}" for a, n in Counter(clip.answer for clip in clips).items()))
    print(f"{'':12}" + "".join(f"{outcome:>14}" for outcome in RIGHT.values()))
    for truth in RIGHT:
        print(f"{truth:12}" + "".join(f"{table[truth, outcome]:>14}" for outcome in RIGHT.values()))
    captioned = sum(table["captioned", outcome] for outcome in RIGHT.values())
    passed = sum(table[truth, "passed"] for truth in RIGHT)
    precision = table["captioned", "passed"] / passed if passed else 0.0
    recall = table["captioned", "passed"] / captioned if captioned else 0.0
    print(f"precision {precision:.3f} ({passed} passed), recall {recall:.3f} ({captioned} captioned)")
    print(
        f"kind told right: {sum(clip.kind == given[clip.name].kind for clip in clips if clip.answer != 'unreadable')}"
    )
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        quick = clip.kind == "burned_in" and len(clip.cues) > clip.seconds
        name = "word by word" if quick else clip.kind if clip.answer != "unreadable" else "unreadable"
        groups[name].update(cue_counts(clip, given[clip.name]))
    for name, counts in groups.items():
        print(f"cues, {name}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    minutes = sum(answer.duration_s for answer in given.values()) / 60
    for what, spent in (
        ("decoding", [answer.decoding_s for answer in given.values()]),
        ("judging", [answer.judging_s for answer in given.values()]),
    ):
        print(f"{what}: {sum(spent) / minutes:.2f} CPU s a media minute, mean {mean(spent):.2f}, most {max(spent):.2f}")
    print(f"memory: {memory_mb[0]:.0f} MB before the first clip, {memory_mb[1]:.0f} MB at the peak")
    for clip in clips:
        answer = given[clip.name]
        if clip.size == FULL:
            print(f"{clip.name}, {clip.seconds:g} s at 720p: {answer.judging_s:.2f} CPU s beyond decoding")
        for text in invented(clip, answer):
            print(f"INVENTED {clip.name}: {text!r}")
        if answer.outcome != RIGHT[clip.answer]:
            print(f"WRONG {clip.name}: {answer.outcome}: {answer.rationale}")
    print(f"not measured: {NOT_MEASURED}")
    return precision >= 0.95 and recall >= 0.95


def main() -> int:
    """Make the clips, ask, count; returns the exit status, 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description="measure the detector of subtitles")
    parser.add_argument("--part", default=TEST, choices=("test", "development"))
    parser.add_argument("--only", default="", metavar="NAME", help="clips whose name holds this")
    parser.add_argument("--cache", type=Path, default=cache_folder())
    arguments = parser.parse_args()
    clips = [clip for clip in all_clips() if clip.part == arguments.part and arguments.only in clip.name]
    folder = arguments.cache / "subtitles"
    folder.mkdir(parents=True, exist_ok=True)
    spawned = multiprocessing.get_context("spawn")
    with spawned.Pool(2) as pool:
        for _ in pool.imap_unordered(make, [(clip.name, str(folder)) for clip in clips]):
            pass
    results: multiprocessing.Queue[object] = spawned.Queue()
    paths = [(clip.name, str(folder / f"{clip.name}{clip.suffix}")) for clip in clips]
    asking = spawned.Process(target=answers, args=(paths, results))
    asking.start()
    given: dict[str, Answer] = {}
    while isinstance(answer := results.get(), Answer):
        given[answer.clip] = answer
    asking.join()
    memory: tuple[float, float] = answer  # type: ignore[assignment]
    return 0 if report(clips, given, memory_mb=memory) else 1


if __name__ == "__main__":
    sys.exit(main())
