"""What a notebook imports: the lake's tables as pandas frames, SQL over them, and a plot.

Belongs here: reading for people. Nothing is written, nothing talks to Pique or Dagster; what the tables mean
is declared in `pique_assets.lake`.

    from pique_assets.analysis import load
    load("evaluations")
"""

from pique_assets.analysis.errors import NoLake as NoLake
from pique_assets.analysis.frames import load as load
from pique_assets.analysis.overview import describe as describe, tables as tables
from pique_assets.analysis.plots import plot_scorecard as plot_scorecard
from pique_assets.analysis.query import sql as sql
from pique_assets.analysis.verdicts import verdicts as verdicts
from pique_assets.analysis.wide import wide as wide
from pique_assets.extras import ExtraMissing as ExtraMissing
