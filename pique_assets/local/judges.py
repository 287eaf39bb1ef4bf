"""Judges as the server keeps them: creation, seeding from a file, reading.

Belongs here: the rows, and a judge's status, which follows from what `detectors.registry` says of each of its
detectors. Does not: the HTTP requests about judges (`service`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

from pydantic import ValidationError

from pique_assets.local.bodies import DetectorBody, JudgeBody, SeedFile
from pique_assets.local.database import LocalDatabase, now_text
from pique_assets.local.detectors.registry import reason_refused

READY = "ready"
FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredDetector:
    """One detector of a judge, with its options as given."""

    id: str
    detector_name: str
    config: dict[str, object]
    weight: float

    def as_json(self) -> dict[str, object]:
        """The detector config as the API writes it."""
        return {
            "id": self.id,
            "detector_name": self.detector_name,
            "config": self.config,
            "weight": self.weight,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJudge:
    """A judge as stored; times are ISO 8601 text in UTC."""

    id: str
    name: str
    description: str
    content_type: str
    status: str
    status_reason: str | None
    detector_configs: tuple[ConfiguredDetector, ...]
    is_active: bool
    created_at: str
    updated_at: str

    def as_json(self) -> dict[str, object]:
        """The judge as the API writes it; ``status_reason`` is ours, and only there when the judge failed."""
        answer: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "content_type": self.content_type,
            "status": self.status,
            "detector_configs": [detector.as_json() for detector in self.detector_configs],
            "is_active": self.is_active,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        if self.status_reason is not None:
            answer["status_reason"] = self.status_reason
        return answer


class JudgeStore:
    """The judges table."""

    def __init__(self, database: LocalDatabase) -> None:
        """Keep judges in ``database``."""
        self._database = database

    def create(self, body: JudgeBody) -> StoredJudge:
        """Store a new judge; its status is ``failed`` with a reason when a detector cannot work here."""
        judge = _judge(str(uuid4()), body, detector_ids=[str(uuid4()) for _ in body.detectors])
        self._write(judge)
        return judge

    def seed(self, path: Path) -> list[StoredJudge]:
        """Create or update the judges of a seed file, with ids as given; an unchanged judge is left alone.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file is not a readable seed file.
        """
        try:
            seeds = SeedFile.model_validate_json(path.read_bytes()).judges
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = "".join(f"{part}: " for part in (".".join(map(str, first["loc"])),) if part)
            raise ValueError(f"{path} is not a seed file for judges: {where}{first['msg']}") from error
        return [
            self._seed_one(_judge(seed.id, seed, detector_ids=_seed_ids(seed.id, seed.detectors))) for seed in seeds
        ]

    def get(self, judge_id: str) -> StoredJudge | None:
        """The judge with this id, if there is one."""
        row = self._database.row("SELECT * FROM judges WHERE id = ?", judge_id)
        return None if row is None else _from_row(row)

    def page(self, *, limit: int, offset: int, content_type: str | None) -> tuple[list[StoredJudge], int]:
        """Up to ``limit`` judges after ``offset``, newest first, and how many there are in all."""
        total = self._database.row("SELECT count(*) FROM judges WHERE ?1 IS NULL OR content_type = ?1", content_type)
        rows = self._database.rows(
            "SELECT * FROM judges WHERE ?1 IS NULL OR content_type = ?1 ORDER BY sequence DESC LIMIT ?2 OFFSET ?3",
            content_type,
            limit,
            offset,
        )
        return [_from_row(row) for row in rows], 0 if total is None else int(total[0])

    def _seed_one(self, judge: StoredJudge) -> StoredJudge:
        stored = self.get(judge.id)
        if stored is not None and _definition(stored) == _definition(judge):
            return stored
        self._write(judge)
        return judge

    def _write(self, judge: StoredJudge) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO judges (id, name, description, content_type, status, status_reason,"
                " detector_configs, is_active, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description,"
                " content_type = excluded.content_type, status = excluded.status,"
                " status_reason = excluded.status_reason, detector_configs = excluded.detector_configs,"
                " is_active = excluded.is_active, updated_at = excluded.updated_at",
                (
                    judge.id,
                    judge.name,
                    judge.description,
                    judge.content_type,
                    judge.status,
                    judge.status_reason,
                    json.dumps([detector.as_json() for detector in judge.detector_configs]),
                    int(judge.is_active),
                    judge.created_at,
                    judge.updated_at,
                ),
            )


def _judge(judge_id: str, body: JudgeBody, *, detector_ids: Sequence[str]) -> StoredJudge:
    reasons = [
        reason
        for detector in body.detectors
        if (reason := reason_refused(detector.detector_name, detector.config, content_type=body.content_type))
    ]
    now = now_text()
    return StoredJudge(
        id=judge_id,
        name=body.name,
        description=body.description,
        content_type=body.content_type,
        status=FAILED if reasons else READY,
        status_reason="; ".join(reasons) or None,
        detector_configs=tuple(
            ConfiguredDetector(
                id=detector_id,
                detector_name=detector.detector_name,
                config=detector.config,
                weight=detector.weight,
            )
            for detector_id, detector in zip(detector_ids, body.detectors, strict=True)
        ),
        is_active=True,
        created_at=now,
        updated_at=now,
    )


def _seed_ids(judge_id: str, detectors: Sequence[DetectorBody]) -> list[str]:
    """Ids that any start gives again; the position counts, as a judge may hold a detector twice."""
    return [
        str(uuid5(NAMESPACE_URL, f"pique-local:{judge_id}/{position}/{detector.detector_name}"))
        for position, detector in enumerate(detectors)
    ]


def _definition(judge: StoredJudge) -> dict[str, object]:
    answer = judge.as_json()
    del answer["created_at"], answer["updated_at"]
    return answer


def _from_row(row: sqlite3.Row) -> StoredJudge:
    return StoredJudge(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        content_type=row["content_type"],
        status=row["status"],
        status_reason=row["status_reason"],
        detector_configs=tuple(ConfiguredDetector(**detector) for detector in json.loads(row["detector_configs"])),
        is_active=bool(row["is_active"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
