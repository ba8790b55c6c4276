"""The deployed API keeps its contract for any request: those generated from the contract, and hostile ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from hypothesis import HealthCheck, settings
from requests.auth import AuthBase
from schemathesis.checks import CHECKS

from integration_tests.api import ApiClient, canonical

CONTRACT = Path(__file__).parent.parent / "api" / "openapi.yaml"
SCHEMA = schemathesis.openapi.from_dict(yaml.safe_load(CONTRACT.read_text()))
positive_data_acceptance = CHECKS.get_one("positive_data_acceptance")
ignored_auth = CHECKS.get_one("ignored_auth")
JSON = {"Content-Type": "application/json"}
KEY = "uploads/0123456789abcdef0123456789abcdef/nothing.jpg"


class Signature(AuthBase):
    """Signs a request of the library `requests` with an API client's credentials."""

    def __init__(self, api: ApiClient) -> None:
        assert api.credentials is not None
        self._signer = SigV4Auth(api.credentials, "execute-api", api.region)

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        request = AWSRequest(prepared.method, canonical(str(prepared.url)), data=prepared.body)
        self._signer.add_auth(request)
        prepared.headers.update(dict(request.headers))
        return prepared


@pytest.fixture(scope="module", params=["api", "signed_api"], ids=["rest", "http"])
def any_api(request: pytest.FixtureRequest) -> ApiClient:
    """Return both kinds of gateway."""
    client = request.getfixturevalue(request.param)
    assert isinstance(client, ApiClient)
    return client


@pytest.mark.needs("gateway_responses")
@SCHEMA.parametrize()
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_keeps_the_contract(case: schemathesis.Case[Any], any_api: ApiClient) -> None:
    # A cursor that no answer has given, and a query that cannot be read, are well-formed and yet refused.
    excluded: Any = [positive_data_acceptance] if {"cursor", "q"} & {*(case.query or ())} else []
    # The check changes the key of a request. The signature, which is what counts, stays right.
    excluded += [ignored_auth] if any_api.credentials else []
    signature = Signature(any_api) if any_api.credentials else None
    case.call_and_validate(base_url=any_api.url, excluded_checks=excluded, auth=signature)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/detect-labels", b"{"),
        ("POST", "/detect-labels", b'{"key":1}'),
        ("POST", "/generate-upload-url", b'{"fileName":"a.jpg"}'),
        ("GET", "/result", None),
        ("GET", "/images?limit=0", None),
    ],
)
def test_wrong_requests_are_refused_by_whoever_sees_them(
    any_api: ApiClient, method: str, path: str, body: bytes | None
) -> None:
    reply = any_api.send(method, path, body=body, headers=JSON if body else {})

    assert reply.status == 400
    assert b"Traceback" not in reply.body


@pytest.mark.parametrize("path", ["/", "/nowhere", "/images/1", "/result/uploads/a", "/%00", "/Images"])
def test_unknown_paths(any_api: ApiClient, path: str) -> None:
    assert any_api.send("GET", path).problem == (404, "UNKNOWN_ROUTE")


def test_path_that_climbs(api: ApiClient) -> None:
    assert api.send("GET", "/..%2f..").problem == (404, "UNKNOWN_ROUTE")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/images"), ("POST", "/images"), ("GET", "/detect-labels"), ("DELETE", "/result"), ("PATCH", "/labels")],
)
def test_other_methods(any_api: ApiClient, method: str, path: str) -> None:
    reply = any_api.send(method, path)

    assert reply.problem == (405, "METHOD_NOT_ALLOWED")
    assert reply.headers["allow"]


@pytest.mark.needs("gateway_responses")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"key"',
        b"\xff\xfe",
        b"[" * 4000,
        b'{"key":NaN}',
        b"{}",
        b'{"key":1}',
        b'{"key":null}',
        b'{"key":["uploads/a"]}',
        b'{"key":{"S":"uploads/a"}}',
        b'{"key":""}',
        b'{"key":"\\ud800"}',
        b'{"key":"uploads/a","more":1}',
        b'{"key":"%s"}' % (b"a" * 1025),
        b'{"key":"%s"}' % ("\u00e9" * 513).encode(),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_bodies_that_are_wrong(any_api: ApiClient, body: bytes) -> None:
    status, code = any_api.send("POST", "/detect-labels", body=body, headers=JSON).problem

    assert status == 400
    assert code in ("INVALID_REQUEST", "INVALID_JSON")


