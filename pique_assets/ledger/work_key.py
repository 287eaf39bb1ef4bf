"""The name of a piece of work: this content, from this judge as configured, with these words.

Belongs here: the one hash that decides whether two orders are for the same work. Does not: anything stored.
"""

from __future__ import annotations

import hashlib
import json

_VERSION = 1


def work_key(
    *,
    fingerprint: str,
    judge_id: str,
    judge_configuration_hash: str,
    content_type: str,
    title: str | None,
    description: str | None,
) -> str:
    """Hash what Pique's answer depends on.

    Title and description belong to it because detectors read them; the file's name, place and date do not,
    so the same video on two dates is evaluated once. A missing title (None) and an empty one are different
    work.

    Args:
        fingerprint: sha256 of the content in hex.
        judge_id: the judge's id, opaque.
        judge_configuration_hash: hash of the judge's content type and detector configs.
        content_type: video, image or audio.
        title: title sent with the content, if any.
        description: description sent with the content, if any.

    Returns:
        64 hex digits. They must never change for the same input: a ledger lives longer than a release.
    """
    wanted = {
        "version": _VERSION,
        "fingerprint": fingerprint,
        "judge_id": judge_id,
        "judge_configuration_hash": judge_configuration_hash,
        "content_type": content_type,
        "title": title,
        "description": description,
    }
    canonical = json.dumps(wanted, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
