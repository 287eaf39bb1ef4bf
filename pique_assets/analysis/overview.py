"""What there is to read: the tables and their columns, in words.

Belongs here: descriptions for people; the words themselves are declared with the schemas in
`pique_assets.lake`.
"""

from __future__ import annotations

import pandas as pd

from pique_assets.analysis.sources import LakeLike, open_lake
from pique_assets.lake import COLUMN_DOCS, TABLE_DOCS, partitioned_schema

_PARTITION_DOCS = {
    "judge": "Name of the judge in this project, from the path of the file.",
    "date": "Date the content belongs to (not when it was evaluated), from the path of the file.",
    "evaluation": "Name of the evaluation in this project, from the path of the file.",
}


def tables(*, lake: LakeLike | None = None) -> pd.DataFrame:
    """One row per table: `table`, `description`, number of `files`, `first_date` and `last_date` in the lake.

    Raises:
        NoLake: no lake was given or found.
    """
    source = open_lake(lake)
    rows = []
    for name, doc in TABLE_DOCS.items():
        dates = [file.date for file in source.partitions(name)]
        rows.append((name, doc, len(dates), min(dates, default=None), max(dates, default=None)))
    frame = pd.DataFrame(rows, columns=["table", "description", "files", "first_date", "last_date"])
    return frame.astype({"files": "Int64", "first_date": "datetime64[us]", "last_date": "datetime64[us]"})


def describe(name: str) -> pd.DataFrame:
    """One row per column of a table: `column`, `type` (Arrow's name of it), `description`, with units.

    Raises:
        pique_assets.lake.TableUnknown: no such table; the message lists them.
    """
    schema = partitioned_schema(name)
    docs = {**COLUMN_DOCS[name], **_PARTITION_DOCS}
    rows = [(field.name, str(field.type), docs[field.name]) for field in schema]
    return pd.DataFrame(rows, columns=["column", "type", "description"])
