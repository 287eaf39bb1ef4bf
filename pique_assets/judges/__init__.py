"""The room for judges: which one is meant, whether it is as declared and as known, what changed, and its snapshots.

Belongs here: finding and creating judges (`finding`), their files (`declaration`, `yaml_values`), comparing two
configurations (`changes`), when an answer of Pique about a judge is believed (`agreement`), and the lake's record of
judges (`snapshots`). Does not: Dagster, and whether a submission can use the judge, which the room `evaluation` asks.
"""
