"""The HTTP side: Rekognition at ``POST /``, and a control plane for tests under ``/_rekognition_local``.

- ``GET /_rekognition_local/health``: ``{"status": "running", …}``
- ``GET`` and ``PUT /_rekognition_local/rules``: the rules in force (`rules`)
- ``GET /_rekognition_local/calls``: how often what was called (`counters`)
- ``POST /_rekognition_local/reset``: no rules, no counts, full buckets, nothing remembered

No web page has business here: a request that a page makes a browser send is refused. The control plane is for who
started the server, who sends the token in the header `X-Rekognition-Local-Token`; health is for all.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rekognition_local.analysis import Models
from rekognition_local.call_queue import CallQueue
from rekognition_local.counters import Counters
from rekognition_local.door import CONTROL, Access, Door
from rekognition_local.errors import ConfigurationError, ImageTooLargeError, InternalError, RekognitionError
from rekognition_local.operations import OPERATIONS
from rekognition_local.rules import RuleBook
from rekognition_local.sources import ImageSource, is_unchanging
from rekognition_local.throttle import Throttle
from rekognition_local.vision.print_text import can_read_print
from rekognition_local.wire import CONTENT_TYPE, operation_name, parse_call, serialise, serialise_error

# 5 MB of picture in base64, and room for the other parameters.
MAX_BODY_BYTES = 8 * 1024 * 1024
_IMPLEMENTED = frozenset(OPERATIONS)
_log = logging.getLogger("rekognition_local")


@dataclass(frozen=True)
class Services:
    """The server's parts; `closing` is set when it ends."""

    source: ImageSource
    throttle: Throttle
    queue: CallQueue
    rules: RuleBook = field(default_factory=RuleBook)
    counters: Counters = field(default_factory=Counters)
    delay_s: float = 0.0
    models: Models = field(default_factory=Models)
    access: Access = field(default_factory=Access)
    closing: asyncio.Event = field(default_factory=asyncio.Event)


def build_app(services: Services) -> Starlette:
    """Make the application."""
    control = _Control(services)
    return Starlette(
        routes=[
            Route("/", _Endpoint(services).call, methods=["POST"]),
            Route(f"{CONTROL}/health", control.health, methods=["GET"]),
            Route(f"{CONTROL}/rules", control.rules, methods=["GET", "PUT"]),
            Route(f"{CONTROL}/calls", control.calls, methods=["GET"]),
            Route(f"{CONTROL}/reset", control.reset, methods=["POST"]),
        ],
        middleware=[Middleware(Door, access=services.access)],
        exception_handlers={ConfigurationError: _bad_rules},
    )


class _Endpoint:
    """Rekognition's single address."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def call(self, request: Request) -> Response:
        """Answer a call: parse, throttle, rules, picture, answer."""
        request_id = str(uuid.uuid4())
        target = request.headers.get("x-amz-target")
        try:
            operation = operation_name(target, _IMPLEMENTED)
            body = await self._counted(operation, await _read_body(request), request)
            status = 200
        except RekognitionError as error:
            _log.info("%s: %s: %s", target, error.code, error.message)
            body, status = serialise_error(error, request_id), error.status
        return Response(body, status, {"x-amzn-RequestId": request_id}, media_type=CONTENT_TYPE)

    async def _hang(self, request: Request) -> None:
        """Keep a call waiting until its client gives up or the server ends."""
        ends = [asyncio.create_task(_disconnected(request)), asyncio.create_task(self._services.closing.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        raise InternalError("The server ended while a rule made this call hang")

    async def _counted(self, operation: str, body: bytes, request: Request) -> bytes:
        counters = self._services.counters
        counters.started(operation)
        code: str | None = "Cancelled"
        try:
            answer = serialise(operation, await self._answer(operation, body, request))
            code = None
        except RekognitionError as error:
            code = error.code
            raise
        except Exception as error:
            # The edge of the server: whatever breaks inside is a 500 to the caller and a trace in the log.
            code = InternalError.code
            _log.exception("%s failed", operation)
            raise InternalError from error
        finally:
            counters.ended(operation, code)
        return answer

    async def _answer(self, operation: str, body: bytes, request: Request) -> dict[str, Any]:
        services = self._services
        parameters = parse_call(operation, body)
        image: Mapping[str, Any] = parameters["Image"]
        stored = image.get("S3Object", {})
        key = stored.get("Name")
        if "Bucket" in stored and key is not None:
            services.counters.saw_image(operation, f"{stored['Bucket']}/{key}")
        services.throttle.take(operation)
        sha256 = None
        if services.rules.needs_content(operation, key):
            sha256 = (await services.source.load(image)).sha256
        verdict = services.rules.judge(operation, key, sha256)
        if verdict.hang:
            await self._hang(request)
        delay_s = services.delay_s + verdict.delay_s
        if delay_s:
            await asyncio.sleep(delay_s)
        if verdict.error is not None:
            raise verdict.error

        async def look() -> dict[str, Any]:
            analysis = await services.source.load(image)
            return await OPERATIONS[operation](parameters, analysis, verdict.answer)

        if verdict.answer is not None:
            return await look()
        digest = hashlib.sha256(body).digest()
        return await services.queue.answer((operation, digest), look, is_lasting=is_unchanging(image))


async def _disconnected(request: Request) -> None:
    """Wait until the client closes the connection; the body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _read_body(request: Request) -> bytes:
    """Return the body, unless it is larger than any call may be."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise ImageTooLargeError("Request size is too large")
        chunks.append(chunk)
    return b"".join(chunks)


class _Control:
    """The control plane."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def health(self, _request: Request) -> Response:
        """Answer that the server runs, and which optional packages it has."""
        models = self._services.models
        abilities = {
            "print": can_read_print(),
            "explicit": models.moderation.is_able,
            "model": models.classifier is not None,
        }
        return JSONResponse({"status": "running", "operations": sorted(OPERATIONS), "abilities": abilities})

    async def rules(self, request: Request) -> Response:
        """Show or replace the rules."""
        if request.method == "PUT":
            try:
                documents = json.loads(await request.body())
            except ValueError as error:
                raise ConfigurationError(f"Rules are not JSON: {error}") from error
            self._services.rules.replace(documents)
        return JSONResponse(self._services.rules.as_documents())

    async def calls(self, _request: Request) -> Response:
        """Show the counts."""
        return JSONResponse(self._services.counters.as_document())

    async def reset(self, _request: Request) -> Response:
        """Reset everything but the rules that the start has read."""
        self._services.rules.replace([])
        self._services.counters.reset()
        self._services.throttle.reset()
        self._services.source.forget()
        self._services.queue.forget()
        return JSONResponse({"status": "reset"})


async def _bad_rules(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ConfigurationError):
        raise HTTPException(500) from error
    return JSONResponse({"code": "InvalidRules", "message": str(error)}, status_code=400)
