"""The embedded local Pique: a real HTTP server that really measures real media, for use without an account.

It answers the seven endpoints of the Pique API, verifies signed uploads the way Google Cloud Storage does,
downloads social-media videos in guarded processes, evaluates content in worker processes, and delivers webhooks.
All state lives in one ``data_dir`` and survives a restart.

What does not belong here: anything a client of Pique needs. Start it with ``python -m pique_assets.local``
or `pique_assets.local.process.running_local_pique`; read what it did with
`pique_assets.local.record.read_record`. This module imports nothing, because every worker process pays for
what it imports.
"""
