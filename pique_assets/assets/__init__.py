"""The assets of one evaluation, from raw media to scorecard.

Here: one module per step of design section 4; each has a function that takes an `Evaluation` and returns Dagster
definitions, whose bodies join the rooms below. Not here: the work itself. Rooms are imported inside the bodies, so
that loading the code location costs next to nothing more than Dagster.
"""
