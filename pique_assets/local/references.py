"""Reference content: which file is behind a ``gs://`` URI that a judge names.

Belongs here: the places that are looked at. Reference content that was uploaded to this Pique is found by the URI that
the upload was given; any other URI is looked up in a folder of buckets that the user keeps, as
``<folder>/<bucket>/<object>``. Does not: receiving uploads (`service`), reading the files (`pique_assets.decoding`).
"""

from __future__ import annotations

import shlex
import stat
from dataclasses import dataclass
from pathlib import Path

from pique_assets.local.settings import ORGANISATION, REFERENCE_BUCKET

_SCHEME = "gs://"
_UPLOADS = f"{_SCHEME}{REFERENCE_BUCKET}/{ORGANISATION}/reference_uploads/"


class ReferenceMissing(LookupError):
    """No file is behind a URI; the text names the URI and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Where reference content lies.

    Attributes:
        uploaded: Folder of what was uploaded to this Pique.
        buckets: Folder of buckets that the user keeps; None where there is none.
    """

    uploaded: Path
    buckets: Path | None

    def file(self, uri: str) -> Path:
        """The file behind a URI.

        Raises:
            ReferenceMissing: There is none, or the URI is none of an object.
        """
        bucket, _, name = uri.removeprefix(_SCHEME).partition("/")
        parts = [bucket, *name.split("/")]
        # Neither an empty part nor a dotted one may lead elsewhere.
        if not uri.startswith(_SCHEME) or any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise ReferenceMissing(f"{uri!r} is no address such as gs://bucket/folder/video.mp4")
        try:
            found = self._found(uri, parts)
        except OSError as error:
            # A name may be longer in a bucket than in a folder, and a folder may be closed to this process.
            raise ReferenceMissing(f"{uri} can't be read here: {error.filename}: {error.strerror}") from error
        if found is None:
            raise ReferenceMissing(f"{uri} is not here: {self._advice(parts)}")
        return found

    def _found(self, uri: str, parts: list[str]) -> Path | None:
        uploaded = self.uploaded / parts[-1]
        if uri.startswith(_UPLOADS) and len(parts) == 4 and _is_file(uploaded):
            return uploaded
        if self.buckets is not None:
            kept = self.buckets.joinpath(*parts)
            if _is_file(kept) and kept.resolve().is_relative_to(self.buckets.resolve()):
                return kept
        return None

    def _advice(self, parts: list[str]) -> str:
        if self.buckets is None:
            return (
                "upload it as reference content and name that URI, or put it into a folder as <bucket>/<object> and "
                "start the local Pique with --references FOLDER"
            )
        place = self.buckets.joinpath(*parts)
        copied = shlex.join(["gcloud", "storage", "cp", f"{_SCHEME}{'/'.join(parts)}", str(place)])
        return f"put the file at {place}, as `{copied}` does"


def _is_file(path: Path) -> bool:
    """Whether a file is there; unlike `Path.is_file` of newer Pythons, this raises where nobody can tell."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # A ValueError: no file system has such a letter.
        return False
