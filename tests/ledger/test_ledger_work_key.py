"""Two wishes have one key exactly when Pique's answer would be the same."""

from __future__ import annotations

from hypothesis import given, strategies as st

from pique_assets.ledger import work_key

_FIELDS = ("fingerprint", "judge_id", "judge_configuration_hash", "content_type")
_text = st.text(alphabet=st.characters(), max_size=8)
_wishes = st.fixed_dictionaries(
    dict.fromkeys(_FIELDS, _text) | {name: st.none() | _text for name in ("title", "description")}
)
WISH = {
    "fingerprint": "f" * 64,
    "judge_id": "judge_abc123",
    "judge_configuration_hash": "c" * 64,
    "content_type": "video",
    "title": "Title",
    "description": None,
}


@given(_wishes, _wishes)
def test_keys_are_equal_exactly_when_the_wishes_are(one, other):
    assert (work_key(**one) == work_key(**other)) == (one == other)


@given(_wishes, st.randoms())
def test_the_order_of_the_fields_does_not_matter(wish, random):
    names = list(wish)
    random.shuffle(names)
    assert work_key(**{name: wish[name] for name in names}) == work_key(**wish)


def test_nothing_is_mistaken_for_something_else():
    variants = [
        WISH,
        {**WISH, "description": ""},
        {**WISH, "description": "None"},
        {**WISH, "description": "null"},
        {**WISH, "title": None, "description": "Title"},
        {**WISH, "title": "e\u0301"},
        {**WISH, "title": "\u00e9"},
        {**WISH, "title": "\udcff"},
    ]
    assert len({work_key(**wish) for wish in variants}) == len(variants)


def test_the_key_of_a_wish_never_changes():
    assert work_key(**WISH) == "03fbfa7baa24c4166375196e0af21dbbe18bfa5053acc5f83d4413059b7ae695"
