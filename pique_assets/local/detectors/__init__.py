"""Detectors: what is compared with a judge's options, and the verdict.

Belongs here: a module for each detector, which `registry` finds by its entry point, and what several of them share.
Does not: decoding (`pique_assets.decoding`). This module imports nothing, because each child process pays for what it
imports.
"""
