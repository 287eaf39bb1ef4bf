"""How fast payloads become rows, beside `pandas.json_normalize` on the same payloads in the same run.

    python benchmarks/normalise.py [--jobs N]

Belongs here: one measurement with one command, in well under a minute. Payloads are generated from the shapes of the
documented detectors, with values that differ from job to job. Each side starts from bytes and is measured in CPU
seconds, best of three. Ratios carry over to other machines; absolute numbers do not.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import time
from collections.abc import Callable

import pandas as pd

from pique_assets.lake import Payload, normalise, restore_metrics

RECEIVED_AT = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
ROUNDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="normalise() beside pandas.json_normalize")
    parser.add_argument("--jobs", type=int, default=3000, help="finished jobs to generate (default 3000)")
    jobs: int = parser.parse_args().jobs
    payloads = generate(jobs, rng=random.Random(20260302))
    tables = normalise(payloads)
    rows = {name: table.num_rows for name, table in tables.items()}
    size_mb = sum(len(payload.body) for payload in payloads) / 1e6
    print(f"{jobs} payloads, {size_mb:.1f} MB of JSON, {sum(rows.values())} rows: {rows}")

    ours = cpu_seconds(lambda: normalise(payloads))
    parsing = cpu_seconds(lambda: [json.loads(payload.body) for payload in payloads])
    pandas_flat = cpu_seconds(lambda: json_normalize(payloads))
    pandas_long = cpu_seconds(lambda: json_normalize_long(payloads))
    for label, seconds in (
        ("json.loads alone", parsing),
        ("normalise: four typed tables, sorted", ours),
        ("pandas.json_normalize: one wide frame", pandas_flat),
        ("pandas.json_normalize, then melt to long", pandas_long),
    ):
        rate = sum(rows.values()) / seconds
        print(f"{label:42} {seconds:7.2f} CPU s  {seconds / ours:6.1f} x  {rate:10,.0f} rows/s")
    print(f"metrics restored from the rows, equal in value and type: {share_restored(payloads):.0%}")


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


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of a few rounds: the others were disturbed."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    main()
