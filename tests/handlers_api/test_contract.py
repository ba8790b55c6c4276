"""The functions keep the contract with both gateways' events: schemathesis makes requests from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.web.serve import served

from .fakes import FakeApi, http_event, rest_event, result

CONTRACT = Path(__file__).parents[2] / "api" / "openapi.yaml"
SCHEMA = schemathesis.openapi.from_dict(yaml.safe_load(CONTRACT.read_text()))
positive_data_acceptance = CHECKS.get_one("positive_data_acceptance")
ignored_auth = CHECKS.get_one("ignored_auth")  # the gateway judges who may ask, before the function


def bridge(event: Any) -> Starlette:
    """The functions behind an HTTP server that makes a gateway's events of requests."""
    api = FakeApi()
    api.results.add(result("uploads/4f0c2d1e9a7b4c55/two-cats.jpg"))
    application = api.application()

    async def forward(request: Request) -> Response:
        query, body = request.scope["query_string"].decode("latin-1"), await request.body()
        sent = event(request.method, request.url.path, query, body or None, dict(request.headers))
        answer = application.handle(sent)
        return Response(answer["body"], answer["statusCode"], answer["headers"])

    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"]
    return Starlette(routes=[Route("/{path:path}", forward, methods=methods)])


@pytest.fixture(scope="module", params=[rest_event, http_event], ids=["rest", "http"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The functions' address."""
    with served(bridge(request.param)) as url:
        yield url


@SCHEMA.parametrize()
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_functions_keep_the_contract(case: schemathesis.Case[Any], address: str) -> None:
    # A cursor that no answer has given, and a query that cannot be read, are well-formed and yet refused.
    excluded: Any = [ignored_auth, *([positive_data_acceptance] if {"cursor", "q"} & {*(case.query or ())} else [])]
    case.call_and_validate(base_url=address, excluded_checks=excluded)