@pytest.mark.needs("gateway_responses")
@pytest.mark.parametrize(
    "content",
    [
        {"fileName": "a.jpg"},
        {"contentType": "image/png"},
        {"fileName": 1, "contentType": "image/png"},
        {"fileName": "", "contentType": "image/png"},
        {"fileName": "a" * 256, "contentType": "image/png"},
        {"fileName": "a", "contentType": "image/PNG"},
        {"fileName": "a", "contentType": "image/png", "sizeBytes": 0},
        {"fileName": "a", "contentType": "image/png", "sizeBytes": -1},
        {"fileName": "a", "contentType": "image/png", "sizeBytes": 10**30},
        {"fileName": "a", "contentType": "image/png", "sizeBytes": "1"},
        {"fileName": "a", "contentType": "image/png", "sizeBytes": 1.5},
        {"fileName": "a", "contentType": "image/png", "sizeBytes": True},
        {"fileName": "a", "contentType": "image/png", "key": "private/a"},
        {"fileName": "a", "contentType": "image/png", "prefix": "../"},
    ],
    ids=str,
)
def test_wishes_for_uploads_that_are_wrong(any_api: ApiClient, content: Mapping[str, object]) -> None:
    assert any_api.post("/generate-upload-url", content).problem == (400, "INVALID_REQUEST")


@pytest.mark.needs("gateway_responses")
@pytest.mark.parametrize(
    "query",
    [
        "",
        "key=",
        "key=a&key=b",
        "Key=a",
        "key=uploads/a&x=1",
        "key=" + "a" * 1025,
        "key=" + "%F0%9F%90%88" * 257,
        "key=" + "a" * 7000,
    ],
    ids=lambda query: query[:24],
)
def test_keys_that_are_wrong(any_api: ApiClient, query: str) -> None:
    for path in ("/result", "/image-url"):
        assert any_api.send("GET", path, query=query).problem == (400, "INVALID_REQUEST"), path


@pytest.mark.parametrize(
    "key",
    [
        "%00",
        "uploads/a%0d%0aX-Header:1",
        "uploads/%01%7f",
        "uploads/",
        "uploads/%F0%9F%90%88.jpg",
        "uploads/../private/a",
        "uploads/%2e%2e/a",
        "..",
        "/",
        "uploads%2F%2F",
        "uploads/%ED%A0%80",
        "uploads/%FF%FE",
        "uploads/" + "a" * 1016,
        "uploads/a%20b%2Bc%26d%3De%23f%25",
        "IMAGE%23uploads/a",
    ],
    ids=lambda key: key[:24],
)
def test_keys_of_nothing(any_api: ApiClient, key: str) -> None:
    for path in ("/result", "/image-url"):
        status, code = any_api.send("GET", path, query=f"key={key}").problem
        assert (status, code) in ((404, "PICTURE_NOT_FOUND"), (400, "INVALID_REQUEST")), path


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=1e99",
        "limit=" + "9" * 4000,
        "limit=ten",
        "limit=",
        "limit=1&limit=2",
        "minConfidence=101&label=cat",
        "minConfidence=-1&label=cat",
        "minConfidence=NaN&label=cat",
        "minConfidence=Infinity&label=cat",
        "minConfidence=1e999999999&label=cat",
        "order=random&label=cat",
        "status=DELETED",
        "status=labeled",
        "q=",
        "q=" + "a" * 4000,
        "label=",
        "label=%20",
        "label=%00",
        "label=" + "a" * 101,
        "&".join(f"label=l{number}" for number in range(11)),
        "offset=10",
        "&".join(f"p{number}=1" for number in range(200)),
    ],
    ids=lambda query: query[:28],
)
def test_searches_that_are_wrong(any_api: ApiClient, query: str) -> None:
    assert any_api.send("GET", "/images", query=query).problem == (400, "INVALID_REQUEST")


