"""Pique over HTTP: the client, what it says and hears, and how it fails.

Here belongs everything that knows the API's addresses, words and limits. Nothing here knows of Dagster, the
ledger, the media or the lake, and only ``wire`` knows the HTTP library.

The names below are loaded when first asked for, so that importing the models or the errors costs no HTTP
library. Models and errors are imported from ``models`` and ``errors``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pique_assets.api.client import PiqueClient, ReceivedResult, UploadReceipt
    from pique_assets.api.policy import RetryPolicy, Timeouts

__all__ = ["PiqueClient", "ReceivedResult", "RetryPolicy", "Timeouts", "UploadReceipt"]


def __getattr__(name: str) -> object:
    """Load one of the names above from its module."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "policy" if name in ("RetryPolicy", "Timeouts") else "client"
    return getattr(import_module(f"{__name__}.{home}"), name)
