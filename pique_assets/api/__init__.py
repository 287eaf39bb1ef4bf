"""Pique over HTTP: the client, what it says and hears, and how it fails.

Belongs here: everything that knows the API's addresses, words and limits. Nothing here knows of Dagster, the
ledger, the media or the lake, and only ``wire`` knows the HTTP library.

The names below are loaded when first asked for, so that importing the models or the errors costs no HTTP
library. Models and errors are imported from ``models`` and ``errors``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pique_assets.lazy_names import lazy_names

if TYPE_CHECKING:
    from pique_assets.api.client import (
        PiqueClient as PiqueClient,
        ReceivedResult as ReceivedResult,
        UploadReceipt as UploadReceipt,
    )
    from pique_assets.api.errors import PiqueError as PiqueError
    from pique_assets.api.models import Judge as Judge
    from pique_assets.api.policy import RetryPolicy as RetryPolicy, Timeouts as Timeouts
else:
    __getattr__ = lazy_names(__name__)
