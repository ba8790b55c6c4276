"""POST /generate-upload-url."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.api_upload_url.uploads import STANDARD_TYPES, key_name

from .conftest import Client

MAX = 100 * 1024 * 1024
TYPES = "must be " + " or ".join(STANDARD_TYPES)


def ask(client: Client, **fields: Any) -> Any:
    return client.post(
        "/generate-upload-url", {"fileName": "cat.jpg", "contentType": "image/jpeg", "sizeBytes": 1234} | fields
    )


def test_gives_an_upload_url_for_one_key_type_and_size(client: Client) -> None:
    reply = ask(client)

    assert reply.status == 200
    assert reply.body == {
        "url": "https://bucket.example/uploads/id/cat.jpg?signature",
        "headers": {"Content-Type": "image/jpeg", "If-None-Match": "*"},
        "key": "uploads/id/cat.jpg",
        "expiresAt": "2026-11-21T09:05:00.123Z",
    }
    assert client.api.signed == [("uploads/id/cat.jpg", "image/jpeg", 1234, 300)]


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
TONED, FLAG, HANGUL = "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea", "\u1100\u1161\u11a8"


@pytest.mark.parametrize(
    "name",
    [
        "two cats (1) & a dog, 50 % off.jpg",
        "\U0001f408 on the sofa.png",
        "\U0001f408.png",
        f"{FAMILY}.jpg",
        "cafe\u0301.png",
        "\u0939\u093f\u0928\u094d\u0926\u0940.png",
        "\u0634\u062c\u0631\u0629.jpg",
        "100%.png",
        "%x & %.png",
        "${filename} $$.png",
        "-.jpg",
        "x" * 251 + ".png",
    ],
)
def test_key_ends_in_the_name_as_it_was(client: Client, name: str) -> None:
    assert ask(client, fileName=name).body["key"] == f"uploads/id/{name}"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Pictures\\IMG_0001.JPG", "IMG_0001.JPG"),
        ("..", "picture"),
        ("...", "picture"),
        ("a/", "picture"),
        (" \n", "picture"),
        ("nul\x00l\n.png", "nul l .png"),
        ('<img src="x">.png', "\uff1cimg src=\uff02x\uff02\uff1e.png"),
        ("%2e%2E%2fsecret", "\uff052e\uff052E\uff052fsecret"),
    ],
)
@pytest.mark.abuse
def test_takes_out_of_a_name_what_a_key_cannot_carry(client: Client, name: str, kept: str) -> None:
    assert ask(client, fileName=name).body["key"] == f"uploads/id/{kept}"


@pytest.mark.parametrize("character", ["x", "\u5bb6", FAMILY, TONED, FLAG, HANGUL, "e\u0301\u0323"])
@pytest.mark.parametrize("most_bytes", [60, 61, 62, 63, 64])
def test_shortens_in_the_middle_by_characters_as_people_see_them(character: str, most_bytes: int) -> None:
    name = key_name(character * 90 + " (2).jpeg", most_bytes)

    head, _, tail = name.partition("\u2026")
    assert most_bytes - len(character.encode()) < len(name.encode()) <= most_bytes
    assert name.endswith(" (2).jpeg")
    assert head == character * head.count(character)
    assert tail.removesuffix(" (2).jpeg") == character * tail.count(character)


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [
        ("image/jpg", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/x-ms-bmp", "image/bmp"),
        ("image/x-png", "image/png"),
        ("image/tif", "image/tiff"),
        ("image/heic-sequence", "image/heic"),
    ],
)
def test_takes_other_names_of_types(client: Client, content_type: str, sent: str) -> None:
    assert ask(client, contentType=content_type).body["headers"]["Content-Type"] == sent


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"fileName": None}, "fileName", "must be text"),
        ({"fileName": ""}, "fileName", "must not be empty"),
        ({"fileName": "x" * 256}, "fileName", "must have at most 255 characters"),
        ({"fileName": "\ud800"}, "fileName", "must be Unicode text"),
        ({"contentType": "image/svg+xml"}, "contentType", TYPES),
        ({"contentType": ""}, "contentType", TYPES),
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
