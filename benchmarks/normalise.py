"""How fast payloads become rows, beside `json.loads` alone on the same bytes, and in how much memory.

    python benchmarks/normalise.py [--jobs N]

Belongs here: two figures with one command, in well under a minute. Payloads are generated from the shapes of the
documented detectors, with values that differ from job to job. Time is CPU seconds from bytes to tables, the fastest of
several rounds in which all sides take turns. Memory is what a process of its own takes at most above what it took
before the step that writes a date's four tables, beside the largest of them in memory. Ratios carry over to other
machines; absolute numbers do not. Ends with status 1 when a ratio is above what is tolerated.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from pique_assets.lake import Lake, Payload, normalise, payloads_parts, restore_metrics, write_result_tables

RECEIVED_AT = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
ROUNDS = 5
TOLERATED_TIME = 2.2
TOLERATED_MEMORY = 1.5
WHERE = {"judge": "brand", "date": "2026-03-02", "evaluation": "demo"}


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description="normalise() beside json.loads, and its memory")
    parser.add_argument("--jobs", type=int, default=6000, help="finished jobs to generate (default 6000)")
    parser.add_argument("--write", metavar="LAKE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        print(json.dumps(write(Lake(arguments.write))))
        return 0
    payloads = generate(arguments.jobs, rng=random.Random(20260302))
    tables = normalise(payloads)
    rows = {name: table.num_rows for name, table in tables.items()}
    size = sum(len(payload.body) for payload in payloads)
    print(f"{len(payloads)} payloads, {size / 1e6:.1f} MB of JSON, {sum(rows.values())} rows: {rows}")
    print(f"metrics restored from the rows, equal in value and type: {share_restored(payloads):.0%}")
    time_ratio = compare_times(payloads, rows=sum(rows.values()))
    memory_ratio = compare_memory(payloads, tables=tables)
    print(f"time: {time_ratio:.2f} x json.loads alone (at most {TOLERATED_TIME} is tolerated)")
    print(f"memory: {memory_ratio:.2f} x the largest table (at most {TOLERATED_MEMORY} is tolerated)")
    return 0 if time_ratio <= TOLERATED_TIME and memory_ratio <= TOLERATED_MEMORY else 1


def compare_times(payloads: list[Payload], *, rows: int) -> float:
    """Print CPU seconds of each side; returns ours over those of json.loads alone."""
    sides: dict[str, Callable[[], object]] = {
        "json.loads alone": lambda: [json.loads(payload.body) for payload in payloads],
        "normalise: four typed tables, sorted": lambda: normalise(payloads),
        "pandas.json_normalize: one wide frame": lambda: json_normalize(payloads),
        "pandas.json_normalize, then melt to long": lambda: json_normalize_long(payloads),
    }
    seconds = dict.fromkeys(sides, float("inf"))
    for _ in range(ROUNDS):
        for label, work in sides.items():
            start = time.process_time()
            work()
            # The slower rounds were disturbed by something else.
            seconds[label] = min(seconds[label], time.process_time() - start)
    alone, ours, *_ = seconds.values()
    for label, taken in seconds.items():
        print(f"{label:42} {taken:7.3f} CPU s  {taken / alone:6.2f} x  {rows / taken:10,.0f} rows/s")
    return ours / alone


def compare_memory(payloads: list[Payload], *, tables: dict[str, pa.Table]) -> float:
    """Print what the step that writes the tables takes; returns that over the size of the largest table."""
    with tempfile.TemporaryDirectory() as folder:
        with Lake(folder).writing("payloads", **WHERE) as writer:
            for part in payloads_parts(payloads):
                writer.add(part)
        command = [sys.executable, __file__, "--write", folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    taken: int = json.loads(done.stdout)
    largest = max(tables.values(), key=lambda table: table.nbytes).nbytes
    size = sum(len(payload.body) for payload in payloads)
    print(
        f"writing the tables takes {taken / 1e6:.1f} MB at most; the largest has {largest / 1e6:.1f} MB in memory, "
        f"the payloads {size / 1e6:.1f} MB"
    )
    return taken / largest


def write(lake: Lake) -> int:
    """Write the tables of the date; returns the bytes that this process took at most, above what it took before."""
    # What is loaded and allocated once, whatever the date, is no part of it.
    with tempfile.TemporaryDirectory() as folder:
        warm = Lake(folder)
        with warm.writing("payloads", **WHERE) as writer:
            for part in payloads_parts(generate(20, rng=random.Random(1))):
                writer.add(part)
        write_result_tables(warm, **WHERE)
    before = memory("VmRSS")
    # Linux: the highest mark starts anew.
    Path("/proc/self/clear_refs").write_text("5")
    write_result_tables(lake, **WHERE)
    return memory("VmHWM") - before


def memory(field: str) -> int:
    """Bytes that /proc says of this process."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"/proc/self/status says nothing of {field}: memory is measured on Linux")
    return int(found[1]) * 1024


