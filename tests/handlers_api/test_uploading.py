"""POST /generate-upload-url."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.api_upload_url import uploads
from handlers.api_upload_url.uploads import safe_name

from .conftest import Client

MAX = 100 * 1024 * 1024
TYPES = "must be " + " or ".join(uploads.CONTENT_TYPES)


def ask(client: Client, **fields: Any) -> Any:
    return client.post("/generate-upload-url", {"fileName": "cat.jpg", "contentType": "image/jpeg"} | fields)


def test_gives_a_form_for_one_key_type_and_size(client: Client) -> None:
    reply = ask(client, sizeBytes=1234)

    assert reply.status == 200
    assert reply.body == {
        "url": "https://bucket.example/",
        "fields": {"Content-Type": "image/jpeg", "key": "uploads/id/cat.jpg", "policy": "p"},
        "key": "uploads/id/cat.jpg",
        "expiresAt": "2026-11-21T09:05:00.123Z",
        "maxSizeBytes": 1234,
    }
    conditions = [{"Content-Type": "image/jpeg"}, ["content-length-range", 1, 1234]]
    assert client.api.signed == [("uploads/id/cat.jpg", {"Content-Type": "image/jpeg"}, conditions, 300)]


def test_allows_the_largest_picture_when_no_size_is_given(client: Client) -> None:
    assert ask(client).body["maxSizeBytes"] == MAX


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("two cats.jpg", "two-cats.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Pictures\\IMG_0001.JPG", "IMG_0001.JPG"),
        ("..", "picture"),
        ("...", "picture"),
        ("a/", "picture"),
        ("<img src=x onerror=alert(1)>.png", "img-src-x-onerror-alert-1-.png"),
        ("caf\u0065\u0301.png", "caf\u00e9.png"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940.png", "\u0939\u093f\u0928\u094d\u0926\u0940.png"),
        ("nul\x00l\n.png", "nul-l-.png"),
        ("%2e%2e%2fsecret", "2e-2e-2fsecret"),
        ("x" * 250 + ".png", "x" * 96 + ".png"),
        ("\U0001f408.png", "png"),
    ],
)
def test_makes_a_safe_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"fileName": None}, "fileName", "must be text"),
        ({"fileName": ""}, "fileName", "must not be empty"),
        ({"fileName": "x" * 256}, "fileName", "must have at most 255 characters"),
        ({"fileName": "\ud800"}, "fileName", "must be Unicode text"),
        ({"contentType": "image/svg+xml"}, "contentType", TYPES),
        ({"contentType": ["image/png"]}, "contentType", TYPES),
        ({"contentType": {}}, "contentType", TYPES),
        ({"sizeBytes": 0}, "sizeBytes", f"must be a whole number from 1 to {MAX}"),
        ({"sizeBytes": MAX + 1}, "sizeBytes", f"must be a whole number from 1 to {MAX}"),
        ({"sizeBytes": True}, "sizeBytes", f"must be a whole number from 1 to {MAX}"),
        ({"sizeBytes": 1.5}, "sizeBytes", f"must be a whole number from 1 to {MAX}"),
        ({"sizeBytes": None}, "sizeBytes", f"must be a whole number from 1 to {MAX}"),
        ({"key": "uploads/mine.jpg"}, "key", "is not known"),
    ],
)
def test_refuses_wrong_fields(client: Client, fields: dict[str, Any], field: str, message: str) -> None:
    reply = ask(client, **fields)

    assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST")
    assert reply.body["errors"] == [{"field": field, "message": message}]
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert client.api.signed == []


def test_tells_all_that_is_wrong_at_once(client: Client) -> None:
    reply = client.post("/generate-upload-url", {"sizeBytes": -1})

    assert [error["field"] for error in reply.body["errors"]] == ["fileName", "contentType", "sizeBytes"]
