"""Judges as the server keeps them: creation, seeding from a file, reading.

Belongs here: the rows, and a judge's status, which follows from what `detectors.registry` says of each of its
detectors. Does not: the HTTP requests about judges (`service`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

from pydantic import ValidationError

from pique_assets.local.bodies import DetectorBody, JudgeBody, SeedDetector, SeedFile
from pique_assets.local.database import LocalDatabase, now_text
from pique_assets.local.detectors.registry import DetectorUnusable, reason_refused, references_of
from pique_assets.local.references import ReferenceMissing

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

    def __init__(self, database: LocalDatabase, *, find_reference: Callable[[str], Path]) -> None:
        """Keep judges in ``database``.

        Args:
            database: Where they are kept.
            find_reference: Returns the file behind a URI, or raises `ReferenceMissing`.
        """
        self._database = database
        self._find_reference = find_reference

    def create(self, body: JudgeBody) -> StoredJudge:
        """Store a new judge; its status is ``failed`` with a reason when a detector cannot work here."""
        judge = self._judge(str(uuid4()), body, detector_ids=[str(uuid4()) for _ in body.detectors])
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
            self._seed_one(
                self._judge(seed.id, seed, detector_ids=_seed_ids(seed.id, seed.detectors), is_active=seed.is_active)
            )
            for seed in seeds
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

    def look_again(self) -> None:
        """Set each judge's status anew: what it needs may have come, or gone."""
        for row in self._database.rows("SELECT * FROM judges"):
            judge = _from_row(row)
            reason = self._reason_refused(judge.content_type, judge.detector_configs)
            if reason != judge.status_reason:
                self._write(
                    replace(judge, status=FAILED if reason else READY, status_reason=reason, updated_at=now_text())
                )

    def _judge(
        self, judge_id: str, body: JudgeBody, *, detector_ids: Sequence[str], is_active: bool = True
    ) -> StoredJudge:
        reason = self._reason_refused(body.content_type, body.detectors)
        now = now_text()
        return StoredJudge(
            id=judge_id,
            name=body.name,
            description=body.description,
            content_type=body.content_type,
            status=FAILED if reason else READY,
            status_reason=reason,
            detector_configs=tuple(
                ConfiguredDetector(
                    id=detector_id,
                    detector_name=detector.detector_name,
                    config=detector.config,
                    weight=detector.weight,
                )
                for detector_id, detector in zip(detector_ids, body.detectors, strict=True)
            ),
            is_active=is_active,
            created_at=now,
            updated_at=now,
        )

    def _reason_refused(self, content_type: str, detectors: Sequence[DetectorBody | ConfiguredDetector]) -> str | None:
        """Why a judge can't work here, for all of its detectors; None if it can."""
        reasons = [
            reason_refused(one.detector_name, one.config, content_type=content_type)
            or self._reference_missing(one.detector_name, one.config)
            for one in detectors
        ]
        return "; ".join(filter(None, reasons)) or None

    def _reference_missing(self, detector_name: str, config: dict[str, object]) -> str | None:
        try:
            for uri in references_of(detector_name, config):
                self._find_reference(uri)
        except ReferenceMissing as error:
            return f"{detector_name}: {error}"
        except DetectorUnusable as error:
            return str(error)
        return None

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


def _seed_ids(judge_id: str, detectors: Sequence[SeedDetector]) -> list[str]:
    """Their own, else ids that any start gives again; the position counts, as a judge may hold a detector twice."""
    return [
        detector.id or str(uuid5(NAMESPACE_URL, f"pique-local:{judge_id}/{position}/{detector.detector_name}"))
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
