"""Files whose structure tells nothing, looked into by real decoders in a real process that may be lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bait import listening
from hostile_containers import png
from hostile_media import claiming_gif, claiming_jpeg
from hostile_table import CONCAT, DASH, HLS, SDP
from hypothesis import given, settings, strategies as st
from whole_media import clip, picture, sound

from pique_assets.decoding import type_client
from pique_assets.decoding.type_client import TypeAnswer, TypeProbe
from pique_assets.media.signatures import sniff

NOTHING = TypeAnswer()
NOISE = random.Random(7).randbytes(6000)
"""More than is searched for the first frame of sound, and of no known structure."""


@pytest.fixture(scope="module")
def probe() -> Iterator[TypeProbe]:
    with TypeProbe() as probe:
        yield probe


def cut_film() -> bytes:
    """A program stream that begins inside a packet, as a recording that somebody has cut."""
    return clip(".mpg", codec="mpeg1video")[50:]


def process_of(probe: TypeProbe) -> subprocess.Popen[bytes]:
    assert probe._process is not None
    return probe._process


def test_a_file_of_no_known_structure_is_told_by_what_a_decoder_makes_of_it(folder):
    for name in ("a.mpg", "b.vob"):
        folder.add(name, cut_film())
    assert sniff(cut_film()) is None
    assert [(item.content_type, item.media_type) for item in folder.items()] == [("video", "video/mpeg")] * 2


@pytest.mark.parametrize(
    ("body", "content_type", "media_type"),
    [
        (clip, "video", "video/quicktime"),
        (lambda: clip(".mkv"), "video", "video/x-matroska"),
        (cut_film, "video", "video/mpeg"),
        (lambda: sound(".mp3", codec="libmp3lame"), "audio", "audio/mpeg"),
        (lambda: sound(".mp3", codec="libmp3lame", cover=True), "audio", "audio/mpeg"),
        (picture, "image", "image/jpeg"),
        (lambda: picture("TIFF"), "image", "image/tiff"),
        (lambda: png(60_000, 60_000, pixels=b""), "image", "image/png"),
        (claiming_gif, "image", "image/gif"),
    ],
)
def test_decoders_tell_content_from_their_own_work(probe, body, content_type, media_type):
    assert probe.ask(body()) == TypeAnswer(content_type=content_type, media_type=media_type)


@pytest.mark.parametrize(
    "body",
    [
        NOISE,
        b"",
        b"\0" * 100_000,
        b"Words of no meaning. " * 500,
        "Encoder finished.\r\n".encode("utf-16") * 100,
        # A few frames by chance, in the middle of something else.
        NOISE + sound(".mp3", codec="libmp3lame")[-1500:] + NOISE,
        claiming_jpeg(65_500, 65_500)[:20],
    ],
    ids=["noise", "empty", "zeros", "text", "utf-16", "few frames", "cut header"],
)
def test_what_no_decoder_can_show_is_nothing(probe, body):
    assert probe.ask(body) == NOTHING


def test_what_names_an_address_has_nothing_fetched(probe):
    with listening() as bait:
        for text in (HLS, CONCAT, DASH, SDP):
            assert probe.ask(text.replace("{url}", bait.url).encode()) == NOTHING
        assert bait.connections == []


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_has_an_answer_and_leaves_the_process_alive(probe, data):
    whole = data.draw(st.sampled_from([clip(), clip(".ts", codec="mpeg2video"), picture("WEBP"), cut_film()]))
    spoilt = bytearray(whole)
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=20)):
        if place < len(spoilt):
            spoilt[place] = value
    assert probe.ask(bytes(spoilt)).trouble is None


def test_one_process_serves_a_whole_inventory_and_ends_with_it(folder, monkeypatch):
    started = []
    start = type_client._started
    monkeypatch.setattr(type_client, "_started", lambda: started.append(start()) or started[-1])
    for number in range(20):
        folder.add(f"{number}.bin", NOISE[number:])
    assert {item.error for item in folder.items(threads=4)} == {
        "It is no video, image or audio file of a known format."
    }
    (process,) = started
    assert process.returncode is not None


def test_no_process_is_started_for_what_structure_tells(folder, monkeypatch):
    monkeypatch.setattr(type_client, "_started", lambda: pytest.fail("a process was started"))
    folder.add("a.mp4")
    folder.add("b.jpg", picture())
    folder.add("c.mp3", sound(".mp3", codec="libmp3lame"))
    folder.add("d.txt", b"words")
    assert [item.error_code for item in folder.items()] == [None, None, None, "unsupported_type"]


def test_a_process_that_was_lost_is_replaced_and_the_file_asked_about_again():
    with TypeProbe() as probe:
        probe.ask(NOISE)
        process_of(probe).kill()
        assert probe.ask(cut_film()).content_type == "video"


def test_a_process_that_does_not_answer_is_killed_at_the_deadline_and_replaced():
    with TypeProbe() as probe:
        probe.ask(b"")
        stopped = process_of(probe)
        stopped.send_signal(signal.SIGSTOP)
        # Only now: a busy machine may need longer for an answer.
        probe._deadline_s = 0.3
        answer = probe.ask(cut_film())
        assert answer.may_pass and "did not finish within 0.3 s" in (answer.trouble or "")
        assert stopped.returncode == -signal.SIGKILL
    with TypeProbe() as probe:
        assert probe.ask(cut_film()).content_type == "video"


def dying(*, after_bytes: int) -> subprocess.Popen[bytes]:
    """A process that is ready, and dies of what it reads."""
    program = f"import sys; print('ready', flush=True); sys.stdin.buffer.read({after_bytes})"
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_file_that_kills_the_process_is_a_row_and_stops_no_other(folder, monkeypatch):
    start = type_client._started
    ways = iter([lambda: dying(after_bytes=100), start])
    monkeypatch.setattr(type_client, "_started", lambda: next(ways)())
    folder.add("a.bin", NOISE)
    folder.add("b.mpg", cut_film())
    killer, film = folder.items()
    assert (killer.error_code, film.content_type) == ("unsupported_type", "video")
    assert killer.error == (
        "It has the structure of no known format, and the process that looked further into it died of it."
    )


def test_a_process_that_cannot_be_started_is_a_row_that_may_pass(folder, monkeypatch):
    monkeypatch.setattr(type_client.sys, "executable", "/nowhere/python")
    folder.add("a.bin", NOISE)
    item = folder.only()
    assert item.error_code == "unreadable" and "can't be started" in item.error


def test_without_the_decoders_the_row_says_what_to_install(folder, monkeypatch):
    monkeypatch.setattr(type_client, "find_spec", lambda name: None)
    folder.add("a.mpg", cut_film())
    folder.add("b.mp4")
    unknown, known = folder.items()
    assert known.is_ready
    assert unknown.error_code == "unsupported_type"
    assert "nothing that could look further into it is installed: pip install 'pique_assets[local]'" in unknown.error


def test_the_process_has_neither_the_key_nor_anything_else_of_the_environment(monkeypatch):
    monkeypatch.setenv("PIQUE_API_KEY", "pk_s3cret")
    with TypeProbe() as probe:
        probe.ask(NOISE)
        environment = Path(f"/proc/{process_of(probe).pid}/environ").read_bytes()
    assert b"s3cret" not in environment
    assert {line.partition(b"=")[0] for line in environment.split(b"\0") if line} == {b"PYTHONPATH"}


def test_a_module_in_the_working_directory_is_not_run(tmp_path, monkeypatch):
    for name in ("av", "PIL", "json"):
        (tmp_path / f"{name}.py").write_text("import pathlib; pathlib.Path('run').touch()")
    monkeypatch.chdir(tmp_path)
    with TypeProbe() as probe:
        assert probe.ask(cut_film()).content_type == "video"
    assert not (tmp_path / "run").exists()


def test_a_probe_that_was_closed_answers_again():
    probe = TypeProbe()
    assert probe.ask(NOISE) == NOTHING
    pid = process_of(probe).pid
    probe.close()
    assert not Path(f"/proc/{pid}").exists()
    assert probe.ask(NOISE) == NOTHING
    probe.close()
