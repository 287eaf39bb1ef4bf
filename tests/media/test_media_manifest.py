"""Manifests: what lines become, and what a broken manifest says."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

from pique_assets.media import Manifest, MediaError, SourceInvalid, SourceUnavailable, inventory, open_source

DAY = dt.date(2026, 3, 2)


def entries(path: Path | str, *, date: dt.date = DAY):
    return list(open_source(Manifest(path)).list_entries(date))


def items(path: Path | str, *, date: dt.date = DAY):
    return list(inventory(open_source(Manifest(path)), date=date))


@pytest.fixture
def clips(tmp_path, mp4):
    """A folder with clips, beside which the manifests lie."""
    for name in ("a.mp4", "sub/b c.mp4", "c.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mp4)
    return tmp_path


@pytest.fixture
def write(clips):
    def write(text: str | bytes, name: str = "list.csv") -> Path:
        path = clips / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_lines_are_content_in_their_order_with_their_words(write, clips):
    path = write(
        "title,uri,date,description,content_type,budget\n"
        '"Second, first",sub/b c.mp4,2026-03-02,#bunny,video,9\n'
        ",a.mp4,2026-03-02,,,\n"
        "Tomorrow,a.mp4,2026-03-03,,,\n"
    )
    first, second = items(path)
    assert first.content_uri == (clips / "sub/b c.mp4").as_uri()
    assert (first.filename, first.title, first.description) == ("b c.mp4", "Second, first", "#bunny")
    assert (second.filename, second.title, second.description) == ("a.mp4", None, None)
    assert first.is_ready and second.is_ready
    assert [item.title for item in items(path, date=dt.date(2026, 3, 3))] == ["Tomorrow"]


def test_a_manifest_for_each_date_needs_no_date_column(write):
    write("uri\na.mp4\n", "list-2026-03-02.csv")
    path = write("", "other.csv").with_name("list-{date}.csv")
    assert [item.filename for item in items(path)] == ["a.mp4"]
    assert items(path, date=dt.date(2026, 3, 4)) == []


@pytest.mark.parametrize("written", ["{root}/a.mp4", "file://{root}/a.mp4", "./sub/../a.mp4"])
def test_every_way_to_write_a_path_gives_the_same_uri(write, clips, written):
    path = write("uri,date\n" + written.format(root=clips) + ",2026-03-02\n")
    (item,) = items(path)
    assert item.is_ready
    assert item.content_uri == (clips / "a.mp4").as_uri()


def test_spreadsheet_habits_are_understood(write):
    path = write(b"\xef\xbb\xbf uri , date\r\n\r\na.mp4,2026-03-02\r\n")
    assert [item.is_ready for item in items(path)] == [True]


def test_a_line_that_repeats_another_is_a_row_that_says_so_and_so_is_a_contradiction(write):
    path = write("uri,title\na.mp4,One\n./a.mp4,One\na.mp4,Two\n", "2026-03-02.csv")
    first, repeat, second = items(path.with_name("{date}.csv"))
    assert first.title == "One"
    assert (repeat.error_code, repeat.content_uri) == ("repeated", f"{path.as_uri()}#line=3")
    assert repeat.error.startswith("Line 3: ") and "line 2" in repeat.error
    assert second.error_code == "bad_manifest_line"
    assert second.error.startswith("Line 4: ") and "line 2" in second.error
    assert second.content_uri == f"{path.as_uri()}#line=4"


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("missing.mp4,2026-03-02,,", "vanished", "does not exist"),
        ("sub,2026-03-02,,", "not_a_file", "a folder"),
        ("https://example.com/a.mp4,2026-03-02,,", "unsupported_uri", "Line 3"),
        ("gs://bucket/a.mp4,2026-03-02,,", "unsupported_uri", "client"),
        ("file://elsewhere/a.mp4,2026-03-02,,", "unsupported_uri", "another host"),
        (f"{'n' * 300}.mp4,2026-03-02,,", "bad_name", "304"),
        ('"two\nlines.mp4",2026-03-02,,', "bad_name", "line break"),
        (".hidden.mp4,2026-03-02,,", "hidden", "dot"),
        ("\0.mp4,2026-03-02,,", "bad_name", "NUL"),
        (",2026-03-02,Title,", "bad_manifest_line", "uri is missing"),
        ("a.mp4,2026-03-02,Title,hologram", "bad_manifest_line", "hologram"),
        ("c.mp4,2026-03-02,Title,image", "type_mismatch", "image"),
        ("a.mp4,2026-03-02,Title,,too,many", "bad_manifest_line", "6 fields"),
        ('a.mp4,2026-03-02,"Ti"tle,', "bad_manifest_line", "not CSV"),
        ("a.mp4,02/03/2026,,", "bad_manifest_line", "02/03/2026"),
        ("a.mp4,,,", "bad_manifest_line", "date"),
        ("a.mp4," + "x" * 200_000, "bad_manifest_line", "field limit"),
    ],
)
def test_a_bad_line_is_a_row_between_good_ones(write, line, code, words):
    path = write(f"uri,date,title,content_type\na.mp4,2026-03-02,,\n{line}\nsub/b c.mp4,2026-03-02,,\n")
    first, bad, last = items(path)
    assert first.is_ready and last.is_ready
    assert bad.error_code == code
    assert words in bad.error


def test_bytes_that_are_not_utf_8_are_a_row(write):
    path = write(b"uri,date,title\ncaf\xe9.mp4,2026-03-02,\na.mp4,2026-03-02,caf\xe9\ngs://b/\xe9.mp4,2026-03-02,\n")
    rows = items(path)
    assert [item.error_code for item in rows] == ["bad_name", "bad_manifest_line", "bad_name"]
    for item in rows:
        f"{item.content_uri}{item.filename}{item.error}".encode()


def test_a_quote_left_open_says_how_far_it_reaches(write):
    path = write('uri,date,title\na.mp4,2026-03-02,"Oh\nsub/b c.mp4,2026-03-02,\n')
    (bad,) = items(path)
    assert "Line 2" in bad.error and "up to line 3" in bad.error


def test_a_line_whose_date_cannot_be_read_is_reported_on_every_date(write):
    path = write("uri,date\na.mp4,someday\n")
    for date in (DAY, dt.date(2030, 1, 1)):
        assert [item.error_code for item in items(path, date=date)] == ["bad_manifest_line"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no uri column"),
        ("url,title\na.mp4,x\n", "line 1: there is no uri column .found 'url', 'title'"),
        ("URI,Title\na.mp4,x\n", "found 'URI', 'Title'.. Write the name in small letters: uri"),
        ("uri;title\na.mp4;x\n", "separated by semicolons: separate them by commas"),
        ("uri\ttitle\na.mp4\tx\n", "separated by tabs: separate them by commas"),
        ("u\0r\0i\0,\0t\0\n\0", "in UTF-16: save it as CSV in UTF-8"),
        ("uri,uri\n", "twice"),
        ("uri,title\na.mp4,x\n", "no date column"),
        ('"uri\n', "not CSV"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_an_error_that_says_why(write, text, words):
    with pytest.raises(SourceInvalid, match=words):
        entries(write(text))


@pytest.mark.parametrize("name", ["missing.csv", "nowhere/{date}.csv", "folder.csv"])
def test_a_manifest_that_cannot_be_read_is_an_error_that_names_it(clips, name):
    (clips / "folder.csv").mkdir()
    with pytest.raises(SourceUnavailable, match=name.format(date=DAY)):
        entries(clips / name)


def test_a_name_that_tells_no_format_is_refused_when_it_is_named():
    with pytest.raises(ValueError, match=r"\.csv or \.parquet"):
        Manifest("list.xlsx")


@pytest.mark.parametrize(
    "dates",
    [
        pa.array([DAY, dt.date(2026, 3, 3)]),
        pa.array(["2026-03-02", "2026-03-03"]),
        pa.array([dt.datetime(2026, 3, 2, 23), dt.datetime(2026, 3, 3)], pa.timestamp("us", tz="UTC")),
    ],
)
def test_parquet_says_the_same_as_csv(clips, dates):
    path = clips / "list.parquet"
    table = pa.table({"uri": ["a.mp4", "sub/b c.mp4"], "date": dates, "title": ["One", None], "size": [1, 2]})
    pq.write_table(table, path)
    (item,) = items(path)
    assert (item.filename, item.title) == ("a.mp4", "One")
    assert item.is_ready


def test_parquet_values_that_are_no_text_are_rows(clips):
    path = clips / "2026-03-02.parquet"
    pq.write_table(pa.table({"uri": ["a.mp4"], "title": [17]}), path)
    (item,) = items(clips / "{date}.parquet")
    assert item.error == "Line 1: the title is not text."


@pytest.mark.parametrize("damage", [lambda body: b"", lambda body: b"PAR1" + body, lambda body: body[: len(body) // 2]])
def test_parquet_that_is_damaged_is_an_error(clips, damage):
    path = clips / "list.parquet"
    pq.write_table(pa.table({"uri": ["a.mp4"], "date": ["2026-03-02"]}), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SourceInvalid, match=r"list\.parquet"):
        entries(path)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="/."), min_size=1)


@given(st.lists(st.tuples(names, words, words), max_size=8, unique_by=lambda row: row[0]), st.booleans())
def test_any_words_survive_both_formats(tmp_path_factory, rows, as_parquet):
    folder = tmp_path_factory.mktemp("manifest")
    if as_parquet:
        path = folder / "2026-03-02.parquet"
        columns = dict(zip(("uri", "title", "description"), zip(*rows, strict=True), strict=False))
        pq.write_table(pa.table(columns or {"uri": pa.array([], pa.string())}), path)
    else:
        path = folder / "2026-03-02.csv"
        text = io.StringIO(newline="")
        csv.writer(text).writerows([("uri", "title", "description"), *rows])
        path.write_bytes(text.getvalue().encode())
    read = entries(path.with_stem("{date}"))
    assert [(entry.title or "", entry.description or "") for entry in read] == [
        (title.strip(), description.strip()) for _, title, description in rows
    ]
    for entry, (name, _, _) in zip(read, rows, strict=True):
        assert entry.problem is not None or entry.filename == name


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: b"uri,title,date\n" + tail))
def test_any_bytes_are_rows_or_an_error_of_the_manifest(tmp_path_factory, body):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(body)
    try:
        rows = items(path)
    except MediaError:
        return
    for item in rows:
        assert not item.is_ready
        f"{item.content_uri}{item.filename}{item.title}{item.error}".encode()
    assert len({item.content_uri for item in rows}) == len(rows)
