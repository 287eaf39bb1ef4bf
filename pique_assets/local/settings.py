"""What can be set about a local Pique, and where it keeps its files.

Belongs here: values only. Does not: reading the environment, touching a file, or knowing a secret (`secret_files`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pique_assets.local.addresses import Endpoint

HOST = "127.0.0.1"
"""The only address the server binds: it is a companion of one machine, never a service."""

ORGANISATION = "org_local"
CONTENT_BUCKET = "judge-content"
REFERENCE_BUCKET = "judge-artifacts"

DEADLINE_S_PER_MEGABYTE = 2
"""A minute of a phone's 1080p is 60 to 150 MB, and takes 10 to 30 seconds of one core."""


def usable_cores() -> int:
    """How many cores this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one local Pique behaves.

    Attributes:
        data_dir: Folder with all state; created when missing.
        port: TCP port; 0 takes the port of the last start again when it is still free, else any free one.
            Signed upload URLs name the port, so keeping it lets them outlive a restart.
        public_url: Scheme, host and port that upload URLs name, when clients come through a proxy; None is the
            server's own address.
        references: Folder with reference content of other buckets, as ``<bucket>/<object>``; None for none.
        workers: Number of evaluation processes, each with one thread; by default as many as there are cores.
        evaluation_deadline_s: Seconds after which an evaluation is killed and its job failed; content has
            `DEADLINE_S_PER_MEGABYTE` more, because a long video takes longer.
        upload_url_life_s: Seconds an upload URL is valid (docs/contract.md, "Direct upload": 15 minutes).
        max_upload_bytes: Largest ``file_size_bytes`` accepted.
        downloads: Number of download processes, for social-media jobs.
        download_deadline_s: Seconds after which a download is killed and its job failed.
        max_download_bytes: Largest video that is downloaded.
        social_allow_hosts: Endpoints that may be downloaded from although they are not public, for tests.
        webhook_url: The organisation's webhook; a request's own ``webhook_url`` overrides it.
        webhook_attempts: Deliveries tried before a webhook is given up.
        webhook_retry_base_s: Seconds before the first retry; each further retry waits twice as long.
        webhook_timeout_s: Seconds a receiver has to answer (docs/contract.md, "Webhooks": 10).
    """

    data_dir: Path
    port: int = 0
    public_url: str | None = None
    references: Path | None = None
    workers: int = field(default_factory=usable_cores)
    evaluation_deadline_s: float = 120.0
    upload_url_life_s: int = 900
    max_upload_bytes: int = 5 * 1024**3
    downloads: int = 2
    download_deadline_s: float = 300.0
    max_download_bytes: int = 1024**3
    social_allow_hosts: tuple[Endpoint, ...] = ()
    webhook_url: str | None = None
    webhook_attempts: int = 8
    webhook_retry_base_s: float = 1.0
    webhook_timeout_s: float = 10.0

    @property
    def database_path(self) -> Path:
        """The SQLite file with judges, jobs, evaluations and webhooks."""
        return self.data_dir / "pique.sqlite3"

    @property
    def content_dir(self) -> Path:
        """Folder of uploaded content that still waits for its evaluation."""
        return self.data_dir / "content"

    @property
    def reference_dir(self) -> Path:
        """Folder of uploaded reference content."""
        return self.data_dir / "reference_content"

    @property
    def upload_dir(self) -> Path:
        """Folder of uploads that are not complete; emptied at every start."""
        return self.data_dir / "incoming"

    @property
    def download_dir(self) -> Path:
        """Folder of downloads that are not complete; emptied at every start."""
        return self.data_dir / "downloading"
