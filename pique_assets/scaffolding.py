"""What `dg scaffold defs pique_assets.PiqueEvaluations` writes: a file that loads at once, and says what to change.

Belongs here: the text of the file, and the folder that the text names. Does not: the fields (`component`).
"""

from __future__ import annotations

import datetime as dt

import dagster as dg

TEXT = """\
# Takes the media of each date to scores with Pique. Every field: `dg utils inspect-component {type}`,
# or the docs in the UI. Every relative path begins at the folder of this file.
type: {type}

attributes:
  # local: the local Pique, which `pique-assets local` starts; sandbox or production: Pique's own.
  # Reads PIQUE_API_KEY (and for local PIQUE_BASE_URL) when a run starts.
  environment: local

  evaluations:
    - name: {name}
      # Your judge's id at Pique; this one is the demo judge of the local Pique.
      judge_id: judge_demo_videos
      # Has a folder for each date: media/{date}/clip.mp4
      dated_folder: media
      # First date. The schedule submits yesterday's; backfills take any.
      start_date: "{date}"

      # partitions: weekly        # or monthly; daily when left out
      # timezone: Europe/Berlin   # in which a date begins and ends
      # schedule_hour: 6          # or schedule: "30 7 * * *"
      # budget:
      #   new_evaluations_per_day: 1000
      # limits:
      #   concurrent_uploads: 8
      # translation:
      #   group_name: marketing
      #   owners: ["team:brand"]
"""


class EvaluationScaffolder(dg.Scaffolder[dg.Model]):
    """Writes `defs.yaml` and makes the folder of its media."""

    def scaffold(self, request: dg.ScaffoldRequest[dg.Model]) -> None:
        """Write the file.

        Raises:
            ValueError: Another format than YAML is asked for.
        """
        if request.scaffold_format != "yaml":
            raise ValueError("in Python, call pique_assets.build_defs; `dg scaffold defs` writes YAML alone")
        yesterday = (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)).isoformat()
        name = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in request.target_path.name)
        text = TEXT.format(type=request.type_name, name=name.strip("_") or "my_eval", date=yesterday)
        file = request.target_path / "defs.yaml"
        before = f"{file.read_text(encoding='utf-8')}\n---\n" if request.append and file.exists() else ""
        file.write_text(before + text, encoding="utf-8")
        (request.target_path / "media" / yesterday).mkdir(parents=True, exist_ok=True)
