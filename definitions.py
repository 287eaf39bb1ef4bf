"""The code location: which evaluations there are. Edit this file; it only composes. Where they run is `resources/`.

As it stands it evaluates the example media with the local Pique, which `make run` and `make dev` start.
"""

from pathlib import Path

import dagster as dg

from pique_assets import DatedFolder, Evaluation, Limits, build_defs
from resources import chosen_resources

HERE = Path(__file__).parent
MEDIA = HERE / "examples" / "demo" / "media"

# The local Pique notices an upload and answers within moments; the defaults suit the real one.
LOCAL = Limits(lease_s=8, notification_lag_s=5, first_poll_s=1, shortest_poll_s=0.5)

EVALUATIONS = [
    Evaluation(
        name="acme_videos",
        judge_id="1f46ff19-e251-421c-8b81-30561e160b62",
        media=DatedFolder(MEDIA / "acme_videos"),
        start_date="2026-03-02",
        end_date="2026-03-06",
        limits=LOCAL,
    ),
    Evaluation(
        name="brand_images",
        judge_id="judge_demo_images",
        media=DatedFolder(MEDIA / "brand_images"),
        start_date="2026-03-02",
        end_date="2026-03-06",
        limits=LOCAL,
    ),
]

defs = dg.Definitions.merge(
    build_defs(evaluations=EVALUATIONS, resources=chosen_resources()),
    # For what is materialised outside of a job: the steps of a date are a chain, and a process for each would cost more
    # than most of them.
    dg.Definitions(executor=dg.in_process_executor),
)
