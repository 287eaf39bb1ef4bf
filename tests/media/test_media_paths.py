"""A path on a disk is taken as it is written: `?`, `#`, `%`, `*`, `[` and `::` in it mean nothing."""

from __future__ import annotations

import pytest

from pique_assets.media import DatedFolder, Manifest, SocialUrls, inventory, open_content, open_source
from pique_assets.media.files import to_path

NAMES = ["ads? round 1", "a*b", "[ab]", "week #3", "50% off", "a%20b", "%7Bdate%7D", "a::b", "gs:", "été", "a;b&c=d"]


@pytest.fixture(params=NAMES)
def home(request, tmp_path):
    """A folder of that name, beside others that a pattern, or a part of an address, would find."""
    for neighbour in ("ads", "aXb", "a", "a b", "week ", "50"):
        (tmp_path / neighbour / "2026-03-02").mkdir(parents=True)
        (tmp_path / neighbour / "2026-03-02" / "wrong.mp4").write_bytes(b"another file")
    folder = tmp_path / request.param
    folder.mkdir()
    return folder


def items(source, date):
    return list(inventory(open_source(source), date=date))


def test_a_dated_folder(home, date, mp4):
    day = home / "2026-03-02" / home.name
    day.mkdir(parents=True)
    path = day / f"{home.name}.mp4"
    path.write_bytes(mp4)
    for root in (home, str(home), home.as_uri()):
        (item,) = items(DatedFolder(root), date)
        assert item.is_ready
        assert to_path(item.content_uri) == path
    with open_content(item.content_uri, size_bytes=item.size_bytes, fingerprint=item.fingerprint) as opened:
        assert opened.read() == mp4


def test_a_manifest_and_what_it_names(home, date, mp4):
    (home / "clips").mkdir()
    for name in ("a?b#c%20d.mp4", "e*[f].mp4"):
        (home / "clips" / name).write_bytes(mp4 + name.encode())
    lines = "uri\nclips/a?b#c%20d.mp4\nclips/e*[f].mp4\n"
    (home / "2026-03-02.csv").write_text(lines)
    (home / "list.csv").write_text(lines.replace("uri\n", "uri,date\n").replace(".mp4\n", ".mp4,2026-03-02\n"))
    for manifest in (Manifest(home / "{date}.csv"), Manifest(home / "list.csv")):
        assert [item.filename for item in items(manifest, date) if item.is_ready] == ["a?b#c%20d.mp4", "e*[f].mp4"]


def test_a_list_of_urls(home, date):
    (home / "2026-03-02.txt").write_text("https://video.example/watch?v=1\n")
    for source in (SocialUrls(home), SocialUrls(home / "{date}.txt")):
        assert [item.content_uri for item in items(source, date)] == ["https://video.example/watch?v=1"]
