"""The storage side of uploads: one PUT route over two buckets, speaking Google Cloud Storage's XML dialect.

Belongs here: receiving bytes. A PUT is streamed to a private file, and takes effect in one step when every byte is
there. The signed URL is the only credential. Does not: the API key (`app`), and what a PUT sets off, which the caller
says through `SignedUpload`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

import google_crc32c
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pique_assets.local.signed_urls import Refusal, SignedRequest, verify

DRAIN_LIMIT_BYTES = 4 * 1024**2
"""Of a refused body, how much is still read, so that a client in the middle of sending sees the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedBody:
    """A complete body, still under its private name."""

    path: Path
    size_bytes: int
    sha256: str
    crc32c: bytes
    md5: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUpload:
    """How large a PUT may be, and what makes it take effect; `accept` returns the new generation."""

    max_bytes: int
    accept: Callable[[ReceivedBody], int]


FindTarget = Callable[[str], SignedUpload | None]
"""From an object's path (unescaped, bucket first) to its target, or None where no such upload is expected."""


class StorageRoute:
    """The endpoint behind every signed URL."""

    def __init__(self, *, upload_dir: Path, key: rsa.RSAPublicKey, find_target: FindTarget) -> None:
        """Receive into ``upload_dir`` what is signed with ``key``."""
        self._upload_dir = upload_dir
        self._key = key
        self._find_target = find_target

    async def __call__(self, request: Request) -> Response:
        """Answer one request to the storage host."""
        try:
            return await self._answer(request)
        except Refusal as refusal:
            await _drain(request)
            return _xml_error(refusal)
        except ClientDisconnect:
            # The client is gone, and with it any effect of what it sent; nobody reads this answer.
            return Response(status_code=499)

    async def _answer(self, request: Request) -> Response:
        verify(_signed_request(request), key=self._key, now=datetime.now(UTC))
        if request.method != "PUT":
            raise Refusal(405, "MethodNotAllowed", message="The specified method is not allowed against this resource.")
        target = self._find_target(request.scope["path"])
        if target is None:
            raise Refusal(404, "NoSuchKey", message="The specified key does not exist.")
        body = await _receive(request, self._upload_dir / secrets.token_hex(16), max_bytes=target.max_bytes)
        generation = target.accept(body)
        response = Response(
            status_code=200,
            headers={
                "ETag": f'"{body.md5.hex()}"',
                "x-goog-generation": str(generation),
                "x-goog-metageneration": "1",
                "x-goog-stored-content-encoding": "identity",
                "x-goog-stored-content-length": str(body.size_bytes),
            },
        )
        # Two headers of one name, as Cloud Storage sends them.
        for algorithm, digest in (("crc32c", body.crc32c), ("md5", body.md5)):
            response.headers.append("x-goog-hash", f"{algorithm}={base64.b64encode(digest).decode()}")
        return response


async def _receive(request: Request, path: Path, *, max_bytes: int) -> ReceivedBody:
    declared = request.headers.get("content-length")
    if declared is not None and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    try:
        with path.open("xb") as file:
            return await _write(request, file, path=path, max_bytes=max_bytes)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def _write(request: Request, file: BinaryIO, *, path: Path, max_bytes: int) -> ReceivedBody:
    size = 0
    sha256, md5, crc32c = hashlib.sha256(), hashlib.md5(usedforsecurity=False), google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        for digest in (sha256, md5, crc32c):
            digest.update(chunk)
        file.write(chunk)
    file.flush()
    await asyncio.to_thread(os.fsync, file.fileno())
    return ReceivedBody(
        path=path,
        size_bytes=size,
        sha256=sha256.hexdigest(),
        crc32c=bytes(crc32c.digest()),  # type: ignore[no-untyped-call]
        md5=md5.digest(),
    )


def _signed_request(request: Request) -> SignedRequest:
    return SignedRequest(
        method=request.method,
        raw_path=request.scope["raw_path"].decode("latin-1"),
        raw_query=request.scope["query_string"].decode("latin-1"),
        headers=request.headers,
    )


async def _drain(request: Request) -> None:
    left = DRAIN_LIMIT_BYTES
    try:
        async with asyncio.timeout(2.0):
            async for chunk in request.stream():
                left -= len(chunk)
                if left < 0:
                    return
    except (TimeoutError, ClientDisconnect, RuntimeError):
        # RuntimeError: the stream was consumed already. The connection is closed after the answer anyway.
        return


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(
        400,
        "EntityTooLarge",
        message="Your proposed upload exceeds the maximum allowed object size.",
        details=f"At most {max_bytes} bytes were announced.",
    )


def _xml_error(refusal: Refusal) -> Response:
    details = f"<Details>{escape(refusal.details)}</Details>" if refusal.details else ""
    return Response(
        f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{refusal.code}</Code>"
        f"<Message>{escape(refusal.message)}</Message>{details}</Error>",
        status_code=refusal.status,
        media_type="application/xml; charset=UTF-8",
    )
