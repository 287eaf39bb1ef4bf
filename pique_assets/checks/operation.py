"""How checks are executed: several in one operation, each on its own when somebody asks for that.

Belongs here: the operations, and what becomes of a table that can't be read. Does not: what any check looks at.

A step of a run costs 50 to 90 ms whatever the step does, and a look at a table mostly 1 to 10 ms: an operation for each
check would double the time of a run that has nothing to do.
"""

# No `from __future__ import annotations`: Dagster reads the type of `context` from the function itself.

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import dagster as dg

from pique_assets import lake as lake_room, media as media_room
from pique_assets.assets.partition_tables import PartitionTables
from pique_assets.config import Evaluation
from pique_assets.metadata import markdown_table
from pique_assets.partitions import partitions_of
from pique_assets.resource_keys import ResourceKeys
from pique_assets.resources import LakeResource, MediaStorageResource
from pique_assets.visible import visible

SHOWN_ITEMS = 20
SHOWN_EXACTLY = 100
# In the sentence that the UI shows beside a check, and that alerts carry.
NAMED = 3
NAMED_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Finding:
    """What a check came to.

    Attributes:
        passed: Whether all is well.
        description: What was found, in a sentence.
        severity: How bad that is, where the check did not pass.
        metadata: What the UI shows beside the check.
    """

    passed: bool
    description: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PartitionCheck:
    """One check of one asset: `look` reads what it needs of a partition's tables.

    Where the check is blocking, what a run has downstream of the asset is not materialised unless the check passed.
    """

    asset: str
    name: str
    description: str
    look: Callable[[PartitionTables], Finding]
    blocking: bool = False


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SourceCheck:
    """One check of where content lies: `look` asks the media storage about a partition's date."""

    asset: str
    name: str
    description: str
    look: Callable[[str, MediaStorageResource], Finding]


Check: TypeAlias = PartitionCheck | SourceCheck


def check_operation(
    evaluation: Evaluation, checks: Sequence[Check], *, name: str, keys: ResourceKeys, partitioned: bool
) -> dg.AssetChecksDefinition:
    """An operation that executes these checks, or those of them that are asked for.

    Args:
        evaluation: Whose tables the checks look at.
        checks: The checks.
        name: Last part of the operation's name.
        keys: Under which the operation finds its resources.
        partitioned: Whether the checks' results have a partition.
    """
    by_key = {dg.AssetCheckKey(evaluation.asset_key(check.asset), check.name): check for check in checks}
    with warnings.catch_warnings():
        # The switch for this preview is `partitioned`.
        warnings.filterwarnings("ignore", "Specifying a partitions_def on an AssetCheckSpec", dg.PreviewWarning)
        specs = [
            dg.AssetCheckSpec(
                key.name,
                asset=key.asset_key,
                description=check.description,
                blocking=isinstance(check, PartitionCheck) and check.blocking,
                partitions_def=partitions_of(evaluation) if partitioned else None,
            )
            for key, check in by_key.items()
        ]

    def operation(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, media_storage: MediaStorageResource
    ) -> Iterator[dg.AssetCheckResult]:
        tables = PartitionTables(lake=lake.lake(), evaluation=evaluation, date=context.partition_key)
        for key, check in by_key.items():
            if key in context.selected_asset_check_keys:
                yield _result(key, found=_looked_at(check, tables, media_storage=media_storage))

    bound = keys.bind(operation)
    return dg.multi_asset_check(
        name=f"{evaluation.name}__{name}",
        specs=specs,
        can_subset=True,
        required_resource_keys=bound.required_resource_keys,
    )(bound.call)


def listing(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """The first rows as a table; long cells are shortened."""
    if not rows:
        return dg.MarkdownMetadataValue("None.")
    return dg.MarkdownMetadataValue(markdown_table(list(columns), [list(row) for row in rows[:SHOWN_ITEMS]]))


def naming(count: str, found: Sequence[Sequence[object]]) -> str:
    """A sentence that names what was found: "1 of 4: interrupted_export.mp4, failed"; the first few where many were.

    Args:
        count: How many were found, as in "1 of 4".
        found: What identifies each, and what is the matter with it.
    """
    named = "; ".join(", ".join(_one_line(value) for value in one if value is not None) for one in found[:NAMED])
    return f"{count}: {named}" + (f"; and {len(found) - NAMED} more" if len(found) > NAMED else "")


def _one_line(value: object) -> str:
    """Whatever stands in a table as a few printable characters of one line."""
    text = " ".join(visible(str(value)[: 4 * NAMED_CHARACTERS]).split())
    return text if len(text) <= NAMED_CHARACTERS else f"{text[: NAMED_CHARACTERS - 1]}…"


def exact_listing(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.JsonMetadataValue:
    """The first rows in full, for what somebody will want to copy: keys, paths, settings."""
    return dg.JsonMetadataValue(
        [{name: str(value) for name, value in zip(columns, row, strict=True)} for row in rows[:SHOWN_EXACTLY]]
    )


def _looked_at(check: Check, tables: PartitionTables, *, media_storage: MediaStorageResource) -> Finding:
    try:
        if isinstance(check, SourceCheck):
            return check.look(tables.date, media_storage)
        return check.look(tables)
    except (lake_room.LakeError, media_room.MediaError) as error:
        # A check exists to tell of a damaged table; the table must not keep the other checks from looking.
        return Finding(passed=False, severity=dg.AssetCheckSeverity.ERROR, description=str(error))


def _result(key: dg.AssetCheckKey, *, found: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )
