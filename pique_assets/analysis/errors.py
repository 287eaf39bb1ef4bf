"""What can keep an analyst from the data, and what to do about it.

Belongs here: errors of this room. Does not: a missing extra (`pique_assets.extras`), nor unknown tables and damaged
files, which `pique_assets.lake` tells.
"""

from __future__ import annotations


class NoLake(FileNotFoundError):
    """No lake was named and none is where one usually is."""
