"""What can keep an analyst from the data, and what to do about it.

Belongs here: errors of this room. Unknown tables and damaged files are told by `pique_assets.lake`.
"""

from __future__ import annotations


class NoLake(FileNotFoundError):
    """No lake was named and none is where one usually is."""


class ExtraMissing(ImportError):
    """A package of the extra `analysis` is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"this needs {package}, which is not installed: pip install 'pique_assets[analysis]'",
            name=package,
        )
