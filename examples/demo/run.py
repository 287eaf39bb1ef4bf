"""`make run`: the example media of every date, from file to scores, through real Dagster runs.

Here: starting the runs, showing how far they are, and the summary. Not here: the graph they run (the project's
`definitions.py`). It may be killed at any moment and run again: nothing is evaluated twice.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from stage import HOME, PROJECT, fetch_missing_model, staged

print("starting (Dagster takes a few seconds to import) ...", flush=True)

import dagster as dg  # noqa: E402

sys.path.insert(0, str(PROJECT))

from definitions import defs  # noqa: E402
from pique_assets.analysis import load, verdicts  # noqa: E402
from pique_assets.local.process import LocalPiqueProcess  # noqa: E402
from pique_assets.local.record import evaluations_by_content, read_record  # noqa: E402

EVALUATIONS = ("acme_videos", "brand_images")
# Its judge hears which language is spoken.
NEEDS_SPEECH = "acme_videos"
DATES = ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05")
# The summary below and the Dagster UI say what the events would.
QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


def main() -> int:
    """Run every date of every evaluation; the exit status is 0 when all succeeded."""
    missing = fetch_missing_model()
    evaluations = [name for name in EVALUATIONS if missing is None or name != NEEDS_SPEECH]
    if missing is not None:
        print(f"{NEEDS_SPEECH} is left out, because its judge needs a model: {missing}", flush=True)
    with staged() as pique:
        print(f"local Pique on {pique.base_url}", flush=True)
        with dg.DagsterInstance.get() as instance:
            succeeded = [run_date(name, date, instance=instance) for name in evaluations for date in DATES]
        summary(pique)
    return 0 if all(succeeded) else 1


def run_date(name: str, date: str, *, instance: dg.DagsterInstance) -> bool:
    """One Dagster run: one date of one evaluation, from media to scorecard."""
    started = time.monotonic()
    print(f"  {name} {date} ", end="", flush=True)
    with dots():
        result = defs.resolve_job_def(f"{name}_everything").execute_in_process(
            instance=instance, partition_key=date, run_config=QUIET, raise_on_error=False
        )
    took = time.monotonic() - started
    print(f" {'done' if result.success else 'FAILED'} in {took:.1f} s (run {result.run_id[:8]})", flush=True)
    return result.success


@contextmanager
def dots() -> Iterator[None]:
    """A dot a second, so that nobody wonders whether anything still happens."""
    ended = threading.Event()

    def print_dots() -> None:
        while not ended.wait(1):
            print(".", end="", flush=True)

    printer = threading.Thread(target=print_dots, daemon=True)
    printer.start()
    try:
        yield
    finally:
        ended.set()
        printer.join()


def summary(pique: LocalPiqueProcess) -> None:
    """What was scored, what was not and why, and the server's own word on how often it evaluated what."""
    lake = str(HOME / "lake")
    submissions = load("submissions", lake=lake)
    print(f"\n{len(submissions)} content items:")
    for row in submissions.sort_values(["judge", "date", "filename"]).itertuples():
        note = f"  {row.error}" if isinstance(row.error, str) else ""
        print(f"  {row.judge:13} {row.date:%Y-%m-%d}  {row.filename:24} {row.state:10}{note[:90]}")
    print("\nPass rates:")
    scorecard = load("scorecard_daily", lake=lake)
    for row in scorecard[scorecard.pass_rate.notna()].sort_values(["judge", "date"]).itertuples():
        untold = f", {row.undecided} undetermined" if row.undecided else ""
        print(f"  {row.judge:13} {row.date:%Y-%m-%d}  {row.detector_name:24} {row.passed} of {row.n} passed{untold}")
    print("\nWhat did not pass, and why:")
    found = verdicts(lake=lake)
    for row in found[found.detector_name.notna() & ~found.pass_check.fillna(False)].itertuples():
        print(f"  {row.judge:13} {row.filename:24} {row.detector_name:24} {row.rationale[:90]}")
    records = read_record(pique.data_dir)
    counts = evaluations_by_content(records)
    print(
        f"\nThe local Pique's own record: {len(counts)} contents evaluated, "
        f"{sum(count > 1 for count in counts.values())} of them more than once."
    )
    print(
        f"\nTables are in {lake}:\n"
        '  from pique_assets.analysis import load; load("detector_metrics")\n'
        "See the graph and these runs in the Dagster UI: make dev"
    )


if __name__ == "__main__":
    sys.exit(main())
