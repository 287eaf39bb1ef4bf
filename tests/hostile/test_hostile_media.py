"""Every kind of file a media folder may hold: a clear row in the inventory, a clear end of the evaluation.

One batch holds them all, good files among them: what is hostile must not spoil its neighbours. Run with ``-s`` to see
the table of what came out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import pytest
from bait import Bait, listening
from desk import Desk
from hostile_containers import FTYP
from hostile_media import Place, as_nobody, sparse, text
from hostile_table import CONCAT, GIGA, HLS, TABLE, Hostile
from waiting import eventually

from pique_assets.api.client import PiqueClient
from pique_assets.lake import Payload, normalise
from pique_assets.ledger import Ledger, PartitionItem
from pique_assets.local.process import running_local_pique
from pique_assets.media import ContentItem, DatedFolder, inventory, open_source

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


DATE = dt.date(2026, 3, 2)
CONTENT_TYPES = ("video", "image", "audio")
DEADLINE_S = 20.0
NAMED_IMAGE = (".png", ".jpg", ".gif", ".webp", ".avif")
NAMED_AUDIO = (".mp3",)
JUDGES = {
    "judges": [
        {
            "id": f"judge_{content_type}",
            "name": content_type,
            "description": "everything is welcome",
            "content_type": content_type,
            "detectors": [{"detector_name": name, "config": {}} for name in detectors],
        }
        for content_type, detectors in (
            ("video", ["video_specs", "title_and_description"]),
            ("image", ["image_specs"]),
            ("audio", ["title_and_description"]),
        )
    ]
}


def shown(hostile: Hostile) -> str:
    name = hostile.name if isinstance(hostile.name, str) else hostile.name.decode("utf-8", "backslashreplace")
    return name.encode("unicode_escape").decode()[:40]


def promised(hostile: Hostile) -> str:
    """The content type it is ready as, or else that its name says."""
    if hostile.row in CONTENT_TYPES:
        return hostile.row
    name = os.fsdecode(hostile.name)
    if name.endswith(NAMED_IMAGE):
        return "image"
    return "audio" if name.endswith(NAMED_AUDIO) else "video"


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The whole table as a dated folder."""

    root: Path
    impossible: frozenset[str | bytes]

    def path(self, hostile: Hostile) -> Path:
        return self.root / DATE.isoformat() / os.fsdecode(hostile.name)

    def uri(self, hostile: Hostile) -> str:
        return self.path(hostile).as_uri()

    def inventory(self, *, threads: int = 1) -> dict[str, ContentItem]:
        items = list(inventory(open_source(DatedFolder(self.root)), date=DATE, threads=threads))
        found = {item.content_uri: item for item in items}
        assert len(found) == len(items)
        return found


@pytest.fixture(scope="module")
def bait() -> Iterator[Bait]:
    with listening() as bait:
        yield bait


@pytest.fixture(scope="module")
def corpus(bait: Bait, tmp_path_factory) -> Corpus:
    root = tmp_path_factory.mktemp("media")
    outside = tmp_path_factory.mktemp("outside")
    corpus = Corpus(root=root, impossible=frozenset())
    impossible = set()
    for hostile in TABLE:
        path = corpus.path(hostile)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            hostile.make(Place(path=path, bait_url=bait.url, outside=outside))
        except PermissionError:
            # Making a device takes a right that not every builder has.
            impossible.add(hostile.name)
    return replace(corpus, impossible=frozenset(impossible))


@pytest.fixture(scope="module")
def rows(corpus: Corpus) -> dict[str, ContentItem]:
    """The inventory of everything."""
    found = corpus.inventory()
    with as_nobody(corpus.root):
        again = corpus.inventory(threads=4)
    # Only what root may read and others may not differs, and the order never does.
    locked_uris = {corpus.uri(hostile) for hostile in TABLE if hostile.row == "permission_denied"}
    # Nobody may start a Python in root's home, in whose process a file without any structure is looked into.
    looked_into = {corpus.uri(hostile) for hostile in TABLE if hostile.name == "rot in the first bytes.mp4"}
    assert list(found) == list(again)
    unlike = {uri for uri in found if found[uri] != again[uri]}
    assert unlike <= locked_uris | looked_into
    return found | {uri: again[uri] for uri in locked_uris}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How an evaluation ended."""

    row: PartitionItem
    payload: dict

    @property
    def says(self) -> str:
        results = self.payload["detector_results"] or [{"rationale": ""}]
        return str(self.payload["error"] or results[0]["rationale"])


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Everything after its evaluation; `ends` by content type and uri."""

    ends: dict[tuple[str, str], Ended]
    payloads: list[Payload]
    record: list
    worker_peak_bytes: int
    log: str


