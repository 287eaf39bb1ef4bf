"""Signatures: none accepted wrongly, none refused wrongly, nothing raised but `SignatureError`."""

from __future__ import annotations

import hmac
import os
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
import webhook_reference as reference
from hypothesis import given, strategies as st
from webhook_mutations import FOREIGN, NOW, SECRETS, TOLERANCE_S, cases

from pique_assets.api.signatures import SignatureError, SigningKeys, verify_older_signature, verify_signature
from pique_assets.local.webhook_sender import signature_header
from pique_assets.testing.signing import sign_webhook, sign_webhook_without_time

# CI judges five times as many.
INPUTS = 100_000 if "PIQUE_TEST_LONG" in os.environ else 20_000
SEED = int(os.environ.get("PIQUE_TEST_SEED") or 20261121)
SECRET = "whsec_0123456789abcdef"
BODY = b'{"job_id": "job_1"}'


def accepted(body: object, header: object, secrets: object = SECRET, **options: object) -> bool:
    try:
        signature = verify_signature(body, header, secrets, **options)
    except SignatureError:
        return False
    assert signature.v1
    return True


def header_at(moment: int = NOW, *secrets: str) -> str:
    return sign_webhook(BODY, *(secrets or (SECRET,)), timestamp=moment)


def test_nothing_but_a_comparison_in_constant_time_accepts_a_signature(monkeypatch):
    """How long a comparison by ``==`` takes tells a forger how many of his digits are right."""
    compared: list[tuple[bytes, bytes]] = []

    def never_equal(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    others = ("whsec_aaaaaaaaaaaaaaaa", "whsec_bbbbbbbbbbbbbbbb")
    genuine = header_at(NOW, SECRET, others[0])
    assert accepted(BODY, genuine, [SECRET, *others], now=NOW)
    monkeypatch.setattr(hmac, "compare_digest", never_equal)
    assert not accepted(BODY, genuine, [SECRET, *others], now=NOW)
    # Each of three keys with each of two signatures: neither does the first that fits end the search.
    assert len(compared) == 6
    compared.clear()
    with pytest.raises(SignatureError):
        verify_older_signature(BODY, sign_webhook_without_time(BODY, SECRET), SECRET)
    assert len(compared) == 1


def test_a_signature_that_fits_does_not_end_the_search(monkeypatch):
    calls: list[bytes] = []
    compare = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        calls.append(one)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    others = ("whsec_aaaaaaaaaaaaaaaa", "whsec_bbbbbbbbbbbbbbbb")
    assert accepted(BODY, header_at(NOW, SECRET, others[0]), [SECRET, *others], now=NOW)
    assert len(calls) == 6


@pytest.mark.slow
def test_tens_of_thousands_of_webhooks_are_judged_as_the_reference_judges_them():
    keys = SigningKeys(SECRETS)
    made: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for number, case in enumerate(cases(SEED, count=INPUTS)):
        # Each way to give the secrets and the time is taken in turn.
        secrets = keys if number % 2 else list(SECRETS)
        now = NOW if number % 3 else datetime.fromtimestamp(NOW, tz=timezone(timedelta(hours=5)))
        expected = reference.accepts(case.body, case.header, SECRETS, tolerance_s=TOLERANCE_S, now=NOW)
        found = accepted(case.body, case.header, secrets, tolerance_s=TOLERANCE_S, now=now)
        assert found == expected, (SEED, number, case)
        made[case.kind] += 1
        taken[case.kind] += found
    print(f"\n{INPUTS} webhooks, {taken.total()} accepted (PIQUE_TEST_SEED={SEED})")
    for kind, count in sorted(made.items()):
        print(f"  {kind}: {count}, {taken[kind]} accepted")
    # What the reference would have to be wrong about, too.
    for kind in ("genuine", "rearranged"):
        assert taken[kind] == made[kind] > 0
    for kind in ("forged", "stale_or_future", "of_another_webhook", "boundary_moved", "other_algorithm", "no_text"):
        assert taken[kind] == 0 < made[kind]
    for kind in ("exchanging_secrets", "hundred_signatures", "at_the_edge_of_time", "odd_time"):
        assert 0 < taken[kind] < made[kind]


@given(
    body=st.one_of(st.binary(), st.none(), st.text(), st.integers(), st.lists(st.integers())),
    header=st.one_of(
        st.text(st.characters(exclude_categories=())), st.binary(), st.none(), st.floats(), st.lists(st.text())
    ),
    now=st.one_of(st.integers(), st.floats(), st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.text()),
    tolerance_s=st.one_of(st.integers(), st.floats(), st.none(), st.text()),
)
def test_whatever_comes_is_refused_with_one_kind_of_error(body, header, now, tolerance_s):
    with pytest.raises(SignatureError):
        verify_signature(body, header, SECRET, now=now, tolerance_s=tolerance_s)
    with pytest.raises(SignatureError):
        verify_older_signature(body, header, SECRET)


@pytest.mark.parametrize("tolerance_s", [float("nan"), -1, None, "300"])
def test_a_tolerance_that_is_none_lets_nothing_through(tolerance_s):
    assert accepted(BODY, header_at(), now=NOW)
    assert not accepted(BODY, header_at(), now=NOW, tolerance_s=tolerance_s)


@pytest.mark.parametrize(
    "now", [float("nan"), float("inf"), 10**400, -(10**400), "now", datetime(2024, 11, 26), datetime.max, datetime.min]
)
def test_an_absurd_time_lets_nothing_through(now):
    assert not accepted(BODY, header_at(), now=now)


def test_without_a_time_given_it_is_that_of_the_clock():
    assert accepted(BODY, sign_webhook(BODY, SECRET))
    assert not accepted(BODY, header_at(NOW))


def test_the_tolerance_is_five_minutes_to_both_sides_unless_another_is_given():
    assert accepted(BODY, header_at(NOW - 300), now=NOW) and accepted(BODY, header_at(NOW + 300), now=NOW)
    assert not accepted(BODY, header_at(NOW - 301), now=NOW)
    assert not accepted(BODY, header_at(NOW + 301), now=NOW)
    assert not accepted(BODY, header_at(NOW - 1), now=NOW, tolerance_s=0.5)
    assert accepted(BODY, header_at(0), now=NOW, tolerance_s=NOW)


def test_what_was_read_is_returned_frozen_and_does_not_show_its_signatures():
    header = header_at(NOW, SECRET, "whsec_another-one-of-them")
    signature = verify_signature(BODY, header, SECRET, now=NOW)
    assert (signature.timestamp, len(signature.v1)) == (NOW, 2)
    assert signature.v1[0] not in repr(signature)
    with pytest.raises(AttributeError):
        signature.timestamp = 5


def test_the_time_is_signed_as_it_is_written():
    (digest,) = SigningKeys(SECRET).sign([b"000000000005.", BODY])
    assert accepted(BODY, f"t=000000000005,v1={digest},alg=sha256", now=5)
    assert not accepted(BODY, f"t=5,v1={digest},alg=sha256", now=5)
    assert not accepted(BODY, f"t=0000000000005,v1={digest},alg=sha256", now=5)


@pytest.mark.parametrize(
    "secrets", ["", b"", [], (), [SECRET, ""], "short", [SECRET, b"fifteen bytes.."], None, [5], 7]
)
def test_missing_and_short_secrets_are_the_operators_mistake(secrets):
    for header in (header_at(), "nonsense", None):
        with pytest.raises(ValueError, match="secret") as refused:
            verify_signature(BODY, header, secrets, now=NOW)
        assert not isinstance(refused.value, SignatureError)
        assert "fifteen" not in str(refused.value) and "short" not in str(refused.value)


@pytest.mark.parametrize(
    "secrets", [SECRET, SECRET.encode(), [SECRET], (FOREIGN, SECRET), {SECRET: 1}, iter([FOREIGN, SECRET.encode()])]
)
def test_secrets_are_one_or_several_as_text_or_bytes(secrets):
    assert accepted(BODY, header_at(), secrets, now=NOW)


def test_a_secret_may_be_any_text():
    secret = "whsec_\ud800 half a letter"
    (digest,) = SigningKeys(secret).sign([b"5.", BODY])
    assert accepted(BODY, f"t=5,v1={digest},alg=sha256", secret, now=5)


def test_no_secret_shows_in_a_key_an_error_or_its_traceback():
    import traceback

    keys = SigningKeys([SECRET])
    assert SECRET not in repr(keys) and SECRET not in repr(vars(type(keys)))
    with pytest.raises(SignatureError) as refused:
        verify_signature(BODY, header_at(NOW, "whsec_another-one-of-them"), keys, now=NOW)
    shown = traceback.TracebackException.from_exception(refused.value, capture_locals=True).format()
    assert SECRET not in "".join(shown)


@pytest.mark.parametrize("body", [BODY, b"", b"\xff\x00", bytearray(BODY), memoryview(BODY)])
def test_what_the_local_pique_signs_is_accepted(body):
    assert accepted(body, signature_header(bytes(body), secret=SECRET, timestamp=NOW), now=NOW)


def test_the_sample_that_pique_prints_is_too_short_to_be_accepted():
    assert not accepted(BODY, "t=1732654321,v1=5d41402abc4b2a76b9719d911017c592,alg=sha256", now=NOW)


def test_the_older_header_is_the_hex_hmac_of_the_body():
    plain = sign_webhook_without_time(BODY, SECRET)
    for header in (plain, f"sha256={plain}", f" {plain} "):
        verify_older_signature(BODY, header, [FOREIGN, SECRET])
    for header in (
        plain[:-1],
        plain + "0",
        f"sha1={plain}",
        f"v1={plain}",
        plain.upper(),
        "",
        f"{plain},{plain}",
        None,
    ):
        with pytest.raises(SignatureError):
            verify_older_signature(BODY, header, SECRET)
    with pytest.raises(SignatureError):
        verify_older_signature(BODY + b" ", plain, SECRET)
    with pytest.raises(ValueError, match="secret"):
        verify_older_signature(BODY, plain, [])