def generate(jobs: int, *, rng: random.Random) -> list[Payload]:
    """Payloads of finished jobs with five detectors each, as the polled results look."""
    return [
        Payload(
            job_id=f"job_{number:08d}",
            source="polled",
            received_at=RECEIVED_AT,
            body=json.dumps(evaluation(f"job_{number:08d}", rng)).encode(),
        )
        for number in range(jobs)
    ]


def evaluation(job_id: str, rng: random.Random) -> dict[str, object]:
    """The body of one finished job."""
    metrics = {
        "video_specs": video_specs(rng),
        "lighting": lighting(rng),
        "background": background(rng),
        "audio_noise": {"snr": {"snr_db": rng.uniform(0, 40), "pass": True}, "music": {"overlap_pct": rng.random()}},
        "video_matching": {
            "blank_frames_detected": 0,
            "blank_frame_details": [],
            "sources": {"reference_0": {"score": rng.random(), "methods": {"vision_embed": {"score": rng.random()}}}},
            "verdict": {"pass": rng.random() > 0.5, "mode": None},
        },
    }
    return {
        "event": "evaluation.completed",
        "job_id": job_id,
        "judge_id": "judge_abc123",
        "status": "completed",
        "overall_score": rng.random(),
        "detector_results": [
            {
                "detector_name": name,
                "detector_config_id": f"config_{name}",
                "pass_check": rng.random() > 0.3,
                "score": rng.random(),
                "rationale": f"measured for {job_id}",
                "metrics": value,
                "timestamps": [rng.uniform(0, 60) for _ in range(rng.randrange(3))],
                "flagged_frames": [],
            }
            for name, value in metrics.items()
        ],
        "error": None,
        "timestamp": "2026-03-02T11:59:30Z",
    }


def video_specs(rng: random.Random) -> dict[str, object]:
    """Metrics of video_specs; fps drifts between int and float as it does at Pique."""
    width, duration = rng.choice([720, 1080, 1920]), rng.uniform(3, 60)
    return {
        "video_specs": {
            "width": width,
            "height": 1920,
            "aspect_ratio": "9:16",
            "fps": rng.choice([30, 30.0, 29.97]),
            "duration_sec": duration,
            "audio_sample_rate": 44100,
        },
        "checks": {
            "width_min": {"pass": width >= 1080, "actual": width, "threshold": 1080},
            "duration_min": {"pass": duration >= 5, "actual": duration, "threshold": 5},
            "aspect_ratio": {"pass": True, "actual": "9:16", "allowed": ["9:16", "4:3"]},
        },
        "issues_count": int(width < 1080),
        "total_checks": 3,
    }


def lighting(rng: random.Random) -> dict[str, object]:
    """Metrics of lighting: many numbers, and lists of samples."""
    names = ("dark_frames_pct", "bright_frames_pct", "median_brightness", "mean_brightness", "max_brightness")
    flags = [{"timestamp_sec": rng.uniform(0, 60), "decision": "too_dark"} for _ in range(rng.randrange(3))]
    return {name: rng.uniform(0, 255) for name in names} | {"dark_frames_count": len(flags), "flags": flags}


def background(rng: random.Random) -> dict[str, object]:
    """Metrics of background: keys that are free text."""
    elements = ("professional setting", "clean workspace", "good lighting", "clutter")
    return {
        "element_results": {element: rng.random() > 0.5 for element in elements},
        "missing_desired": ["professional setting"],
        "reasons": "untidy room",
    }


def json_normalize(payloads: list[Payload]) -> pd.DataFrame:
    """What one writes first: one wide frame of detector results, a column for each path."""
    bodies = [json.loads(payload.body) for payload in payloads]
    return pd.json_normalize(bodies, record_path="detector_results", meta=["job_id", "status", "overall_score"])


def json_normalize_long(payloads: list[Payload]) -> pd.DataFrame:
    """The same turned into a row per metric, which is what `detector_metrics` holds."""
    frame = json_normalize(payloads)
    metrics = [name for name in frame.columns if name.startswith("metrics.")]
    return frame.melt(id_vars=["job_id", "detector_name"], value_vars=metrics).dropna(subset=["value"])


def share_restored(payloads: list[Payload]) -> float:
    """Share of detector results whose metrics come back equal from the rows."""
    restored = restore_metrics(normalise(payloads)["detector_metrics"])
    sent = {
        (payload.job_id, index): result["metrics"]
        for payload in payloads
        for index, result in enumerate(json.loads(payload.body)["detector_results"])
    }
    return sum(repr_sorted(restored.get(key)) == repr_sorted(value) for key, value in sent.items()) / len(sent)


def repr_sorted(value: object) -> str:
    """A text in which 30 and 30.0 differ and the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


if __name__ == "__main__":
    sys.exit(main())
