"""Rules through the control plane, and which rule applies."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.errors import ConfigurationError
from rekognition_local.rules import RuleBook
from tests.rekognition_local.conftest import Control, MemoryReader
from tests.rekognition_local.pictures import plain

STORED = {"S3Object": {"Bucket": "uploads", "Name": "cats/one.png"}}


@pytest.fixture(autouse=True)
def _stored(reader: MemoryReader) -> None:
    reader.objects["uploads", "cats/one.png", None] = plain(color="orange")
    reader.objects["uploads", "dogs/two.png", None] = plain(color="purple")


def names(client: RekognitionClient, image: Any) -> list[str]:
    """Return the names of the labels of a picture."""
    return [label["Name"] for label in client.detect_labels(Image=image)["Labels"]]


def error_code(client: RekognitionClient, image: Any) -> str | None:
    """Return the code of a call's error, None if it is answered."""
    try:
        client.detect_labels(Image=image)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def test_a_rule_for_a_key_pattern_sets_the_labels(rekognition: RekognitionClient, control: Control) -> None:
    control.put_rules({"match": {"key": "cats/*.png"}, "labels": ["Cat"]})

    assert names(rekognition, STORED) == ["Animal", "Cat", "Mammal", "Pet"]
    assert names(rekognition, {"S3Object": {"Bucket": "uploads", "Name": "dogs/two.png"}}) == []
    assert names(rekognition, {"Bytes": plain(color="orange")}) == []


def test_a_rule_for_content_sets_the_labels(rekognition: RekognitionClient, control: Control) -> None:
    sha256 = hashlib.sha256(plain(color="orange")).hexdigest()
    control.put_rules({"match": {"sha256": sha256.upper()}, "labels": ["Cup"]})

    assert names(rekognition, {"Bytes": plain(color="orange")}) == ["Cup"]
    assert names(rekognition, STORED) == ["Cup"]
    assert names(rekognition, {"Bytes": plain(color="purple")}) == []


def test_a_label_can_be_told_whole(rekognition: RekognitionClient, control: Control) -> None:
    box = {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.5}
    sofa = {
        "name": "Sofa", "confidence": 91.5, "parents": ["Furniture"], "categories": ["Furniture and Furnishings"],
        "aliases": ["Couch"], "instances": [{"boundingBox": box, "confidence": 80}],
    }  # fmt: skip
    control.put_rules({"labels": [sofa]})

    furniture, label = rekognition.detect_labels(Image=STORED)["Labels"]  # type: ignore[arg-type]

    assert furniture["Name"] == "Furniture"
    assert label["Confidence"] == 91.5
    assert label["Categories"] == [{"Name": "Furniture and Furnishings"}]
    assert label["Aliases"] == [{"Name": "Couch"}]
    assert label["Instances"][0]["BoundingBox"] == {"Left": 0.1, "Top": 0.1, "Width": 0.5, "Height": 0.5}


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("ThrottlingException", 400, "Slow down"),
        ("ProvisionedThroughputExceededException", 400, "Provisioned rate exceeded"),
        ("AccessDeniedException", 400, "not authorized"),
        ("InternalServerError", 500, "Internal server error"),
        ("SomethingElse", 400, "a rule asks for"),
    ],
)
def test_a_rule_makes_an_error(
    rekognition: RekognitionClient, control: Control, code: str, status: int, message: str
) -> None:
    control.put_rules({"match": {"operation": "DetectFaces"}, "error": {"code": code}})

    with pytest.raises(ClientError, match=message) as failure:
        rekognition.detect_faces(Image=STORED)  # type: ignore[arg-type]

    assert failure.value.response["Error"]["Code"] == code
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert names(rekognition, STORED) == []


def test_an_error_needs_no_picture(rekognition: RekognitionClient, control: Control, reader: MemoryReader) -> None:
    control.put_rules({"error": {"code": "InternalServerError", "message": "no", "status": 503}})

    assert error_code(rekognition, {"S3Object": {"Bucket": "uploads", "Name": "missing"}}) == "InternalServerError"
    assert reader.reads == []


def test_a_rule_is_over_after_its_times(rekognition: RekognitionClient, control: Control) -> None:
    control.put_rules({"times": 2, "error": {"code": "ThrottlingException"}})

    codes = [error_code(rekognition, STORED) for _ in range(4)]

    assert codes == ["ThrottlingException", "ThrottlingException", None, None]
    assert control.request("GET", "rules")[0]["times"] == 0


