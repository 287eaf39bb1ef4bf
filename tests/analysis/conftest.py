"""A small lake with two days of results, one empty day, and two judges."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from pique_assets.lake import Lake, Payload, normalise, scorecard_daily


def write_day(lake: Lake, *, judge: str, date: str, results: list[list[dict[str, object]]]) -> None:
    at = dt.datetime.fromisoformat(f"{date}T12:00:00+00:00")
    payloads = [
        Payload(
            job_id=f"job_{date}_{number}",
            source="polled",
            received_at=at,
            body=json.dumps(
                {"status": "completed", "judge_id": "J", "overall_score": 1, "detector_results": result}
            ).encode(),
        )
        for number, result in enumerate(results)
    ]
    tables = normalise(payloads)
    tables["scorecard_daily"] = scorecard_daily(
        evaluations=tables["evaluations"], detector_results=tables["detector_results"]
    )
    for name, table in tables.items():
        lake.write(name, table, judge=judge, date=date, evaluation="demo")


def specs(passed: bool, **metrics: object) -> dict[str, object]:
    return {
        "detector_name": "video_specs",
        "detector_config_id": "c1",
        "pass_check": passed,
        "metrics": metrics,
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path / "a lake's folder"))
    logo = {
        "detector_name": "logo",
        "detector_config_id": "c2",
        "pass_check": True,
        "metrics": {"fps": "none"},
    }
    write_day(
        lake,
        judge="brand",
        date="2026-03-02",
        results=[
            [specs(True, fps=30, ok=True, ratio="9:16"), logo],
            [specs(False, fps=25, ok=None, tags=[1])],
        ],
    )
    write_day(lake, judge="brand", date="2026-03-03", results=[[specs(True, fps=29.97, mixed="a")]])
    write_day(lake, judge="brand", date="2026-03-04", results=[])
    write_day(lake, judge="007", date="2026-03-02", results=[[specs(True, fps=24, mixed=1, big=2**70)]])
    return lake
