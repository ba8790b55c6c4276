"""Notifications alone."""

from typing import Any

import pytest

from components.announcements import Announcements
from components.errors import InvalidArgumentError
from components.notifications import ATTRIBUTES, Notifications, NotificationsArgs
from tests.recording import ACCOUNT, REGION, Record, record

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:told-0a1b2c3"
UNDELIVERED = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told-undelivered-0a1b2c3"
QUEUES = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("first", "second")]


def made(**arguments: Any) -> Record:
    return record(lambda: Notifications("told", NotificationsArgs(**arguments)))


def subscriptions(recorded: Record) -> list[dict[str, Any]]:
    return [dict(one.inputs) for one in recorded.of("aws:sns/topicSubscription:TopicSubscription")]


def test_alarms_publish_and_nobody_without_tls() -> None:
    allowed, denied = made().one("aws:sns/topicPolicy:TopicPolicy").policy()["Statement"]

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
    assert {r.type for r in made().resources} == {
        "labelstack:components:Notifications",
        "aws:sns/topic:Topic",
        "aws:sns/topicPolicy:TopicPolicy",
    }


def test_people_are_told_by_mail() -> None:
    assert subscriptions(made(emails=["zoo@example.org"])) == [
        {"topic": TOPIC, "protocol": "email", "endpoint": "zoo@example.org"}
    ]


def test_queues_get_messages_raw_and_what_they_refuse_is_kept() -> None:
    recorded = made(queue_arns=QUEUES)

    for subscription, queue in zip(
        sorted(subscriptions(recorded), key=lambda one: str(one["endpoint"])), QUEUES, strict=True
    ):
        assert (subscription["protocol"], subscription["endpoint"]) == ("sqs", queue)
        assert subscription["rawMessageDelivery"] is True
        assert subscription["redrivePolicy"] == f'{{"deadLetterTargetArn":"{UNDELIVERED}"}}'
    allowed, denied = recorded.one("aws:sqs/queuePolicy:QueuePolicy").policy()["Statement"]
    assert (allowed["Principal"], allowed["Resource"]) == ({"Service": "sns.amazonaws.com"}, UNDELIVERED)
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC}}
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_another_order_of_queues_changes_nothing() -> None:
    assert made(queue_arns=QUEUES).inputs() == made(queue_arns=QUEUES[::-1]).inputs()


def test_filter_is_for_all_subscribers() -> None:
    recorded = made(emails=["zoo@example.org"], queue_arns=QUEUES, filter_policy={"status": ["FAILED"]})

    assert [one["filterPolicy"] for one in subscriptions(recorded)] == ['{"status":["FAILED"]}'] * 3


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"colour": ["red"]}, r"asks for \['colour'\]: messages have status, code"),
        ({}, "names 0 attributes: expected 1 to 5"),
        ({name: ["x"] for name in ATTRIBUTES}, "names 6 attributes"),
        ({"status": "FAILED"}, r"of \['status'\] is no list"),
        ({"status": []}, r"of \['status'\] is no list"),
    ],
)
def test_filter_that_nothing_passes_is_refused(policy: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        made(filter_policy=policy)


def test_messages_are_encrypted_with_a_key_that_is_given() -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"

    assert made(kms_key_arn=key).one("aws:sns/topic:Topic").inputs["kmsMasterKeyId"] == key
    [publish, use] = Announcements(topic_arn=TOPIC, topic_kms_key_arn=key).statements()
    assert (publish.actions, use.actions) == (["sns:Publish"], ["kms:GenerateDataKey", "kms:Decrypt"])


def test_nothing_is_announced_unless_asked() -> None:
    assert Announcements().environment() == {}
    assert Announcements().statements() == []


def test_results_bucket_is_announced_to_by_name_and_arn() -> None:
    with pytest.raises(InvalidArgumentError, match="expected both of them, or neither"):
        Announcements(bucket_name="documents")


def test_every_part_belongs_to_the_component() -> None:
    recorded = made(emails=["zoo@example.org"], queue_arns=QUEUES)

    component = recorded.one("labelstack:components:Notifications")
    assert {r.parent for r in recorded.resources if r is not component} == {"told"}