def test_an_answer_does_not_save_an_unreadable_picture(
    rekognition: RekognitionClient, control: Control, reader: MemoryReader
) -> None:
    reader.objects["uploads", "cats/one.png", None] = b"no picture"
    control.put_rules({"labels": ["Cat"]})

    assert error_code(rekognition, STORED) == "InvalidImageFormatException"


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({}, "must be a JSON list"),
        ([7], "Rule 1 is not a JSON object"),
        ([{}], "Rule 1 has no effect"),
        ([{"match": {"key": "*"}}], "has no effect"),
        ([{"labels": "Cat"}], "labels must be a list"),
        ([{"labels": [7]}], "a string, or an object with name"),
        ([{"labels": [{"name": "Cat", "colour": 1}]}], "unknown members \\['colour'\\]"),
        ([{"labels": [{"name": "Cat", "confidence": 170}]}], "confidence is 170: expected 0 to 100"),
        ([{"labels": [{"name": "Cat", "instances": [{"boundingBox": {"left": 1}}]}]}], "boundingBox needs"),
        ([{"faces": [{"smile": {"value": "yes"}}]}], "Smile.Value"),
        ([{"faces": ["x"]}], "each face is an object"),
        ([{"match": {"name": "x"}, "hang": True}], "unknown members \\['name'\\]"),
        ([{"hang": True}, {"delay": 5}], "Rule 2 has unknown members"),
        ([{"delayMs": -1}], "delayMs"),
        ([{"times": -1, "hang": True}], "times"),
        ([{"error": {"status": 500}}], "error needs a code"),
        ([{"error": {"code": "X", "status": 200}}], "400 to 599"),
    ],
)
def test_refuses_wrong_rules_naming_what_is_wrong(rules: Any, complaint: str) -> None:
    book = RuleBook()
    book.replace([{"labels": ["Old"]}])

    with pytest.raises(ConfigurationError, match=complaint):
        book.replace(rules)

    assert book.as_documents() == [{"labels": ["Old"]}]


def test_the_control_plane_answers_400_for_wrong_rules(control: Control) -> None:
    with pytest.raises(HTTPError) as failure:
        control.put_rules({"labels": "Cat"})

    with failure.value as answer:
        assert answer.status == 400
        assert b"labels must be a list" in answer.read()


def test_delays_add_up_and_the_first_answer_wins() -> None:
    book = RuleBook()
    book.replace(
        [
            {"delayMs": 100},
            {"match": {"key": "a*"}, "delayMs": 50, "labels": ["First"]},
            {"labels": ["Second"], "text": ["words"]},
        ]
    )

    verdict = book.judge("DetectLabels", "abc", None)

    assert verdict.delay_s == pytest.approx(0.15)
    assert verdict.answer == ["First"]
    assert book.judge("DetectText", "zzz", None).answer == ["words"]


def test_a_rule_that_only_answers_another_operation_is_not_used_up() -> None:
    book = RuleBook()
    book.replace([{"times": 1, "faces": []}])

    assert book.judge("DetectLabels", None, None).answer is None
    assert book.judge("DetectFaces", None, None).answer == []
    assert book.judge("DetectFaces", None, None).answer is None


def test_an_error_ends_the_search() -> None:
    book = RuleBook()
    book.replace([{"times": 1, "error": {"code": "X"}}, {"times": 1, "hang": True}])

    first, second = book.judge("DetectText", None, None), book.judge("DetectText", None, None)

    assert first.error is not None
    assert (first.error.code, first.hang) == ("X", False)
    assert (second.error, second.hang) == (None, True)


def test_counts_calls_answers_errors_and_pictures(rekognition: RekognitionClient, control: Control) -> None:
    control.put_rules({"times": 1, "error": {"code": "ThrottlingException"}})
    error_code(rekognition, STORED)
    names(rekognition, STORED)
    names(rekognition, {"Bytes": plain()})
    rekognition.detect_text(Image=STORED)  # type: ignore[arg-type]

    counts = control.calls()

    assert counts["operations"] == {"DetectLabels": 3, "DetectText": 1}
    assert counts["answered"] == {"DetectLabels": 2, "DetectText": 1}
    assert counts["errors"] == {"ThrottlingException": 1}
    assert counts["images"] == {"uploads/cats/one.png": {"DetectLabels": 2, "DetectText": 1}}
    assert (counts["inFlight"], counts["peakInFlight"]) == (0, 1)


def test_reset_forgets_rules_and_counts(rekognition: RekognitionClient, control: Control) -> None:
    control.put_rules({"labels": ["Cat"]})
    names(rekognition, STORED)

    control.request("POST", "reset")

    assert control.request("GET", "rules") == []
    assert control.calls()["operations"] == {}
    assert names(rekognition, STORED) == []


def test_health_tells_what_the_server_can_do(control: Control) -> None:
    health = control.request("GET", "health")

    assert health["status"] == "running"
    assert set(health["abilities"]) == {"explicit", "print", "model"}
