"""Results, gallery, search, label counts and links."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from handlers.labelling.events import EventKind, decode_message
from handlers.results.cursor import OpenKey

from .conftest import Client, Reply
from .fakes import FakeObjects, result

KEY = "uploads/1/cat + dog, 100%.png"


@pytest.fixture(params=["result", "detect-labels"])
def ask(request: pytest.FixtureRequest) -> Any:
    """Return both ways to ask for a result."""

    def send(client: Client, key: str) -> Reply:
        if request.param == "result":
            return client.get("/result", key=key)
        return client.post("/detect-labels", {"key": key})

    return send


def test_gives_the_result(client: Client, ask: Any) -> None:
    client.api.results.add(result(KEY))

    reply = ask(client, KEY)

    assert reply.status == 200
    assert reply.body["labels"][0]["confidence"] == 99.25
    assert reply.body["width"] == 640
    assert reply.headers["Cache-Control"] == "no-store"


def test_is_pending_while_there_is_a_picture_without_result(client: Client, ask: Any) -> None:
    client.api.objects.keys.add(KEY)

    reply = ask(client, KEY)

    assert (reply.status, reply.body) == (202, {"key": KEY, "status": "PENDING"})
    assert reply.headers["Retry-After"] == "1"


def test_knows_no_picture_without_object_and_result(client: Client, ask: Any) -> None:
    assert problem(ask(client, KEY)) == (404, "PICTURE_NOT_FOUND")


def test_says_that_a_picture_was_deleted(client: Client, ask: Any) -> None:
    client.api.results.add(result(KEY, status="DELETED"))

    assert problem(ask(client, KEY)) == (404, "PICTURE_DELETED")


def test_is_pending_again_when_a_deleted_picture_is_uploaded_anew(client: Client, ask: Any) -> None:
    client.api.results.add(result(KEY, status="DELETED"))
    client.api.objects.keys.add(KEY)

    assert ask(client, KEY).status == 202


@pytest.mark.parametrize("key", ["private/cat.png", "uploadsx/cat.png", "cat.png", "/uploads/cat.png"])
def test_shows_nothing_of_other_prefixes(client: Client, ask: Any, key: str) -> None:
    client.api.results.add(result(key))
    client.api.objects.keys.add(key)

    assert problem(ask(client, key)) == (404, "PICTURE_NOT_FOUND")


@pytest.mark.parametrize("key", ["uploads/a\x01b", "uploads/a\nb", "uploads/\x7f", "uploads/\u202e +%&"])
def test_every_key_that_s3_takes_can_be_asked_for(client: Client, ask: Any, key: str) -> None:
    client.api.results.add(result(key))

    reply = ask(client, key)

    assert (reply.status, reply.body["key"]) == (200, key)


@pytest.mark.parametrize("key", ["", "\u00e9" * 513])
def test_refuses_keys_that_are_none(client: Client, ask: Any, key: str) -> None:
    assert problem(ask(client, key)) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("query", ["", "key=a&key=b", "Key=a", "key=uploads%2Fa&x=1"])
def test_needs_the_key_once_and_nothing_else(client: Client, query: str) -> None:
    assert problem(client.send("GET", "/result", query)) == (400, "INVALID_REQUEST")


# --- the gallery and the search


def test_lists_short_forms_newest_first(client: Client) -> None:
    client.api.results.add(
        result("uploads/1", versionId="v1"), result("uploads/2", status="REJECTED", code="NOT_AN_IMAGE", message="No.")
    )

    reply = client.get("/images")

    assert [image["key"] for image in reply.body["images"]] == ["uploads/2", "uploads/1"]
    assert reply.body["images"][1] == {
        "key": "uploads/1",
        "versionId": "v1",
        "status": "LABELED",
        "processedAt": "2026-11-21T08:59:00.000Z",
        "width": 640,
        "height": 480,
        "labels": [{"name": "Cat", "confidence": 99.25}, {"name": "Pet", "confidence": 91.5}],
        "moderation": [],
    }
    assert "cursor" not in reply.body


def test_goes_on_with_a_cursor(client: Client) -> None:
    client.api.results.add(*(result(f"uploads/{number}") for number in range(3)))
    first = client.get("/images", limit=2)

    second = client.get("/images", limit=2, cursor=first.body["cursor"])

    assert [image["key"] for image in second.body["images"]] == ["uploads/0"]
    assert "cursor" not in second.body
    assert (first.body["total"], second.body.get("total")) == (3, None)


def test_lists_one_status(client: Client) -> None:
    client.api.results.add(result("uploads/1"), result("uploads/2", status="FAILED"))

    reply = client.get("/images", status="FAILED")

    assert [image["key"] for image in reply.body["images"]] == ["uploads/2"]


def test_lists_and_finds_nothing_of_other_prefixes(client: Client) -> None:
    client.api.results.add(result("private/1"), result("uploads/1"))

    for reply in (client.get("/images"), client.get("/images", label="cat")):
        assert [image["key"] for image in reply.body["images"]] == ["uploads/1"]


def test_searches_with_all_labels_confidence_and_order(client: Client) -> None:
    client.api.results.add(result("uploads/1"))

    reply = client.get("/images", label=["Cat", "Pet, not wild"], minConfidence="80.5", order="confidence", limit=7)

    assert reply.body == {"images": [], "total": 0}
    [request] = client.api.results.requests
    expected = {"query": '"cat" "pet, not wild"', "least": Decimal("80.5"), "order": "confidence", "limit": 7}
    assert request == expected


def test_searches_by_a_query_and_labels(client: Client) -> None:
    client.api.results.add(result("uploads/IMG_1.jpg"), result("uploads/IMG_2.jpg", faces=[]), result("uploads/b.jpg"))

    assert [image["key"] for image in client.get("/images", q="name:img -faces:none", label="cat").body["images"]] == [
        "uploads/IMG_1.jpg"
    ]


def test_lists_labelled_pictures_by_the_date_when_they_were_taken(client: Client) -> None:
    camera: Any = {"takenAt": "2020-05-01T12:00:00", "camera": "Canon EOS R5"}
    client.api.results.add(result("uploads/1", capture=camera), result("uploads/2", status="REJECTED"))

    listed = client.get("/images", order="taken").body["images"]

    assert [(image["key"], image["capture"]) for image in listed] == [("uploads/1", {"takenAt": camera["takenAt"]})]
    assert client.api.results.requests[0] == {"query": "", "least": Decimal(0), "order": "taken", "limit": 24}
    assert client.get("/images", order="taken", status="REJECTED").body == {"images": [], "total": 0}


@pytest.mark.parametrize("query", ["faces:two", 'text:"', "from:yesterday", "colour:red", " ".join("abcdefghijk")])
def test_says_what_is_wrong_with_a_query(client: Client, query: str) -> None:
    reply = client.get("/images", q=query)

    assert problem(reply) == (400, "INVALID_QUERY")
    assert reply.body["detail"].startswith("The search is not valid: ")


def test_search_leaves_out_a_picture_that_has_gone_meanwhile(client: Client) -> None:
    client.api.results.add(result("uploads/1", status="DELETED"), result("uploads/2"))

    assert [image["key"] for image in client.get("/images", label="Cat").body["images"]] == ["uploads/2"]


def test_search_finds_no_rejected_pictures(client: Client) -> None:
    client.api.results.add(result("uploads/1"))

    assert client.get("/images", label="Cat", status="REJECTED").body == {"images": [], "total": 0}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=1e2",
        "limit=",
        "limit=99999999999999999999999999",
        "limit=1&limit=2",
        "minConfidence=-1",
        "minConfidence=100.1",
        "minConfidence=NaN",
        "minConfidence=%D9%A9",
        "limit=%D9%A9",
        "minConfidence=Infinity",
        "minConfidence=1e999999999",
        "order=oldest",
        "status=DELETED",
        "status=labeled",
        "q=",
        "q=%20",
        "q=a%00b",
        "q=" + "x" * 4000,
        "q=cat&q=dog",
        "label=",
        "label=%20",
        "label=a%00b",
        "label=" + "x" * 101,
        "&".join(f"label=l{number}" for number in range(11)),
        "cursor=",
        "cursor=" + "x" * 8193,
        "unknown=1",
    ],
)
def test_refuses_wrong_parameters(client: Client, query: str) -> None:
    assert problem(client.send("GET", "/images", query)) == (400, "INVALID_REQUEST")


ANOTHER = OpenKey().encode("another", {"at": 1})


@pytest.mark.parametrize("cursor", ["x", "eyJ2IjoxfQ", "\u00fc", "../..", pytest.param(ANOTHER, id="another")])
@pytest.mark.parametrize("label", [{}, {"label": "Cat"}])
def test_refuses_forged_and_foreign_cursors(client: Client, cursor: str, label: dict[str, str]) -> None:
    assert problem(client.get("/images", cursor=cursor, **label)) == (400, "INVALID_CURSOR")


def test_counts_labels_most_frequent_first(client: Client) -> None:
    labels = client.get("/labels").body["labels"]

    assert labels == [{"name": "Cat", "count": 12}, {"name": "Apple", "count": 3}, {"name": "Bicycle", "count": 3}]


# --- links


def test_gives_a_link_of_the_type_that_was_seen(client: Client) -> None:
    client.api.results.add(result("uploads/1/a.html", versionId="v7"))

    reply = client.get("/image-url", key="uploads/1/a.html")

    assert reply.body == {
        "url": "https://bucket.example/uploads/1/a.html?version=v7&type=image/png&attachment=False",
        "expiresAt": "2026-11-21T09:05:00.123Z",
    }


def test_link_to_what_is_no_picture_is_for_saving_only(client: Client) -> None:
    client.api.results.add(result("uploads/1/a.png", status="REJECTED", code="NOT_AN_IMAGE"))

    url = client.get("/image-url", key="uploads/1/a.png").body["url"]

    assert url.endswith("?version=None&type=application/octet-stream&attachment=True")


def test_gives_the_link_of_a_flagged_picture_only_when_asked(client: Client) -> None:
    flagged = [{"name": "Explicit Nudity", "parent": "", "confidence": Decimal(97)}]
    client.api.results.add(result("uploads/1", moderation=flagged))

    assert problem(client.get("/image-url", key="uploads/1")) == (403, "PICTURE_FLAGGED")
    assert problem(client.get("/image-url", key="uploads/1", showFlagged="false")) == (403, "PICTURE_FLAGGED")
    assert client.get("/image-url", key="uploads/1", showFlagged="true").status == 200
    assert problem(client.get("/image-url", key="uploads/1", showFlagged="1")) == (400, "INVALID_REQUEST")


def test_gives_the_link_of_a_preview(client: Client) -> None:
    place = "previews/uploads/1/v7/480.webp"
    client.restart(previews=FakeObjects({place}))
    client.api.results.add(result("uploads/1", versionId="v7", format="HEIC"))

    reply = client.get("/image-url", key="uploads/1", size="480")

    assert reply.body["url"] == f"https://bucket.example/{place}?version=None&type=image/webp&attachment=False"
    assert problem(client.get("/image-url", key="uploads/1", size="1600")) == (404, "PREVIEW_NOT_FOUND")
    assert problem(client.get("/image-url", key="uploads/1", size="100")) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("has_previews", [True, False])
def test_original_stands_in_for_a_preview_where_browsers_show_it(client: Client, has_previews: bool) -> None:
    client.restart(previews=FakeObjects() if has_previews else None)
    client.api.results.add(result("uploads/1", format="JPEG"))

    assert "type=image/jpeg" in client.get("/image-url", key="uploads/1", size="480").body["url"]


def test_flagged_picture_has_a_preview_only_when_asked(client: Client) -> None:
    client.restart(previews=FakeObjects({"previews/uploads/1/null/480.webp"}))
    client.api.results.add(
        result("uploads/1", moderation=[{"name": "Violence", "parent": "", "confidence": Decimal(9)}])
    )

    assert problem(client.get("/image-url", key="uploads/1", size="480")) == (403, "PICTURE_FLAGGED")
    shown = client.get("/image-url", key="uploads/1", size="480", showFlagged="true")
    assert "previews/" in shown.body["url"]


def test_gives_no_link_before_moderation_has_seen_the_picture(client: Client) -> None:
    client.api.objects.keys.add("uploads/1")

    assert problem(client.get("/image-url", key="uploads/1")) == (409, "PICTURE_PENDING")


def test_gives_no_link_to_other_prefixes(client: Client) -> None:
    client.api.results.add(result("private/1"))

    assert problem(client.get("/image-url", key="private/1")) == (404, "PICTURE_NOT_FOUND")


# --- deletion and health


def test_deletes_a_picture(client: Client) -> None:
    client.api.objects.keys |= {KEY, "uploads/other"}

    reply = client.send("DELETE", "/images", "key=uploads%2F1%2Fcat%20%2B%20dog%2C%20100%25.png")

    assert (reply.status, reply.body) == (202, {"key": KEY, "status": "DELETING"})
    assert client.api.objects.keys == {"uploads/other"}


@pytest.mark.parametrize(("key", "expected"), [("uploads/none", 404), ("private/1", 404), ("", 400), ("a%00", 404)])
def test_deletes_nothing_else(client: Client, key: str, expected: int) -> None:
    client.api.objects.keys |= {"private/1", ""}

    assert client.send("DELETE", "/images", f"key={key}").status == expected
    assert client.api.objects.keys == {"private/1", ""}


def test_purges_a_picture_step_by_step(client: Client) -> None:
    assert client.api.erasure is not None
    client.api.erasure.steps |= {"uploads/1": 2, "uploads/10": 1}

    statuses = [client.send("DELETE", "/images", "key=uploads%2F1&purge=true") for _ in range(2)]

    assert [(reply.status, reply.body["status"]) for reply in statuses] == [(202, "PURGING"), (200, "PURGED")]
    assert [decode_message(body).events[0].key for body in client.api.sent or ()] == ["uploads/1"]
    assert client.api.erasure.steps == {"uploads/10": 1}


def test_purges_a_folder_until_nothing_is_left(client: Client) -> None:
    assert client.api.erasure is not None
    client.api.erasure.steps |= {f"uploads/a/{number}": 1 for number in range(15)} | {"uploads/b": 1}

    statuses = [client.send("DELETE", "/images", "key=uploads%2Fa%2F&purge=true").status for _ in range(3)]

    assert statuses == [202, 202, 200]
    assert client.api.erasure.steps == {"uploads/b": 1}


def test_purges_nothing_of_other_prefixes(client: Client) -> None:
    assert problem(client.send("DELETE", "/images", "key=private%2F&purge=true")) == (404, "PICTURE_NOT_FOUND")
    assert client.send("DELETE", "/images", "key=uploads%2F1&purge=yes").status == 400


def test_purges_only_where_the_deployment_says_so(client: Client) -> None:
    client.restart(erasure=None)

    assert problem(client.send("DELETE", "/images", "key=uploads%2F1&purge=true")) == (501, "NOT_DEPLOYED")


def test_asks_the_pipeline_to_label_a_picture_anew(client: Client) -> None:
    client.api.objects.keys.add(KEY)

    reply = client.post("/relabel", {"key": KEY})

    assert (reply.status, reply.body) == (
        202,
        {"key": KEY, "status": "RELABELLING", "requestedAt": "2026-11-21T09:00:00.123Z"},
    )
    assert client.api.sent is not None
    [body] = client.api.sent
    message = decode_message(body)
    assert message.unreadable is None
    [event] = message.events
    assert (event.kind, event.bucket, event.key) == (EventKind.REPAIR, "pictures", KEY)
    assert event.processed_before == reply.body["requestedAt"]


@pytest.mark.parametrize(("key", "expected"), [("uploads/none", 404), ("private/1", 404), ("", 400), (1, 400)])
def test_has_nothing_else_labelled_anew(client: Client, key: object, expected: int) -> None:
    client.api.objects.keys |= {"private/1", ""}

    assert client.post("/relabel", {"key": key}).status == expected
    assert client.api.sent == []


def test_says_that_there_is_no_pipeline_to_label_anew(client: Client) -> None:
    client.api.objects.keys.add(KEY)
    client.restart(sent=None)

    assert problem(client.post("/relabel", {"key": KEY})) == (501, "NOT_DEPLOYED")


def test_is_healthy_while_the_table_can_be_read(client: Client) -> None:
    assert client.get("/health").body == {"status": "ok"}
    client.api.results.broken = True
    assert client.get("/health").status == 500


def problem(reply: Reply) -> tuple[int, str]:
    """Return a reply's status and problem code."""
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["status"] == reply.status
    return reply.status, reply.body["code"]