def forged(state: object, **more: object) -> str:
    text = json.dumps({"v": 1, "q": "0123456789abcdef", "s": state, **more})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["x", "..", "=", "eyJ2IjoxfQ", "A" * 8000, forged({}), forged({"l": "cat", "p": ["a", "b"]}), forged([], q=None)],
    ids=lambda cursor: cursor[:16],
)
@pytest.mark.parametrize("search", ["", "label=cat&", "label=cat&order=confidence&", "q=-cat&", "q=to%3A2026-01-01&"])
@pytest.mark.abuse
def test_forged_cursors(any_api: ApiClient, cursor: str, search: str) -> None:
    reply = any_api.send("GET", "/images", query=f"{search}cursor={cursor}")

    assert reply.problem in ((400, "INVALID_CURSOR"), (400, "INVALID_REQUEST"))


@pytest.mark.abuse
def test_cursors_of_other_queries_and_altered_ones(api: ApiClient, keyed_api: ApiClient) -> None:
    for number in range(2):
        api.wait_for_result(api.upload(b"not a picture %d" % number, f"cursor-{number}.jpg"))
    cursor = api.get("/images", {"status": "REJECTED", "limit": "1"}).json["cursor"]

    searches = ({"label": "cat"}, {"q": "-cat"}, {"order": "taken"}, {"q": "from:2020-01-01"}, {"q": "flagged:no"})
    for foreign in ({"limit": "1"}, {"status": "FAILED"}, *searches):
        assert api.get("/images", {**foreign, "cursor": cursor}).problem == (400, "INVALID_CURSOR"), foreign
    assert keyed_api.get("/images", {"status": "REJECTED", "cursor": cursor}).problem == (400, "INVALID_CURSOR")
    key = {"key": "uploads/a.jpg"}
    for path, needed in {"/labels": {}, "/result": key, "/health": {}, "/image-url": key}.items():
        assert api.get(path, {**needed, "cursor": cursor}).problem == (400, "INVALID_REQUEST"), path
    half = len(cursor) // 2
    spelled = (
        cursor * 2,
        f" {cursor}",
        f"{cursor}A",
        cursor[1:],
        cursor[:-1],
        cursor[half:] + cursor[:half],
        cursor[:half],
    )
    for other in (
        *spelled,
        cursor.swapcase(),
        cursor[::-1],
        f'"{cursor}"',
        f"\ufeff{cursor}",
        f"{cursor[:9]} {cursor[9:]}",
    ):
        assert api.get("/images", {"status": "REJECTED", "cursor": other}).problem == (400, "INVALID_CURSOR"), other
    # A cursor is encrypted and authenticated: nobody can make it point elsewhere.
    for at in range(0, len(cursor) - 1, 20):
        altered = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        assert api.get("/images", {"status": "REJECTED", "cursor": altered}).problem == (400, "INVALID_CURSOR"), at


@pytest.mark.needs("gateway_responses")
@pytest.mark.parametrize("size", [9_000, 1_000_000, 11_000_000])
def test_huge_bodies(any_api: ApiClient, size: int) -> None:
    body = b'{"key":"' + b"a" * size + b'"}'

    status, code = any_api.send("POST", "/detect-labels", body=body, headers=JSON).problem

    assert (status, code) in ((413, "BODY_TOO_LARGE"), (400, "INVALID_REQUEST"))


@pytest.mark.needs("gateway_responses")
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml", ""])
def test_bodies_of_another_type(any_api: ApiClient, kind: str) -> None:
    body = json.dumps({"key": KEY}).encode()

    assert any_api.send("POST", "/detect-labels", body=body, headers={"Content-Type": kind}).problem == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )


def test_headers_of_bad_will_change_nothing(any_api: ApiClient) -> None:
    headers = {"X-Forwarded-Host": "elsewhere.example", "X-HTTP-Method-Override": "DELETE", "Cookie": "a" * 3000}

    assert any_api.send("GET", "/health", headers=headers).status == 200
