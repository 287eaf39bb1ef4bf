"""Snapshots of judges in the lake: tables `judges` and `detector_configs`, several a day.

Belongs here: which snapshots the lake keeps, in which files, and reading them again. Does not: asking Pique.

A day has a file for each configuration that was seen on it, so that no writer can lose a configuration that another
writer saw. A file keeps the first and the latest time of each description, so that it stays small however often a day
is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from pique_assets.api.models import Judge
from pique_assets.judges.changes import DetectorSettings
from pique_assets.lake import FileMissing, Lake, PartitionFile, WrittenFile, build_table

# Of 64 hex digits: enough to tell the configurations of one judge apart.
HASH_DIGITS_IN_NAME: Final = 16

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSnapshot:
    """A judge as Pique described it at one moment.

    Attributes:
        judge_id: The judge's id at Pique.
        configuration_hash: Names what the judge measured then.
        fetched_at: When Pique was asked (UTC).
    """

    judge_id: str
    configuration_hash: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSnapshots:
    """The snapshots of one evaluation's judge.

    Attributes:
        lake: Where the tables are.
        folder: The judge's folder in the lake.
        evaluation: Name of the evaluation; evaluations that share a judge keep snapshots of their own.
    """

    lake: Lake
    folder: str
    evaluation: str

    def keep(self, judge: Judge, *, fetched_at: datetime) -> tuple[pa.Table, WrittenFile]:
        """Write a judge beside the snapshots of the day.

        Args:
            judge: As Pique described it.
            fetched_at: When (UTC); the date of this moment is the snapshot's.

        Returns:
            The rows of this snapshot in `detector_configs`, and the file that holds them.

        Raises:
            LakeError: The day's file of this configuration is damaged.
            OSError: The lake can't be written.
        """
        file = PartitionFile(
            judge=self.folder, date=fetched_at.date(), evaluation=self._file_name(judge.configuration_hash())
        )
        configs = _config_rows(judge, fetched_at=fetched_at)
        self._add("judges", [_judge_row(judge, fetched_at=fetched_at)], file=file)
        written = self._add("detector_configs", configs, file=file)
        return build_table("detector_configs", configs), written

    def latest(self) -> JudgeSnapshot | None:
        """The snapshot that was fetched last; None when there is none.

        Raises:
            LakeError: A file of its day is damaged.
        """
        rows = [row for file in self.latest_files("judges") for row in self._read("judges", file)]
        last = max(rows, key=lambda row: row["fetched_at"], default=None)
        if last is None:
            return None
        return JudgeSnapshot(
            judge_id=last["judge_id"],
            configuration_hash=last["judge_configuration_hash"],
            fetched_at=last["fetched_at"],
        )

    def latest_configuration(self) -> str | None:
        """The hash of the configuration that was fetched last; None when there is no snapshot.

        Raises:
            LakeError: A file of its day is damaged.
        """
        latest = self.latest()
        return None if latest is None else latest.configuration_hash

    def latest_files(self, table_name: str) -> list[PartitionFile]:
        """The snapshot files of the last day that has any."""
        files = self._newest_first(table_name)
        return [file for file in files if file.date == files[0].date]

    def settings(self, configuration_hash: str) -> list[DetectorSettings] | None:
        """The detectors of a configuration as last seen; None when no snapshot has the configuration.

        Raises:
            LakeError: The file is damaged.
        """
        name = self._file_name(configuration_hash)
        files = [file for file in self._newest_first("detector_configs") if file.evaluation == name]
        if not files:
            return None
        rows = self._read("detector_configs", files[0])
        latest = max((row["fetched_at"] for row in rows), default=None)
        return [
            DetectorSettings(
                name=row["detector_name"] or "",
                config=json.loads(row["config_json"] or "{}"),
                weight=row["weight"],
                config_id=row["detector_config_id"],
            )
            for row in rows
            if row["fetched_at"] == latest
        ]

    def _file_name(self, configuration_hash: str) -> str:
        """Name of the files of a configuration, so that a configuration is found without reading other files."""
        return f"{self.evaluation}.{configuration_hash[:HASH_DIGITS_IN_NAME]}"

    def _newest_first(self, table_name: str) -> list[PartitionFile]:
        """The snapshot files of a table; an older version named them after the evaluation alone."""
        files = self.lake.partitions(table_name, judge=self.folder)
        own = [file for file in files if file.evaluation.partition(".")[0] == self.evaluation]
        return sorted(own, key=lambda file: file.date, reverse=True)

    def _add(self, table_name: str, rows: list[_Row], *, file: PartitionFile) -> WrittenFile:
        try:
            kept = self._read(table_name, file)
        except FileMissing:
            kept = []
        # Through Arrow and back, as the kept rows came: equal times must look equal.
        added = build_table(table_name, rows).to_pylist()
        table = build_table(table_name, _first_and_latest([*kept, *added]))
        return self.lake.write(table_name, table, **file.names)

    def _read(self, table_name: str, file: PartitionFile) -> list[_Row]:
        table = self.lake.read(table_name, **file.names)
        rows: list[_Row] = table.to_pylist()
        return rows


def _judge_row(judge: Judge, *, fetched_at: datetime) -> _Row:
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


def _config_rows(judge: Judge, *, fetched_at: datetime) -> list[_Row]:
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


def _first_and_latest(rows: Iterable[_Row]) -> Iterator[_Row]:
    """Of snapshots with the same content, the first and the latest. A snapshot is the rows fetched at one moment."""
    snapshots: dict[datetime, list[_Row]] = {}
    for row in rows:
        snapshots.setdefault(row["fetched_at"], []).append(row)
    times_by_content: dict[str, list[datetime]] = {}
    for fetched_at in sorted(snapshots):
        times_by_content.setdefault(_content_of(snapshots[fetched_at]), []).append(fetched_at)
    for times in times_by_content.values():
        for fetched_at in sorted({times[0], times[-1]}):
            yield from snapshots[fetched_at]


def _content_of(snapshot: list[_Row]) -> str:
    return repr([sorted((name, value) for name, value in row.items() if name != "fetched_at") for row in snapshot])


def _json_or_none(fields: dict[str, Any] | None) -> str | None:
    return json.dumps(fields, sort_keys=True) if fields else None
