"""Dagster assets that take media to scores with the Pique content-evaluation API.

Nothing is imported here: Dagster loads the code location for every run and step, and an analyst's
notebook should not pay for Dagster. Start at `pique_assets.definitions.build_defs` (the asset graph),
`pique_assets.analysis` (tables in a notebook) or `pique_assets.lake` (payloads to rows).
"""
