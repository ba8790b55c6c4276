"""Behaviour that all routes share, for the events of both gateways: bodies, paths, CORS, failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError

from handlers.api.application import METHODS
from handlers.api.storage import may_pass
from handlers.api_results import reading
from handlers.api_upload_url import uploads
from handlers.api_upload_url.uploads import STANDARD_TYPES
from handlers.environment import EnvironmentVariableError, Variables
from handlers.results.query import MAX_CHARACTERS, MAX_CONDITIONS
from handlers.results.search import MAX_LIMIT

from .conftest import Client
from .fakes import SITE, FakeApi, http_event, result

CONTRACT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "api" / "openapi.yaml").read_text())
JSON = {"Content_Type": "application/json; charset=utf-8"}


def test_routes_are_those_of_the_contract() -> None:
    paths = CONTRACT["paths"].items()
    declared = {path: {name.upper() for name in item if name in ("get", "post", "delete")} for path, item in paths}

    assert {path: set(methods) for path, methods in METHODS.items()} == declared


def test_limits_are_those_of_the_contract() -> None:
    upload = CONTRACT["components"]["schemas"]["UploadRequest"]["properties"]
    parameters = {
        parameter.get("name"): parameter.get("schema")
        for parameter in CONTRACT["paths"]["/images"]["get"]["parameters"]
    }

    assert upload["contentType"]["enum"] == list(STANDARD_TYPES)
    assert upload["fileName"]["maxLength"] == uploads.MAX_NAME_CHARACTERS
    assert upload["sizeBytes"]["maximum"] == 100 * 1024 * 1024
    assert parameters["limit"]["maximum"] == MAX_LIMIT
    assert parameters["limit"]["default"] == reading.DEFAULT_LIMIT
    assert parameters["q"]["maxLength"] == MAX_CHARACTERS
    assert parameters["label"]["maxItems"] == MAX_CONDITIONS
    assert parameters["label"]["items"]["maxLength"] == reading.MAX_LABEL_CHARACTERS
    assert parameters["cursor"]["maxLength"] == reading.MAX_CURSOR_CHARACTERS


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"key": NaN}', b"[" * 4000, b'{"key": ' + b"9" * 5000 + b"}", b"\x00"]
)
def test_refuses_bodies_that_are_not_json(client: Client, body: bytes) -> None:
    reply = client.send("POST", "/detect-labels", body=body, **JSON)

    assert (reply.status, reply.body["code"]) == (400, "INVALID_JSON")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"key"', b"1"])
def test_refuses_json_that_is_no_object(client: Client, body: bytes) -> None:
    reply = client.send("POST", "/detect-labels", body=body, **JSON)

    assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST")


def test_refuses_other_media_types(client: Client) -> None:
    reply = client.send("POST", "/detect-labels", body=b"<x/>", Content_Type="text/xml")

    assert (reply.status, reply.body["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("size", [8193, 1_000_000])
def test_refuses_large_bodies(client: Client, size: int) -> None:
    reply = client.send("POST", "/detect-labels", body=b" " * size, **JSON)

    assert (reply.status, reply.body["code"]) == (413, "BODY_TOO_LARGE")


def test_unknown_field_of_any_length_is_told_shortly(client: Client) -> None:
    reply = client.post("/detect-labels", {"key": "uploads/1", "x" * 1000: 1})

    assert reply.body["code"] == "INVALID_REQUEST"
    assert len(reply.body["detail"]) < 100


@pytest.mark.parametrize(
    ("method", "allow"), [("PUT", "GET, DELETE"), ("POST", "GET, DELETE"), ("OPTIONS", "GET, DELETE")]
)
def test_refuses_other_methods(client: Client, method: str, allow: str) -> None:
    reply = client.send(method, "/images")

    assert (reply.status, reply.body["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert reply.headers["Allow"] == allow


def test_knows_no_other_paths(client: Client) -> None:
    assert client.get("/admin").body["code"] == "UNKNOWN_ROUTE"


def test_default_route_of_an_http_api_is_read_without_the_stage() -> None:
    application = FakeApi().application()

    assert application.handle(http_event("PUT", "/images", known=False))["statusCode"] == 405
    assert application.handle(http_event("GET", "/dev/dev", known=False))["statusCode"] == 404
    assert application.handle(http_event("GET", "/health", known=False))["statusCode"] == 200


def test_refuses_query_strings_that_are_not_utf8() -> None:
    answer = FakeApi().application().handle(http_event("GET", "/result", "key=%ff"))

    assert answer["statusCode"] == 400


def test_refuses_very_many_parameters() -> None:
    answer = FakeApi().application().handle(http_event("GET", "/images", "&".join(["label=a"] * 100)))

    assert answer["statusCode"] == 400


def test_lets_pages_of_the_site_read_answers_and_no_others(client: Client) -> None:
    allowed = client.send("GET", "/labels", Origin=SITE)
    refused = client.send("GET", "/labels", Origin="https://evil.example")
    error = client.send("GET", "/result", Origin=SITE)

    assert allowed.headers["Access-Control-Allow-Origin"] == SITE
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert error.headers["Access-Control-Allow-Origin"] == SITE
    assert {reply.headers["Vary"] for reply in (allowed, refused, error)} == {"Origin"}


def test_hides_the_cause_of_an_unexpected_error(client: Client) -> None:
    client.api.results.add(result("uploads/1", secret=object()))

    reply = client.get("/result", key="uploads/2", oops="1")
    client.api.results.broken = True
    failed = client.get("/result", key="uploads/1")

    assert reply.status == 400
    assert failed.status == 500
    assert failed.body == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "INTERNAL_ERROR",
        "detail": "Something went wrong on our side. Try again in a moment.",
        "requestId": "r-1",
    }


def aws_error(status: int) -> ClientError:
    return ClientError({"Error": {"Code": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "HeadObject")  # type: ignore[typeddict-item]  # as little as is looked at


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (aws_error(503), True),
        (aws_error(429), True),
        (aws_error(403), False),
        (EndpointConnectionError(endpoint_url="x"), True),
        (KeyError(), False),
    ],
)
def test_errors_that_may_pass_are_503(error: Exception, known: bool) -> None:
    assert may_pass(error) is known


@pytest.mark.parametrize("value", ["ftp://x", "localhost:4566", "", "http://"])
def test_refuses_a_public_endpoint_that_is_no_url(value: str) -> None:
    with pytest.raises(EnvironmentVariableError, match="PUBLIC_S3_ENDPOINT_URL"):
        Variables({"PUBLIC_S3_ENDPOINT_URL": value}).url("PUBLIC_S3_ENDPOINT_URL")


@pytest.mark.parametrize("value", ["", "0", "3601", "-1", "1.5", "x"])
def test_refuses_a_wrong_number(value: str) -> None:
    with pytest.raises(EnvironmentVariableError, match="UPLOAD_EXPIRY_S"):
        Variables({"UPLOAD_EXPIRY_S": value}).integer("UPLOAD_EXPIRY_S", 1, 3600)


def test_reads_several_origins() -> None:
    assert Variables({"ALLOWED_ORIGIN": "https://a, https://b,"}).names("ALLOWED_ORIGIN") == {"https://a", "https://b"}
    assert Variables({}).names("ALLOWED_ORIGIN") == frozenset()
