"""The receiver behind a real socket: every answer, and every row, is what the reference says."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest
import webhook_reference as reference
from receiver_process import chunked, request, serving
from webhook_mutations import SECRETS, Chance, body_of, cases

from pique_assets.ledger import Ledger
from pique_assets.testing.signing import sign_webhook
from pique_assets.webhooks import WEBHOOK_PATH, receiver_app

INPUTS = 1_000
SEED = int(os.environ.get("PIQUE_TEST_SEED") or 20261121)
MAX_BODY_BYTES = 8_000
TOLERANCE_S = 300


def spoilt(chance: Chance) -> bytes:
    """A body that is signed well and is not quite what it should be."""
    document = body_of(chance)
    body = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode()
    place = chance.randrange(len(body))
    key = chance.choice(['"job_id"', '"job\\u005fid"', '"status"', '"x"']).encode()
    return chance.choice(
        [
            body,
            body[:place] + body[place + 1 :],
            body[:place]
            + chance.choice([b'"', b"{", b"}", b",", b"\\", b"\xff", b"\0", b" ", b"\xc3\xa9", b"1"])
            + body[place:],
            body[:-1] + b", " + key + b': "again"}',
            body[:-1] + b", " + key + b': {"a": 1, "b": [1, {"a": 2}]}}',
            body[:-1] + b', "deep": {"a": 1, "a": 2}}',
            b"[" + body + b"]",
            body + b"\n",
            b"\n\t " + body,
            b"\xef\xbb\xbf" + body,
            body.decode().encode("utf-16"),
            body[:-1] + b', "n": [NaN, -Infinity, -0.0e+5, 1E400, ' + b"7" * 5_000 + b"]}",
            json.dumps(
                {**document, "job_id": chance.choice([None, 7, "", "a\nb", "\ud800", "é✓", ["job"], "j" * 300])}
            ).encode(),
            body[:-1] + b', "pad": "' + b"x" * (MAX_BODY_BYTES - len(body) - chance.randint(8, 14)) + b'"}',
        ]
    )


def arriving(seed: int) -> list[tuple[str, bytes, str | None]]:
    """FaultKind, body and header of each webhook; no header at all where it is None."""
    now = int(time.time())
    found: list[tuple[str, bytes, str | None]] = []
    for case in cases(seed, count=INPUTS // 2, now=now, spread_s=TOLERANCE_S // 3):
        if case.kind == "at_the_edge_of_time":
            continue
        body = case.body if isinstance(case.body, bytes) else b""
        found.append((case.kind, body, _on_the_wire(case.header)))
    chance = Chance(seed, now=now, spread_s=TOLERANCE_S // 3)
    while len(found) < INPUTS:
        body = spoilt(chance)
        found.append(("signed body", body, sign_webhook(body, chance.choice(SECRETS), timestamp=now)))
    chance.shuffle(found)
    return found


def _on_the_wire(header: object) -> str | None:
    """What of a header HTTP can carry; anything else never gets as far as the receiver."""
    if not isinstance(header, str):
        return None
    letters = [letter for letter in header if " " <= letter < "\x7f" or "\xa0" <= letter <= "\xff"]
    return "".join(letters).strip(" ")


def expected_status(body: bytes, header: str | None) -> int:
    if len(body) > MAX_BODY_BYTES:
        return 413
    if not reference.accepts(body, header, SECRETS, tolerance_s=TOLERANCE_S, now=int(time.time())):
        return 401
    return 200 if reference.job_of(body) is not None else 400


def framing(chance: random.Random) -> Callable[[bytes, dict[str, str]], bytes]:
    """With its length, or in chunks of any size."""
    if chance.random() < 0.5:
        return request

    def in_chunks(body: bytes, headers: dict[str, str]) -> bytes:
        size = chance.randint(1, 4_000)
        return chunked([body[start : start + size] for start in range(0, len(body), size)], headers)

    return in_chunks


@pytest.mark.slow
def test_every_answer_and_every_row_is_what_the_reference_says(tmp_path):
    chance = random.Random(SEED)
    answers: Counter[tuple[str, int]] = Counter()
    rows: set[tuple[str, bytes]] = set()
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        app = receiver_app(ledger=ledger, secrets=SECRETS, max_body_bytes=MAX_BODY_BYTES)
        with serving(app) as receiver:
            for number, (kind, body, header) in enumerate(arriving(SEED)):
                headers = {} if header is None else {"X-Pique-Signature": header}
                expected = expected_status(body, header)
                answer = receiver.send(framing(chance)(body, headers))
                assert (answer.status, answer.body) == (expected, b""), (SEED, number, kind, header, body[:500])
                answers[kind, expected] += 1
                if expected == 200:
                    rows.add((reference.job_of(body), body))
        stored = ledger.unknown_webhooks(limit=2 * INPUTS)
    assert {(webhook.job_id, webhook.body) for webhook in stored} == rows
    assert len(stored) == len(rows)
    print(f"\n{INPUTS} webhooks at {WEBHOOK_PATH} (PIQUE_TEST_SEED={SEED}):")
    for (kind, status), count in sorted(answers.items()):
        print(f"  {kind}: {count} answered {status}")
    by_status = Counter(dict.fromkeys((200, 400, 401, 413), 0))
    for (_, status), count in answers.items():
        by_status[status] += count
    assert min(by_status.values()) > 0
