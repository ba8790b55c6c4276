"""The API in memory, called with either gateway's events."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from .fakes import FakeApi, http_event, query_of, rest_event


@dataclass
class Reply:
    """An answer, its body parsed."""

    status: int
    body: Any
    headers: dict[str, str]


class Client:
    """Asks the API in memory."""

    def __init__(self, event: Callable[..., dict[str, Any]]) -> None:
        self.api = FakeApi()
        self._event = event
        self._application = self.api.application()

    def restart(self, **changes: Any) -> None:
        """Deploy the API again, changed."""
        self.api = replace(self.api, **changes)
        self._application = self.api.application()

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None, **headers: str) -> Reply:
        """Send one request without changes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._application.handle(self._event(method, path, query, body, named))
        return Reply(answer["statusCode"], json.loads(answer["body"]), answer["headers"])

    def get(self, path: str, **query: Any) -> Reply:
        """Send a GET with these parameters."""
        return self.send("GET", path, query_of(**query))

    def post(self, path: str, content: Any) -> Reply:
        """Send a POST of JSON."""
        return self.send("POST", path, body=json.dumps(content).encode(), Content_Type="application/json")


@pytest.fixture(params=[rest_event, http_event], ids=["rest", "http"])
def client(request: pytest.FixtureRequest) -> Client:
    """Return the API behind a REST API, then behind an HTTP API."""
    return Client(request.param)
