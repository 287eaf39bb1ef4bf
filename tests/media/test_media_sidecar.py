"""Sidecars: what counts as one, and what a bad one does to its file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from pique_assets.media import ContentError
from pique_assets.media.sidecar import parse_sidecar

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner),
    max_leaves=4,
)


def test_a_file_without_a_sidecar_has_no_words(folder):
    folder.add("clip.mp4")
    assert (folder.only().title, folder.only().description) == (None, None)


@pytest.mark.parametrize("words", [{}, {"title": None}, {"title": "", "description": ""}])
def test_absent_null_and_empty_words_are_all_none(folder, words):
    folder.add("clip.mp4", words=words)
    item = folder.only()
    assert item.is_ready
    assert (item.title, item.description) == (None, None)


def test_a_sidecar_may_begin_with_a_byte_order_mark(folder):
    folder.add("clip.mp4").with_name("clip.mp4.json").write_bytes(b'\xef\xbb\xbf{"title": "T"}')
    assert folder.only().title == "T"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"title": "\xff"}', "not JSON in UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'["title"]', "not a JSON object"),
        (b'{"title": 5}', "title that is not text"),
        (b'{"description": {"en": "x"}}', "description that is not text"),
        (b'{"title": "\\ud800"}', "surrogate"),
        (b'{"content_type": "hologram"}', "hologram"),
        (b'{"title": "' + b"x" * 300_000 + b'"}', "larger"),
    ],
)
def test_a_bad_sidecar_is_a_reason_on_its_file(folder, body, reason):
    folder.add("clip.mp4").with_name("clip.mp4.json").write_bytes(body)
    item = folder.only()
    assert (item.filename, item.error_code) == ("clip.mp4", "bad_sidecar")
    assert reason in item.error


def test_a_sidecar_without_its_file_is_not_passed_over(folder):
    folder.add("clip.json", b'{"title": "misnamed"}')
    folder.add("clip.mp4")
    sidecar, clip = folder.items()
    assert (sidecar.filename, sidecar.error_code) == ("clip.json", "unsupported_type")
    assert "clip.mp4.json" in sidecar.error
    assert clip.is_ready


def test_a_sidecar_has_no_sidecar(folder):
    folder.add("clip.mp4", words={"title": "T"})
    folder.add("clip.mp4.json.json", b"{}")
    assert [(item.filename, item.error_code) for item in folder.items()] == [
        ("clip.mp4", None),
        ("clip.mp4.json.json", "unsupported_type"),
    ]


def test_a_sidecar_can_say_that_a_container_holds_sound_only(folder):
    folder.add("talk.mp4", words={"content_type": "audio"})
    item = folder.only()
    assert (item.content_type, item.media_type) == ("audio", "audio/mp4")


def test_a_sidecar_cannot_turn_a_video_into_an_image(folder):
    folder.add("clip.mp4", words={"content_type": "image"})
    assert folder.only().error_code == "type_mismatch"


@given(
    title=texts,
    description=texts,
    more=st.dictionaries(texts, json_values, max_size=3),
    ensure_ascii=st.booleans(),
)
def test_any_words_come_back_as_they_were_written(title, description, more, ensure_ascii):
    words = {**more, "title": title, "description": description, "content_type": None}
    body = json.dumps(words, ensure_ascii=ensure_ascii).encode()
    parsed = parse_sidecar(body, uri="file:///clip.mp4.json")
    assert (parsed.title or "", parsed.description or "") == (title, description)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_words_or_a_reason(body):
    try:
        parse_sidecar(body, uri="file:///clip.mp4.json")
    except ContentError as error:
        assert error.code == "bad_sidecar"
