"""Webhooks as they may come: genuine ones, and what an attacker, a bad proxy or a wrong clock makes of them.

Belongs here: a stream of them from a seed. Each is labelled with how it was made; whether it is to be accepted is not
said here but by the reference.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pique_assets.testing.signing import sign_webhook

NOW = 1_732_654_321
TOLERANCE_S = 300
BODIES = 1_000
SECRETS = (b"whsec_the-one-in-use", "whsec_the-néxt-one, with a comma".encode(), b"\xff\x00" * 60)
FOREIGN = b"whsec_of-somebody-else"


Pair = tuple[object, object]
"""A body and a header, nearly always bytes and a text."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One webhook on arrival, and how it was made."""

    kind: str
    body: object
    header: object


class Chance(random.Random):
    """The dice of one stream, and the time it happens at."""

    def __init__(self, seed: int, *, now: int, spread_s: int) -> None:
        super().__init__(seed)
        self.now = now
        self.spread_s = spread_s
        # Making one costs more than all that is done with it, so they are made once and meet other fates.
        self.bodies = [json.dumps(body_of(self), ensure_ascii=self.random() < 0.5).encode() for _ in range(BODIES)]


def cases(seed: int, *, count: int, now: int = NOW, spread_s: int = TOLERANCE_S) -> Iterator[Case]:
    """That many webhooks; the same seed gives the same ones.

    Args:
        count: How many.
        now: When they arrive.
        spread_s: How far from then genuine ones are signed: less than the tolerance where the clock goes on.
    """
    chance = Chance(seed, now=now, spread_s=spread_s)
    makers = [maker for maker, weight in _MAKERS for _ in range(weight)]
    for _ in range(count):
        maker = chance.choice(makers)
        body, header = maker(chance)
        yield Case(kind=maker.__name__.strip("_"), body=body, header=header)


def _text(chance: Chance, *, longest: int = 12) -> str:
    return "".join(chance.choice('abcXYZ019 _-"\\/é✓😀\u2028') for _ in range(chance.randint(0, longest)))


def body_of(chance: Chance) -> dict[str, object]:
    """One of the three documented kinds of body."""
    job_id = "job_" + "".join(chance.choice("abcXYZ0189_-") for _ in range(chance.randint(11, 22)))
    result = {"criterion_id": _text(chance), "detector_name": "video_specs", "pass_check": True, "score": 1.0}
    completed = {"evaluation_id": _text(chance), "job_id": job_id, "status": "completed", "overall_score": 0.85}
    return chance.choice(
        [
            {**completed, "results": [result] * chance.randint(0, 3)},
            {"event": "evaluation.failed", "job_id": job_id, "status": "failed", "error": _text(chance)},
            {
                "job_id": job_id,
                "batch_id": "batch_1",
                "status": "completed",
                "url": "https://e.com/?v=" + _text(chance),
            },
        ]
    )


def _body(chance: Chance) -> bytes:
    return chance.choice(chance.bodies)


def _moment(chance: Chance) -> int:
    return chance.now + chance.randint(-chance.spread_s, chance.spread_s)


def _signed(chance: Chance, body: bytes, *, moment: int | None = None) -> str:
    return sign_webhook(body, chance.choice(SECRETS), timestamp=_moment(chance) if moment is None else moment)


def _pieces(chance: Chance) -> tuple[bytes, list[str]]:
    body = _body(chance)
    return body, _signed(chance, body).split(",")


def _genuine(chance: Chance) -> Pair:
    body = chance.choice([_body(chance), b"", b"\xff\xfe" + chance.randbytes(40), chance.randbytes(3000)])
    return body, _signed(chance, body)


def _rearranged(chance: Chance) -> Pair:
    """Another order, spaces, keys nobody knows, empty values: the grammar allows all of it."""
    body, parts = _pieces(chance)
    parts += chance.choices(["v0=abc", "T=5", "x==", "=", "=t", "v2=", "v1 =abc", "t\u00e9=1", "alg2=md5"], k=2)
    chance.shuffle(parts)
    spaced = [" " * chance.randint(0, 2) + part + " " * chance.randint(0, 2) for part in parts]
    return body, ",".join(spaced)


def _exchanging_secrets(chance: Chance) -> Pair:
    body = _body(chance)
    keys = chance.sample([*SECRETS, FOREIGN], k=chance.randint(1, 4))
    return body, sign_webhook(body, *keys, timestamp=_moment(chance))


def _hundred_signatures(chance: Chance) -> Pair:
    body, parts = _pieces(chance)
    false = [f"v1={chance.randbytes(32).hex()}" for _ in range(99)]
    signatures = [*false, parts[1] if chance.random() < 0.5 else f"v1={chance.randbytes(32).hex()}"]
    chance.shuffle(signatures)
    return body, ",".join([parts[0], *signatures, parts[2]])


def _at_the_edge_of_time(chance: Chance) -> Pair:
    body = _body(chance)
    edge = chance.now + chance.choice([-1, 1]) * (TOLERANCE_S + chance.choice([-1, 0, 1]))
    return body, _signed(chance, body, moment=edge)


def _stale_or_future(chance: Chance) -> Pair:
    body = _body(chance)
    now = chance.now
    moment = chance.choice([0, 1, now - 86400, now + 86400, now * 1000 % 10**12, 10**12 - 1, now - 600, now + 600])
    return body, _signed(chance, body, moment=moment)


