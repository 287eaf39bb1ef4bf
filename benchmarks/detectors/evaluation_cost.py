"""What one evaluation by the judge with all five detectors costs, and what a second worker process gains.

    python benchmarks/detectors/evaluation_cost.py [--clips N]

Belongs here: one measurement with one command, through a real local Pique. A clip of 24 s with a voice and captions is
made of the film that `media_sources` fetches. First one worker evaluates it again and again: its CPU seconds and its
memory are those that the kernel counts for the process, once everything is loaded. Then a backlog of different clips is
evaluated by one worker and by two, in turns; the server's own record says when the first began and the last ended.
Does not: accuracy, which the scripts beside this one measure.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from media_sources import cache_folder, fetched

PROJECT = Path(__file__).parents[2]
DEMO = PROJECT / "examples" / "demo"
sys.path.append(str(DEMO))

from make_acme_videos import ENGLISH, FILM, Spot, make_spot, speaker  # noqa: E402
from make_media import Clip  # noqa: E402

from pique_assets.local.process import LocalPiqueProcess, running_local_pique  # noqa: E402
from pique_assets.local.record import read_record  # noqa: E402

JUDGE_ID = "1f46ff19-e251-421c-8b81-30561e160b62"
SECONDS = 24
WARM_UP, TIMES = 2, 7
CPU_BOUND_S, MEMORY_BOUND_MB, RATE_BOUND = 6.0, 700, 1.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one evaluation: CPU seconds of the worker process, and its largest resident memory so far, in MB."""

    cpu_s: float
    memory_mb: float


def main() -> None:
    """Measure both, print the figures and what was asked."""
    parser = argparse.ArgumentParser(description="What an evaluation costs, and what a second worker gains.")
    parser.add_argument("--clips", type=int, default=8, help="length of the backlog")
    arguments = parser.parse_args()
    clip = made_clip()
    print(f"one clip of {SECONDS} s, 1280x720, all five detectors")
    costs = evaluation_costs(clip)
    cpu = [cost.cpu_s for cost in costs]
    print(f"  CPU s, {TIMES} warm runs: min {min(cpu):.2f}, median {statistics.median(cpu):.2f}, max {max(cpu):.2f}")
    print(f"  asked: at most {CPU_BOUND_S}; CPU s a media minute: {statistics.median(cpu) * 60 / SECONDS:.1f}")
    print(f"  largest resident memory: {costs[-1].memory_mb:.0f} MB; asked: at most {MEMORY_BOUND_MB}")
    ratios = []
    for _ in range(2):
        one, two = (backlog_s(clip, clips=arguments.clips, workers=workers) for workers in (1, 2))
        ratios.append(one / two)
        print(f"backlog of {arguments.clips}: one worker {one:.1f} s, two {two:.1f} s: {one / two:.2f} times the rate")
    print(f"  asked: at least {RATE_BOUND}; this process may use {len(os.sched_getaffinity(0))} cores")


def made_clip() -> Path:
    """The clip, made once."""
    target = cache_folder() / "made" / "evaluation_cost.mp4"
    if not target.exists():
        speak = speaker(next(fetched("espeakng-loader").rglob("libespeak-ng.so")).parent)
        clip = Clip(name=str(target), start=40, seconds=SECONDS, size=(1280, 720), fps=24, crf=26)
        film = next(fetched("moviepy").rglob(FILM))
        print("making the clip ...", flush=True)
        make_spot(Spot(clip=clip, lines=ENGLISH * 2, captions="burned"), film=film, speak=speak)
    return target


def evaluation_costs(clip: Path) -> list[Cost]:
    """Of each warm evaluation of the same clip, one after another."""
    with served(workers=1) as (pique, http):
        (worker,) = children(pique.pid)
        costs = []
        for number in range(WARM_UP + TIMES):
            before = cpu_s(worker)
            wait_for(http, submit(http, clip.read_bytes() + bytes([number])))
            costs.append(Cost(cpu_s=cpu_s(worker) - before, memory_mb=peak_memory_mb(worker)))
    return costs[WARM_UP:]


def backlog_s(clip: Path, *, clips: int, workers: int) -> float:
    """Seconds from the beginning of the first to the end of the last evaluation of a backlog, models loaded."""
    with served(workers=workers) as (pique, http):
        body = clip.read_bytes()
        for job in [submit(http, body + b"warm" + bytes([number])) for number in range(2 * workers)]:
            wait_for(http, job)
        jobs = [submit(http, body + bytes([number])) for number in range(clips)]
        for job in jobs:
            wait_for(http, job)
        evaluations = [record.evaluations[0] for record in read_record(pique.data_dir) if record.job_id in jobs]
    starts = [one.started_at for one in evaluations if one.started_at]
    ends = [one.finished_at for one in evaluations if one.finished_at]
    assert len(starts) == len(ends) == clips
    return (max(ends) - min(starts)).total_seconds()


@contextmanager
def served(*, workers: int) -> Iterator[tuple[LocalPiqueProcess, httpx.Client]]:
    """A local Pique with the judge, and a client of it."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"seed_judges": DEMO / "all_judges.json", "references": DEMO / "references", "workers": workers}
        with (
            running_local_pique(data_dir=Path(folder), **options) as pique,
            httpx.Client(base_url=pique.base_url, headers={"X-API-Key": pique.api_key}, trust_env=False) as http,
        ):
            judge = http.get(f"/v1/judges/{JUDGE_ID}").json()
            if judge["status"] != "ready":
                sys.exit(f"the judge is {judge['status']}: {judge['status_reason']}")
            yield pique, http


def submit(http: httpx.Client, body: bytes) -> str:
    """Upload one content item; what is behind the end of an MP4 makes it another one and is never read."""
    order = {
        "judge_id": JUDGE_ID,
        "content_type": "video",
        "filename": "clip.mp4",
        "file_size_bytes": len(body),
        "title": "#acme",
    }
    prepared = http.post("/v1/evaluations/presigned-upload", json=order).raise_for_status().json()
    with httpx.Client(trust_env=False, timeout=60) as storage:
        storage.put(prepared["upload_url"], content=body, headers=prepared["upload_headers"]).raise_for_status()
    return str(prepared["job_id"])


def wait_for(http: httpx.Client, job_id: str) -> None:
    """Until the evaluation has ended, well."""
    pause = threading.Event()
    while True:
        result = http.get(f"/v1/evaluations/results/{job_id}").raise_for_status().json()
        if result["status"] == "completed":
            return
        if result["status"] == "failed":
            sys.exit(f"the evaluation failed: {json.dumps(result['error'])}")
        pause.wait(0.1)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task")
    return sorted(int(one) for task in tasks.iterdir() for one in (task / "children").read_text().split())


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, all threads."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def peak_memory_mb(pid: int) -> float:
    """The largest resident memory a process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1000


if __name__ == "__main__":
    main()
