"""Which judge at Pique evaluates: named by its id, or declared in a file and found by its name.

Belongs here: finding a judge, comparing the judge with its declaration, and creating a judge on purpose. Does not: the
declaration's file (`declaration`), and whether a judge can evaluate now, which a submission checks itself.

This package never changes a judge that exists: the API has no call for that, and a judge that measures something else
under the same name would be worse than an error.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from pique_assets.api.client import PiqueClient
from pique_assets.api.errors import PiqueError, UploadExpired, UploadInterrupted
from pique_assets.api.models import Judge, JudgeStatus
from pique_assets.judges.changes import DetectorSettings, detector_changes
from pique_assets.judges.declaration import JudgeDeclaration, ReferenceFile, read_judge_file, record_reference
from pique_assets.judges.errors import (
    JudgeAmbiguous,
    JudgeCreationInDoubt,
    JudgeDiffers,
    JudgeFileInvalid,
    JudgeMissing,
)
from pique_assets.visible import visible

Say = Callable[[str], None]

# How often to look for a judge whose creation nobody confirmed: Pique's listing may lag behind.
LOOKS: Final = 3
LOOK_AGAIN_AFTER_S: Final = 2.0
# Reference content costs nothing, so an upload whose answer was lost is made once more.
REFERENCE_ATTEMPTS: Final = 3
PENDING_LOOK_S: Final = 1.0


def resolve_judge(
    client: PiqueClient,
    *,
    judge_id: str | None,
    judge_file: str | os.PathLike[str] | None = None,
    create_missing: bool = False,
    say: Say,
) -> Judge:
    """The judge of an evaluation as Pique describes it now.

    Args:
        client: The API.
        judge_id: The judge's id; None where the file alone says which judge is meant.
        judge_file: The judge's declaration. With an id, the judge of that id must be what the file declares.
        create_missing: Whether to create a declared judge that does not exist. Among the assets only `judge` creates
            one: a step after it would do so unseen.
        say: Hears when a judge is created.

    Raises:
        NotFound: No judge has this id.
        JudgeFileInvalid, JudgeMissing, JudgeAmbiguous, JudgeDiffers, JudgeCreationInDoubt: As they say.
        PiqueError: Pique refuses, or does not answer.
        ValueError: Neither an id nor a file is given.
    """
    declaration = None if judge_file is None else read_judge_file(judge_file)
    if judge_id is not None:
        judge = client.get_judge(judge_id)
        if declaration is not None:
            require_declared(judge, declaration)
        return judge
    if declaration is None:
        raise ValueError("give the id of a judge, or the file that declares one")
    found = find_judge(client, declaration)
    if found is not None:
        return found
    if not create_missing:
        raise JudgeMissing(
            f"no judge at Pique is named {declaration.name!r}, as {declaration.path} declares; create it with "
            f"`pique-assets judges create --file {declaration.path}`"
        )
    return create_judge(client, declaration, say=say)


def find_judge(client: PiqueClient, declaration: JudgeDeclaration) -> Judge | None:
    """The judge of the declared name, after checking that the judge is as declared; None when there is none.

    Raises:
        JudgeAmbiguous: Several judges have the name.
        JudgeDiffers: The judge is not as declared.
        PiqueError: Pique refuses, or does not answer.
    """
    named = [judge for judge in client.list_judges() if judge.name == declaration.name]
    if not named:
        return None
    if len(named) > 1:
        ids = ", ".join(f"{judge.id} ({judge.status}{'' if judge.is_active else ', not active'})" for judge in named)
        raise JudgeAmbiguous(
            f"{len(named)} judges at Pique are named {declaration.name!r}: {ids}. Say which by its id (`judge_id`), "
            f"or give the declaration in {declaration.path} another name"
        )
    judge = client.get_judge(named[0].id)
    require_declared(judge, declaration)
    return judge


def require_declared(judge: Judge, declaration: JudgeDeclaration) -> None:
    """Refuse a judge that measures something else than its file declares.

    Raises:
        JudgeDiffers: The message lists the differences.
    """
    if differences := declared_differences(judge, declaration):
        raise JudgeDiffers(
            f"judge {judge.id} ({judge.name}) is not what {declaration.path} declares, and a judge is never changed "
            f"from here: {'; '.join(differences)}. Change the file, or declare a judge of another name"
        )


def declared_differences(judge: Judge, declaration: JudgeDeclaration) -> list[str]:
    """How the judge differs from its declaration: "was" is what the file declares, "is" what Pique has.

    Content type and detectors count. Ids, weights and the description do not: weights can't be declared (the API takes
    none), and the description measures nothing.
    """
    request = declaration.uploaded_request()
    wanted = [DetectorSettings(name=item.detector_name, config=item.config) for item in request.detectors]
    found = [DetectorSettings(name=item.detector_name, config=item.config) for item in judge.detector_configs]
    differences = detector_changes(wanted, found)
    if judge.content_type != request.content_type:
        differences.insert(0, f"content_type was {request.content_type}, is {judge.content_type}")
    if differences and (unknown := declaration.not_uploaded()):
        files = ", ".join(str(file.path) for file in unknown)
        differences.append(f"no upload of {files} is on record, so whether the judge has it can't be told")
    return differences


def create_judge(
    client: PiqueClient,
    declaration: JudgeDeclaration,
    *,
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
) -> Judge:
    """Create a declared judge, of which none exists yet.

    Raises:
        JudgeFileInvalid: Reference content was never uploaded (`upload_references` does it).
        JudgeCreationInDoubt: No answer came and Pique lists no such judge: the judge may appear yet.
        JudgeAmbiguous: Somebody else created a judge of the same name at the same time.
        PiqueError: Pique refuses; certainly nothing was created.
    """
    if missing := declaration.not_uploaded():
        files = ", ".join(str(file.path) for file in missing)
        raise JudgeFileInvalid(
            f"{declaration.path} names reference content that was never uploaded: {files}. Create this judge with "
            f"`pique-assets judges create --file {declaration.path}`, which uploads it and records that beside the file"
        )
    try:
        created = client.create_judge(declaration.uploaded_request())
    except PiqueError as error:
        if not error.may_have_taken_effect:
            raise
        return _look_for_created(client, declaration, doubt=error, sleep=sleep)
    say(visible(f"created judge {created.id} ({declaration.name}), {created.status}"))
    # Looked for by name once more: two callers that create at the same moment see each other's judge here.
    found = find_judge(client, declaration)
    return client.get_judge(created.id) if found is None else found


def upload_references(client: PiqueClient, declaration: JudgeDeclaration, *, say: Say) -> None:
    """Upload the reference content that was never uploaded, and record each upload beside the declaration.

    Raises:
        OSError: The record can't be written.
        MediaError: A file changed since it was read.
        PiqueError: Pique or its storage refuses.
    """
    for file in declaration.not_uploaded():
        uri = _upload(client, file)
        record_reference(declaration.path, sha256=file.sha256, uri=uri)
        say(visible(f"uploaded {file.path} ({file.size_bytes} bytes) as {uri}"))


def wait_until_prepared(
    client: PiqueClient, judge: Judge, *, wait_s: float, sleep: Callable[[float], None] = time.sleep
) -> Judge:
    """The judge once Pique has prepared it, or as Pique describes it after `wait_s` seconds."""
    until = time.monotonic() + wait_s
    while judge.status == JudgeStatus.PENDING and time.monotonic() < until:
        sleep(PENDING_LOOK_S)
        judge = client.get_judge(judge.id)
    return judge


def _look_for_created(
    client: PiqueClient, declaration: JudgeDeclaration, *, doubt: PiqueError, sleep: Callable[[float], None]
) -> Judge:
    for look in range(LOOKS):
        if look:
            sleep(LOOK_AGAIN_AFTER_S)
        found = find_judge(client, declaration)
        if found is not None:
            return found
    raise JudgeCreationInDoubt(
        f"whether Pique created judge {declaration.name!r} is not known ({doubt}), and no judge of that name is listed "
        "yet. It was not asked again, which might make a second one: look with `pique-assets judges list`, and create "
        "it again only when it stays away"
    ) from None


def _upload(client: PiqueClient, file: ReferenceFile) -> str:
    for attempts_left in reversed(range(REFERENCE_ATTEMPTS)):
        prepared = client.create_reference_content(file.extension)
        try:
            client.upload_reference_content(
                prepared, open_body=file.open, size_bytes=file.size_bytes, crc32c=file.item.crc32c
            )
        except (UploadInterrupted, UploadExpired):
            if not attempts_left:
                raise
        else:
            return prepared.reference_content_uri
    raise AssertionError("the last attempt returns or raises")
