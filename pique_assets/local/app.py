"""The HTTP face: routes, the API key, request bodies, and ``{"detail": ...}`` errors.

Belongs here: what is HTTP. Does not: what is answered (`service`), and what a signed upload needs (`storage`).
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pique_assets.local.bodies import (
    InvalidBody,
    JudgeBody,
    ListJudgesQuery,
    PresignedUploadBody,
    ReferenceContentBody,
    SocialMediaBody,
)
from pique_assets.local.service import RequestRefused, Service
from pique_assets.local.settings import CONTENT_BUCKET, REFERENCE_BUCKET
from pique_assets.local.storage import StorageRoute

MAX_BODY_BYTES = 1024**2
"""Largest JSON body that is read."""

_Model = TypeVar("_Model", bound=BaseModel)
_Endpoint = Callable[[Request], Awaitable[Response]]


class InvalidShape(Exception):
    """The body or the query is not of the right shape; answered 422 with a list as ``detail``."""

    def __init__(self, errors: list[dict[str, object]]) -> None:
        """The errors as the API's framework lists them."""
        super().__init__("invalid request")
        self.errors = errors


def create_app(service: Service, storage: StorageRoute, *, api_key: str) -> Starlette:
    """The ASGI application of the API host and of the storage host; only the former asks for the API key."""
    api = _Api(service)
    methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
    routes = [
        _route("/v1/judges", "GET", endpoint=api.list_judges, api_key=api_key),
        _route("/v1/judges", "POST", endpoint=api.create_judge, api_key=api_key),
        _route("/v1/judges/reference_content", "POST", endpoint=api.create_reference_content, api_key=api_key),
        _route("/v1/judges/{judge_id}", "GET", endpoint=api.get_judge, api_key=api_key),
        _route("/v1/evaluations/presigned-upload", "POST", endpoint=api.create_presigned_upload, api_key=api_key),
        _route("/v1/evaluations/social-media", "POST", endpoint=api.submit_social_media, api_key=api_key),
        _route("/v1/evaluations/results/{job_id}", "GET", endpoint=api.get_result, api_key=api_key),
        Route(f"/{CONTENT_BUCKET}/{{name:path}}", storage.__call__, methods=methods),
        Route(f"/{REFERENCE_BUCKET}/{{name:path}}", storage.__call__, methods=methods),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={
            RequestRefused: _refused,
            InvalidBody: _invalid_body,
            InvalidShape: _invalid_shape,
            HTTPException: _http_error,
            Exception: _server_error,
        },
    )


class _Api:
    """One method for each endpoint: read the request, ask the service, write the answer."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list_judges(self, request: Request) -> Response:
        query = _validated(ListJudgesQuery, dict(request.query_params), where="query")
        return JSONResponse(
            self._service.judge_page(limit=query.limit, offset=query.offset, content_type=query.content_type)
        )

    async def create_judge(self, request: Request) -> Response:
        return JSONResponse(self._service.create_judge(await _body(request, JudgeBody)))

    async def get_judge(self, request: Request) -> Response:
        return JSONResponse(self._service.judge(request.path_params["judge_id"]))

    async def create_reference_content(self, request: Request) -> Response:
        return JSONResponse(self._service.reference_content(await _body(request, ReferenceContentBody)))

    async def create_presigned_upload(self, request: Request) -> Response:
        return JSONResponse(self._service.presigned_upload(await _body(request, PresignedUploadBody)))

    async def submit_social_media(self, request: Request) -> Response:
        return JSONResponse(self._service.social_media(await _body(request, SocialMediaBody)), status_code=202)

    async def get_result(self, request: Request) -> Response:
        return JSONResponse(self._service.result(request.path_params["job_id"]))


def _route(path: str, method: str, *, endpoint: _Endpoint, api_key: str) -> Route:
    async def guarded(request: Request) -> Response:
        given = request.headers.get("x-api-key", "")
        if not hmac.compare_digest(given.encode(), api_key.encode()):
            raise RequestRefused(401, "Invalid API key" if given else "Missing API key")
        return await endpoint(request)

    return Route(path, guarded, methods=[method])


async def _body(request: Request, model: type[_Model]) -> _Model:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise RequestRefused(413, f"The request body is larger than {MAX_BODY_BYTES} bytes")
    return _validated(model, bytes(received), where="body")


def _validated(model: type[_Model], given: bytes | dict[str, str], *, where: str) -> _Model:
    try:
        if isinstance(given, bytes):
            return TypeAdapter(model).validate_json(given)
        return TypeAdapter(model).validate_python(given)
    except ValidationError as error:
        listed: list[dict[str, object]] = json.loads(
            error.json(include_url=False, include_context=False, include_input=False)
        )
        raise InvalidShape(
            [{"type": item["type"], "loc": [where, *_location(item)], "msg": item["msg"]} for item in listed]
        ) from error


def _location(item: dict[str, object]) -> list[object]:
    location = item["loc"]
    return location if isinstance(location, list) else []


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    return JSONResponse({"detail": error.detail}, status_code=error.status)


async def _invalid_body(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, status_code=400)


async def _invalid_shape(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidShape)
    return JSONResponse({"detail": error.errors}, status_code=422)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)


async def _server_error(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after the answer, so its traceback reaches the server's log.
    return JSONResponse({"detail": "Internal server error"}, status_code=500)
