"""The assets of one evaluation, from raw media to scorecard.

Belongs here: a module for each step of an item's journey (docs/architecture.md), with a function that takes an
`Evaluation` and returns Dagster definitions. Does not: the work itself, which the bodies of these definitions leave to
the rooms. The rooms hand their names on lazily, so that loading the code location costs little more than loading
Dagster: a module here uses `lake_room.build_table` inside its functions and takes no name from a room at its head.
"""
