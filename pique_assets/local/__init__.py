"""The embedded local Pique: a real HTTP server that really measures real media, for use without an account.

Belongs here: the server. It answers the seven endpoints of the Pique API, verifies signed uploads the way Google
Cloud Storage does, downloads social-media videos in guarded processes, evaluates content in child processes, and
delivers webhooks. All state lives in one ``data_dir`` and survives a restart. Does not: anything that a client of
Pique needs.

Modules that end in ``_pool``, ``_store`` and ``_sender`` run in the server; those that end in ``_child`` run in
processes that the server starts with ``child_process``. A person who wants a server types ``pique-assets local``; a
program calls `pique_assets.local.process.running_local_pique`, and reads what the server did with
`pique_assets.local.record.read_record`. This module imports nothing, because each child process pays for what it
imports.
"""
