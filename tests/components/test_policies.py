"""Statements and documents."""

import json

import pytest

from components.access import DETECTOR_ACTIONS, detect
from components.errors import InvalidArgumentError
from components.policies import AnyResource, Statement, deny_insecure_transport, trust


@pytest.mark.parametrize("action", ["*", "s3:*"])
def test_refuses_to_allow_every_action(action: str) -> None:
    with pytest.raises(InvalidArgumentError, match="name each action"):
        Statement([action], ["arn:aws:s3:::pictures"])


def test_refuses_to_allow_nothing() -> None:
    with pytest.raises(InvalidArgumentError, match="nothing"):
        Statement([], ["arn:aws:s3:::pictures"])


def test_refuses_every_resource_without_a_reason() -> None:
    with pytest.raises(InvalidArgumentError, match="AnyResource"):
        Statement(["s3:GetObject"], ["*"])


def test_allows_every_resource_with_a_reason() -> None:
    statement = Statement(["rekognition:DetectLabels"], AnyResource("no resources"))

    assert statement.render() == {"Effect": "Allow", "Action": ["rekognition:DetectLabels"], "Resource": "*"}


def test_denies_requests_without_tls() -> None:
    assert deny_insecure_transport("sqs:*", ["arn:aws:sqs:eu-central-1:1:q"]).render() == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["sqs:*"],
        "Resource": "arn:aws:sqs:eu-central-1:1:q",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_trust_is_for_one_service_and_compact() -> None:
    text = trust("lambda.amazonaws.com")

    assert " " not in text
    assert json.loads(text)["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": ["sts:AssumeRole"]}
    ]


@pytest.mark.parametrize("detector", DETECTOR_ACTIONS)
def test_grants_the_enabled_detectors_operation_alone(detector: str) -> None:
    (statement,) = detect([detector])

    assert statement.actions == [DETECTOR_ACTIONS[detector]]
