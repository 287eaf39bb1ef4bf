"""Paths of metrics are unambiguous both ways."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from pique_assets.lake.metrics import escape_key, join_path, split_path

keys = st.text(st.characters() | st.sampled_from("\x00.\\eu0\ud800\udfff"), max_size=6)


@settings(deadline=None)
@given(st.lists(keys).map(tuple))
def test_splitting_undoes_joining(path_keys: tuple[str, ...]) -> None:
    assert split_path(join_path(path_keys)) == path_keys


@settings(deadline=None)
@given(keys)
def test_an_escaped_key_is_text_any_file_can_hold(key: str) -> None:
    escaped = escape_key(key)
    assert escaped.encode()
    assert "\x00" not in escaped


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ((), ""),
        (("",), r"\e"),
        (("", ""), r"\e.\e"),
        (("a.b", "c"), r"a\.b.c"),
        (("a\\", "e"), r"a\\.e"),
        (("clean workspace", "a/b"), "clean workspace.a/b"),
        (("\x00", "\ud800"), r"\u0000.\ud800"),
    ],
)
def test_paths_read_as_documented(keys: tuple[str, ...], path: str) -> None:
    assert join_path(keys) == path
    assert split_path(path) == keys


@pytest.mark.parametrize(
    "path", [".", "a.", ".a", "a..b", "\\", "\\x", "a\\e", "\\ea", "\\u00g0", "\\e\\e", "a\\..", "\\e."]
)
def test_paths_nobody_wrote_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="metric path"):
        split_path(path)
