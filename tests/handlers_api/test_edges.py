"""The functions' own edges, as Lambda calls them, on an emulation of S3 and DynamoDB."""

from __future__ import annotations

import importlib
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from handlers.api.storage import LinkedBucket, s3_client, signing_client
from labelstack.clouds import EmbeddedCloud
from tests.handlers.conftest import create_table
from tests.handlers.lambda_context import lambda_context

from .fakes import http_event, query_of

PNG = b"\x89PNG\r\n\x1a\nnot really"
Call = Callable[..., Any]


@pytest.fixture
def bucket(cloud: EmbeddedCloud) -> str:
    """Return a new bucket."""
    name = f"uploads-{uuid.uuid4().hex[:12]}"
    cloud.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def call(cloud: EmbeddedCloud, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that calls a function with a request: call("results", "GET", "/result", key="…")."""
    environment = {
        **cloud.environment(),
        "UPLOAD_BUCKET": bucket,
        "UPLOAD_PREFIX": "uploads/",
        "RESULTS_TABLE": create_table(cloud.client("dynamodb")),
        "QUEUE_URL": cloud.client("sqs").create_queue(QueueName=bucket)["QueueUrl"],
        "MAX_UPLOAD_BYTES": str(100 * 1024 * 1024),
        "UPLOAD_EXPIRY_S": "300",
        "IMAGE_URL_EXPIRY_S": "300",
        "PUBLIC_S3_ENDPOINT_URL": cloud.endpoint_url,
        "POWERTOOLS_SERVICE_NAME": "test",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # of the tests before, with another cloud's keys

    def send(duty: str, method: str, path: str, content: Any = None, **query: Any) -> Any:
        module = importlib.import_module(f"handlers.api_{duty}.handler")
        module._application.cache_clear()
        body = None if content is None else json.dumps(content).encode()
        event = http_event(method, path, query_of(**query), body, {"content-type": "application/json"})
        answer = module.handle(event, lambda_context())
        return answer["statusCode"], json.loads(answer["body"])

    return send


def put(grant: dict[str, Any], content: bytes, **changes: str) -> int:
    """Send bytes to an upload URL as a browser does; gives the status."""
    url = changes.pop("url", grant["url"])
    request = urllib.request.Request(url, content, {**grant["headers"], **changes}, method="PUT")
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def grant_for(call: Call) -> dict[str, Any]:
    """Return an upload URL for a small PNG."""
    wish = {"fileName": "cat.png", "contentType": "image/png", "sizeBytes": len(PNG)}
    status, grant = call("upload_url", "POST", "/generate-upload-url", wish)
    assert status == HTTPStatus.OK
    assert isinstance(grant, dict)
    return grant


def test_a_picture_is_uploaded_once_found_pending_and_deleted(call: Call) -> None:
    grant = grant_for(call)

    assert put(grant, PNG) == HTTPStatus.OK
    assert put(grant, PNG) == HTTPStatus.PRECONDITION_FAILED
    key = grant["key"]
    assert call("results", "GET", "/result", key=key) == (202, {"key": key, "status": "PENDING"})
    assert call("results", "POST", "/detect-labels", {"key": key})[0] == HTTPStatus.ACCEPTED
    assert call("delete", "POST", "/relabel", {"key": key})[0] == HTTPStatus.ACCEPTED
    assert call("delete", "DELETE", "/images", key=key)[0] == HTTPStatus.ACCEPTED
    assert call("results", "GET", "/result", key=key)[0] == HTTPStatus.NOT_FOUND


def test_s3_refuses_what_the_upload_url_is_not_for(call: Call) -> None:
    grant = grant_for(call)

    assert put(grant, PNG + b"!") == HTTPStatus.FORBIDDEN
    assert put(grant, PNG, url=grant["url"].replace("cat.png", "dog.png")) == HTTPStatus.FORBIDDEN
    assert put(grant, PNG, **{"Content-Type": "text/html"}) == HTTPStatus.FORBIDDEN
    assert put(grant, PNG, **{"If-None-Match": "x"}) == HTTPStatus.FORBIDDEN
    assert call("results", "GET", "/result", key=grant["key"])[0] == HTTPStatus.NOT_FOUND


def test_an_empty_table_has_nothing(call: Call) -> None:
    assert call("results", "GET", "/health") == (200, {"status": "ok"})
    assert call("results", "GET", "/labels") == (200, {"labels": []})
    for query in ({}, {"label": ["cat", "dog"], "minConfidence": 80}):
        assert call("results", "GET", "/images", **query) == (200, {"images": [], "total": 0})


def test_link_is_of_a_version_and_says_the_type(cloud: EmbeddedCloud, bucket: str, call: Call) -> None:
    s3 = cloud.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="uploads/a b+c.html", Body=PNG, ContentType="text/html")["VersionId"]
    s3.put_object(Bucket=bucket, Key="uploads/a b+c.html", Body=b"what nobody has judged")
    links = LinkedBucket(s3, bucket, signing_client(cloud.endpoint_url), 300)

    with urllib.request.urlopen(links.link("uploads/a b+c.html", version, "image/png", attachment=True)) as answer:
        assert answer.read() == PNG
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Content-Disposition"] == "attachment"


def test_aws_is_addressed_by_the_regions_own_name(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    pictures = LinkedBucket(s3_client(), "pictures", signing_client(None), 300)
    address = urlsplit(pictures.link("uploads/a", None, "image/png", attachment=False))

    assert address.netloc == "pictures.s3.eu-central-1.amazonaws.com"
    assert parse_qs(address.query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize("service", ["_DYNAMODB", "_S3"])
def test_a_broken_cloud_is_503(call: Call, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    monkeypatch.setenv(f"AWS_ENDPOINT_URL{service}", "http://127.0.0.1:9")

    answers = [call("delete", "DELETE", "/images", key="uploads/a", purge="true")]
    answers += [call("results", "GET", "/labels")] * (service != "_S3")

    assert {(status, body["code"]) for status, body in answers} == {(503, "UNAVAILABLE")}
