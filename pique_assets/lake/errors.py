"""What can go wrong with the lake, said in a way that tells what to do.

Belongs here: errors a caller of the lake may want to catch. A bad payload is no error: it becomes a row.
"""

from __future__ import annotations


class LakeError(Exception):
    """Base of every error of the lake."""


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
