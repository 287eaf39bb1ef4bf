"""All places that hold files, behind one door: from a uri to the store that has its file.

Belongs here: which store a uri leads to. Does not: what a store does (`local_files`, `gcs_files`), and how uris are
written (`files`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError
from pique_assets.media.files import GCS_SCHEME, LOCAL_SCHEME, FileStore, OpenedFile, unsupported
from pique_assets.media.gcs_files import GcsClient, GcsFiles
from pique_assets.media.local_files import LocalFiles

GcsClientFactory = Callable[[], GcsClient]


class Files:
    """All stores behind one door. Safe to share between threads.

    Args:
        gcs_client_factory: Returns the ``google.cloud.storage.Client`` for ``gs://`` uris; called at most
            once, and only when such a uri is met, so that nothing of Google is imported before.
    """

    def __init__(self, gcs_client_factory: GcsClientFactory | None = None) -> None:
        """Open nothing yet."""
        self._gcs_client_factory = gcs_client_factory
        self._gcs: FileStore | None = None
        self._lock = threading.Lock()

    def store_of(self, uri: str) -> FileStore:
        """Return the store that holds a uri.

        Raises:
            ContentError: ``unsupported_uri`` when there is none.
        """
        if uri.startswith(LOCAL_SCHEME):
            return LocalFiles()
        if not uri.startswith(GCS_SCHEME):
            raise unsupported(uri, "cannot be read: use a path, a file:// uri or a gs:// uri")
        if self._gcs_client_factory is None:
            raise unsupported(uri, "needs a Google Cloud Storage client: pip install 'pique_assets[gcs]'")
        with self._lock:
            if self._gcs is None:
                self._gcs = GcsFiles(self._gcs_client_factory())
            return self._gcs

    def open(self, uri: str, *, root_uri: str | None = None) -> OpenedFile:
        """Open a file in the store that holds it. See `FileStore.open`."""
        return self.store_of(uri).open(uri, root_uri=root_uri)

    def has(self, uri: str) -> bool:
        """Whether there is something at a uri; what is wrong with it is said by whoever reads it."""
        try:
            with self.open(uri):
                return True
        except ContentError as error:
            return error.code is not ErrorCode.VANISHED
