"""`python -m pique_assets.cli`, which is the command `pique-assets`. Nothing else belongs here."""

from __future__ import annotations

import sys

from pique_assets.cli import main

sys.exit(main())