def _forged(chance: Chance) -> Pair:
    body = _body(chance)
    moment = _moment(chance)
    secret, when = chance.choice([(chance.choice(SECRETS), moment + 1), (FOREIGN, moment)])
    near = _signature(body, secret, timestamp=when)
    right = _signature(body, chance.choice(SECRETS), timestamp=moment)
    false = chance.choice(
        [
            near,
            near,
            near,
            chance.randbytes(32).hex(),
            right[:-1],
            right[:32],
            right + "0",
            right.upper(),
            "0x" + right,
            f'"{right}"',
            f"{right[:30]} {right[30:]}",
            right[::-1],
            "",
            "0" * 64,
            "5d41402abc4b2a76b9719d911017c592",
        ]
    )
    return body, f"t={moment},v1={false},alg=sha256"


def _signature(body: bytes, secret: bytes, *, timestamp: int) -> str:
    return sign_webhook(body, secret, timestamp=timestamp).split(",")[1].removeprefix("v1=")


def _odd_time(chance: Chance) -> Pair:
    """Another way to write the time, signed as it is written."""
    body = _body(chance)
    moment = _moment(chance)
    written = chance.choice(
        [
            "",
            "+{}",
            "-{}",
            " {}",
            "{}.0",
            "{}.",
            "0{}",
            "00{}",
            "000{}",
            "{}e0",
            "0x{:x}",
            "{:_}",
            "{},t={}",
            "\u0661{}",
            "{}\u0660",
        ]
    ).format(moment, moment)
    return body, _sign_text(chance, body, written)


def _sign_text(chance: Chance, body: bytes, written: str) -> str:
    message = written.encode() + b"." + body
    digest = hmac.digest(chance.choice(SECRETS), message, hashlib.sha256).hex()
    return f"t={written},v1={digest},alg=sha256"


def _parts_missing_or_twice(chance: Chance) -> Pair:
    body, parts = _pieces(chance)
    if chance.random() < 0.5:
        parts.remove(chance.choice(parts))
    else:
        parts.insert(
            chance.randint(0, 3), chance.choice([*parts, "t=1", "alg=sha256", "alg=none", "alg", "t", "v1", "", " "])
        )
    return body, ",".join(parts)


def _other_algorithm(chance: Chance) -> Pair:
    body, parts = _pieces(chance)
    parts[2] = chance.choice(
        ["alg=SHA256", "alg=sha512", "alg=none", "alg=", "Alg=sha256", "alg=sha256=", "alg= sha256"]
    )
    return body, ",".join(parts)


def _cut_header(chance: Chance) -> Pair:
    body, parts = _pieces(chance)
    header = ",".join(parts)
    start = chance.choice([0, 0, 0, chance.randint(0, len(header))])
    return body, header[start : chance.randint(0, len(header))]


def _spoilt_header(chance: Chance) -> Pair:
    """A few characters put in, left out or exchanged."""
    body, parts = _pieces(chance)
    letters = list(",".join(parts))
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(letters) + 1)
        letters[place : place + chance.randint(0, 1)] = chance.choice(
            [*" ,=t1v0aA;:\t\n\r\0\x7f", "\xa0", "\u2003", "\ud800", "\udfff", "\uff11", "\u0661", "😀", "sha256", ""]
        )
    return body, "".join(letters)


def _changed_body(chance: Chance) -> Pair:
    body, parts = _pieces(chance)
    place = chance.randrange(len(body))
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: body[:place],
        lambda: body[place + 1 :],
        lambda: body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :],
        lambda: body + b"\n",
        lambda: b" " + body,
        lambda: b"\xef\xbb\xbf" + body,
        lambda: json.dumps(json.loads(body), separators=(",", ":")).encode(),
        lambda: json.dumps(json.loads(body), sort_keys=True, indent=1).encode(),
        lambda: json.dumps(dict(reversed(json.loads(body).items())), ensure_ascii=True).encode(),
        lambda: body.decode().encode("utf-16"),
        lambda: b"",
    )
    return chance.choice(changes)(), ",".join(parts)


def _of_another_webhook(chance: Chance) -> Pair:
    body, other = chance.sample(chance.bodies, k=2)
    return body, _signed(chance, other)


def _boundary_moved(chance: Chance) -> Pair:
    """Time and body share the signed message: moving the dot between them must not go through."""
    moment = str(_moment(chance))
    cut = chance.randint(1, len(moment) - 1)
    body = moment[cut:].encode() + b"." + _body(chance)
    header = _sign_text(chance, body, moment[:cut])
    return body.partition(b".")[2], header.replace(f"t={moment[:cut]},", f"t={moment},")


def _noise(chance: Chance) -> Pair:
    header = "".join(
        chr(chance.choice([chance.randrange(128), chance.randrange(0x11_0000)])) for _ in range(chance.randint(0, 60))
    )
    return chance.randbytes(chance.randint(0, 60)), header


def _no_text(chance: Chance) -> Pair:
    body, parts = _pieces(chance)
    header = ",".join(parts)
    wrong: list[tuple[object, object]] = [
        (body, None),
        (body, header.encode()),
        (body, parts),
        (body, 5),
        (body, 1e400),
        (body.decode(), header),
        (None, header),
        (7, header),
        (list(body), header),
    ]
    odd_body, odd_header = chance.choice(wrong)
    return odd_body, odd_header


Maker = Callable[[Chance], Pair]

_MAKERS: tuple[tuple[Maker, int], ...] = (
    (_genuine, 12),
    (_rearranged, 10),
    (_exchanging_secrets, 6),
    (_hundred_signatures, 1),
    (_at_the_edge_of_time, 6),
    (_stale_or_future, 6),
    (_forged, 10),
    (_odd_time, 8),
    (_parts_missing_or_twice, 8),
    (_other_algorithm, 4),
    (_cut_header, 6),
    (_spoilt_header, 14),
    (_changed_body, 8),
    (_of_another_webhook, 3),
    (_boundary_moved, 3),
    (_noise, 4),
    (_no_text, 3),
)
