"""The main job: a photograph goes in, its labels come out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from integration_tests.pictures import picture, sample
from integration_tests.stack import DeployedStack, wait_for

MakeKey = Callable[[str], str]
# Plain, with a colour profile, grey, with a code. The local Rekognition's tests look at all samples.
PHOTOGRAPHS = ["bridge.jpg", "flower.jpg", "photographer.png", "poster-qr-code.jpg"]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_labels_each_kind_of_photograph(stack: DeployedStack, key: MakeKey, name: str) -> None:
    uploaded = stack.upload(key(name), sample(name))

    result = stack.wait_for_result(uploaded)

    assert result["status"] == "LABELED"
    assert result["detectors"] == ["labels", "faces", "moderation", "text"]
    assert result["sizeBytes"] == len(sample(name))
    assert result["etag"] == uploaded.etag
    assert all(isinstance(label["confidence"], Decimal) for label in result["labels"])
    assert result["uploadedAt"] <= result["processedAt"]


def test_sees_the_cat(stack: DeployedStack, key: MakeKey) -> None:
    result = stack.wait_for_result(stack.upload(key("cat.jpg"), sample("cat.png")))

    cat = next(label for label in result["labels"] if label["name"] == "Cat")
    assert "Animal" in cat["parents"]
    assert result["faces"] == []


def test_sees_the_astronauts_face(stack: DeployedStack, key: MakeKey) -> None:
    result = stack.wait_for_result(stack.upload(key("astronaut.jpg"), sample("astronaut.jpg")))

    assert len(result["faces"]) == 1
    box = result["faces"][0]["boundingBox"]
    assert 0 <= box["left"] < box["left"] + box["width"] <= 1
    assert "Person" in {label["name"] for label in result["labels"]}


def test_label_entries_and_counters_follow_the_result(stack: DeployedStack, key: MakeKey) -> None:
    before = stack.label_count("Cat")
    name = key("cat.jpg")

    result = stack.wait_for_result(stack.upload(name, sample("cat.png")))

    entries = stack.label_entries(name)
    assert set(entries) == {label["name"] for label in result["labels"]}
    assert stack.label_count("Cat") == before + 1
    stack.delete(name)
    wait_for("the label entries to go", lambda: stack.label_entries(name), lambda left: not left)
    assert stack.label_count("Cat") == before


def test_finds_pictures_by_label_with_a_query(stack: DeployedStack, key: MakeKey) -> None:
    uploaded = stack.upload(key("cat.jpg"), sample("cat.png"))
    stack.wait_for_result(uploaded)

    entries = stack.items(
        IndexName="gsi1",
        KeyConditionExpression="gsi1pk = :label AND gsi1sk >= :confidence",
        ExpressionAttributeValues={":label": {"S": "LABEL#cat"}, ":confidence": {"S": "070.0000"}},
    )

    assert uploaded.key in {entry["key"] for entry in entries}


def test_same_bytes_are_not_sent_to_rekognition_twice(stack: DeployedStack, key: MakeKey) -> None:
    body = picture("same bytes")
    first = stack.wait_for_result(stack.upload(key("a.jpg"), body))
    stack.wait_until_content_is_known(first)

    second = stack.wait_for_result(stack.upload(key("b.jpg"), body))

    assert (first["reused"], second["reused"]) == (False, True)
    assert second["labels"] == first["labels"]


def test_new_version_replaces_the_result(stack: DeployedStack, key: MakeKey) -> None:
    name = key("picture.jpg")
    cat = stack.wait_for_result(stack.upload(name, sample("cat.png")))

    replaced = stack.wait_for_result(stack.upload(name, picture("no cat at all")))

    # LocalStack gives every event the same sequencer; there the time decides.
    assert (replaced["sequencer"], replaced["uploadedAt"]) > (cat["sequencer"], cat["uploadedAt"])
    assert "Cat" not in {label["name"] for label in replaced["labels"]}
    assert set(stack.label_entries(name)) == {label["name"] for label in replaced["labels"]}


def test_delete_removes_the_result(stack: DeployedStack, key: MakeKey) -> None:
    name = key("picture.jpg")
    stack.wait_for_result(stack.upload(name, picture("to be deleted")))

    stack.delete(name)

    tombstone = wait_for(
        "the tombstone", lambda: stack.result(name), lambda result: result is not None and result["status"] == "DELETED"
    )
    assert tombstone is not None
    assert "labels" not in tombstone
    assert int(tombstone["expiresAt"]) > 0


@pytest.mark.parametrize(
    "name",
    [
        "with space.jpg",
        "a+b.jpg",
        "100%.jpg",
        "%2F%00.jpg",
        "übergröße 猫 🐈.jpg",
        "a//b/./c/.hidden.jpg",
        "quotes\"'<b>&amp;.jpg",
        "no-extension",
    ],
)
def test_keys_of_every_kind_arrive_as_they_are(stack: DeployedStack, key: MakeKey, name: str) -> None:
    uploaded = stack.upload(key(name), picture(name))

    result = stack.wait_for_result(uploaded)

    assert (result["status"], result["key"]) == ("LABELED", uploaded.key)


def test_key_of_a_thousand_bytes(stack: DeployedStack) -> None:
    cat_key = "ü" * 498 + ".jpg"
    assert len(cat_key.encode()) == 1000

    uploaded = stack.upload(cat_key, sample("cat.png"))

    result = stack.wait_for_result(uploaded)
    assert result["status"] == "LABELED"
    assert stack.label_entries(cat_key)["Cat"]["key"] == cat_key


def test_processing_leaves_json_logs_with_correlation_ids(stack: DeployedStack, key: MakeKey) -> None:
    uploaded = stack.upload(key("logged.jpg"), picture("logged"))
    stack.wait_for_result(uploaded)

    lines = wait_for(
        "log lines of this picture",
        lambda: [
            line for line in stack.log_events(stack.outputs["processorFunction"]) if line.get("key") == uploaded.key
        ],
        bool,
    )

    assert all(line["correlation_id"] for line in lines)
