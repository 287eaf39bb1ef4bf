"""Dagster assets that take media to scores with the Pique content-evaluation API.

Belongs here: the names that a code location uses. Does not: anything else; the rooms have public names of their own,
such as `pique_assets.analysis` (tables in a notebook), `pique_assets.lake` (payloads to rows) and
`pique_assets.ledger`.

    from pique_assets import DatedFolder, Evaluation, build_defs, resources_for
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_dir, lazy_names

if TYPE_CHECKING:
    from pique_assets.component import PiqueEvaluations as PiqueEvaluations
    from pique_assets.config import Evaluation as Evaluation
    from pique_assets.definitions import build_defs as build_defs
    from pique_assets.evaluation.limits import Budget as Budget, Limits as Limits
    from pique_assets.media.sources import DatedFolder as DatedFolder, Manifest as Manifest, SocialUrls as SocialUrls
    from pique_assets.partitions import partitions_of as partitions_of
    from pique_assets.resources.environment import Resources as Resources, resources_for as resources_for
    from pique_assets.resources.lake import LakeResource as LakeResource
    from pique_assets.resources.ledger import LedgerResource as LedgerResource
    from pique_assets.resources.media_storage import MediaStorageResource as MediaStorageResource
    from pique_assets.resources.parquet_lake_io_manager import ParquetLakeIOManager as ParquetLakeIOManager
    from pique_assets.resources.pique import PiqueResource as PiqueResource
    from pique_assets.sensors import ResultsSensor as ResultsSensor
    from pique_assets.translation import PiqueAssetProps as PiqueAssetProps, PiqueTranslator as PiqueTranslator
    from pique_assets.version import __version__ as __version__
else:
    __getattr__ = lazy_names(__name__)
    # `dg` finds the component among these names.
    __dir__ = lazy_dir(__name__)
