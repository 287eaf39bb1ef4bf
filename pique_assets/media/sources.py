"""Descriptions of where content comes from: plain values, safe to build while a code location loads.

Belongs here: the sources a data engineer can name in ``definitions.py``. Does not belong here: anything that
touches a disk or a bucket; ``open_source`` in ``reader.py`` does that, when an asset runs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypeAlias

DATE_PLACEHOLDER = "{date}"


@dataclass(frozen=True, slots=True)
class DatedFolder:
    """A folder with one sub-folder per date: ``<root>/<YYYY-MM-DD>/**``.

    Every file below a date's folder is content of that date, at any depth. ``<file>.json`` beside a file is
    its sidecar and may hold its title, description and content type.

    Args:
        root: A local path, a ``file://`` URI or a ``gs://bucket/prefix`` URI. A relative path starts at the
            working directory of the process that reads it.

    Raises:
        ValueError: When ``root`` is empty.
    """

    root: str | os.PathLike[str]

    def __post_init__(self) -> None:
        """Refuse a root that can only be a slip."""
        if not os.fspath(self.root).strip():
            raise ValueError("DatedFolder(root) is empty: name the folder that holds the dated folders.")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A CSV or Parquet file that lists content, one line per item.

    Columns: ``uri`` (required; relative ones are relative to the manifest), ``title``, ``description``,
    ``content_type`` (video, image or audio) and, when the path has no ``{date}``, ``date`` (YYYY-MM-DD).
    Other columns are ignored.

    Args:
        path: A local path, a ``file://`` URI or a ``gs://`` URI. ``{date}`` in it stands for the partition's
            date, so that every date has a manifest of its own. The name must end in ``.csv`` or ``.parquet``.

    Raises:
        ValueError: When ``path`` is neither a CSV nor a Parquet file by its name.
    """

    path: str | os.PathLike[str]

    def __post_init__(self) -> None:
        """Refuse a path whose format cannot be told."""
        if not os.fspath(self.path).lower().endswith((".csv", ".parquet")):
            raise ValueError(f"Manifest({os.fspath(self.path)!r}) must end in .csv or .parquet.")

    @property
    def is_dated(self) -> bool:
        """Whether each date has a manifest of its own."""
        return DATE_PLACEHOLDER in os.fspath(self.path)


Source: TypeAlias = DatedFolder | Manifest
