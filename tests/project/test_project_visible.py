"""No text from strangers commands a terminal, whoever prints it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
from command_line import command, environment_with
from hypothesis import given, strategies as st

from pique_assets.api.errors import InvalidRequest, NoAnswer
from pique_assets.cli import common, main
from pique_assets.cli.text_table import one_line
from pique_assets.evaluation.errors import SubmissionsUnfinished
from pique_assets.lake.errors import FileUnreadable
from pique_assets.ledger import LedgerUnavailable
from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError, SourceUnavailable
from pique_assets.visible import visible

ESCAPE = "\x1b]0;owned\x07\x9b31m\u202egpj.evil\u2066\r\udc80"
SHOWN = r"\u001b]0;owned\u0007\u009b31m\u202egpj.evil\u2066\u000d\udc80"


@given(st.text())
def test_what_is_printed_has_no_command_in_it(text):
    shown = visible(text)
    assert all(one in "\n\t" or ord(one) > 31 for one in shown)
    assert not set(shown) & {chr(one) for one in [*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]}
    assert visible(shown) == shown
    shown.encode()


def test_words_of_people_stay_as_they_are():
    # The last is one family, joined by characters without a shape.
    for text in ("été œ 日本", "two\nlines\tand a tab", "नमस्ते", "\U0001f468\u200d\U0001f469\u200d\U0001f467"):
        assert visible(text) == text


@given(st.dictionaries(st.text(), st.text()), st.booleans())
def test_json_stays_the_same_document(document, ascii_only):
    text = json.dumps(document, ensure_ascii=ascii_only)
    if not any(ord(one) > 0xFFFF for one in text):
        assert json.loads(visible(text)) == document


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest(status=400, detail=ESCAPE, request="GET /v1/judges"),
        NoAnswer(request="GET /v1/judges", reason=ESCAPE, request_sent=True),
        SubmissionsUnfinished({f"gs://bucket/{ESCAPE}": ESCAPE}),
        LedgerUnavailable(ESCAPE),
        FileUnreadable(ESCAPE),
        SourceUnavailable(ESCAPE),
        ContentError(ErrorCode.UNREADABLE, ESCAPE),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_quotes_a_stranger_is_safe_in_any_log(error):
    """Dagster prints it with its traceback."""
    assert SHOWN in str(error)
    assert "\x1b" not in str(error)


def test_every_way_of_the_command_line_to_print_is_safe(capsys):
    common.say(ESCAPE)
    common.tell(ESCAPE)
    common.complain(ValueError(ESCAPE))
    printed = capsys.readouterr()
    assert printed.out == f"{SHOWN}\n"
    assert printed.err == f"{SHOWN}\npique-assets: {SHOWN}\n"
    assert one_line(f"a\n {ESCAPE}") == f"a {SHOWN}"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "utf-16", "shift_jis"])
def test_a_file_name_is_printed_in_any_encoding(tmp_path, monkeypatch, encoding):
    """Here in the reason why there is nothing to do; a table is printed by the same function."""
    name = "été œ 日本 \U0001f600.mp4"
    written = io.BytesIO()
    with io.TextIOWrapper(written, encoding=encoding) as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main(["trace", name, "--lake", str(tmp_path / "lake"), "--ledger", str(tmp_path / "ledger.db")]) == 1
        terminal.flush()
        said = written.getvalue().decode(encoding)
    assert f"does not know job {name.encode(encoding, 'backslashreplace').decode(encoding)}" in said.replace(
        "\ufeff", ""
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_table_is_printed_in_any_encoding(encoding):
    code = """
from pique_assets.cli import _print_in_any_encoding
from pique_assets.cli.common import say
from pique_assets.cli.text_table import text_table
_print_in_any_encoding()
say(text_table(["file"], [["été œ 日本.mp4"]]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    expected = "été œ 日本.mp4".encode(encoding, "backslashreplace")
    assert answer.stdout.splitlines() == [b"file", expected]


def test_a_closed_output_is_no_mistake(tmp_path):
    line = " ".join(map(str, command("jobs", "--ledger", tmp_path / "none.db")))
    answer = subprocess.run(
        ["sh", "-c", f"{line} >&-"], env=environment_with(), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "there is no ledger" in answer.stderr
