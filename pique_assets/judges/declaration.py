"""A judge declared in a YAML file: reading the file, its local reference content, what the API is asked for.

Belongs here: files only. Does not: judges at Pique, and whether a judge is what its file says (`finding`, `changes`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import ValidationError

from pique_assets.api.models import DetectorRequest, JudgeRequest
from pique_assets.judges.errors import JudgeFileInvalid
from pique_assets.judges.yaml_values import read_yaml
from pique_assets.media.content import ContentItem, Entry
from pique_assets.media.examine import examine
from pique_assets.media.file_stores import Files
from pique_assets.media.files import to_uri
from pique_assets.media.kinds import CONTENT_TYPES, VIDEO
from pique_assets.media.stream import open_content

FIELDS: Final = ("name", "description", "content_type", "detectors")
DETECTOR_FIELDS: Final = ("detector_name", "config")
MAX_JUDGE_FILE_BYTES: Final = 256 * 1024

# Settings in which the API's examples name uploaded content: reference_videos, reference_image, reference_audio,
# top_content_references, bottom_content_references, brand_audio_url.
REFERENCE_SETTING: Final = re.compile(r"reference_(video|image|audio|content)s?|(\w+_)?references?|\w+_audio_url")
# The containers that the API takes as reference videos.
VIDEO_EXTENSIONS: Final = ("mp4", "mov", "avi", "mkv", "webm")
# Most characters of the `file_extension` that the API takes with reference content.
LONGEST_EXTENSION: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFile:
    """Reference content that lies beside the declaration.

    Attributes:
        path: Where the file lies.
        extension: The extension of its name, lower case, without the dot; the API wants to know.
        item: The file as it was read; always ready.
    """

    path: Path
    extension: str
    item: ContentItem

    @property
    def sha256(self) -> str:
        """The hash of the file's bytes (hex), which names the file in the record of uploads."""
        return self.item.fingerprint or ""

    @property
    def size_bytes(self) -> int:
        """The file's size in bytes."""
        return self.item.size_bytes or 0

    def open(self) -> BinaryIO:
        """Open the file; its bytes are verified while they are read.

        Raises:
            MediaChanged: The bytes are not those that were read before.
        """
        return open_content(
            self.item.content_uri, size_bytes=self.size_bytes, fingerprint=self.sha256, version=self.item.version
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeDeclaration:
    """A judge as its file declares it.

    Attributes:
        path: The file.
        request: What the API would be asked for; the request names local reference files by their paths.
        references: The local reference files, by the text that names them.
    """

    path: Path
    request: JudgeRequest
    references: Mapping[str, ReferenceFile]

    @property
    def name(self) -> str:
        """The name by which the judge is found at Pique."""
        return self.request.name

    def not_uploaded(self) -> list[ReferenceFile]:
        """Reference files without an upload on record, each content once."""
        uris = uploaded_references(self.path)
        return list({file.sha256: file for file in self.references.values() if file.sha256 not in uris}.values())

    def uploaded_request(self) -> JudgeRequest:
        """What the API is asked for, with the uploaded content in place of local files.

        The request names a file that was never uploaded by its path.
        """
        uris = uploaded_references(self.path)
        known = {text: uris[file.sha256] for text, file in self.references.items() if file.sha256 in uris}
        detectors = [
            DetectorRequest(
                detector_name=detector.detector_name,
                config={key: _replaced(key, value, known) for key, value in detector.config.items()},
            )
            for detector in self.request.detectors
        ]
        return self.request.model_copy(update={"detectors": tuple(detectors)})


def read_judge_file(path: str | os.PathLike[str]) -> JudgeDeclaration:
    """Read a declaration and the reference files it names.

    Raises:
        JudgeFileInvalid: The file can't be read, is no such declaration, or names reference content that can't be
            used; the message says what and where.
    """
    file = Path(path)
    document = _document(file)
    if unknown := document.keys() - set(FIELDS):
        raise JudgeFileInvalid(f"{file}: unknown {_listed(unknown)}; a judge has {', '.join(FIELDS)}")
    detectors = document.get("detectors")
    for position, detector in enumerate(detectors if isinstance(detectors, list) else ()):
        if isinstance(detector, Mapping) and (unknown := detector.keys() - set(DETECTOR_FIELDS)):
            raise JudgeFileInvalid(
                f"{file}: unknown {_listed(unknown)} in detectors[{position}]; the API takes "
                f"{' and '.join(DETECTOR_FIELDS)} when a judge is created"
            )
    try:
        request = JudgeRequest.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise JudgeFileInvalid(f"{file} does not declare a judge: {wrong}") from None
    named = {text: key for detector in request.detectors for key, text in _references(detector.config)}
    return JudgeDeclaration(
        path=file,
        request=request,
        references={text: _reference_file(file.parent / text, setting=key) for text, key in named.items()},
    )


def record_file(judge_file: Path) -> Path:
    """The file that records which reference content became which `gs://` URI; it lies beside the declaration."""
    return judge_file.with_suffix(".references.json")


def uploaded_references(judge_file: Path) -> dict[str, str]:
    """The URI of each reference content that was uploaded for a declaration, by SHA-256.

    Raises:
        JudgeFileInvalid: There is a record, and it can't be read.
    """
    record = record_file(judge_file)
    try:
        uris = json.loads(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise JudgeFileInvalid(f"{record}, the record of uploaded reference content, can't be read: {error}") from None
    if not isinstance(uris, dict) or not all(isinstance(uri, str) for uri in uris.values()):
        raise JudgeFileInvalid(f"{record} is no record of uploaded reference content: SHA-256 to gs:// URI")
    return uris


def record_reference(judge_file: Path, *, sha256: str, uri: str) -> None:
    """Record an upload before a judge is created with it, so that no later attempt uploads the file again.

    Raises:
        OSError: The record can't be written.
    """
    record = record_file(judge_file)
    uris = uploaded_references(judge_file) | {sha256: uri}
    temporary = record.with_name(f".{record.name}.tmp")
    temporary.write_text(json.dumps(uris, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(record)


def _document(file: Path) -> dict[str, Any]:
    try:
        # Reading a pipe could wait without end.
        if file.exists() and not file.is_file():
            raise ValueError("it is no file")
        with file.open("rb") as opened:
            body = opened.read(MAX_JUDGE_FILE_BYTES + 1)
        if len(body) > MAX_JUDGE_FILE_BYTES:
            raise ValueError(f"it has more than {MAX_JUDGE_FILE_BYTES} bytes")
        document = read_yaml(body.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise JudgeFileInvalid(f"the judge file {file} can't be read: {error}") from None
    if not isinstance(document, dict):
        raise JudgeFileInvalid(f"{file} does not declare a judge: it needs {', '.join(FIELDS)}")
    return document


def _references(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Each setting that names a local file, and the text that names the file; gs:// and the like name no local file."""
    for key, value in config.items():
        if REFERENCE_SETTING.fullmatch(key):
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and "://" not in text:
                    yield key, text


def _replaced(key: str, value: object, known: Mapping[str, str]) -> object:
    if not REFERENCE_SETTING.fullmatch(key):
        return value
    if isinstance(value, list):
        return [known.get(item, item) if isinstance(item, str) else item for item in value]
    return known.get(value, value) if isinstance(value, str) else value


def _reference_file(path: Path, *, setting: str) -> ReferenceFile:
    """The file that a setting names, after checking that the setting takes such a file."""
    extension = path.suffix.removeprefix(".").lower()
    if not 1 <= len(extension) <= LONGEST_EXTENSION:
        raise JudgeFileInvalid(
            f"{setting} names {path}: reference content needs an extension of 1 to {LONGEST_EXTENSION} characters"
        )
    item = examine(Entry(content_uri=to_uri(path), filename=path.name), files=Files())
    if not item.is_ready:
        raise JudgeFileInvalid(
            f"{setting} names {path}: {item.error} Give a file beside the declaration, or the gs:// URI of uploaded "
            "reference content"
        )
    wanted = next((kind for kind in CONTENT_TYPES if kind in setting), item.content_type)
    if item.content_type != wanted:
        raise JudgeFileInvalid(f"{setting} names {path}, which is no {wanted}: it is {item.media_type}")
    if item.content_type == VIDEO and extension not in VIDEO_EXTENSIONS:
        raise JudgeFileInvalid(
            f"{setting} names {path}: reference videos are one of {', '.join(VIDEO_EXTENSIONS)}, not {extension}"
        )
    return ReferenceFile(path=path, extension=extension, item=item)


def _listed(names: set[Any]) -> str:
    return ", ".join(sorted(map(repr, names)))