@pytest.fixture(scope="module")
def batch(corpus: Corpus, rows: dict[str, ContentItem], tmp_path_factory) -> Iterator[Batch]:
    """Everything that has bytes, through the engine, before a judge of each content type."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "judges.json").write_text(json.dumps(JUDGES))
    with (
        running_local_pique(
            data_dir=folder / "pique",
            seed_judges=folder / "judges.json",
            workers=2,
            evaluation_deadline_s=DEADLINE_S,
        ) as pique,
        PiqueClient(base_url=pique.base_url, api_key=pique.api_key) as client,
        Ledger.open(f"sqlite:///{folder / 'ledger.db'}") as ledger,
    ):
        desk = Desk(pique=pique, client=client, ledger=ledger)
        ends: dict[tuple[str, str], Ended] = {}
        payloads: list[Payload] = []
        for content_type in CONTENT_TYPES:
            items = items_for(content_type, corpus=corpus, rows=rows)
            desk.submit(items, partition=content_type, judge=f"judge_{content_type}")
            found = collect(desk, partition=content_type)
            payloads += found
            bodies = {payload.job_id: json.loads(payload.body) for payload in found}
            for row in ledger.partition_state(evaluation="brand_videos", partition=content_type):
                ends[content_type, row.item.content_uri] = Ended(row=row, payload=bodies[row.submission.job_id])
        peak = max(peak_bytes(pid) for pid in children(pique.pid))
        record = desk.record()
    print_table(corpus, rows=rows, ends=ends)
    log = (folder / "pique" / "server.log").read_text()
    yield Batch(ends=ends, payloads=payloads, record=record, worker_peak_bytes=peak, log=log)


def items_for(content_type: str, *, corpus: Corpus, rows: dict[str, ContentItem]) -> list[ContentItem]:
    """What is ready as this content type, and what the inventory refused, carried past it."""
    items = []
    for hostile in TABLE:
        item = rows.get(corpus.uri(hostile))
        if item is None or not hostile.end:
            continue
        if item.is_ready and item.content_type == content_type:
            items.append(item)
        elif item.error_code in ("unsupported_type", "type_mismatch", "incomplete"):
            body = corpus.path(hostile).read_bytes()
            items.append(
                replace(
                    item,
                    error_code=None,
                    error=None,
                    size_bytes=len(body),
                    content_type=content_type,
                    fingerprint=hashlib.sha256(body).hexdigest(),
                )
            )
    return items


def collect(desk: Desk, *, partition: str) -> list[Payload]:
    where = {"evaluation": "brand_videos", "partition": partition}
    replace(desk, limits=replace(desk.limits, results_wait_s=90)).collect(partition=partition)
    return [
        Payload(job_id=found.job_id, source=found.source, received_at=found.received_at, body=found.body)
        for found in desk.ledger.partition_payloads(**where)
    ]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def print_table(corpus: Corpus, *, rows: dict[str, ContentItem], ends: dict[tuple[str, str], Ended]) -> None:
    print(f"\n{'file':40} {'inventory':18} {'evaluation':11} what is said")
    for hostile in TABLE:
        item = rows.get(corpus.uri(hostile))
        ended = ends.get((promised(hostile), corpus.uri(hostile)))
        row = "(not made)" if item is None else item.error_code or item.content_type
        end, says = (ended.payload["status"], ended.says) if ended else ("", item.error if item else "")
        print(f"{shown(hostile):40} {row:18} {end:11} {says}")


each_file = pytest.mark.parametrize("hostile", TABLE, ids=shown)


@each_file
def test_every_file_has_a_clear_row(hostile, corpus, rows):
    if hostile.name in corpus.impossible:
        pytest.skip("such a file can't be made here")
    item = rows[corpus.uri(hostile)]
    if hostile.row in CONTENT_TYPES:
        assert (item.is_ready, item.content_type) == (True, hostile.row)
        assert item.fingerprint == hashlib.sha256(corpus.path(hostile).read_bytes()).hexdigest()
    else:
        assert (item.error_code, item.fingerprint) == (hostile.row, None)
        assert item.error
        assert "\n" not in item.error


def test_there_is_a_row_for_every_file_and_none_besides(corpus, rows):
    made = {corpus.uri(hostile) for hostile in TABLE if hostile.name not in corpus.impossible}
    assert set(rows) == made
    assert len(TABLE) >= 40


def test_the_inventory_takes_little_memory_and_time(corpus):
    corpus.inventory()
    tracemalloc.start()
    # The processor's time: other tests may share the machine.
    started_s = time.process_time()
    try:
        corpus.inventory()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Three chunks of a megabyte and the rows themselves.
    assert peak < 4 * 1024**2
    assert time.process_time() - started_s < 10


@pytest.mark.parametrize("hostile", [hostile for hostile in TABLE if hostile.end], ids=shown)
def test_every_evaluation_ends_as_it_should(hostile, corpus, batch):
    ended = batch.ends[promised(hostile), corpus.uri(hostile)]
    assert (ended.payload["status"], ended.row.submission.state.lower()) == (hostile.end, hostile.end), ended.says
    assert hostile.says in ended.says
    if hostile.end == "failed":
        assert ended.says.startswith("Media processing failed: ")
        assert ended.row.submission.error == ended.says


def test_what_has_no_media_in_it_passes_as_nothing(corpus, batch):
    """Whatever content type somebody claims for it."""
    for hostile in TABLE:
        if hostile.row == "unsupported_type" and hostile.end:
            ends = {batch.ends[content_type, corpus.uri(hostile)].payload["status"] for content_type in CONTENT_TYPES}
            assert ends == {"failed"}, hostile.name


def test_nothing_was_lost_or_evaluated_twice(batch):
    assert {job.status for job in batch.record} == {"completed", "failed"}
    assert {(job.complete_puts, job.evaluations_started, job.evaluations_finished) for job in batch.record} == {
        (1, 1, 1)
    }
    for job in batch.record:
        (evaluation,) = job.evaluations
        assert (evaluation.finished_at - evaluation.started_at).total_seconds() < DEADLINE_S


def test_no_worker_died_and_none_grew_large(batch):
    assert "evaluation of job" not in batch.log
    assert batch.worker_peak_bytes < 700 * 1024**2


def test_every_result_becomes_rows(batch):
    evaluations = normalise(batch.payloads)["evaluations"]
    assert evaluations.num_rows == len(batch.payloads)
    assert set(evaluations["status"].to_pylist()) == {"completed", "failed"}


def test_nobody_took_the_bait(batch, bait):
    assert len(batch.ends) > 100
    assert bait.connections == []


@pytest.mark.parametrize(("playlist", "demuxer"), [(CONCAT, "concat"), (HLS, "hls")])
def test_the_bait_would_be_taken_without_the_whitelists(playlist, demuxer, tmp_path):
    """What shows that the test above can fail."""
    path = tmp_path / "list.mp4"
    options = {"protocol_whitelist": "file,http,tcp", "safe": "0", "extension_picky": "0"}
    with listening() as bait:
        text(playlist)(Place(path=path, bait_url=bait.url, outside=tmp_path))
        with pytest.raises(av.FFmpegError):
            av.open(path, format=demuxer, options=options, timeout=5)
        eventually(lambda: bait.connections)


@pytest.mark.skipif("PIQUE_HOSTILE_SLOW" not in os.environ, reason="reads 5 GB; set PIQUE_HOSTILE_SLOW to run it")
def test_five_gigabytes_are_fingerprinted_in_flat_memory(tmp_path):
    corpus = Corpus(root=tmp_path, impossible=frozenset())
    large = Hostile("large.mp4", sparse(5 * GIGA, head=FTYP), "video")
    corpus.path(large).parent.mkdir()
    large.make(Place(path=corpus.path(large), bait_url="", outside=tmp_path))
    tracemalloc.start()
    try:
        (item,) = corpus.inventory().values()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (item.is_ready, item.size_bytes) == (True, 5 * GIGA)
    assert peak < 4 * 1024**2
