"""The files of a model that detectors read: which ones, where they are looked for, and that they are the right ones.

Belongs here: the table of models and the rule by which one is found. A model is data, which a library reads and nothing
imports; only those files count with which the accuracy of the detectors was measured, by their SHA-256. Does not:
fetching (`model_fetching`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from pique_assets.home import setting

FETCH_COMMAND: Final = "pique-assets models fetch"


class ModelMissing(LookupError):
    """The files of a model are not on this machine, or are not the right ones; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a model."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedModel:
    """A model, exactly.

    Attributes:
        name: Its folder's name.
        purpose: What it is, for people.
        variable: Names a folder with the files, where a user has one.
        hub_repository: Where it is on the Hugging Face hub.
        files: All that are read.
    """

    name: str
    purpose: str
    variable: str
    hub_repository: str
    files: tuple[ModelFile, ...]


WHISPER_BASE: Final = PinnedModel(
    name="faster-whisper-base",
    purpose="the speech model Whisper base",
    variable="PIQUE_WHISPER_MODEL",
    hub_repository="Systran/faster-whisper-base",
    files=(
        ModelFile(
            name="model.bin",
            size_bytes=145_217_532,
            sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        ),
        ModelFile(
            name="config.json",
            size_bytes=2_309,
            sha256="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ),
        ModelFile(
            name="vocabulary.txt",
            size_bytes=459_861,
            sha256="34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        ),
    ),
)
"""What OpenAI published as Whisper base (MIT), in the format of CTranslate2."""


def find_model(model: PinnedModel) -> Path:
    """The folder with the model's files: the user's own, else the hub's cache, else the cache of this package.

    Raises:
        ModelMissing: None of them has the files. A folder that the user named must have them: no other is looked at.
    """
    if named := setting(model.variable):
        folder = Path(named).expanduser()
        if not folder.is_absolute():
            raise ModelMissing(f"{model.variable} is {named}, which each process would understand in its own way")
        if wrong := reason_unusable(folder, model):
            raise ModelMissing(f"{model.variable} names {folder}, but {wrong}")
        return folder
    unusable = []
    for folder in (*_hub_snapshots(model), own_folder(model)):
        wrong = reason_unusable(folder, model)
        if wrong is None:
            return folder
        if folder.is_dir():
            unusable.append(f"; in {folder} {wrong}")
    raise ModelMissing(
        f"{model.purpose} is not on this machine{''.join(unusable)}: run `{FETCH_COMMAND}`, or set {model.variable} to "
        "a folder that has its files"
    )


def own_folder(model: PinnedModel) -> Path:
    """Where this package keeps the model: in `XDG_CACHE_HOME`, else in `~/.cache`."""
    return _cache() / "pique_assets" / "models" / model.name


def reason_unusable(folder: Path, model: PinnedModel) -> str | None:
    """Why the files in a folder are not those of the model, or None if they are."""
    for file in model.files:
        path = folder / file.name
        try:
            found = path.stat()
            if found.st_size != file.size_bytes:
                return f"{file.name} has {found.st_size} bytes, not {file.size_bytes}"
            if _sha256(path, found.st_size, found.st_mtime_ns) != file.sha256:
                return f"{file.name} has another SHA-256 than {model.purpose}"
        except OSError as error:
            return f"{file.name} can't be read: {error.strerror}"
    return None


@lru_cache(maxsize=32)
def _sha256(path: Path, size_bytes: int, mtime_ns: int) -> str:
    """Of a file in one state, which size and time of change stand for."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hub_snapshots(model: PinnedModel) -> Iterator[Path]:
    """Each revision of the model that the hub's client has downloaded, as that client finds its cache."""
    if named := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        cache = Path(named).expanduser()
    elif named := os.environ.get("HF_HOME"):
        cache = Path(named).expanduser() / "hub"
    else:
        cache = _cache() / "huggingface" / "hub"
    yield from sorted((cache / f"models--{model.hub_repository.replace('/', '--')}" / "snapshots").glob("*"))


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
