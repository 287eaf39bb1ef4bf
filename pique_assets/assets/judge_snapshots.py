"""Snapshots of judges in the lake: tables `judges` and `detector_configs`, several a day.

Here: which snapshots are kept, and where. Not here: fetching a judge (`judge`).

A day has a file for each configuration it saw, so that no writer can lose a configuration another one met. In it stand
the first and the latest time each description was seen, so that it stays small however often a day is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pique_assets.config import Evaluation

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.api.models import Judge
    from pique_assets.lake import Lake, PartitionFile, WrittenFile

Row = dict[str, Any]

# Of 64 hex digits: enough to tell the configurations of one judge apart.
HASH_DIGITS_IN_NAME = 16


def keep_snapshot(
    judge: Judge, *, fetched_at: datetime, evaluation: Evaluation, lake: Lake
) -> tuple[pa.Table, WrittenFile]:
    """Write a judge, as it was fetched, beside the snapshots of the day.

    Args:
        judge: As Pique described it.
        fetched_at: When (UTC); its date is the snapshot's.
        evaluation: Whose judge.
        lake: Where to.

    Returns:
        The rows of this snapshot in `detector_configs`, and the file they are in.

    Raises:
        LakeError: The day's file of this configuration is damaged.
        OSError: The lake can't be written.
    """
    from pique_assets.lake import build_table

    where: Any = {
        "judge": evaluation.judge,
        "date": f"{fetched_at:%Y-%m-%d}",
        "evaluation": file_name(evaluation, configuration_hash=judge.configuration_hash()),
    }
    configs = config_rows(judge, fetched_at=fetched_at)
    _keep(lake, "judges", [judge_row(judge, fetched_at=fetched_at)], where=where)
    written = _keep(lake, "detector_configs", configs, where=where)
    return build_table("detector_configs", configs), written


def file_name(evaluation: Evaluation, *, configuration_hash: str) -> str:
    """Name of the files of a configuration: it can be looked for without reading any."""
    return f"{evaluation.name}.{configuration_hash[:HASH_DIGITS_IN_NAME]}"


def latest_snapshot(evaluation: Evaluation, *, lake: Lake) -> Row | None:
    """The row of `judges` that was fetched last for an evaluation; None when there is none.

    Raises:
        LakeError: A file of its day is damaged.
    """
    files = latest_files("judges", evaluation=evaluation, lake=lake)
    rows = [row for file in files for row in _read(lake, "judges", file)]
    return max(rows, key=lambda row: row["fetched_at"], default=None)


def latest_configuration(evaluation: Evaluation, *, lake: Lake) -> str | None:
    """The configuration, by its hash, that was fetched last for an evaluation; None when there is no snapshot.

    Raises:
        LakeError: A file of its day is damaged.
    """
    latest = latest_snapshot(evaluation, lake=lake)
    return None if latest is None else latest["judge_configuration_hash"]


def latest_files(table_name: str, *, evaluation: Evaluation, lake: Lake) -> list[PartitionFile]:
    """The evaluation's snapshot files of the last day that has any."""
    files = _newest_first(lake, table_name, evaluation=evaluation)
    return [file for file in files if file.date == files[0].date]


def configuration_rows(evaluation: Evaluation, *, configuration_hash: str, lake: Lake) -> list[Row] | None:
    """The rows of `detector_configs` of a configuration, as last seen; None when no snapshot has it.

    Raises:
        LakeError: The file is damaged.
    """
    name = file_name(evaluation, configuration_hash=configuration_hash)
    files = [file for file in _newest_first(lake, "detector_configs", evaluation=evaluation) if file.evaluation == name]
    if not files:
        return None
    rows = _read(lake, "detector_configs", files[0])
    latest = max((row["fetched_at"] for row in rows), default=None)
    return [row for row in rows if row["fetched_at"] == latest]


def judge_row(judge: Judge, *, fetched_at: datetime) -> Row:
    """A judge as a row of `judges`."""
    return {
        "judge_id": judge.id,
        "name": judge.name,
        "description": judge.description,
        "content_type": judge.content_type,
        "status": judge.status,
        "is_active": judge.is_active,
        "judge_configuration_hash": judge.configuration_hash(),
        "created_at": judge.created_at,
        "updated_at": judge.updated_at,
        "fetched_at": fetched_at,
        "other_fields": _json_or_none(judge.model_extra),
    }


def config_rows(judge: Judge, *, fetched_at: datetime) -> list[Row]:
    """A judge's detector configs as rows of `detector_configs`."""
    configuration_hash = judge.configuration_hash()
    return [
        {
            "judge_id": judge.id,
            "detector_config_index": index,
            "detector_config_id": config.id,
            "detector_name": config.detector_name,
            "config_json": json.dumps(config.config, sort_keys=True),
            "weight": config.weight,
            "judge_configuration_hash": configuration_hash,
            "fetched_at": fetched_at,
            "other_fields": _json_or_none(config.model_extra),
        }
        for index, config in enumerate(judge.detector_configs)
    ]


def _keep(lake: Lake, table_name: str, rows: list[Row], *, where: Mapping[str, Any]) -> WrittenFile:
    from pique_assets.lake import FileMissing, build_table

    try:
        kept = lake.read(table_name, **where).to_pylist()
    except FileMissing:
        kept = []
    # Through Arrow and back, as the kept ones came: equal times must look equal.
    added = build_table(table_name, rows).to_pylist()
    return lake.write(table_name, build_table(table_name, _first_and_latest([*kept, *added])), **where)


def _first_and_latest(rows: Iterable[Row]) -> Iterator[Row]:
    """Of snapshots that say the same, the first and the latest. A snapshot is the rows fetched at one moment."""
    snapshots: dict[datetime, list[Row]] = {}
    for row in rows:
        snapshots.setdefault(row["fetched_at"], []).append(row)
    said: dict[str, list[datetime]] = {}
    for fetched_at in sorted(snapshots):
        said.setdefault(_what_it_says(snapshots[fetched_at]), []).append(fetched_at)
    for times in said.values():
        for fetched_at in sorted({times[0], times[-1]}):
            yield from snapshots[fetched_at]


def _what_it_says(snapshot: list[Row]) -> str:
    return repr([sorted((name, value) for name, value in row.items() if name != "fetched_at") for row in snapshot])


def _newest_first(lake: Lake, table_name: str, *, evaluation: Evaluation) -> list[PartitionFile]:
    """The evaluation's snapshot files of a table; an older version named them after the evaluation alone."""
    files = lake.partitions(table_name, judge=evaluation.judge)
    own = [file for file in files if file.evaluation.partition(".")[0] == evaluation.name]
    return sorted(own, key=lambda file: file.date, reverse=True)


def _read(lake: Lake, table_name: str, file: PartitionFile) -> list[Row]:
    rows: list[Row] = lake.read(table_name, judge=file.judge, date=file.date, evaluation=file.evaluation).to_pylist()
    return rows


def _json_or_none(fields: dict[str, Any] | None) -> str | None:
    return json.dumps(fields, sort_keys=True) if fields else None
