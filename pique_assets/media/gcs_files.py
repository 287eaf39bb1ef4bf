"""Objects in Google Cloud Storage as a `FileStore`.

Belongs here: every call of the Google client. The client is given by the caller (dagster-gcp makes one), so
no credentials are read here. google-cloud-storage has no type hints: the protocols below say what is used of
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, Protocol

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError, MediaChanged, SourceUnavailable
from pique_assets.media.files import GCS_SCHEME, Found
from pique_assets.media.names import is_litter, name_problem

DOWNLOAD_CHUNK_BYTES = 8 * 1024 * 1024
"""One ranged request each; memory per open object."""


class GcsBlob(Protocol):
    """What is used of ``google.cloud.storage.Blob``."""

    name: str
    size: int | None
    generation: int | None

    def reload(self) -> None:
        """Fetch the object's metadata."""

    def open(self, mode: str, *, chunk_size: int, raw_download: bool) -> BinaryIO:
        """Open the object's bytes."""

    def download_as_bytes(self, *, start: int, end: int, raw_download: bool, checksum: None) -> bytes:
        """Fetch the bytes from one place to another, both included."""


class GcsBucket(Protocol):
    """What is used of ``google.cloud.storage.Bucket``."""

    def blob(self, blob_name: str, *, generation: int | None = None) -> GcsBlob:
        """Name an object, without a request."""

    def exists(self) -> bool:
        """Ask whether the bucket exists."""


class GcsClient(Protocol):
    """What is used of ``google.cloud.storage.Client``."""

    def bucket(self, bucket_name: str) -> GcsBucket:
        """Name a bucket, without a request."""

    def list_blobs(self, bucket_or_name: str, *, prefix: str) -> Iterable[GcsBlob]:
        """List objects, page by page."""


class GcsFile:
    """One generation of an object. Every ranged request names it, so that two generations never mix."""

    def __init__(self, blob: GcsBlob, *, uri: str, size_bytes: int) -> None:
        """Take an object whose generation is pinned."""
        self._uri = uri
        self._blob = blob
        self._bytes = blob.open("rb", chunk_size=DOWNLOAD_CHUNK_BYTES, raw_download=True)
        self.size_bytes = size_bytes
        self.version = str(blob.generation)

    def read(self, size: int) -> bytes:
        """See `OpenedFile.read`."""
        with self._while_it_stands():
            return self._bytes.read(size)

    def read_at(self, place: int, size: int) -> bytes:
        """See `OpenedFile.read_at`. One request."""
        # No server has a range that begins behind the end.
        last = min(place + size, self.size_bytes) - 1
        if last < place:
            return b""
        with self._while_it_stands():
            # The checksum is one of the whole object.
            return self._blob.download_as_bytes(start=place, end=last, raw_download=True, checksum=None)

    @contextmanager
    def _while_it_stands(self) -> Iterator[None]:
        try:
            with _item_errors(self._uri):
                yield
        except ContentError as error:
            if error.code is ErrorCode.VANISHED:
                raise MediaChanged(
                    ErrorCode.CHANGED, "The object was replaced or deleted while it was read."
                ) from error
            raise

    def is_unchanged(self) -> bool:
        """See `OpenedFile.is_unchanged`. A generation never changes."""
        return True

    def __enter__(self) -> GcsFile:
        """Open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._bytes.close()


class GcsFiles:
    """Google Cloud Storage as a `FileStore`. As safe between threads as the client it is given."""

    def __init__(self, client: GcsClient) -> None:
        """Use a client; make no request."""
        self._client = client

    def list_files(self, root_uri: str, folder: str) -> Iterator[Found]:
        """See `FileStore.list_files`. Placeholders of folders (names that end in ``/``) are no files."""
        bucket, prefix = _split(f"{root_uri}/{folder}")
        hidden: set[str] = set()
        with _source_errors(root_uri):
            for blob in self._client.list_blobs(bucket, prefix=f"{prefix}/"):
                folders = blob.name.removeprefix(f"{prefix}/").split("/")
                name = folders.pop()
                if not name or any(map(is_litter, [*folders, name])):
                    continue
                depth = next((at for at, part in enumerate(folders) if part.startswith(".")), None)
                if depth is None:
                    yield Found(uri=f"{GCS_SCHEME}{bucket}/{blob.name}", name=name)
                    continue
                uri = "/".join([f"{GCS_SCHEME}{bucket}/{prefix}", *folders[: depth + 1]])
                if uri not in hidden:
                    hidden.add(uri)
                    yield Found(uri=uri, name=folders[depth], problem=name_problem(folders[depth]))

    def folder_exists(self, folder_uri: str) -> bool:
        """See `FileStore.folder_exists`."""
        with _source_errors(folder_uri):
            return self._client.bucket(_split(folder_uri)[0]).exists()

    def is_there(self, root_uri: str, folder: str) -> bool:
        """See `FileStore.is_there`. A placeholder of the folder counts, as it is what an empty folder has."""
        bucket, prefix = _split(f"{root_uri}/{folder}")
        with _source_errors(root_uri):
            return next(iter(self._client.list_blobs(bucket, prefix=f"{prefix}/")), None) is not None

    def open(self, uri: str, *, root_uri: str | None = None) -> GcsFile:
        """See `FileStore.open`. A bucket has no links, so that ``root_uri`` says nothing here."""
        bucket_name, name = _split(uri)
        if not name:
            raise ContentError(ErrorCode.NOT_A_FILE, "It is a bucket, not a file.")
        with _item_errors(uri):
            bucket = self._client.bucket(bucket_name)
            blob = bucket.blob(name)
            blob.reload()
            pinned = bucket.blob(name, generation=blob.generation)
            return GcsFile(pinned, uri=uri, size_bytes=blob.size or 0)


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix(GCS_SCHEME).partition("/")
    return bucket, name


@contextmanager
def _source_errors(uri: str) -> Iterator[None]:
    """Turn what Google's client raises into a sentence about a source."""
    from google.api_core.exceptions import GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    bucket = _split(uri)[0]
    try:
        yield
    except NotFound as error:
        raise SourceUnavailable(f"{uri} cannot be listed: there is no bucket {bucket}.") from error
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        raise SourceUnavailable(f"{uri} cannot be listed ({type(error).__name__}): {error}") from error


@contextmanager
def _item_errors(uri: str) -> Iterator[None]:
    """Turn what Google's client raises into a reason why one object cannot be read."""
    from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except NotFound as error:
        raise ContentError(ErrorCode.VANISHED, "The object does not exist (any more).") from error
    except (Forbidden, Unauthorized) as error:
        raise ContentError(ErrorCode.PERMISSION_DENIED, "The credentials do not allow to read it.") from error
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        raise ContentError(ErrorCode.UNREADABLE, f"{uri} cannot be read ({type(error).__name__}).") from error
