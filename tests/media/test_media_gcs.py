"""gs:// media through the real Google client, against a storage server in Go (no emulation in Python)."""

from __future__ import annotations

import pytest
from gcs_server import running_gcs_server
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from hostile_containers import FTYP
from media_in_pieces import sound, with_index_far_away
from whole_media import clip

from pique_assets.media import (
    ContentError,
    DatedFolder,
    Manifest,
    MediaChanged,
    SourceUnavailable,
    inventory,
    open_content,
    open_source,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with (
        running_gcs_server(tmp_path_factory.mktemp("gcs")) as url,
        storage.Client(
            project="test", credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        ) as client,
    ):
        yield client


@pytest.fixture
def bucket(client, request):
    """A bucket of the test's own."""
    return client.create_bucket(f"b{abs(hash(request.node.nodeid)):x}")


@pytest.fixture
def put(bucket):
    def put(name: str, body: bytes | str) -> storage.Blob:
        blob = bucket.blob(name)
        blob.upload_from_string(body)
        return blob

    return put


@pytest.fixture
def items(client, bucket, date):
    def items(root: str = "media", *, threads: int = 1):
        source = DatedFolder(f"gs://{bucket.name}/{root}" if root else f"gs://{bucket.name}")
        reader = open_source(source, gcs_client_factory=lambda: client)
        return list(inventory(reader, date=date, threads=threads))

    return items


@pytest.mark.parametrize("root", ["media", "media/", ""])
def test_a_bucket_gives_what_a_folder_gives(folder, put, items, root, bucket):
    names = {"clip a#1?.mp4": b"", "deep/er/日本.mp4": b"x" * 2_000_000, "empty.mp4": None}
    for name, tail in names.items():
        body = b"" if tail is None else b"\0\0\0\x18ftypmp42" + tail
        folder.add(name, body, words={"title": name})
        for suffix, content in (("", body), (".json", f'{{"title": "{name}"}}')):
            put(f"{root.strip('/')}/2026-03-02/{name}{suffix}".lstrip("/"), content)
    local, remote = folder.items(), items(root, threads=2)
    facts = (
        "filename",
        "size_bytes",
        "content_type",
        "media_type",
        "fingerprint",
        "crc32c",
        "title",
        "error_code",
    )
    by_name = [sorted(tuple(getattr(item, fact) for fact in facts) for item in found) for found in (local, remote)]
    assert by_name[0] == by_name[1]
    assert remote[0].content_uri == f"gs://{bucket.name}/{root}/2026-03-02/clip a#1?.mp4".replace("//2", "/2")


def test_a_bucket_says_of_odd_files_what_a_folder_says(folder, put, items):
    odd = {
        "a.mpg": clip(".mpg", codec="mpeg1video")[50:],
        "b.bin": bytes(range(1, 256)) * 5000,
        "c.mp4": clip()[:-100],
        "d.mp4.part": clip(),
        "e.mp4": clip(),
        "e.mp4.aria2": b"pieces",
        "f.mp4.download/f.mp4": clip(),
        "g.mp4": with_index_far_away(sound("mp4", "aac")),
        "h.mp4": with_index_far_away(FTYP + b"\0\0\0\x08moov")[:-8],
    }
    for name, body in odd.items():
        folder.add(name, body)
        put(f"media/2026-03-02/{name}", body)
    facts = ("filename", "content_type", "media_type", "error_code", "error")
    local, remote = ([[getattr(item, fact) for fact in facts] for item in found] for found in (folder.items(), items()))
    assert local == remote
    assert [row[3] or row[1] for row in local] == [
        "video",
        "unsupported_type",
        "incomplete",
        *["in_progress"] * 4,
        "audio",
        "incomplete",
    ]


def test_only_objects_of_the_date_are_listed_and_litter_is_not(put, items, mp4):
    for name in ("2026-03-02/", "2026-03-02/.DS_Store", "2026-03-020/a.mp4", "2026-03-02.mp4", "a.mp4"):
        put(f"media/{name}", mp4)
    for name in (".git/a", ".git/b", "sub/.hidden.mp4", f"{'n' * 300}.mp4", "two\nlines.mp4"):
        put(f"media/2026-03-02/{name}", mp4)
    assert [(item.filename[:10], item.error_code) for item in items()] == [
        (".git", "hidden"),
        ("nnnnnnnnnn", "bad_name"),
        (".hidden.mp", "hidden"),
        ("two\nlines.", "bad_name"),
    ]


def test_a_date_without_objects_is_a_day_without_media(items):
    assert items() == []


def test_a_bucket_that_does_not_exist_is_an_error_that_names_it(client, date):
    reader = open_source(DatedFolder("gs://no-such-bucket/media"), gcs_client_factory=lambda: client)
    with pytest.raises(SourceUnavailable, match="no-such-bucket"):
        list(reader.list_entries(date))


def test_a_stream_is_of_the_fingerprinted_generation_or_fails(client, put, items):
    body = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 80_000
    put("media/2026-03-02/clip.mp4", body)
    (item,) = items()

    def open_body(version):
        return open_content(
            item.content_uri,
            size_bytes=item.size_bytes,
            fingerprint=item.fingerprint,
            version=version,
            gcs_client_factory=lambda: client,
        )

    with open_body(item.version) as file:
        assert file.read() == body
    with open_body(item.version) as file:
        file.read(1000)
        put("media/2026-03-02/clip.mp4", body[::-1])
        with pytest.raises(MediaChanged):
            file.read()
    with pytest.raises(MediaChanged):
        open_body(item.version)
    with open_body(None) as file, pytest.raises(MediaChanged):
        file.read()


def test_an_object_that_vanished_says_so(client, put, items, bucket):
    put("media/2026-03-02/clip.mp4", b"\0\0\0\x18ftypmp42")
    (item,) = items()
    bucket.delete_blob("media/2026-03-02/clip.mp4")
    with pytest.raises(ContentError) as caught:
        open_content(item.content_uri, size_bytes=12, fingerprint="", gcs_client_factory=lambda: client)
    assert caught.value.code == "vanished"


def test_a_manifest_in_a_bucket_names_objects_but_no_files_of_this_host(client, put, bucket, date, tmp_path, mp4):
    private = tmp_path / "private.mp4"
    private.write_bytes(mp4)
    put("lists/clips/a.mp4", mp4)
    put("b.mp4", mp4)
    lines = [
        "clips/a.mp4",
        f"gs://{bucket.name}/b.mp4",
        "../b.mp4",
        "../../c.mp4",
        str(private),
        private.as_uri(),
    ]
    put("lists/2026-03-02.csv", "uri\n" + "\n".join(lines))
    manifest = Manifest(f"gs://{bucket.name}/lists/{{date}}.csv")
    reader = open_source(manifest, gcs_client_factory=lambda: client)
    assert [(item.content_uri.rpartition("/")[2], item.error_code) for item in inventory(reader, date=date)] == [
        ("a.mp4", None),
        ("b.mp4", None),
        ("2026-03-02.csv#line=4", "repeated"),
        ("2026-03-02.csv#line=5", "unsupported_uri"),
        ("2026-03-02.csv#line=6", "unsupported_uri"),
        ("2026-03-02.csv#line=7", "unsupported_uri"),
    ]
    assert list(inventory(reader, date=date.replace(day=3))) == []


def test_a_manifest_in_a_bucket_names_objects_of_others_only_where_it_may(client, put, bucket, date, mp4):
    for name in ("others", "secrets"):
        client.create_bucket(f"{bucket.name}-{name}").blob("a.mp4").upload_from_string(mp4)
    put("own.mp4", mp4)
    uris = [f"gs://{bucket.name}{place}" for place in ("/own.mp4", "-others/a.mp4", "-secrets/a.mp4")]
    put("list.csv", "uri,date\n" + "\n".join(f"{uri},2026-03-02" for uri in uris))

    def codes(**options) -> list[str | None]:
        manifest = Manifest(f"gs://{bucket.name}/list.csv", **options)
        return [
            item.error_code for item in inventory(open_source(manifest, gcs_client_factory=lambda: client), date=date)
        ]

    refused = "unsupported_uri"
    assert codes() == codes(buckets=[]) == [None, refused, refused]
    assert codes(buckets=[f"{bucket.name}-others"]) == [None, None, refused]


def test_a_local_manifest_names_objects(client, put, bucket, date, tmp_path, mp4):
    put("b.mp4", mp4)
    path = tmp_path / "2026-03-02.csv"
    path.write_text(f"uri,title\ngs://{bucket.name}/b.mp4,Far away\ngs://no-such-bucket/b.mp4,\n")
    reader = open_source(Manifest(tmp_path / "{date}.csv"), gcs_client_factory=lambda: client)
    near, far = inventory(reader, date=date)
    assert (near.title, near.is_ready) == ("Far away", True)
    assert far.error_code == "vanished"


def test_a_folder_without_objects_is_missing_unless_somebody_made_it(client, bucket, put, date):
    source = DatedFolder(f"gs://{bucket.name}/media")
    reader = open_source(source, gcs_client_factory=lambda: client)
    put("media/2026-03-01/clip.mp4", b"x")
    assert reader.missing_place(date) == f"gs://{bucket.name}/media/{date}"
    put(f"media/{date}/", b"")
    assert reader.missing_place(date) is None
