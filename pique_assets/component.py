"""The asset graph from YAML: a thin component over `build_defs`.

Here: the YAML's fields and their way into `Evaluation`s. Not here: what they mean (`config`, `evaluation.limits`,
`resources.environment`) and what is built from them (`definitions`).
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from pique_assets.config import Evaluation
from pique_assets.definitions import build_defs
from pique_assets.evaluation.limits import Limits
from pique_assets.media import DatedFolder, Manifest
from pique_assets.resources import resources_for


class EvaluationModel(dg.Model, dg.Resolvable):
    """One evaluation in YAML; the fields are those of `pique_assets.config.Evaluation`."""

    name: str = Field(description="Prefix of the asset keys and jobs.")
    judge_id: str = Field(description="The judge's id at Pique; '{{ env.NAME }}' reads an environment variable.")
    dated_folder: str | None = Field(
        default=None, description="Folder or gs:// prefix with a folder for each date. Give this or `manifest`."
    )
    manifest: str | None = Field(
        default=None, description="CSV or Parquet manifest; its path may hold {date}. Give this or `dated_folder`."
    )
    start_date: str = Field(description="First partition, YYYY-MM-DD.")
    end_date: str | None = Field(default=None, description="The date after the last partition, if there is a last one.")
    end_offset: int = Field(default=0, description="Partitions beyond yesterday; 1 makes today's available.")
    timezone: str = Field(default="UTC", description="In which a date begins and ends.")
    judge_name: str | None = Field(default=None, description="The judge's folder in the lake; `name` when left out.")
    schedule_hour: int = Field(default=6, description="Hour at which the daily schedule submits yesterday's date.")
    limits: dict[str, float] = Field(
        default_factory=dict, description=f"Any of: {', '.join(field.name for field in fields(Limits))}."
    )

    def to_evaluation(self, *, base: Path) -> Evaluation:
        """The declaration; relative paths of media start at `base`, the folder of the YAML.

        Raises:
            ValueError: Neither or both of `dated_folder` and `manifest`, or an unknown limit.
        """
        declared: dict[str, Any] = self.model_dump(exclude={"dated_folder", "manifest", "limits"})
        return Evaluation(**declared, media=self._media(base), limits=self._limits())

    def _media(self, base: Path) -> DatedFolder | Manifest:
        if self.dated_folder is not None and self.manifest is None:
            return DatedFolder(_placed(self.dated_folder, base=base))
        if self.manifest is not None and self.dated_folder is None:
            return Manifest(_placed(self.manifest, base=base))
        raise ValueError(f"evaluation {self.name!r}: give either dated_folder or manifest")

    def _limits(self) -> Limits:
        types = {field.name: type(getattr(Limits(), field.name)) for field in fields(Limits)}
        if unknown := self.limits.keys() - types.keys():
            raise ValueError(f"evaluation {self.name!r}: unknown limits {', '.join(sorted(unknown))}")
        return replace(Limits(), **{name: types[name](value) for name, value in self.limits.items()})


class PiqueEvaluations(dg.Component, dg.Model, dg.Resolvable):
    """Takes dated media to scores: the assets, checks, jobs, schedules and sensor of one or more evaluations."""

    evaluations: list[EvaluationModel] = Field(description="What to evaluate.")
    environment: Literal["local", "sandbox", "production"] = Field(description="Which Pique evaluates.")
    home: str = Field(default=".pique", description="Folder for ledger and lake, relative to the working directory.")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The graph `pique_assets.definitions.build_defs` gives for these evaluations."""
        return build_defs(
            evaluations=[evaluation.to_evaluation(base=context.path) for evaluation in self.evaluations],
            resources=resources_for(self.environment, home=self.home),
        )


def _placed(address: str, *, base: Path) -> str:
    return address if "://" in address else str(base / address)
