"""The protocol: requests and their errors."""

from __future__ import annotations

import base64
import json
from http.client import HTTPConnection
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.server import LocalRekognition
from rekognition_local.wire import check_answer, service_model
from tests.rekognition_local.conftest import Control
from tests.rekognition_local.pictures import plain


def post(server: LocalRekognition, target: str | None, body: bytes) -> tuple[int, dict[str, Any]]:
    """Send a raw call."""
    connection = HTTPConnection(server.host, server.port, timeout=60)
    headers = {"Content-Type": "application/x-amz-json-1.1"} | ({"X-Amz-Target": target} if target else {})
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return answer.status, document


def image(data: bytes) -> dict[str, str]:
    """Return the Image parameter as JSON."""
    return {"Bytes": base64.b64encode(data).decode()}


@pytest.mark.usefixtures("control")
@pytest.mark.parametrize(
    "target", [None, "", "DetectLabels", "RekognitionService.NoSuchThing", "DynamoDB.DetectLabels"]
)
def test_answers_unknown_operation_for_a_wrong_target(server: LocalRekognition, target: str | None) -> None:
    status, document = post(server, target, b"{}")

    assert (status, document["__type"]) == (400, "UnknownOperationException")


def test_says_so_when_an_operation_is_not_implemented(rekognition: RekognitionClient) -> None:
    with pytest.raises(ClientError) as failure:
        rekognition.list_collections()

    assert failure.value.response["Error"]["Code"] == "NotImplementedException"
    assert "DetectFaces, DetectLabels" in failure.value.response["Error"]["Message"]
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.usefixtures("control")
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"Image": "x"}',
        b'{"Image": {"Bytes": 7}}',
        b'{"Image": {"Bytes": "***"}}',
        b'{"Image": {"Bytes": "eA=="}, "MaxLabels": "many"}',
        b'{"Image": {"Bytes": "eA=="}, "MaxLabels": true}',
        b'{"Image": {"Bytes": "eA=="}, "MaxLabels": 1.5}',
        b'{"Image": {"Bytes": "eA=="}, "MaxLabels": NaN}',
        b'{"Image": {"Bytes": "eA=="}, "MaxLabels": -Infinity}',
        b'{"Image": {"Bytes": "eA=="}, "MinConfidence": "high"}',
        b'{"Image": {"Bytes": "eA=="}, "Features": "GENERAL_LABELS"}',
    ],
)
def test_answers_serialization_exception_for_wrong_json_types(server: LocalRekognition, body: bytes) -> None:
    status, document = post(server, "RekognitionService.DetectLabels", body)

    assert (status, document["__type"]) == (400, "SerializationException")


@pytest.mark.usefixtures("control")
@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({}, "Value null at 'image' failed to satisfy constraint: Member must not be null"),
        ({"MinConfidence": 170}, "Value '170.0' at 'minConfidence' failed to satisfy constraint: Member must have"),
        ({"MinConfidence": -1}, "at 'minConfidence' failed to satisfy constraint: Member must have value greater"),
        ({"MaxLabels": -1}, "Value '-1' at 'maxLabels'"),
        ({"Features": ["COLOURS"]}, "'COLOURS' at 'features.1.member' failed to satisfy constraint: Member must"),
        ({"Features": ["GENERAL_LABELS"] * 3}, "at 'features' failed to satisfy constraint: Member must have length"),
        ({"Settings": {"ImageProperties": {"MaxDominantColors": 21}}}, "at 'settings.imageProperties.maxDominantCol"),
        ({"Settings": {"GeneralLabels": {"LabelInclusionFilters": ["Cat~"]}}}, "satisfy regular expression pattern"),
        ({"Image": {"Bytes": ""}}, "'java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]' at 'image.bytes' failed to satisfy"),
        ({"Image": {"S3Object": {"Bucket": "b!", "Name": "x"}}}, "2 validation errors detected: Value 'b!' at"),
    ],
)  # fmt: skip
def test_answers_validation_exception_naming_the_member(
    server: LocalRekognition, parameters: dict[str, Any], complaint: str
) -> None:
    body = parameters if "Image" in parameters or not parameters else {"Image": image(plain())} | parameters

    status, document = post(server, "RekognitionService.DetectLabels", json.dumps(body).encode())

    assert (status, document["__type"]) == (400, "ValidationException")
    assert complaint in document["Message"]


@pytest.mark.usefixtures("control")
def test_ignores_null_and_unknown_members(server: LocalRekognition) -> None:
    body = {"Image": image(plain()), "MaxLabels": None, "Surprise": {"deep": [1]}}

    status, _ = post(server, "RekognitionService.DetectLabels", json.dumps(body).encode())

    assert status == 200


@pytest.mark.usefixtures("control")
def test_refuses_a_body_larger_than_any_call(server: LocalRekognition) -> None:
    status, document = post(server, "RekognitionService.DetectLabels", b" " * (9 * 1024 * 1024))

    assert (status, document["__type"]) == (400, "ImageTooLargeException")


def test_a_whole_error_document_has_the_service_s_members(server: LocalRekognition, control: Control) -> None:
    _, document = post(server, "RekognitionService.DetectText", b"{}")

    assert set(document) == {"__type", "Code", "Logref", "Message"}
    assert control.calls()["errors"] == {"ValidationException": 1}


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"Surprise": 1}, "members that the model lacks"),
        ({"Labels": {}}, "the model has a list"),
        ({"Labels": [{"Name": 7}]}, "Labels\\[\\].Name is int"),
        ({"Labels": [{"Confidence": 101.0}]}, "Confidence is 101.0"),
        ({"OrientationCorrection": "ROTATE_45"}, "the model has"),
    ],
)
def test_an_answer_that_breaks_the_model_is_never_sent(answer: dict[str, Any], complaint: str) -> None:
    shape = service_model().operation_model("DetectLabels").output_shape

    with pytest.raises((TypeError, ValueError), match=complaint):
        check_answer(answer, shape, "DetectLabels")
