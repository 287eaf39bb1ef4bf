"""The room for judges: which one is meant, whether it is as declared and as known, what changed, and its snapshots.

Belongs here: finding and creating judges (`finding`), their files (`declaration`, `yaml_values`), comparing two
configurations (`changes`), when an answer of Pique about a judge is believed (`agreement`), and the lake's record of
judges (`snapshots`). Does not: Dagster, and whether a submission can use the judge, which the room `evaluation` asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.judges.agreement import agreed_judge as agreed_judge
    from pique_assets.judges.changes import DetectorSettings as DetectorSettings, detector_changes as detector_changes
    from pique_assets.judges.declaration import read_judge_file as read_judge_file
    from pique_assets.judges.errors import JudgeUnsettled as JudgeUnsettled
    from pique_assets.judges.finding import (
        create_judge as create_judge,
        find_judge as find_judge,
        resolve_judge as resolve_judge,
        upload_references as upload_references,
        wait_until_prepared as wait_until_prepared,
    )
    from pique_assets.judges.snapshots import JudgeSnapshots as JudgeSnapshots
else:
    __getattr__ = lazy_names(__name__)
