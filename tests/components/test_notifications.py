"""Notifications alone."""

from typing import Any, cast

import pytest

from components.errors import InvalidArgumentError
from components.notifications import ATTRIBUTES, Notifications, NotificationsArgs
from tests.recording import ACCOUNT, REGION, Record, once, record

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:announcements-0a1b2c3"
UNDELIVERED = f"arn:aws:sqs:{REGION}:{ACCOUNT}:announcements-undelivered-0a1b2c3"
QUEUES = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("first", "second")]


@once
def record_topic(**arguments: Any) -> Record:
    return record(lambda: Notifications("announcements", cast(NotificationsArgs, arguments)))


def subscriptions(recorded: Record) -> list[dict[str, Any]]:
    return [dict(resource.inputs) for resource in recorded.of("aws:sns/topicSubscription:TopicSubscription")]


def test_alarms_publish_and_nobody_without_tls() -> None:
    allowed, denied = record_topic().single("aws:sns/topicPolicy:TopicPolicy").policy()["Statement"]

    assert allowed == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": ["sns:Publish"],
        "Resource": TOPIC,
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    assert denied == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["sns:Publish"],
        "Resource": TOPIC,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_without_subscribers_there_is_a_topic_and_no_more() -> None:
    assert {r.type for r in record_topic().resources} == {
        "labelstack:index:Notifications",
        "aws:sns/topic:Topic",
        "aws:sns/topicPolicy:TopicPolicy",
    }


def test_people_are_told_by_mail() -> None:
    assert subscriptions(record_topic(emails=["zoo@example.org"])) == [
        {"topic": TOPIC, "protocol": "email", "endpoint": "zoo@example.org"}
    ]


def test_queues_get_messages_raw_and_what_they_refuse_is_kept() -> None:
    recorded = record_topic(queue_arns=QUEUES)

    for subscription, queue in zip(
        sorted(subscriptions(recorded), key=lambda entry: str(entry["endpoint"])), QUEUES, strict=True
    ):
        assert (subscription["protocol"], subscription["endpoint"]) == ("sqs", queue)
        assert subscription["rawMessageDelivery"] is True
        assert subscription["redrivePolicy"] == f'{{"deadLetterTargetArn":"{UNDELIVERED}"}}'
    allowed, denied = recorded.single("aws:sqs/queuePolicy:QueuePolicy").policy()["Statement"]
    assert (allowed["Principal"], allowed["Resource"]) == ({"Service": "sns.amazonaws.com"}, UNDELIVERED)
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC}}
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_another_order_of_queues_changes_nothing() -> None:
    first, other = (
        record_topic(queue_arns=arns).of("aws:sns/topicSubscription:TopicSubscription")
        for arns in (QUEUES, QUEUES[::-1])
    )

    assert [(s.name, s.inputs) for s in first] == [(s.name, s.inputs) for s in other]


def test_filter_is_for_all_subscribers() -> None:
    recorded = record_topic(emails=["zoo@example.org"], queue_arns=QUEUES, filter_policy={"status": ["FAILED"]})

    assert [subscription["filterPolicy"] for subscription in subscriptions(recorded)] == ['{"status":["FAILED"]}'] * 3


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"colour": ["red"]}, r'filter_policy is {"colour".*: expected a filter policy of SNS by 1 to 5'),
        ({}, "filter_policy is {}: expected a filter policy of SNS by 1 to 5"),
        ({name: ["x"] for name in ATTRIBUTES}, "filter_policy is .*: expected a filter policy of SNS by 1 to 5"),
        (
            {"status": "FAILED"},
            r'Notifications announcements: filter_policy.status is "FAILED": expected a list of values',
        ),
        ({"status": []}, r"filter_policy.status is \[\]: expected a list of values"),
    ],
)
def test_filter_that_nothing_passes_is_refused(policy: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        record_topic(filter_policy=policy)


def test_messages_are_encrypted_with_a_key_that_is_given() -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"

    assert record_topic(kms_key_arn=key).single("aws:sns/topic:Topic").inputs["kmsMasterKeyId"] == key
