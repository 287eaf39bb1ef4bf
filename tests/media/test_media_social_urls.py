"""Lists of social media URLs: which lists a date has, what their lines become, and when two URLs are one."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gcs_server import running_gcs_server
from hypothesis import given, strategies as st

from pique_assets.media import (
    ContentError,
    SocialUrls,
    SourceInvalid,
    SourceUnavailable,
    canonical_url,
    inventory,
    open_source,
    url_fingerprint,
)
from pique_assets.media.video_addresses import video_address

DAY = dt.date(2026, 3, 2)
FIRST, SECOND, THIRD = (f"https://video.example/watch?v={name}" for name in ("one", "two", "three"))


def items(path: Path | str, *, date: dt.date = DAY, client=None):
    reader = open_source(SocialUrls(path), gcs_client_factory=None if client is None else lambda: client)
    return list(inventory(reader, date=date, threads=2))


def urls(path: Path | str, *, date: dt.date = DAY):
    return [item.content_uri for item in items(path, date=date)]


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes, name: str = "2026-03-02.txt") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_each_line_is_a_video_with_a_fingerprint_made_of_its_url(write, tmp_path):
    write(f"# of the spring campaign\n\n  {FIRST}\t\r\n{SECOND}\n")
    first, second = items(tmp_path)
    assert first.is_ready and second.is_ready
    assert (first.content_uri, first.filename) == (FIRST, "video.example/watch?v=one")
    assert (first.content_type, first.size_bytes) == ("video", None)
    assert first.fingerprint == url_fingerprint(FIRST) != second.fingerprint
    assert len(first.fingerprint) == 64


def test_a_fingerprint_is_never_that_of_a_file_which_holds_the_url():
    assert url_fingerprint(FIRST) != hashlib.sha256(FIRST.encode()).hexdigest()


def test_a_url_counts_once_and_each_repeat_is_a_row_that_names_the_first(write, tmp_path):
    path = write(f"{FIRST}\n{FIRST}#t=20\nHTTPS://Video.Example:443/watch?v=one\n")
    more = write(f"{SECOND}\n{FIRST}\n", "2026-03-02/a.txt")
    found = items(tmp_path)
    assert [item.content_uri for item in found if item.is_ready] == [FIRST, SECOND]
    assert [(item.content_uri, item.error_code, item.error) for item in found if not item.is_ready] == [
        (f"{path.as_uri()}#line=2", "repeated", f"Line 2: The URL is listed on line 1 already: {FIRST}"),
        (f"{path.as_uri()}#line=3", "repeated", f"Line 3: The URL is listed on line 1 already: {FIRST}"),
        (
            f"{more.as_uri()}#line=2",
            "repeated",
            f"Line 2: The URL is listed on line 1 of {path.name} already: {FIRST}",
        ),
    ]


def test_a_fragment_that_is_part_of_an_address_makes_a_video_of_its_own(write, tmp_path):
    listed = [
        "https://player.example.org/#/video/1",
        "https://player.example.org/#/video/2",
        "https://player.example.org/#!/video/2",
        "https://mega.nz/file/abc#decryption-key",
    ]
    write("\n".join(listed))
    found = items(tmp_path)
    assert [item.content_uri for item in found] == listed
    assert len({item.fingerprint for item in found}) == len(listed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://youtu.be/dQw4w9WgXcQ?si=AAA", "https://youtu.be/dQw4w9WgXcQ?si=BBB"),
        ("https://www.youtube.com/watch?v=a", "https://www.youtube.com/watch?v=a&feature=share&t=30"),
        ("https://www.instagram.com/reel/a/", "https://www.instagram.com/reel/a/?igsh=MTk"),
        ("https://x.com/a/status/1?s=20", "https://x.com/a/status/1?t=abc&s=46"),
        ("https://video.example/a?v=1", "https://video.example/a?v=1&utm_source=mail&fbclid=Iw"),
        ("https://video.example/a?utm_source=mail#/1", "https://video.example/a#/1"),
        ("https://youtu.be/dQw4w9WgXcQ?si=AAA", "https://www.youtube.com/watch?list=PL1&v=dQw4w9WgXcQ&index=2"),
        ("https://m.youtube.com/shorts/dQw4w9WgXcQ", "http://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?autoplay=1"),
        ("https://www.youtube.com/live/dQw4w9WgXcQ/", "https://music.youtube.com/watch?v=dQw4w9WgXcQ"),
        ("https://www.tiktok.com/@a/video/1?is_from_webapp=1", "https://tiktok.com/@renamed/video/1"),
        ("https://twitter.com/a/status/1", "https://mobile.x.com/i/web/status/1?s=20"),
        ("https://www.instagram.com/reel/a_-/", "https://instagram.com/someone/p/a_-?igsh=MTk"),
        ("https://vimeo.com/1", "https://player.vimeo.com/video/1"),
        ("https://dai.ly/x8abc", "https://www.dailymotion.com/video/x8abc?playlist=x1"),
    ],
)
def test_what_names_no_other_video_makes_a_repeat_and_changes_no_fingerprint(write, tmp_path, one, other):
    write(f"{one}\n{other}\n")
    first, repeat = items(tmp_path)
    # As it was before repeats were told, or whoever evaluated the URL would pay for it again.
    assert (first.content_uri, first.fingerprint) == (one, url_fingerprint(one))
    assert (repeat.error_code, one in repeat.error) == ("repeated", True)
    assert "The video of this URL is listed on line 1 already" in repeat.error
    assert video_address(video_address(one)) == video_address(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://video.example/a?si=1", "https://video.example/a?si=2"),
        ("https://video.example/a?t=1", "https://video.example/a?t=2"),
        ("https://video.example/watch?v=a", "https://video.example/watch?v=b"),
        ("https://notyoutube.com/watch?si=a", "https://notyoutube.com/watch?si=b"),
        ("https://www.instagram.com/p/a/?img_index=1", "https://www.instagram.com/p/a/?img_index=2"),
        ("https://video.example/#video-1", "https://video.example/#video-2"),
        ("https://video.example/#t=1&v=1", "https://video.example/#t=1&v=2"),
        ("https://www.youtube.com/#/watch?v=a", "https://www.youtube.com/#/watch?v=b"),
        ("https://youtu.be/dQw4w9WgXcQ", "https://youtu.be/dQw4w9WgXcq"),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ&v=aaaaaaaaaaa"),
        ("https://youtu.be/dQw4w9WgXcQ", "https://notyoutube.com/watch?v=dQw4w9WgXcQ"),
        ("https://www.youtube.com/clip/dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"),
        ("https://www.youtube.com/embed/videoseries?list=a", "https://www.youtube.com/embed/videoseries?list=b"),
        ("https://www.youtube.com/embed/live_stream?channel=a", "https://www.youtube.com/embed/live_stream?channel=b"),
        ("https://www.tiktok.com/@a/video/1", "https://www.tiktok.com/@a/photo/1"),
        ("https://x.com/a/status/1", "https://x.com/a/status/1/video/2"),
        ("https://vimeo.com/1", "https://vimeo.com/1/0123abcd"),
        ("https://vimeo.com/1", "https://vimeo.com/1?h=0123abcd"),
    ],
)
def test_what_may_name_another_video_is_never_a_repeat(write, tmp_path, one, other):
    write(f"{one}\n{other}\n")
    assert urls(tmp_path) == [one, other]


def test_a_folder_may_have_a_list_for_each_date_and_a_folder_of_lists(write, tmp_path):
    write(f"{FIRST}\n")
    write(f"url,campaign\n{SECOND},spring\n", "2026-03-02/b.csv")
    write(f"{THIRD}\n", "2026-03-02/a.txt")
    write("https://video.example/tomorrow\n", "2026-03-03.txt")
    write("litter", "2026-03-02/.DS_Store")
    assert urls(tmp_path) == [FIRST, THIRD, SECOND]
    assert urls(tmp_path, date=dt.date(2026, 3, 4)) == []


def test_what_is_no_list_has_a_row_that_says_so(write, tmp_path):
    write("https://video.example/1\n", "2026-03-02/urls.md")
    (item,) = items(tmp_path)
    assert (item.filename, item.error_code) == ("urls.md", "unsupported_type")
    assert ".txt" in item.error


def test_a_path_with_a_date_in_it_names_a_list_for_each_date(write, tmp_path):
    write(f"{FIRST}\n", "urls-2026-03-02.txt")
    assert urls(tmp_path / "urls-{date}.txt") == [FIRST]
    assert urls(tmp_path / "urls-{date}.txt", date=dt.date(2026, 3, 3)) == []


def test_a_csv_of_all_dates_gives_those_of_the_date(write):
    path = write(f"date,url\n2026-03-02,{FIRST}\n2026-03-03,{SECOND}\nsoon,{THIRD}\n", "all.csv")
    first, wrong = items(path)
    assert first.content_uri == FIRST
    assert (wrong.error_code, wrong.content_uri) == ("bad_manifest_line", f"{path.as_uri()}#line=4")
    assert "Line 4" in wrong.error and "soon" in wrong.error


def test_parquet_gives_what_csv_gives(tmp_path):
    table = pa.table({"url": [FIRST, SECOND, None], "date": [DAY, dt.date(2026, 3, 3), DAY]})
    pq.write_table(table, tmp_path / "all.parquet")
    first, missing = items(tmp_path / "all.parquet")
    assert first.content_uri == FIRST
    assert (missing.error_code, missing.error) == ("bad_url", "Line 3: The URL is missing.")


WRONG = {
    "ftp://video.example/a": "http or https",
    "video.example/watch": "http or https",
    "https:/video.example/a": "http or https",
    "javascript:alert(1)": "http or https",
    "file:///etc/passwd": "http or https",
    "https:///watch?v=1": "names no host",
    "https://../a": "names no host",
    "https://video.example:port/a": "makes no sense",
    "https://video.example:70000/a": "makes no sense",
    "https://[::1/a": "makes no sense",
    "https://video.example/a b": "U+0020",
    "https://video.example/a\u200b": "U+200B",
    "<https://video.example/a>": "belongs in no URL",
    "https://video.example\\@elsewhere.example/": "belongs in no URL",
    "https://video.example/" + "a" * 2048: "more than 2048",
    "https://storage.example/a.mp4?x-goog-signature=5ec12e7": "signed URL",
    "https://me:s3cret@video.example/a": "user name or password",
    "https://video.example/#access_token=5ec12e7&state=1": "a token",
}


def test_a_wrong_line_is_a_row_with_its_number_and_the_others_count(write, tmp_path):
    path = write("\n".join([FIRST, *WRONG, SECOND]))
    found = items(tmp_path)
    assert [item.content_uri for item in found if item.is_ready] == [FIRST, SECOND]
    wrong = [item for item in found if not item.is_ready]
    for number, (item, reason) in enumerate(zip(wrong, WRONG.values(), strict=True), start=2):
        assert item.error_code == "bad_url"
        assert item.content_uri == f"{path.as_uri()}#line={number}"
        assert item.error.startswith(f"Line {number}: ") and reason in item.error, item.error


def test_no_reason_repeats_a_password_or_a_signature(write, tmp_path):
    write("\n".join(WRONG))
    said = repr(items(tmp_path))
    assert "s3cret" not in said and "5ec12e7" not in said


def test_a_line_that_is_not_utf_8_is_a_row(write, tmp_path):
    write(b"https://video.example/\xff\n" + FIRST.encode())
    wrong, right = items(tmp_path)
    assert (wrong.error_code, right.content_uri) == ("bad_manifest_line", FIRST)
    assert "Line 1" in wrong.error


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("HTTP://Video.Example", "http://video.example/"),
        ("http://video.example:80/A%20b", "http://video.example/A%20b"),
        ("https://video.example:/?b=2&a=1#top", "https://video.example/?b=2&a=1"),
        ("https://video.example/a#", "https://video.example/a"),
        ("https://video.example/a#comment-17", "https://video.example/a"),
        ("https://video.example/a#xywh=0,0,9,9&t=10,20", "https://video.example/a"),
        ("https://video.example/a#:~:text=bunny", "https://video.example/a"),
        ("https://video.example/a#/b:~:text=bunny", "https://video.example/a#/b"),
        ("https://vimeo.com/123#anything", "https://vimeo.com/123"),
        ("https://video.example/a#anything", "https://video.example/a#anything"),
        ("https://video.example:80/", "https://video.example:80/"),
        ("https://video.example?", "https://video.example/?"),
        ("https://[2001:DB8::1]:443/a//b/../c", "https://[2001:db8::1]/a//b/../c"),
        ("https://video.example/@user/video/123?lang=de", "https://video.example/@user/video/123?lang=de"),
    ],
)
def test_only_what_cannot_matter_is_written_anew(written, canonical):
    assert canonical_url(written) == canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://video.example/a", "https://video.example/a"),
        ("https://video.example/a", "https://video.example/a/"),
        ("https://video.example/a", "https://video.example/A"),
        ("https://video.example/?a=1&b=2", "https://video.example/?b=2&a=1"),
        ("https://www.video.example/a", "https://video.example/a"),
    ],
)
def test_what_may_matter_stays_different(one, other):
    assert url_fingerprint(canonical_url(one)) != url_fingerprint(canonical_url(other))


@given(st.text(max_size=60) | st.from_regex(r"(?i)https?://[a-z0-9.:@\[\]/?#%&=]{0,40}", fullmatch=True))
def test_any_text_is_a_url_or_a_reason_and_the_canonical_form_is_steady(text):
    try:
        canonical = canonical_url(text)
    except ContentError as error:
        assert error.code == "bad_url"
        return
    assert canonical_url(canonical) == canonical
    assert canonical.startswith(("http://", "https://"))
    assert video_address(video_address(canonical)) == video_address(canonical)


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "empty"), ("urls.txt", "{date}"), ("urls/{date}", "must end in"), ("  ", "empty")],
)
def test_a_path_that_can_only_be_a_slip_is_refused(path, message):
    with pytest.raises(ValueError, match=message):
        SocialUrls(path)


def test_lists_that_are_not_there_are_said(tmp_path, write):
    with pytest.raises(SourceUnavailable, match="nowhere"):
        items(tmp_path / "nowhere")
    with pytest.raises(SourceUnavailable, match=r"all\.csv"):
        items(tmp_path / "all.csv")
    with pytest.raises(SourceUnavailable, match="nowhere"):
        items(tmp_path / "nowhere" / "{date}.txt")
    (tmp_path / "2026-03-02.txt").mkdir()
    with pytest.raises(SourceUnavailable, match="not a regular file"):
        items(tmp_path)


def test_a_list_without_a_url_column_is_said(write):
    with pytest.raises(SourceInvalid, match="no url column"):
        items(write(f"uri,date\n{FIRST},2026-03-02\n", "all.csv"))
    with pytest.raises(SourceInvalid, match="no date column"):
        items(write(f"url\n{FIRST}\n", "all.csv"))


@pytest.mark.slow
def test_a_bucket_gives_what_a_folder_gives(tmp_path, write):
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    lists = {"2026-03-02.txt": f"{FIRST}\nnot a url\n", "2026-03-02/more.csv": f"url\n{SECOND}\n"}
    for name, text in lists.items():
        write(text, f"lists/{name}")
    (tmp_path / "gcs").mkdir()
    with (
        running_gcs_server(tmp_path / "gcs") as url,
        storage.Client(
            project="test", credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        ) as client,
    ):
        bucket = client.create_bucket("lists-of-urls")
        for name, text in lists.items():
            bucket.blob(f"lists/{name}").upload_from_string(text)
        remote = items("gs://lists-of-urls/lists", client=client)
        dated = items("gs://lists-of-urls/lists/{date}.txt", client=client)
        with pytest.raises(SourceUnavailable, match="no bucket"):
            items("gs://no-such-bucket/lists", client=client)
    local = items(tmp_path / "lists")
    facts = ("filename", "fingerprint", "error_code", "error")
    assert [[getattr(item, fact) for fact in facts] for item in local] == [
        [getattr(item, fact) for fact in facts] for item in remote
    ]
    assert [item.content_uri for item in remote if item.is_ready] == [FIRST, SECOND]
    assert len(dated) == 2
