"""An API on a port of the loopback interface that gives prepared answers and keeps the requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import starlette.requests as asgi
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.serving import served


@dataclass(frozen=True)
class Request:
    """One request; header names in lower case."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class ApiServer:
    """Answers by path, and by key for results.

    Attributes:
        url: Its address.
        answers: Status and document by path; for `/result` by `/result?<key>`.
        busy: Answers to the first requests: status and headers.
        requests: All requests, in their order.
    """

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    busy: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def put(self, result: Any) -> None:
        """Store a result."""
        self.answers[f"/result?{result['key']}"] = 200, result

    def refuse(self, path: str, status: int, code: str, detail: str) -> None:
        """Answer with a problem document."""
        self.answers[path] = status, {"type": "about:blank", "status": status, "code": code, "detail": detail}

    @property
    def paths(self) -> list[str]:
        """Return the requests, with the key of those that had one."""
        return [
            f"{request.path}?{request.query['key'][0]}" if "key" in request.query else request.path
            for request in self.requests
        ]


NOT_FOUND = 404, {"status": 404, "code": "PICTURE_NOT_FOUND", "detail": "There is no picture with this key."}


@contextmanager
def serving() -> Iterator[ApiServer]:
    """Yield a running server."""
    api = ApiServer()

    def answer(request: asgi.Request) -> Response:
        path, parameters = request.url.path.removeprefix("/v1"), request.url.query
        query = parse_qs(parameters, strict_parsing=bool(parameters))
        api.requests.append(Request(path, query, dict(request.headers)))
        if api.busy:
            status, headers = api.busy.pop(0)
            return JSONResponse({"detail": "Too many requests at once."}, status, headers)
        key = f"?{query['key'][0]}" if "key" in query else ""
        status, document = api.answers.get(f"{path}{key}", NOT_FOUND)
        body = document if isinstance(document, bytes) else json.dumps(document, default=float)
        return Response(body, status)

    with served(Starlette(routes=[Route("/{path:path}", answer)])) as url:
        api.url = f"{url}/v1"
        yield api
