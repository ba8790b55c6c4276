"""An API on a port of the loopback interface that answers as it is told and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


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
        url: Where it is.
        answers: Status and document by path; for `/result` by `/result?<key>`.
        busy: Answers that come first, whatever is asked: status and headers.
        asked: All requests, in their order.
    """

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    busy: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def put(self, result: Any) -> None:
        """Have a result."""
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
    """A running server."""
    api = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            where = urlsplit(self.path.removeprefix("/v1"))
            query = parse_qs(where.query, strict_parsing=bool(where.query))
            api.requests.append(
                Request(where.path, query, {name.lower(): value for name, value in self.headers.items()})
            )
            if api.busy:
                status, headers = api.busy.pop(0)
                return self._answer(status, {"detail": "Too many requests at once."}, headers)
            key = f"?{query['key'][0]}" if "key" in query else ""
            status, document = api.answers.get(f"{where.path}{key}", NOT_FOUND)
            self._answer(status, document, {})

        def _answer(self, status: int, document: Any, headers: dict[str, str]) -> None:
            body = document if isinstance(document, bytes) else json.dumps(document, default=float).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
