"""Manifests and lists that nobody would write on purpose: rows or one sentence, in little memory."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

from pique_assets.media import Manifest, MediaError, SocialUrls, SourceInvalid, open_source
from pique_assets.media.manifest_line import LONGEST_TEXT
from pique_assets.media.manifest_lines import LONGEST_ROW
from pique_assets.media.parquet_lines import MAX_COLUMN_BYTES

DAY = dt.date(2026, 3, 2)
READER = Path(__file__).parents[1] / "support" / "list_reader.py"
HUGE = 200 * 1024 * 1024
LITTLE_KIB = 64 * 1024


def entries(path: Path):
    source = SocialUrls(path.with_stem("{date}")) if path.suffix == ".txt" else Manifest(path)
    return list(open_source(source).list_entries(DAY))


def problems(path: Path) -> list[str | None]:
    return [entry.problem and entry.problem.error for entry in entries(path)]


@pytest.fixture
def parquet(tmp_path):
    """Write three rows of 2 March, with other columns instead or besides."""

    def write(**columns: object) -> Path:
        path = tmp_path / "list.parquet"
        given = {"uri": ["a.mp4", "b.mp4", "c.mp4"], "date": [DAY] * 3} | columns
        pq.write_table(pa.table(given), path)
        return path

    return write


@pytest.mark.parametrize(
    "dates",
    [
        pa.array([20_514, 2**31 - 1, -(2**31)], pa.int32()).cast(pa.date32()),
        pa.array([20_514 * 86_400_000, 2**46 * 86_400, -(2**46) * 86_400], pa.int64()).cast(pa.date64()),
        pa.array([1_772_409_600_000, 2**62, -(2**62)], pa.int64()).cast(pa.timestamp("ms")),
        pa.array([1_772_409_600_000_000, 2**62, -(2**62)], pa.int64()).cast(pa.timestamp("us", tz="Asia/Tokyo")),
    ],
    ids=lambda dates: str(dates.type),
)
def test_a_date_that_no_calendar_has_is_a_row(parquet, dates):
    good, late, early = entries(parquet(date=dates))
    assert (good.filename, good.problem) == ("a.mp4", None)
    assert late.problem.error == "Line 2: the date is no date between the years 1 and 9999."
    assert early.problem.error.startswith("Line 3: ")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "+25:99", "../../etc/passwd", "x" * 100_000])
def test_a_time_zone_that_nobody_knows_is_one_sentence(parquet, zone):
    dates = pa.array([0, 0, 0], pa.int64()).cast(pa.timestamp("ms", tz=zone))
    with pytest.raises(SourceInvalid, match="is in the time zone") as refused:
        entries(parquet(date=dates))
    assert zone[:10] in str(refused.value) and len(str(refused.value)) < 500


@pytest.mark.parametrize("column", ["title", "description", "content_type", "date"])
def test_one_text_that_is_not_utf_8_is_one_row(parquet, column):
    good = b"2026-03-02" if column == "date" else b"video"
    texts = pa.Array.from_buffers(pa.string(), 3, pa.array([good, b"caf\xe9", good]).buffers())
    first, bad, last = entries(parquet(**{column: texts}))
    assert first.problem is None and last.problem is None
    assert bad.problem.error == f"Line 2: the {column} is not valid UTF-8."


def test_a_uri_that_is_not_utf_8_is_one_row(parquet):
    uris = pa.Array.from_buffers(pa.string(), 3, pa.array([b"a.mp4", b"caf\xe9.mp4", b"c.mp4"]).buffers())
    first, bad, last = entries(parquet(uri=uris))
    assert first.problem is None and last.problem is None
    assert bad.problem.code == "bad_name"
    f"{bad.content_uri}{bad.filename}{bad.problem.error}".encode()


@pytest.mark.parametrize(
    "values",
    [
        [{"en": "A"}, None, {"en": "B"}],
        [["A"], None, []],
        [b"A", None, b"B"],
        pa.array([1, None, 2], pa.duration("s")),
        pa.array([1, None, 2], pa.int64()).cast(pa.decimal128(30, 2)),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 0]), pa.array([7])),
    ],
    ids=lambda values: str(pa.array(values).type if isinstance(values, list) else values.type),
)
def test_values_of_any_other_type_are_rows(parquet, values):
    found = problems(parquet(title=values))
    assert found[0] == found[2].replace("Line 3", "Line 1") == "Line 1: the title is not text."


def test_texts_of_every_kind_are_text(parquet):
    texts = pa.array(["A", None, "B"])
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        assert [entry.title for entry in entries(parquet(title=texts.cast(kind)))] == ["A", None, "B"]


def test_columns_without_number_cost_nothing_and_confuse_nothing(tmp_path, parquet):
    more = {f"column {number}": ["x"] * 3 for number in range(3_000)} | {"title.en": ["wrong"] * 3}
    assert [entry.title for entry in entries(parquet(title=["A", "B", "C"], **more))] == ["A", "B", "C"]
    names = ["uri", *more, "date", "title"]
    path = tmp_path / "list.csv"
    path.write_text("\n".join([",".join(names), ",".join(["a.mp4", *["x"] * len(more), "2026-03-02", "A"])]))
    assert [entry.title for entry in entries(path)] == ["A"]


def test_a_column_that_is_there_twice_is_one_sentence(tmp_path):
    path = tmp_path / "list.parquet"
    uris = pa.array(["a.mp4"])
    pq.write_table(pa.Table.from_arrays([uris, uris], names=["uri", "uri"]), path)
    with pytest.raises(SourceInvalid, match="uri is there twice"):
        entries(path)


def test_a_text_is_as_long_as_in_csv(tmp_path, parquet):
    titles = ["x" * LONGEST_TEXT, "x" * (LONGEST_TEXT + 1), "x" * (9 * LONGEST_TEXT)]
    found = problems(parquet(title=titles))
    assert found[0] is None
    assert found[1] == f"Line 2: the title has {LONGEST_TEXT + 1} characters, more than {LONGEST_TEXT}."
    assert found[2] == f"Line 3: the title has {9 * LONGEST_TEXT} bytes, more than any text may have."
    path = tmp_path / "list.csv"
    path.write_text(
        "\n".join(["uri,date,title", *[f"{title[0]}{n},2026-03-02,{title}" for n, title in enumerate(titles)]])
    )
    assert [reason is None for reason in problems(path)] == [True, False, False]


@pytest.mark.parametrize("column", ["uri", "date", "content_type"])
def test_a_reason_never_repeats_a_long_text(parquet, column):
    values = ["x" * (LONGEST_TEXT - 1)] * 3
    for entry in entries(parquet(**{column: values})):
        assert entry.problem is not None
        assert len(entry.problem.error) < 300 and len(entry.filename) < 300


def test_rows_that_are_too_long_are_rows_and_the_next_ones_are_read(tmp_path):
    path = tmp_path / "list.csv"
    many_fields = "b.mp4" + "," * (2 * LONGEST_ROW)
    # Each field a line, so that no line and no field of the row is long.
    many_lines = ",".join(["d.mp4", *['"\n"'] * (LONGEST_ROW // 4 + 9)])
    path.write_text(f"uri,date\na.mp4,2026-03-02\n{many_fields}\nc.mp4,2026-03-02\n{many_lines}\n")
    found = problems(path)
    too_long = f"it is longer than {LONGEST_ROW} characters."
    assert found[:4] == [None, f"Line 3: {too_long}", None, f"Line 5: {too_long}"]


def test_a_file_of_nothing_but_wrong_lines_is_one_sentence(tmp_path, monkeypatch):
    most = 1_000
    monkeypatch.setattr("pique_assets.media.manifest_lines.MOST_WRONG_LINES", most)
    for name, line in (("list.csv", "some words\n"), ("2026-03-02.txt", "some words\n")):
        path = tmp_path / name
        path.write_text("uri,date\n" * (name == "list.csv") + line * (most + 1))
        with pytest.raises(SourceInvalid, match=f"More than {most} lines of .*{name} are wrong"):
            entries(path)


def written(path: Path, *, huge: int) -> Path:
    """A list of three, the second of which has a text of so many bytes."""
    if path.suffix == ".txt":
        head, tail = "https://video.example/a\nhttps://video.example/", "\nhttps://video.example/c\n"
    else:
        head, tail = "uri,date,title\na.mp4,2026-03-02,A\nb.mp4,2026-03-02,", "\nc.mp4,2026-03-02,C\n"
    with path.open("w") as file:
        file.write(head)
        for _ in range(huge // 2**20):
            file.write("x" * 2**20)
        file.write(tail)
    return path


def huge_parquet(path: Path, *, huge: int, **options: object) -> Path:
    """The same as Parquet, written by a process of its own: that takes as much memory as reading must not take."""
    program = f"""
