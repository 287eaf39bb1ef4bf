"""Inventory items to rows of the `content` table and back, without holding them all."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings, strategies as st

from pique_assets.assets.content_rows import ContentRows, content_table
from pique_assets.media import ContentItem

# What a row does not keep: an upload reads the file anew.
NOT_KEPT = {"media_type": None}
words = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
items = st.builds(
    ContentItem,
    content_uri=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    filename=st.just("a.mp4"),
    size_bytes=st.none() | st.integers(0, 1 << 40),
    content_type=st.none() | st.sampled_from(["video", "image"]),
    fingerprint=st.none() | st.just("f" * 64),
    title=words,
    description=words,
    error_code=st.none() | st.just("empty"),
    error=words,
    version=words,
    crc32c=st.none() | st.integers(0, 2**32 - 1),
)


# The first example imports pyarrow.
@settings(deadline=None)
@given(given_items=st.lists(items, max_size=9, unique_by=lambda item: item.content_uri))
def test_items_come_back_as_they_were_in_the_order_of_their_uris(given_items):
    rows = ContentRows(content_table(iter(given_items)))
    expected = sorted(given_items, key=lambda item: item.content_uri.encode())
    expected = [dataclasses.replace(item, **NOT_KEPT) for item in expected]
    assert list(rows) == expected
    assert [rows[position] for position in range(len(rows))] == expected
    assert list(rows[1:-1]) == expected[1:-1]
    assert list(reversed(rows)) == expected[::-1]


def test_there_is_no_item_beyond_the_last():
    with pytest.raises(IndexError):
        ContentRows(content_table([]))[0]


def test_thousands_of_items_come_piece_by_piece():
    many = [ContentItem(content_uri=f"/media/{number:05}.mp4", filename="a.mp4") for number in range(1700)]
    rows = ContentRows(content_table(reversed(many)))
    assert list(rows) == many
    assert rows[1234] == many[1234]
