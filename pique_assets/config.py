"""What a user declares: an evaluation, that is one judge over one source of dated media.

Belongs here: the declaration and its checks, light enough to be built at every load of the code location. Does not:
keys and addresses of services (`resources`), and what is done with a declaration (`assets`, `definitions`).
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NoReturn, TypeAlias

import dagster as dg

from pique_assets import lake as lake_room
from pique_assets.declared_assets import ASSETS, DeclaredAsset
from pique_assets.declared_values import DeclarationInvalid, require_types
from pique_assets.evaluation.limits import NO_LIMIT, Budget, Limits
from pique_assets.media import DatedFolder, Manifest, SocialUrls
from pique_assets.metadata import Metadata, declared_metadata
from pique_assets.time_fields import date_text, require_cron, require_timezone, require_whole_windows
from pique_assets.translation import NO_CONVENTIONS, PiqueAssetProps, PiqueTranslator, translated_spec

# Asset keys, job names and folder names are made of names.
LONGEST_NAME = 64

Cadence: TypeAlias = Literal["daily", "weekly", "monthly"]
"""How many days one partition spans."""

# What to give where the type alone would not say.
_INSTEAD = {
    "media": "DatedFolder(...) around the folder, or Manifest(...) around the list",
    "social": "SocialUrls(...) around the list or the folder of lists",
    "limits": "Limits(...), with the limits as its arguments",
    "budget": "Budget(...), with the limits as its arguments",
    "partitions": "'daily', 'weekly' or 'monthly': each key is a date, which folders, tables and commands are named "
    "after, so there are no hourly, static, multi or cron partitions",
}

# Of the assets that write no table. What Pique has of a date does not go out of date with a release of this package.
CODE_VERSION = "1"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One judge over one source of dated media, and everything that follows from it.

    Attributes:
        name: Prefix of its asset keys and jobs, and name of its files in the lake: letters, digits and `_`.
        judge_id: The judge's id at Pique, or an `EnvVar` that is read when a run starts. May be left out when
            `judge_file` is given.
        media: Where the files of a date come from. May be left out when `social` is given.
        social: Lists of social media URLs, whose videos Pique fetches itself; needs a video judge. Their results stand
            in the same tables as those of `media`.
        partitions: How many days a partition has: `daily`, `weekly` or `monthly`. Its key is its first day, and its
            content is what the source has under that date: the folder, manifest or list that is named after the key,
            or the lines with that date. Weeks begin on the weekday of `start_date`.
        start_date: First day of the first partition, a date or `YYYY-MM-DD`; with monthly partitions the first of a
            month.
        end_date: The day after the last partition, as Dagster has it; None where there is no last one. Weeks and months
            have to be whole.
        end_offset: Partitions beyond the last one that is over; with daily partitions 1 makes today's available, for
            runs and backfills by hand: the schedule submits yesterday's all the same, because today is not over. With
            -1 a date is available, and submitted by the schedule, a partition later.
        timezone: In which a date begins and ends, and the schedule runs, such as `Europe/Berlin`.
        judge_name: The judge's folder in the lake; the evaluation's own name when left out. Evaluations that share
            a judge share it.
        judge_file: A YAML file that declares the judge. Without `judge_id` the judge is found by its declared name;
            either way it must be what the file declares, else nothing is submitted.
        create_missing_judge: Create the declared judge when Pique has none of its name.
        failure_rate_warn_above: Share of a date's submissions without a result (0 to 1) above which a check warns.
        failure_rate_error_above: The share above which that is an error.
        webhook_url: Where Pique announces results, an address at which `pique-assets receive` can be reached; or an
            `EnvVar` that is read when a run starts. With it, jobs are asked about when their webhook comes, and
            without one only after `limits.webhook_patience_s`. May hold a token, so it is never in the repr.
        schedule_hour: Hour (0 to 23) at which the schedule submits a partition on the day after its last, or with a
            negative `end_offset` on the day it becomes available.
        schedule: Cron expression of the schedule instead of `schedule_hour`, such as `30 7 * * 1-5`. Each tick submits
            every partition that became available since the tick before.
        limits: How much at once, how long.
        budget: How many new evaluations a run and a day may begin; no limit by default.
        translator: Decides key, group, owners, tags and automation of each asset, where the defaults don't suit.
        automate_spending: Allow the translator to give an automation condition to assets that spend: `uploads`,
            `social_submissions`, and `judge` with `create_missing_judge`.
        blocking_schema_check: Keep a run from materialising what is downstream of `partition_status` unless every table
            of the date has the declared columns. Dagster's automation waits for the check as well, where a condition
            has `AutomationCondition.all_deps_blocking_checks_passed()`.
    """

    name: str
    judge_id: str | dg.EnvVar | None = None
    media: DatedFolder | Manifest | None = None
    social: SocialUrls | None = None
    partitions: Cadence = "daily"
    start_date: str | dt.date
    end_date: str | dt.date | None = None
    end_offset: int = 0
    timezone: str = "UTC"
    judge_name: str | None = None
    judge_file: str | os.PathLike[str] | None = None
    create_missing_judge: bool = False
    failure_rate_warn_above: float = 0.1
    failure_rate_error_above: float = 0.5
    webhook_url: str | dg.EnvVar | None = field(default=None, repr=False)
    schedule_hour: int = 6
    schedule: str | None = None
    limits: Limits = field(default_factory=Limits)
    budget: Budget = NO_LIMIT
    translator: PiqueTranslator = NO_CONVENTIONS
    automate_spending: bool = False
    blocking_schema_check: bool = False

    def __post_init__(self) -> None:
        """Refuse what no evaluation can be.

        Raises:
            DeclarationInvalid: The message names the evaluation, the field, its value and what to give.
        """
        require_types(self, owner=self._called, instead=_INSTEAD)
        for label, name in (("name", self.name), ("judge_name", self.judge_folder)):
            if not (name.isidentifier() and name.isascii() and name[0] != "_" and len(name) <= LONGEST_NAME):
                self._refuse(label, f"is {name!r}: use a letter, then up to 63 letters, digits or underscores")
        self._check_judge()
        if self.media is None and self.social is None:
            self._refuse("media", "is left out, and so is social: give media, social, or both")
        if self.webhook_url is not None and not isinstance(self.webhook_url, dg.EnvVar):
            self._check_webhook_url(self.webhook_url)
        self._check_dates()

    @property
    def _called(self) -> str:
        return f"evaluation {self.name!r}: "

    def _refuse(self, field: str, reason: str) -> NoReturn:
        raise DeclarationInvalid(f"{self._called}{field} {reason}", field=field)

    def _check_webhook_url(self, url: str) -> None:
        if not re.match(r"https?://[^/\s]", url):
            # The address may hold a token, so the sentence does not show it.
            self._refuse("webhook_url", "must begin with https:// (or http://) and a host")

    def _check_judge(self) -> None:
        if not self.judge_id and self.judge_file is None:
            self._refuse("judge_id", "is left out, so it names no judge: give judge_id, judge_file, or both")
        if self.create_missing_judge and (self.judge_file is None or self.judge_id):
            self._refuse("create_missing_judge", "is true: create_missing_judge needs judge_file, and no judge_id")
        if not 0 <= self.failure_rate_warn_above <= self.failure_rate_error_above <= 1:
            self._refuse(
                "failure_rate_warn_above",
                f"is {self.failure_rate_warn_above} and failure_rate_error_above is {self.failure_rate_error_above}: "
                "they are shares of 0 to 1, the second at least the first",
            )

    def _check_dates(self) -> None:
        """Check the fields of time, and keep dates as text whichever way they were given."""
        if not 0 <= self.schedule_hour <= 23:
            self._refuse("schedule_hour", f"is {self.schedule_hour}: give an hour from 0 to 23")
        require_timezone(self.timezone, owner=self._called)
        if self.schedule is not None:
            if self.schedule_hour != 6:
                self._refuse("schedule", f"is {self.schedule!r} and schedule_hour {self.schedule_hour}: give only one")
            require_cron(self.schedule, owner=self._called)
        start = date_text(self.start_date, field="start_date", owner=self._called)
        end = None if self.end_date is None else date_text(self.end_date, field="end_date", owner=self._called)
        object.__setattr__(self, "start_date", start)
        object.__setattr__(self, "end_date", end)
        if end is not None and end <= start:
            self._refuse(
                "end_date", f"is {end!r}, not after start_date {start!r}: give the day after the last partition"
            )
        if self.partitions != "daily":
            require_whole_windows(self.partitions, start=start, end=end, owner=self._called)

    @property
    def judge_folder(self) -> str:
        """Name of the judge's folder in the lake."""
        return self.judge_name or self.name

    @property
    def media_address(self) -> str | None:
        """Folder, bucket or manifest the files come from; None where all content is social media."""
        if self.media is None:
            return None
        return os.fspath(self.media.root if isinstance(self.media, DatedFolder) else self.media.path)

    @property
    def social_address(self) -> str | None:
        """Folder or list the social media URLs come from; None where there are none."""
        return None if self.social is None else os.fspath(self.social.path)

    @property
    def submitting_assets(self) -> tuple[str, ...]:
        """Names of its assets that bring content to Pique."""
        of_source = {"uploads": self.media, "social_submissions": self.social}
        return tuple(asset for asset, source in of_source.items() if source is not None)

    @property
    def expects_webhooks(self) -> bool:
        """Whether Pique is asked to announce results, so that polls can be rare."""
        return self.webhook_url is not None

    def resolved_webhook_url(self) -> str | None:
        """Where Pique announces results, with an `EnvVar` read now; None where only polls tell.

        Raises:
            ValueError: The environment variable is not set, or holds no URL; the message names it.
        """
        url = self._read_now(self.webhook_url, what="webhook URL")
        if url is not None:
            self._check_webhook_url(url)
        return url

    def asset_key(self, asset: str) -> dg.AssetKey:
        """The key of one of this evaluation's assets: `[name, asset]`, unless the translator has another.

        Raises:
            ValueError: The evaluation has no such asset; the message lists those that it has. Or as for `asset_spec`.
        """
        if asset not in self._asset_keys:
            if asset not in self.assets:
                raise ValueError(
                    f"evaluation {self.name!r} has no asset {asset!r}; its assets are {', '.join(self.assets)}"
                )
            self._asset_keys[asset] = (
                dg.AssetKey([self.name, asset]) if self.translator is NO_CONVENTIONS else self.asset_spec(asset).key
            )
        return self._asset_keys[asset]

    def asset_spec(
        self, asset: str, *, after: Sequence[str] = (), partitions_def: dg.PartitionsDefinition[str] | None = None
    ) -> dg.AssetSpec:
        """One of this evaluation's assets as the translator wants it.

        Args:
            asset: Name of the asset.
            after: Names of the evaluation's assets that this one depends on.
            partitions_def: The asset's partitions.

        Raises:
            ValueError: The translator's answer is refused, as `translation.translated_spec` says.
        """
        declared = ASSETS[asset]
        metadata, source = self._metadata(declared), self._source(asset)
        default = dg.AssetSpec(
            key=dg.AssetKey([self.name, asset]),
            deps=[self.asset_key(upstream) for upstream in after],
            group_name=self.name,
            kinds=set(declared.kinds),
            description=declared.description.format(source=source) if source else declared.description,
            metadata={"source": source} if source else metadata,
            code_version=lake_room.table_spec(declared.table).code_version if declared.table else CODE_VERSION,
            partitions_def=partitions_def,
        )
        props = PiqueAssetProps(
            evaluation=self.name,
            asset=asset,
            table=declared.table,
            spends=asset in self.spending_assets,
            is_external=asset.startswith("raw_"),
            default_spec=default,
        )
        return translated_spec(props, translator=self.translator, automate_spending=self.automate_spending)

    def _source(self, asset: str) -> str | None:
        """Where the content of an asset that is made elsewhere lies."""
        if asset == "raw_media":
            return self.media_address
        return self.social_address if asset == "raw_social_urls" else None

    def _metadata(self, declared: DeclaredAsset) -> Metadata:
        """Whose table an asset writes, and what is in the table."""
        if declared.table is None:
            return {}
        return declared_metadata(declared.table, evaluation=self.name, judge=self.judge_folder)

    @cached_property
    def assets(self) -> tuple[str, ...]:
        """Names of its assets, in the order of an item's journey."""
        absent: set[str] = set()
        if self.media is None:
            absent |= {"raw_media", "content", "uploads"}
        if self.social is None:
            absent |= {"raw_social_urls", "social_submissions"}
        return tuple(asset for asset in ASSETS if asset not in absent)

    @property
    def spending_assets(self) -> tuple[str, ...]:
        """Names of its assets whose materialisation can begin evaluations, which Pique bills, or create a judge."""
        return (*self.submitting_assets, "judge") if self.create_missing_judge else self.submitting_assets

    @cached_property
    def _asset_keys(self) -> dict[str, dg.AssetKey]:
        return {}

    def resolved_judge_id(self) -> str | None:
        """The judge's id, with an `EnvVar` read now; None where the judge is found by its file alone.

        Raises:
            ValueError: The environment variable is not set; the message names it.
        """
        return self._read_now(self.judge_id, what="judge id")

    def _read_now(self, declared: str | dg.EnvVar | None, *, what: str) -> str | None:
        if not isinstance(declared, dg.EnvVar):
            return declared or None
        value = declared.get_value()
        if not value:
            raise ValueError(
                f"evaluation {self.name!r} reads its {what} from the environment variable {declared.env_var_name}, "
                "which is not set"
            )
        return value