import pyarrow as pa, pyarrow.parquet as pq
table = pa.table({{"uri": ["a.mp4", "b.mp4", "c.mp4"], "date": ["2026-03-02"] * 3, "title": ["A", "x" * {huge}, "C"]}})
pq.write_table(table, {str(path)!r}, **{options!r})
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    return path


def read_in_a_process(path: Path, *, report: Path) -> dict[str, object]:
    subprocess.run([sys.executable, READER, path, DAY.isoformat(), report], check=True)
    found: dict[str, object] = json.loads(report.read_text())
    print(f"\n{path.name}: {found['kib'] // 1024} MiB beyond the imports")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["list.csv", "2026-03-02.txt"])
def test_a_line_of_200_mb_is_a_row_and_is_never_in_memory(tmp_path, name):
    path = written(tmp_path / name, huge=HUGE)
    found = read_in_a_process(path, report=tmp_path / "report")
    assert found["error"] is None
    (_, first), (_, bad), (_, last) = found["entries"]
    assert (first, last) == (None, None)
    assert f"it is longer than {LONGEST_ROW} characters" in bad
    assert found["kib"] < LITTLE_KIB


@pytest.mark.slow
@pytest.mark.parametrize(
    ("huge", "options", "lost"),
    [
        (HUGE, {}, 3),
        (MAX_COLUMN_BYTES + 2**20, {"compression": "none", "use_dictionary": False}, 3),
        # Who writes small groups of rows loses fewer of them.
        (MAX_COLUMN_BYTES + 2**20, {"row_group_size": 1}, 1),
    ],
)
def test_a_title_of_200_mb_in_parquet_is_never_in_memory(tmp_path, huge, options, lost):
    path = huge_parquet(tmp_path / "list.parquet", huge=huge, write_statistics=False, **options)
    found = read_in_a_process(path, report=tmp_path / "report")
    assert found["error"] is None
    reasons = [reason for _, reason in found["entries"]]
    assert "the title is not read, because its group of" in reasons[1]
    assert 3 - reasons.count(None) == lost
    assert found["kib"] < LITTLE_KIB


