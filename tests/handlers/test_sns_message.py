"""The message of a result: its schema, its attributes, SNS's limits."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from handlers.labelling.outbox import MAX_BYTES, size_bytes, sns_message
from handlers.results.codes import Code, Status
from handlers.results.document import ModerationLabel, Result
from tests.handlers.factories import label, labeled
from tests.handlers.schemas import faults
from tests.handlers.test_document import full_result

ID = "0" * 32


@dataclass
class Built:
    """The parameters of a Publish, and the values of its attributes: texts and lists."""

    parameters: dict[str, Any]
    attributes: dict[str, Any]

    @property
    def subject(self) -> str:
        return str(self.parameters["Subject"])

    @property
    def body(self) -> str:
        return str(self.parameters["Message"])


def message(result: Result, least: int = 0, document: dict[str, str] | None = None) -> Built:
    parameters = sns_message(result, ID, Decimal(least), document)
    attributes = {
        name: json.loads(each["StringValue"]) if each["DataType"] == "String.Array" else each["StringValue"]
        for name, each in parameters["MessageAttributes"].items()
    }
    assert faults(json.loads(parameters["Message"]), "notification") == []
    assert faults(attributes, "notification", "Attributes") == []
    return Built(parameters, attributes)


def moderation(name: str, confidence: int) -> ModerationLabel:
    return {"name": name, "parent": "", "confidence": Decimal(confidence)}


def test_labelled_picture_is_told_with_what_was_seen() -> None:
    built = message(full_result(), document={"bucket": "documents", "key": "results/x.json"})

    body = json.loads(built.body)
    assert (body["id"], body["status"], body["key"]) == (ID, "LABELED", "uploads/größe +%.jpg")
    assert body["labels"] == [{"name": "Cat", "confidence": 97.1235}]
    assert (body["moderation"][0]["name"], body["faces"]) == ("Smoking", 1)
    assert body["document"] == {"bucket": "documents", "key": "results/x.json"}
    assert "code" not in body


def test_attributes_say_what_filters_ask_for() -> None:
    assert message(full_result()).attributes == {
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

    built = message(result)

    assert built.attributes == {"status": status, "key": "cat.jpg", "code": "NOT_AN_IMAGE"}
    assert json.loads(built.body)["message"] == "It is no picture."
    assert built.subject == f"{status} NOT_AN_IMAGE cat.jpg"


def test_what_is_less_certain_than_asked_is_told_but_no_attribute() -> None:
    result = labeled("cat.jpg", label("Cat", "97"), label("Sofa", "71")).result
    result["moderation"] = [moderation("Smoking", 71)]

    built = message(result, least=80)

    assert [entry["name"] for entry in json.loads(built.body)["labels"]] == ["Cat", "Sofa"]
    assert built.attributes["labels"] == ["Cat"]
    assert built.attributes["flagged"] == "false"
    assert "moderation" not in built.attributes


def test_attribute_without_a_value_is_left_out() -> None:
    # SNS refuses attributes that are empty.
    built = message(labeled("cat.jpg").result)

    assert set(built.attributes) == {"status", "key"}
    assert json.loads(built.body)["labels"] == []


@pytest.mark.parametrize("key", ["\x01\x1f￾.jpg", "a\nb.jpg", "日本/🐈.jpg", "k" * 1024])
def test_any_key_makes_a_message_that_sns_takes(key: str) -> None:
    built = message(labeled(key, label("Cat")).result)

    assert json.loads(built.body)["key"] == key
    assert built.body.isascii()
    assert re.fullmatch(r"[ -~]{1,99}", built.subject)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f￾￿]", str(built.attributes["key"]))


def test_long_key_s_subject_ends_as_the_key_does() -> None:
    assert message(labeled("f/" * 100 + "cat.jpg").result).subject.endswith("/f/cat.jpg")


def test_message_that_would_be_too_large_names_the_most_certain() -> None:
    result = labeled("cat.jpg", *(label(f"L{n}", str(50 + n)) for n in range(49))).result
    result["moderation"] = [moderation(f"{n} " + "é" * 1000, n % 100) for n in range(400)]

    built = message(result)

    body: dict[str, Any] = json.loads(built.body)
    assert MAX_BYTES / 4 < size_bytes(built.parameters) <= MAX_BYTES
    assert body["truncated"] == ["moderation"]
    assert len(body["labels"]) == 49
    assert {entry["confidence"] for entry in body["moderation"]} >= {99}
    assert min(entry["confidence"] for entry in body["moderation"]) > 50


def test_message_has_fewer_attributes_than_a_queue_takes() -> None:
    result = full_result()
    result["code"] = Code.NOT_AN_IMAGE

    assert len(sns_message(result, ID, Decimal(0))["MessageAttributes"]) <= 10
