"""Descriptions of where content comes from: plain values, safe to build while a code location loads.

Belongs here: the sources a data engineer can name in ``definitions.py``. Does not: anything that touches a disk or a
bucket; ``open_source`` in ``reader.py`` does that, when an asset runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pique_assets.declared_values import DeclarationInvalid, require_types

DATE_PLACEHOLDER = "{date}"
LIST_SUFFIXES = (".txt", ".csv", ".parquet")


@dataclass(frozen=True)
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
        require_types(self, owner="DatedFolder: ")
        if not os.fspath(self.root).strip():
            raise DeclarationInvalid(
                "DatedFolder(root) is empty: name the folder that holds the dated folders.", field="root"
            )


@dataclass(frozen=True)
class Manifest:
    """A CSV or Parquet file that lists content, one line per item.

    Columns: ``uri`` (required; relative ones are relative to the manifest), ``title``, ``description``,
    ``content_type`` (video, image or audio) and, when the path has no ``{date}``, ``date`` (YYYY-MM-DD).
    Other columns are ignored.

    A manifest in a bucket may be written by others, who must not have whatever this process can read uploaded: it
    names objects of its own bucket, and of those in ``buckets``. A manifest on a disk names files of this host and
    objects of any bucket, or of those in ``buckets`` alone.

    Args:
        path: A local path, a ``file://`` URI or a ``gs://`` URI. ``{date}`` in it stands for the partition's
            date, so that every date has a manifest of its own. The name must end in ``.csv`` or ``.parquet``.
        buckets: Names of further buckets whose objects it may name, without ``gs://``; for a manifest on a disk, of
            all of them. None is the rule above.

    Raises:
        ValueError: When ``path`` is neither a CSV nor a Parquet file by its name, or ``buckets`` are no names.
    """

    path: str | os.PathLike[str]
    buckets: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse a path whose format cannot be told, and what is no bucket."""
        require_types(self, owner="Manifest: ")
        if not os.fspath(self.path).lower().endswith((".csv", ".parquet")):
            raise DeclarationInvalid(f"Manifest({os.fspath(self.path)!r}) must end in .csv or .parquet.", field="path")
        if self.buckets is None:
            return
        # One name is a text, which is a sequence too.
        names = (self.buckets,) if isinstance(self.buckets, str) else tuple(self.buckets)
        for name in names:
            if not (isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name)):
                raise DeclarationInvalid(
                    f"Manifest(buckets=...): {name!r} is no name of a bucket, such as 'my-videos'.", field="buckets"
                )
        # Kept as a tuple, so that equal sources are equal and can be put into a set.
        object.__setattr__(self, "buckets", names)

    @property
    def is_dated(self) -> bool:
        """Whether each date has a manifest of its own."""
        return DATE_PLACEHOLDER in os.fspath(self.path)


@dataclass(frozen=True)
class SocialUrls:
    """Dated lists of social media URLs: videos that Pique fetches itself instead of getting their bytes from us.

    A list is a text file with one URL a line (``#`` begins a comment line), or a CSV or Parquet file with a column
    ``url``. Other columns are ignored.

    Args:
        path: A local path, a ``file://`` URI or a ``gs://`` URI of one of these:

            - a list with ``{date}`` in its path, so that every date has a list of its own;
            - a CSV or Parquet list of all dates, with a column ``date`` (YYYY-MM-DD);
            - a folder with ``<YYYY-MM-DD>.txt`` (``.csv``, ``.parquet``), or any number of lists below
              ``<YYYY-MM-DD>/``, or both.

    Raises:
        ValueError: When ``path`` is empty, or names a text file that cannot say of which date its lines are.
    """

    path: str | os.PathLike[str]

    def __post_init__(self) -> None:
        """Refuse a path that can only be a slip."""
        require_types(self, owner="SocialUrls: ")
        path = os.fspath(self.path)
        if not path.strip():
            raise DeclarationInvalid(
                "SocialUrls(path) is empty: name the list, or the folder of the lists.", field="path"
            )
        if self.is_folder and self.is_dated:
            raise DeclarationInvalid(
                f"SocialUrls({path!r}) has {{date}} in it and must end in {', '.join(LIST_SUFFIXES)}.", field="path"
            )
        if path.lower().endswith(".txt") and not self.is_dated:
            raise DeclarationInvalid(
                f"SocialUrls({path!r}): lines of a text file have no date; put {{date}} into its path, or list the "
                "URLs in a CSV or Parquet file with a date column.",
                field="path",
            )

    @property
    def is_folder(self) -> bool:
        """Whether the lists lie in a folder of dates."""
        return not os.fspath(self.path).lower().endswith(LIST_SUFFIXES)

    @property
    def is_dated(self) -> bool:
        """Whether the path names a list for each date."""
        return DATE_PLACEHOLDER in os.fspath(self.path)


Source: TypeAlias = DatedFolder | Manifest | SocialUrls
