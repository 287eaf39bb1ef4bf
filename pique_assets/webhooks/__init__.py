"""Receiving Pique's webhooks: checked, stored in the ledger, then answered.

Belongs here: an ASGI app, what of a webhook's body is read, and a server for `pique-assets receive`. Does not: the
signature (`api.signatures`), what a webhook changes (`ledger`), and asking Pique for the result, which whoever waits
for the job does: a webhook only makes its job due, the polled result is the record. No API key is ever in this room.
"""

from pique_assets.webhooks.app import (
    HEALTH_PATH as HEALTH_PATH,
    WEBHOOK_PATH as WEBHOOK_PATH,
    receiver_app as receiver_app,
)
from pique_assets.webhooks.reading import MAX_BODY_BYTES as MAX_BODY_BYTES
