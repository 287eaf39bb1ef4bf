"""One line of a manifest or list, whatever kind of file it stands in, and the columns which such a file must have.

Belongs here: what a line says, and why it can't be used. Does not: reading files (`manifest_lines`, `parquet_lines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError, SourceInvalid

LONGEST_TEXT = 131_072
"""Characters of one value; no title is as long, and whoever reads CSV expects this limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a manifest.

    Attributes:
        number: Counted from 1, the CSV header included, as an editor shows it; in Parquet, the row counted
            from 1.
        values: Texts by column. Undecodable bytes are surrogates.
        unreadable: Why a value is no text, by column.
        problem: Why the line cannot be read at all.
    """

    number: int
    values: Mapping[str, str | None]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None

    def has_column(self, column: str) -> bool:
        """Whether the manifest has this column."""
        return column in self.values

    def text(self, column: str) -> str | None:
        """Return a column's text without surrounding blanks; None when there is none.

        Raises:
            ContentError: ``bad_manifest_line`` for what is no text, too long, or not UTF-8. Only a uri may be any
                bytes; whoever opens it says what is wrong with it.
        """
        if column in self.unreadable:
            raise bad_line(self.unreadable[column])
        value = (self.values.get(column) or "").strip()
        if len(value) > LONGEST_TEXT:
            raise bad_line(f"the {column} has {len(value)} characters, more than {LONGEST_TEXT}.")
        if column != "uri" and not _is_unicode(value):
            raise bad_line(f"the {column} is not valid UTF-8.")
        return value or None


def require_column(column: str, *, among: list[str], uri: str) -> None:
    """Refuse a file without this column.

    Raises:
        SourceInvalid: It is not among those of the file.
    """
    if column not in among:
        named = ", ".join(repr(name[:40]) for name in among[:10]) or "nothing"
        advice = _advice(column, among=among)
        raise SourceInvalid(f"The manifest {uri}, line 1: there is no {column} column (found {named}).{advice}")


def require_once(among: list[str], *, columns: tuple[str, ...], uri: str) -> None:
    """Refuse a file in which it is not clear which column is meant.

    Raises:
        SourceInvalid: One of the columns that are read is there twice.
    """
    for column in columns:
        if among.count(column) > 1:
            raise SourceInvalid(f"The manifest {uri}, line 1: the column {column} is there twice.")


def _advice(column: str, *, among: list[str]) -> str:
    """What to do about a first line that a program for spreadsheets wrote in a way of its own."""
    whole = ",".join(among)
    if "\0" in whole:
        return " It is written in UTF-16: save it as CSV in UTF-8."
    if len(among) == 1 and (";" in whole or "\t" in whole):
        return f" Its values are separated by {'semicolons' if ';' in whole else 'tabs'}: separate them by commas."
    if column in map(str.lower, among):
        return f" Write the name in small letters: {column}."
    return ""


def bad_line(reason: str) -> ContentError:
    """The error of a line that can't be used."""
    return ContentError(ErrorCode.BAD_MANIFEST_LINE, reason)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
