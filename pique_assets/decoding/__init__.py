"""What native decoders do with media from strangers: opening, counting, sampling, in expendable processes.

Belongs here: everything that touches libav or Pillow, and the limits under which it runs. Modules that end in
``_child`` are such processes. Does not: verdicts (`pique_assets.local.detectors`), and anything of Pique or Dagster.
Any room may start a process of this one, which imports no other room. This module imports nothing, because each child
process pays for what it imports.
"""
