"""The embedded local Pique, at the address that `make run` and `make dev` give; ledger and lake in the project's home.

Here: nothing of a real Pique; ledger and lake refuse one once they belong to the local.
"""

from __future__ import annotations

from pique_assets import resources_for

RESOURCES = resources_for("local")
