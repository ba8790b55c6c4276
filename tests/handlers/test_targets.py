"""The adapters of announcements: their requests, the services' errors translated, and a function's environment."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from handlers.environment import EnvironmentVariableError, Variables
from handlers.labelling import composition
from handlers.labelling.errors import AnnouncementError
from handlers.labelling.outbox import CLAIM, DeliveringOutbox, Outbox, S3Documents, SnsTopic, client_config
from handlers.labelling.pipeline import Pipeline
from handlers.labelling.sns_message import SnsMessage
from tests.handlers.test_environment import GOOD

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

CREDENTIALS: Any = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
TOPIC = "arn:aws:sns:us-east-1:000000000000:told"
MESSAGE = SnsMessage("LABELED cat.jpg", '{"status": "LABELED"}', {"status": "LABELED", "labels": ["Cat", "Pet"]})


def test_message_goes_with_attributes_to_filter_by() -> None:
    client: SNSClient = boto3.client("sns", **CREDENTIALS)
    with Stubber(client) as stubber:
        expected = {
            "TopicArn": TOPIC,
            "Subject": "LABELED cat.jpg",
            "Message": '{"status": "LABELED"}',
            "MessageAttributes": {
                "status": {"DataType": "String", "StringValue": "LABELED"},
                "labels": {"DataType": "String.Array", "StringValue": json.dumps(["Cat", "Pet"])},
            },
        }
        stubber.add_response("publish", {"MessageId": "1"}, expected)

        SnsTopic(client, TOPIC).publish(MESSAGE)

        stubber.assert_no_pending_responses()


def test_document_is_json_in_the_bucket() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        expected = {"Bucket": "documents", "Key": "k.json", "Body": b"{}", "ContentType": "application/json"}
        stubber.add_response("put_object", {}, expected)

        assert S3Documents(client, "documents").put("k.json", b"{}") == "documents"


@pytest.mark.parametrize(("code", "status"), [("NotFound", 404), ("AuthorizationError", 403), ("Throttled", 429)])
def test_topic_that_does_not_take_a_message_is_told(code: str, status: int) -> None:
    client: SNSClient = boto3.client("sns", **CREDENTIALS)
    with Stubber(client) as stubber:
        stubber.add_client_error("publish", code, http_status_code=status)

        with pytest.raises(AnnouncementError, match=code):
            SnsTopic(client, TOPIC).publish(MESSAGE)


def test_bucket_that_denies_or_is_not_reached_is_told() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "AccessDenied", http_status_code=403)
        with pytest.raises(AnnouncementError, match="AccessDenied"):
            S3Documents(client, "documents").put("k.json", b"{}")
    unreachable: S3Client = boto3.client(
        "s3", **CREDENTIALS, endpoint_url="http://127.0.0.1:9", config=client_config(1)
    )
    with pytest.raises(AnnouncementError):
        S3Documents(unreachable, "documents").put("k.json", b"{}")


def test_claim_lasts_longer_than_both_targets_can_take() -> None:
    config: Any = client_config(1)
    longest_pause_s = 1  # before the first retry in botocore's standard mode

    attempts = config.retries["total_max_attempts"]
    one_s = attempts * (config.connect_timeout + config.read_timeout) + (attempts - 1) * longest_pause_s
    assert timedelta(seconds=2 * one_s) < CLAIM


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def outbox(**variables: str) -> Outbox | None:
    """Return the outbox of the labelling function, with these variables beside those that it needs."""
    pipeline = composition.process_image(Variables(GOOD | variables)).use_case
    assert isinstance(pipeline, Pipeline)
    return pipeline.outbox


def test_without_variables_nothing_is_published() -> None:
    assert outbox() is None


def test_variables_name_the_targets() -> None:
    both = outbox(RESULTS_BUCKET="documents", TOPIC_ARN=TOPIC, NOTIFY_MIN_CONFIDENCE="80.5")
    alone = outbox(RESULTS_BUCKET="documents")

    assert isinstance(both, DeliveringOutbox)
    assert str(both.min_confidence) == "80.5"
    assert (isinstance(both.documents, S3Documents), isinstance(both.topic, SnsTopic)) == (True, True)
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
