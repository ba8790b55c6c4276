"""The message of a result: its schema, its attributes, SNS's limits."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from handlers.labelling.notification import MAX_BYTES, Notification, notification
from handlers.results.codes import Code, Status
from handlers.results.document import ModerationLabel, Result
from tests.handlers.factories import label, labeled
from tests.handlers.schemas import faults
from tests.handlers.test_published import full_result

ID = "0" * 32


def message(result: Result, least: int = 0, document: dict[str, str] | None = None) -> Notification:
    made = notification(result, ID, Decimal(least), document)
    assert faults(json.loads(made.body), "notification") == []
    assert faults(dict(made.attributes), "notification", "Attributes") == []
    return made


def moderation(name: str, confidence: int) -> ModerationLabel:
    return {"name": name, "parent": "", "confidence": Decimal(confidence)}


def test_labelled_picture_is_told_with_what_was_seen() -> None:
    made = message(full_result(), document={"bucket": "documents", "key": "results/x.json"})

    body = json.loads(made.body)
    assert (body["id"], body["status"], body["key"]) == (ID, "LABELED", "uploads/größe +%.jpg")
    assert body["labels"] == [{"name": "Cat", "confidence": 97.1235}]
    assert (body["moderation"][0]["name"], body["faces"]) == ("Smoking", 1)
    assert body["document"] == {"bucket": "documents", "key": "results/x.json"}
    assert "code" not in body


def test_attributes_say_what_filters_ask_for() -> None:
    assert dict(message(full_result()).attributes) == {
        "status": "LABELED",
        "key": "uploads/größe +%.jpg",
        "labels": ["Cat"],
        "moderation": ["Smoking"],
        "flagged": "true",
    }


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED])
def test_picture_that_is_not_labelled_is_told_with_its_reason(status: Status) -> None:
    result = labeled(status=status).result
    result["code"], result["message"] = Code.NOT_AN_IMAGE, "It is no picture."

    made = message(result)

    assert dict(made.attributes) == {"status": status, "key": "cat.jpg", "code": "NOT_AN_IMAGE"}
    assert json.loads(made.body)["message"] == "It is no picture."
    assert made.subject == f"{status} NOT_AN_IMAGE cat.jpg"


def test_what_is_less_certain_than_asked_is_told_but_no_attribute() -> None:
    result = labeled("cat.jpg", label("Cat", "97"), label("Sofa", "71")).result
    result["moderation"] = [moderation("Smoking", 71)]

    made = message(result, least=80)

    assert [one["name"] for one in json.loads(made.body)["labels"]] == ["Cat", "Sofa"]
    assert made.attributes["labels"] == ["Cat"]
    assert made.attributes["flagged"] == "false"
    assert "moderation" not in made.attributes


def test_attribute_without_a_value_is_left_out() -> None:
    # SNS refuses attributes that are empty.
    made = message(labeled("cat.jpg").result)

    assert set(made.attributes) == {"status", "key"}
    assert json.loads(made.body)["labels"] == []


@pytest.mark.parametrize("key", ["\x01\x1f￾.jpg", "a\nb.jpg", "日本/🐈.jpg", "k" * 1024])
def test_any_key_makes_a_message_that_sns_takes(key: str) -> None:
    made = message(labeled(key, label("Cat")).result)

    assert json.loads(made.body)["key"] == key
    assert made.body.isascii()
    assert re.fullmatch(r"[ -~]{1,99}", made.subject)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f￾￿]", str(made.attributes["key"]))


def test_long_key_s_subject_ends_as_the_key_does() -> None:
    assert message(labeled("f/" * 100 + "cat.jpg").result).subject.endswith("/f/cat.jpg")


def test_message_that_would_be_too_large_names_the_most_certain() -> None:
    result = labeled("cat.jpg", *(label(f"L{n}", str(50 + n)) for n in range(49))).result
    result["moderation"] = [moderation(f"{n} " + "é" * 1000, n % 100) for n in range(400)]

    made = message(result)

    body: dict[str, Any] = json.loads(made.body)
    assert MAX_BYTES / 4 < made.size_bytes <= MAX_BYTES
    assert body["truncated"] == ["moderation"]
    assert len(body["labels"]) == 49
    assert {one["confidence"] for one in body["moderation"]} >= {99}
    assert min(one["confidence"] for one in body["moderation"]) > 50


def test_message_has_fewer_attributes_than_a_queue_takes() -> None:
    result = full_result()
    result["code"] = Code.NOT_AN_IMAGE

    assert len(notification(result, ID, Decimal(0)).attributes) <= 10
