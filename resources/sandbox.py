"""Pique's sandbox, with the key of `PIQUE_API_KEY`; ledger and lake in a home of its own, named by `PIQUE_HOME`.

Here: what trying out real judges needs. Not here: anything that is shared with production.
"""

from __future__ import annotations

from pique_assets import resources_for

RESOURCES = resources_for("sandbox")