@pytest.mark.slow
def test_a_long_text_that_thousands_of_rows_repeat_is_in_memory_once(tmp_path):
    path = tmp_path / "list.parquet"
    count = 3_000
    titles = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["x" * 8 * LONGEST_TEXT]))
    table = pa.table({"uri": [f"{number}.mp4" for number in range(count)], "date": [DAY] * count, "title": titles})
    # Without what pyarrow itself would remember of the dictionary.
    pq.write_table(table, path, store_schema=False)
    found = read_in_a_process(path, report=tmp_path / "report")
    assert {reason.partition(": ")[2] for _, reason in found["entries"]} == {
        f"the title has {8 * LONGEST_TEXT} bytes, more than any text may have."
    }
    assert found["kib"] < LITTLE_KIB


BODY = pa.BufferOutputStream()
pq.write_table(
    pa.table({"uri": [f"{number}.mp4" for number in range(20)], "date": [DAY] * 20, "title": ["A"] * 20}), BODY
)
GOOD = BODY.getvalue().to_pybytes()


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(GOOD)) | st.just(len(GOOD)),
)
def test_damaged_parquet_is_rows_or_one_sentence(tmp_path_factory, changes, length):
    body = bytearray(GOOD)
    for place, value in changes:
        body[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(body[:length])
    try:
        found = entries(path)
    except MediaError:
        return
    for entry in found:
        f"{entry.content_uri}{entry.filename}{entry.title}".encode()
