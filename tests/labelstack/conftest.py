"""A LocalStack that answers only its health check."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.serving import served


@pytest.fixture
def sessions() -> list[str]:
    """Return the ids of its sessions; the last is the one of now."""
    return ["one"]


@pytest.fixture
def localstack(sessions: list[str]) -> Iterator[str]:
    """Yield its address."""

    def info(request: Request) -> JSONResponse:
        return JSONResponse({"version": "4.14.0", "session_id": sessions[-1]})

    with served(Starlette(routes=[Route("/{path:path}", info)])) as url:
        yield url
