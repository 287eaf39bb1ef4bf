"""Tables of the lake as inputs of a user's own assets.

Belongs here: which files an input means, and as what the input reaches the user's function. Does not: reading files
(`lake`) and the types of a frame's columns (`analysis.frames`). Loading a code location loads neither Arrow nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from pique_assets import judges as judges_room, lake as lake_room
from pique_assets.metadata import EVALUATION, JUDGE
from pique_assets.resources.lake import LakeResource

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import pyarrow as pa

    from pique_assets.lake import Lake, PartitionFile


class ParquetLakeIOManager(LakeResource, dg.ConfigurableIOManager):
    """Hands tables that an evaluation's assets wrote to assets that take them as inputs.

        @dg.asset(
            ins={"scores": dg.AssetIn(key=evaluation.asset_key("detector_results"), input_manager_key="pique_tables")},
            partitions_def=partitions_of(evaluation),
        )
        def weakest_detectors(scores: pd.DataFrame) -> None: ...

        dg.Definitions(resources={"pique_tables": ParquetLakeIOManager.of(RESOURCES["lake"])}, ...)

    An input is a `pandas.DataFrame`, or a `pyarrow.Table` where the parameter's annotation says so. The columns
    `judge`, `date` and `evaluation` stand in front, as `pique_assets.analysis.load` has them. An input of several dates
    has the rows of those that have a file; an input of one date needs the file. The asset `judge` gives the judge's
    detector configs as they were last found.
    """

    @classmethod
    def of(cls, lake: dg.ConfigurableResource[Any]) -> ParquetLakeIOManager:
        """A manager of the same lake as a `LakeResource`, such as `resources_for(...)["lake"]`.

        Raises:
            TypeError: The resource is no `LakeResource`.
        """
        if not isinstance(lake, LakeResource):
            raise TypeError(f"ParquetLakeIOManager.of takes a LakeResource, not a {type(lake).__name__}")
        # Not the lake as a resource within this one: Dagster warns of its own code where it sets up such a resource.
        return cls(root=lake.root, project=lake.project, storage_options=lake.storage_options)

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | pa.Table:
        """The rows that an input means.

        Raises:
            dagster.Failure: The input is no table of an evaluation, or its annotation is of another type.
            LakeError: The date has no file yet, or a file is damaged.
        """
        wanted = _wanted_type(context)
        table_name, judge, evaluation = _declared(context)
        lake = self.lake()
        if context.has_asset_partitions:
            dates = context.asset_partition_keys
            files = _files_of(lake, table_name, judge=judge, evaluation=evaluation, dates=dates)
            context.log.info(f"{table_name}: {len(files)} of {len(dates)} dates have a file")
        else:
            snapshots = judges_room.JudgeSnapshots(lake=lake, folder=judge, evaluation=evaluation)
            files = snapshots.latest_files(table_name)
        table = lake.read_files(table_name, files)
        if wanted == "pyarrow.Table":
            return table
        from pique_assets.analysis.frames import to_frame

        return to_frame(table)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:  # noqa: ANN401
        """Refuse: the lake holds what Pique said, and is written by the assets of evaluations alone.

        Raises:
            dagster.Failure: Always.
        """
        written = context.asset_key.to_user_string() if context.has_asset_key else context.name
        raise dg.Failure(
            f"ParquetLakeIOManager only reads, and {written!r} is to be written: name the manager "
            "as `input_manager_key` of inputs, and give this output another `io_manager_key`",
            allow_retries=False,
        )


def _wanted_type(context: dg.InputContext) -> str:
    annotation = context.dagster_type.typing_type
    if annotation is Any:
        return "pandas.DataFrame"
    wanted = f"{annotation.__module__.partition('.')[0]}.{annotation.__qualname__}"
    if wanted == "pyarrow.lib.Table":
        return "pyarrow.Table"
    if wanted not in ("pandas.DataFrame", "pyarrow.Table"):
        raise dg.Failure(
            f"input {context.name!r} is annotated as {annotation}: annotate it as pandas.DataFrame or pyarrow.Table",
            allow_retries=False,
        )
    return wanted


def _declared(context: dg.InputContext) -> tuple[str, str, str]:
    """Table, judge's folder and evaluation of an input, as the definition of the upstream asset says."""
    upstream = context.upstream_output
    metadata = (upstream.definition_metadata if upstream is not None else None) or {}
    try:
        table_name, judge, evaluation = (metadata[key].value for key in ("dagster/table_name", JUDGE, EVALUATION))
    except (KeyError, AttributeError):
        raise dg.Failure(
            f"input {context.name!r} is asset {context.asset_key.to_user_string()}, which says of no table of an "
            f"evaluation in its metadata: take an asset that has one, and let a translator keep `{EVALUATION}`, "
            f"`{JUDGE}` and `dagster/table_name`",
            allow_retries=False,
        ) from None
    return table_name, judge, evaluation


def _files_of(lake: Lake, table_name: str, *, judge: str, evaluation: str, dates: Sequence[str]) -> list[PartitionFile]:
    if len(dates) == 1:
        # Even where there is none yet: reading the file then says so.
        return [lake_room.PartitionFile(judge=judge, date=lake_room.as_date(dates[0]), evaluation=evaluation)]
    wanted = {lake_room.as_date(date) for date in dates}
    if not wanted:
        return []
    found = lake.partitions(table_name, judge=judge, start=min(wanted), end=max(wanted))
    return [file for file in found if file.evaluation == evaluation and file.date in wanted]
