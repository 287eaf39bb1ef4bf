"""What a user declares: an evaluation, that is one judge over one source of dated media.

Here: the declaration and its checks, light enough to be built at every load of the code location. Not here: keys
and addresses of services (`resources`), and what is done with a declaration (`assets`, `definitions`).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

import dagster as dg

from pique_assets.evaluation.limits import Limits
from pique_assets.media import DatedFolder, Manifest

# Asset keys, job names and folder names are made of it.
NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One judge over one source of dated media, and everything that follows from it.

    Attributes:
        name: Prefix of its asset keys and jobs, and name of its files in the lake: letters, digits and `_`.
        judge_id: The judge's id at Pique, or an `EnvVar` that is read when a run starts.
        media: Where the content of a date comes from.
        start_date: First partition, `YYYY-MM-DD`.
        end_date: The date after the last partition, as Dagster has it; None where there is no last one.
        end_offset: Partitions beyond yesterday; 1 makes today's partition available.
        timezone: In which a date begins and ends, and the schedule runs.
        judge_name: The judge's folder in the lake; the evaluation's own name when left out. Evaluations that share
            a judge share it.
        schedule_hour: Hour of the day (0 to 23) at which the daily schedule submits yesterday's partition.
        limits: How much at once, how long.
    """

    name: str
    judge_id: str | dg.EnvVar
    media: DatedFolder | Manifest
    start_date: str
    end_date: str | None = None
    end_offset: int = 0
    timezone: str = "UTC"
    judge_name: str | None = None
    schedule_hour: int = 6
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Refuse names that can't be asset keys or folders.

        Raises:
            ValueError: The message names the field and the rule.
        """
        for label, name in (("name", self.name), ("judge_name", self.judge)):
            if not NAME_PATTERN.fullmatch(name):
                raise ValueError(
                    f"Evaluation.{label} is {name!r}: use a letter, then up to 63 letters, digits or underscores"
                )

    @property
    def judge(self) -> str:
        """The judge's folder in the lake."""
        return self.judge_name or self.name

    @property
    def media_address(self) -> str:
        """Folder, bucket or manifest the content comes from."""
        return os.fspath(self.media.root if isinstance(self.media, DatedFolder) else self.media.path)

    def asset_key(self, asset: str) -> dg.AssetKey:
        """The key of one of this evaluation's assets: `[name, asset]`."""
        return dg.AssetKey([self.name, asset])

    def resolved_judge_id(self) -> str:
        """The judge's id, with an `EnvVar` read now.

        Raises:
            ValueError: The environment variable is not set; the message names it.
        """
        if not isinstance(self.judge_id, dg.EnvVar):
            return self.judge_id
        value = self.judge_id.get_value()
        if not value:
            raise ValueError(
                f"evaluation {self.name!r} reads its judge id from the environment variable "
                f"{self.judge_id.env_var_name}, which is not set"
            )
        return value
