"""What can go wrong with the lake, said in a way that tells what to do.

Belongs here: errors that a caller of the lake may want to catch. Does not: a bad payload, which is no error and
becomes a row.
"""

from __future__ import annotations

from pique_assets.visible import visible


class LakeError(Exception):
    """Base of every error of the lake."""

    def __str__(self) -> str:
        """Safe to print: what a file holds is anything."""
        return visible(super().__str__())


class TableUnknown(LakeError):
    """A table was asked for that the lake does not declare."""


class FileMissing(LakeError):
    """The partition's file does not exist: nothing has been written there yet."""


class SchemaMismatch(LakeError):
    """A table or a file does not have the declared schema."""


class FileUnreadable(LakeError):
    """A file of the lake is not Parquet, or is damaged."""


class LakeOfAnotherPique(LakeError):
    """The lake holds results of another Pique; scores of two never stand in one table."""
