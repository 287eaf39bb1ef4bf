"""The asset graph from YAML: a thin component over `build_defs`.

Belongs here: the fields of the YAML, and how they become `Evaluation`s. Does not: what the fields mean (`config`,
`evaluation.limits`, `resources.environment`), and what is built from them (`definitions`).
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.evaluation.limits import Budget, Limits
from pique_assets.media import DatedFolder, Manifest, SocialUrls
from pique_assets.resources import resources_for
from pique_assets.sensors import ResultsSensor


class EvaluationModel(dg.Model, dg.Resolvable):
    """One evaluation in YAML; the fields are those of `pique_assets.config.Evaluation`."""

    name: str = Field(description="Prefix of the asset keys and jobs.")
    judge_id: str | None = Field(
        default=None,
        description="The judge's id at Pique; '{{ env.NAME }}' reads an environment variable. Give this, `judge_file`, "
        "or both.",
    )
    dated_folder: str | None = Field(
        default=None, description="Folder or gs:// prefix with a folder for each date. Give this or `manifest`."
    )
    manifest: str | None = Field(
        default=None, description="CSV or Parquet manifest; its path may hold {date}. Give this or `dated_folder`."
    )
    manifest_buckets: list[str] | None = Field(
        default=None,
        description="Further buckets whose objects the manifest may name; left out, one in a bucket names its own "
        "bucket's, one on a disk any.",
    )
    social: str | None = Field(
        default=None,
        description="Social media URLs: a folder of dated lists, or a CSV, Parquet or text list whose path may hold "
        "{date}. Beside media, or alone.",
    )
    start_date: str = Field(description="First partition, YYYY-MM-DD.")
    end_date: str | None = Field(default=None, description="The date after the last partition, if there is a last one.")
    end_offset: int = Field(default=0, description="Partitions beyond yesterday; 1 makes today's available.")
    timezone: str = Field(default="UTC", description="In which a date begins and ends.")
    judge_name: str | None = Field(default=None, description="The judge's folder in the lake; `name` when left out.")
    judge_file: str | None = Field(
        default=None, description="YAML file that declares the judge, found by its declared name where no id is given."
    )
    create_missing_judge: bool = Field(default=False, description="Create the declared judge when there is none.")
    failure_rate_warn_above: float = Field(
        default=0.1, description="Share of a date's submissions without a result above which a check warns."
    )
    failure_rate_error_above: float = Field(default=0.5, description="The share above which that is an error.")
    webhook_url: str | None = Field(
        default=None, description="Where Pique announces results: the address of `pique-assets receive`."
    )
    schedule_hour: int = Field(default=6, description="Hour at which the daily schedule submits yesterday's date.")
    limits: dict[str, float | str] = Field(
        default_factory=dict, description=f"Any of: {', '.join(field.name for field in fields(Limits))}."
    )

    budget: dict[str, int] = Field(
        default_factory=dict, description=f"Any of: {', '.join(field.name for field in fields(Budget))}."
    )

    def to_evaluation(self, *, base: Path) -> Evaluation:
        """The declaration; relative paths begin at `base`, the folder of the YAML.

        Raises:
            ValueError: `dated_folder` and `manifest` are both given, or neither and no `social`; or a limit is unknown.
        """
        declared: dict[str, Any] = self.model_dump(
            exclude={"dated_folder", "manifest", "manifest_buckets", "social", "limits", "budget"}
        )
        if self.judge_file is not None:
            declared["judge_file"] = _placed(self.judge_file, base=base)
        return Evaluation(
            **declared,
            media=self._media(base),
            social=self._social(base),
            limits=self._limits(),
            budget=self._budget(),
        )

    def _media(self, base: Path) -> DatedFolder | Manifest | None:
        if self.manifest_buckets is not None and self.manifest is None:
            raise ValueError(f"evaluation {self.name!r}: manifest_buckets are those of a manifest, and there is none")
        if self.dated_folder is not None and self.manifest is None:
            return DatedFolder(_placed(self.dated_folder, base=base))
        if self.manifest is not None and self.dated_folder is None:
            return Manifest(_placed(self.manifest, base=base), buckets=self.manifest_buckets)
        if self.dated_folder is None and self.social is not None:
            return None
        raise ValueError(f"evaluation {self.name!r}: give either dated_folder or manifest, or social alone")

    def _social(self, base: Path) -> SocialUrls | None:
        return None if self.social is None else SocialUrls(_placed(self.social, base=base))

    def _limits(self) -> Limits:
        types = {field.name: type(getattr(Limits(), field.name)) for field in fields(Limits)}
        if unknown := self.limits.keys() - types.keys():
            raise ValueError(f"evaluation {self.name!r}: unknown limits {', '.join(sorted(unknown))}")
        return replace(Limits(), **{name: types[name](value) for name, value in self.limits.items()})

    def _budget(self) -> Budget:
        if unknown := self.budget.keys() - {field.name for field in fields(Budget)}:
            raise ValueError(f"evaluation {self.name!r}: unknown budgets {', '.join(sorted(unknown))}")
        return Budget(**self.budget)


class SensorModel(dg.Model, dg.Resolvable):
    """The sensor in YAML; the fields are those of `pique_assets.sensors.ResultsSensor`."""

    name: str | None = Field(default=None, description="`pique_results_<name of the component>` when left out.")
    minimum_interval_s: int = Field(default=30, description="Seconds from one tick to the next, at least.")
    tick_budget_s: float = Field(default=15.0, description="How many seconds a tick may take, more than 2.")
    default_status: Literal["running", "stopped"] = Field(
        default="running", description="Whether the sensor is on until somebody switches it."
    )

    def to_sensor(self) -> ResultsSensor:
        """The sensor's settings.

        Raises:
            ValueError: No tick can keep to them.
        """
        return ResultsSensor(
            name=self.name,
            minimum_interval_s=self.minimum_interval_s,
            tick_budget_s=self.tick_budget_s,
            default_status=dg.DefaultSensorStatus[self.default_status.upper()],
        )


class PiqueEvaluations(dg.Component, dg.Model, dg.Resolvable):
    """Takes dated media to scores: the assets, checks, jobs, schedules and sensor of one or more evaluations."""

    evaluations: list[EvaluationModel] = Field(description="What to evaluate.")
    environment: Literal["local", "sandbox", "production"] = Field(description="Which Pique evaluates.")
    name: str | None = Field(
        default=None,
        description="What these evaluations are called together, in the names of the sensor and of the resources; the "
        "name of the first one when left out.",
    )
    sensor: SensorModel | None = Field(default=None, description="How the sensor is called and behaves.")
    home: str | None = Field(
        default=None,
        description="Folder for ledger and lake; a relative path begins at the project's root. Left out, both are "
        "found by the rule of `pique_assets.home`, as every command finds them.",
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The graph `pique_assets.definitions.build_defs` gives for these evaluations."""
        return build_defs(
            evaluations=[evaluation.to_evaluation(base=context.path) for evaluation in self.evaluations],
            resources=resources_for(self.environment, home=self.home, project=context.path),
            name=self.name,
            sensor=None if self.sensor is None else self.sensor.to_sensor(),
        )


def _placed(address: str, *, base: Path) -> str:
    return address if re.match(r"[A-Za-z][\w.+-]*://", address) else str(base / address)
