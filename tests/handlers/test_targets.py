"""The adapters of announcements: their requests, the services' errors translated, and a function's environment."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import boto3
import pytest
from botocore.stub import Stubber

from handlers.environment import EnvironmentVariableError
from handlers.labelling.errors import AnnouncementError
from handlers.labelling.metrics import Metrics
from handlers.labelling.outbox import CLAIM, DeliveringOutbox, Outbox, client_config
from handlers.results.document import Result, public_document
from handlers.results.item import OutboxEntry
from tests.handlers.factories import label, labeled, time_of
from tests.handlers.fakes import FakeRows
from tests.handlers.test_environment import GOOD, process_image

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

CREDENTIALS: Any = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
TOPIC = "arn:aws:sns:us-east-1:000000000000:told"
RESULT = labeled("cat.jpg", label("Cat"), label("Pet")).result


def deliver(documents: S3Client | None = None, topic: SNSClient | None = None, result: Result = RESULT) -> None:
    """Publish a result to these targets."""
    outbox = DeliveringOutbox(
        FakeRows(),
        (documents, "documents") if documents else None,
        (topic, TOPIC) if topic else None,
        Decimal(0),
        Metrics(),
        now=lambda: time_of(1),
        warn=lambda text: None,
    )
    outbox.deliver(result, OutboxEntry("0", ""))


def test_message_goes_with_attributes_to_filter_by() -> None:
    client: SNSClient = boto3.client("sns", **CREDENTIALS)
    with Stubber(client) as stubber:
        expected = {
            "TopicArn": TOPIC,
            "Subject": "LABELED cat.jpg",
            "Message": ANY,
            "MessageAttributes": {
                "status": {"DataType": "String", "StringValue": "LABELED"},
                "key": {"DataType": "String", "StringValue": "cat.jpg"},
                "labels": {"DataType": "String.Array", "StringValue": json.dumps(["Cat", "Pet"])},
            },
        }
        stubber.add_response("publish", {"MessageId": "1"}, expected)

        deliver(topic=client)

        stubber.assert_no_pending_responses()


def test_document_is_json_in_the_bucket() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        key, body = "results/cat.jpg/v1.json", json.dumps(public_document(RESULT), separators=(",", ":")).encode()
        expected = {"Bucket": "documents", "Key": key, "Body": body, "ContentType": "application/json"}
        stubber.add_response("put_object", {}, expected)

        deliver(client)

        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(("code", "status"), [("NotFound", 404), ("AuthorizationError", 403), ("Throttled", 429)])
def test_topic_that_does_not_take_a_message_is_told(code: str, status: int) -> None:
    client: SNSClient = boto3.client("sns", **CREDENTIALS)
    with Stubber(client) as stubber:
        stubber.add_client_error("publish", code, http_status_code=status)

        with pytest.raises(AnnouncementError, match=code):
            deliver(topic=client)


def test_bucket_that_denies_or_is_not_reached_is_told() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "AccessDenied", http_status_code=403)
        with pytest.raises(AnnouncementError, match="AccessDenied"):
            deliver(client)
    unreachable: S3Client = boto3.client(
        "s3", **CREDENTIALS, endpoint_url="http://127.0.0.1:9", config=client_config(1)
    )
    with pytest.raises(AnnouncementError):
        deliver(unreachable)


def test_claim_lasts_longer_than_both_targets_can_take() -> None:
    config: Any = client_config(1)
    longest_pause_s = 1  # before the first retry in botocore's standard mode

    attempts = config.retries["total_max_attempts"]
    one_s = attempts * (config.connect_timeout + config.read_timeout) + (attempts - 1) * longest_pause_s
    assert timedelta(seconds=2 * one_s) < CLAIM


def outbox(**variables: str) -> Outbox | None:
    """Return the outbox of the labelling function, with these variables beside those that it needs."""
    return process_image(**GOOD | variables)[1].outbox


def test_without_variables_nothing_is_published() -> None:
    assert outbox() is None


def test_variables_name_the_targets() -> None:
    both = outbox(RESULTS_BUCKET="documents", TOPIC_ARN=TOPIC, NOTIFY_MIN_CONFIDENCE="80.5")
    alone = outbox(RESULTS_BUCKET="documents")

    assert isinstance(both, DeliveringOutbox)
    assert str(both.min_confidence) == "80.5"
    assert both.documents
    assert both.topic
    assert (both.documents[1], both.topic[1]) == ("documents", TOPIC)
    assert isinstance(alone, DeliveringOutbox)
    assert alone.topic is None


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"RESULTS_BUCKET": " "}, "RESULTS_BUCKET"),
        ({"TOPIC_ARN": TOPIC}, "NOTIFY_MIN_CONFIDENCE is not set"),
        ({"TOPIC_ARN": TOPIC, "NOTIFY_MIN_CONFIDENCE": "101"}, "NOTIFY_MIN_CONFIDENCE is '101'"),
    ],
)
def test_wrong_variable_is_named(variables: dict[str, str], named: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=named):
        outbox(**variables)
