"""Reading S3 events out of queue messages."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.labelling.events import EventKind, decode_message
from tests.handlers.factories import body, eventbridge, position, record

TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2026-11-20T12:00:00.000Z",
    "Bucket": "uploads-bucket",
    "RequestId": "R",
    "HostId": "H",
}


@pytest.mark.parametrize(
    "key",
    [
        "plain.jpg",
        "with space.jpg",
        "a+b.jpg",
        "100%.jpg",
        "%2B literally.jpg",
        "größe/日本語/🐈.jpg",
        "many//slashes/../x.jpg",
        "é" * 500,
        "&=?#'\"<>.jpg",
    ],
)
def test_key_is_decoded_as_s3_encoded_it(key: str) -> None:
    [event] = decode_message(body(record(key))).events

    assert event.key == key


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_key_survives(key: str) -> None:
    [event] = decode_message(body(record(key))).events

    assert event.key == key


def test_upload_event_is_read_whole() -> None:
    [event] = decode_message(body(record("cat.jpg", sequencer=10, version_id="v7"))).events

    assert event.kind is EventKind.CREATED
    assert (event.bucket, event.key, event.version_id) == ("uploads-bucket", "cat.jpg", "v7")
    assert event.position == position(10)
    assert (event.etag, event.size_bytes, event.request_id) == ("0123", 1000, "REQUEST1")


@pytest.mark.parametrize(
    ("name", "version_id", "kind"),
    [
        ("ObjectCreated:Put", None, EventKind.CREATED),
        ("ObjectCreated:Post", "v", EventKind.CREATED),
        ("ObjectCreated:Copy", "v", EventKind.CREATED),
        ("ObjectCreated:CompleteMultipartUpload", "v", EventKind.CREATED),
        ("s3:ObjectCreated:Put", "v", EventKind.CREATED),
        ("ObjectRemoved:DeleteMarkerCreated", "m", EventKind.REMOVED),
        ("ObjectRemoved:Delete", None, EventKind.REMOVED),
        ("ObjectRemoved:Delete", "v", EventKind.PURGED),
        ("LifecycleExpiration:DeleteMarkerCreated", "m", EventKind.REMOVED),
        ("LifecycleExpiration:Delete", None, EventKind.REMOVED),
    ],
)
def test_event_names_are_understood(name: str, version_id: str | None, kind: EventKind) -> None:
    [event] = decode_message(body(record(name=name, version_id=version_id))).events

    assert event.kind is kind


@pytest.mark.parametrize("name", ["ObjectTagging:Put", "ObjectRestore:Post", "ReducedRedundancyLostObject"])
def test_other_events_are_ignored_by_name(name: str) -> None:
    message = decode_message(body(record(name=name)))

    assert (message.events, message.ignored, message.unreadable) == ([], [name], None)


def test_test_event_of_a_new_notification_is_ignored() -> None:
    message = decode_message(json.dumps(TEST_EVENT))

    assert (message.events, message.ignored, message.unreadable) == ([], ["s3:TestEvent"], None)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "null",
        "[]",
        "5",
        '"text"',
        "{}",
        '{"Records": []}',
        '{"Records": {}}',
        '{"Records": [5]}',
        "[" * 9000,
    ],
)
def test_message_that_is_no_event_is_unreadable(content: str) -> None:
    message = decode_message(content)

    assert message.events == []
    assert message.unreadable


def without(path: str) -> dict[str, Any]:
    return with_value(path, None, remove=True)


def with_value(path: str, value: object, *, remove: bool = False) -> dict[str, Any]:
    changed = copy.deepcopy(record())
    *parents, last = path.split(".")
    place = changed
    for parent in parents:
        place = place[parent]
    if remove:
        del place[last]
    else:
        place[last] = value
    return changed


@pytest.mark.parametrize(
    "path",
    ["eventSource", "eventName", "eventTime", "s3", "s3.bucket", "s3.bucket.name", "s3.object", "s3.object.key"],
)
def test_record_without_what_every_event_has_is_unreadable(path: str) -> None:
    assert decode_message(body(without(path))).unreadable


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("s3.object.sequencer", "xyz"),
        ("s3.object.sequencer", "0" * 65),
        ("s3.object.sequencer", None),
        ("s3.object.key", 5),
        ("s3.object.key", ""),
        ("s3.object.key", "\ud800"),
        ("s3.object.key", "k" * 1025),
        ("s3.object.versionId", 5),
        ("eventTime", "yesterday"),
        ("eventSource", "aws:sns"),
        ("s3", "text"),
    ],
)
def test_record_with_a_wrong_value_is_unreadable(path: str, value: object) -> None:
    assert decode_message(body(with_value(path, value))).unreadable


def test_good_records_beside_a_bad_one_are_read() -> None:
    message = decode_message(body(record("a.jpg"), {"eventSource": "aws:s3"}, record("b.jpg")))

    assert [event.key for event in message.events] == ["a.jpg", "b.jpg"]
    assert message.unreadable


def test_version_null_etag_in_quotes_and_time_without_zone_are_taken() -> None:
    # As LocalStack and older emulators send them.
    odd = with_value("s3.object.versionId", None)
    odd["s3"]["object"]["eTag"] = '"0123"'
    odd["eventTime"] = "2026-11-20T12:00:01"

    [event] = decode_message(body(odd)).events

    assert event.version_id is None
    assert event.etag == "0123"
    assert event.position.event_time == "2026-11-20T12:00:01.000Z"


@pytest.mark.parametrize(
    ("name", "version_id"),
    [
        ("ObjectCreated:Put", "v1"),
        ("ObjectCreated:Put", None),
        ("ObjectRemoved:DeleteMarkerCreated", "v2"),
        ("ObjectRemoved:Delete", "v3"),
        ("ObjectRemoved:Delete", None),
    ],
)
@pytest.mark.parametrize("key", ["plain.jpg", "a+b c%20.jpg", "größe/日本語/🐈.jpg"])
def test_eventbridge_tells_the_same_as_s3_itself(name: str, version_id: str | None, key: str) -> None:
    [by_eventbridge] = decode_message(body(record(key, name=name, version_id=version_id, sequencer=7))).events

    [event] = decode_message(eventbridge(key, name=name, version_id=version_id, sequencer=7)).events

    # EventBridge says nothing of what a deleted object was.
    assert event == (
        by_eventbridge if event.kind is EventKind.CREATED else replace(by_eventbridge, etag=None, size_bytes=None)
    )


@pytest.mark.parametrize("name", ["Object Tags Added", "Object Restore Completed", "Object Access Tier Changed"])
def test_other_events_of_eventbridge_are_ignored_by_name(name: str) -> None:
    content = {**json.loads(eventbridge()), "detail-type": name}

    assert decode_message(json.dumps(content)).ignored == [name]


@pytest.mark.parametrize("part", ["detail", "detail-type", "time"])
def test_event_of_eventbridge_without_what_every_one_has_is_unreadable(part: str) -> None:
    content = json.loads(eventbridge())
    del content[part]

    message = decode_message(json.dumps(content))

    assert part in (message.unreadable or "")
    assert message.events == []
