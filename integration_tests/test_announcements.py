"""Results beside the table: documents in the results bucket, messages of the topic; each once, and none lost."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition, Uploaded, wait_for
from integration_tests.test_events import event_of

MakeKey = Callable[[str], str]

API = Path(__file__).parent.parent / "api"


def faults(document: Any, name: str) -> list[str]:
    schema = json.loads((API / f"{name}.schema.json").read_text())
    return [error.message for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(document)]


@dataclass
class Inbox:
    """A queue that is subscribed to the topic, and all that has come into it."""

    stack: DeployedStack
    url: str
    arn: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    attributes: list[dict[str, str]] = field(default_factory=list)

    def of(self, key: str) -> list[dict[str, Any]]:
        """Return the messages about a key that have come so far."""
        while True:
            answer = self.stack.client("sqs").receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            if not answer.get("Messages"):
                return [message for message in self.messages if message["key"] == key]
            for message in answer["Messages"]:
                self.messages.append(json.loads(message["Body"]))
                attributes = message.get("MessageAttributes", {})
                self.attributes.append({name: value["StringValue"] for name, value in attributes.items()})
                self.stack.client("sqs").delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def wait(self, key: str) -> list[dict[str, Any]]:
        """Return the messages about a key, once there is one."""
        return wait_for(f"a message about {key!r}", lambda: self.of(key), bool)

    def subscribe(self, filter_policy: Mapping[str, Any] | None = None) -> None:
        """Subscribe this queue to the topic's messages."""
        attributes = {"RawMessageDelivery": "true"}
        if filter_policy:
            attributes["FilterPolicy"] = json.dumps(filter_policy)
        self.stack.client("sns").subscribe(
            TopicArn=self.stack.outputs["topicArn"], Protocol="sqs", Endpoint=self.arn, Attributes=attributes
        )


@contextmanager
def inbox(stack: DeployedStack, filter_policy: Mapping[str, Any] | None = None) -> Iterator[Inbox]:
    sqs = stack.client("sqs")
    url = sqs.create_queue(QueueName=f"inbox-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    from_topic = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": stack.outputs["topicArn"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [from_topic]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    new_inbox = Inbox(stack, url, arn)
    new_inbox.subscribe(filter_policy)
    try:
        yield new_inbox
    finally:
        sns = stack.client("sns")
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=stack.outputs["topicArn"])
        for subscription in [
            subscription for page in pages for subscription in page["Subscriptions"] if subscription["Endpoint"] == arn
        ]:
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=url)


def document(stack: DeployedStack, uploaded: Uploaded) -> dict[str, Any]:
    """Return the document of a version, once it is there."""
    key = f"results/{uploaded.key}/{uploaded.version_id}.json"
    s3 = stack.client("s3")

    def look() -> dict[str, Any] | None:
        try:
            answer = s3.get_object(Bucket=stack.outputs["resultsBucket"], Key=key)
        except s3.exceptions.NoSuchKey:
            return None
        assert answer["ContentType"] == "application/json"
        content: dict[str, Any] = json.loads(answer["Body"].read())
        return content

    content = wait_for(f"the document {key}", look, bool)
    assert content is not None
    return content


def wait_until_refused(stack: DeployedStack, uploaded: Uploaded) -> dict[str, Any]:
    """Return the result of an upload that is stored, and whose announcement has failed."""
    return wait_for(
        f"an announcement of {uploaded.key!r} that fails",
        lambda: stack.result(uploaded.key) or {},
        lambda item: item.get("versionId") == uploaded.version_id and item.get("gsi1pk") == "UNANNOUNCED",
    )


@contextmanager
def at_rest(stack: DeployedStack) -> Iterator[None]:
    """Keep messages from all functions inside the block, with the processor idle."""
    client = stack.client("lambda")
    queues = {stack.outputs[name].rpartition("/")[2] for name in ("queueUrl", "deadLetterQueueUrl")}

    def mappings() -> list[dict[str, Any]]:
        pages = client.get_paginator("list_event_source_mappings").paginate()
        every_mapping = [mapping for page in pages for mapping in page["EventSourceMappings"]]
        return [mapping for mapping in every_mapping if mapping["EventSourceArn"].rpartition(":")[2] in queues]

    def turn(enabled: bool) -> None:
        state = "Enabled" if enabled else "Disabled"
        for mapping in mappings():
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
        wait_for(f"the queues to be {state}", mappings, lambda all_: {mapping["State"] for mapping in all_} == {state})

    try:
        turn(False)
        wait_for("the messages at work to be done", stack.messages_in_flight, lambda count: count == 0)
        yield
    finally:
        turn(True)


def test_each_picture_becomes_a_document_and_a_message(stack: DeployedStack, key: MakeKey) -> None:
    with inbox(stack) as messages_inbox:
        good = stack.upload(key("ein bild +ü.jpg"), picture("announced"))
        bad = stack.upload(key("text.jpg"), b"This is no picture.")

        messages = [messages_inbox.wait(uploaded.key) for uploaded in (good, bad)]

        assert [len(per_picture) for per_picture in messages] == [1, 1]
        assert [per_picture[0]["status"] for per_picture in messages] == ["LABELED", "REJECTED"]
        assert messages[1][0]["code"] == "NOT_AN_IMAGE"
        for uploaded, [message] in zip((good, bad), messages, strict=True):
            assert faults(message, "notification") == []
            assert message["versionId"] == uploaded.version_id
            content = document(stack, uploaded)
            assert faults(content, "result") == []
            assert (content["key"], content["status"]) == (uploaded.key, message["status"])
            assert message["document"]["key"] == f"results/{uploaded.key}/{uploaded.version_id}.json"
            stack.wait_until_announced(uploaded.key)


def test_document_is_what_the_table_has(stack: DeployedStack, key: MakeKey) -> None:
    uploaded = stack.upload(key("cat.jpg"), picture("a document"))
    result = stack.wait_for_result(uploaded)

    content = document(stack, uploaded)

    internal = {"pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk", "eventTime", "fingerprint"}
    internal |= {"unannounced", "claimedUntil", "terms"}
    assert set(content) - {"schemaVersion"} == set(result) - internal
    assert [label["name"] for label in content["labels"]] == [label["name"] for label in result["labels"]]


def test_each_version_has_a_document_that_outlives_the_picture(stack: DeployedStack, key: MakeKey) -> None:
    name = key("cat.jpg")
    first = stack.upload(name, picture("first version"))
    stack.wait_for_result(first)
    second = stack.upload(name, picture("second version"))
    stack.wait_for_result(second)
    stack.wait_until_announced(name)

    with inbox(stack) as messages:
        stack.delete(name)
        wait_for("the tombstone", lambda: (stack.result(name) or {}).get("status"), lambda status: status == "DELETED")
        stack.wait_until_quiet()

        assert messages.of(name) == []
    assert [document(stack, version)["versionId"] for version in (first, second)] == [
        first.version_id,
        second.version_id,
    ]


def test_document_of_a_key_that_is_too_long_is_found_by_its_hash(stack: DeployedStack, key: MakeKey) -> None:
    name = key("")
    with inbox(stack) as messages:
        uploaded = stack.upload(name + "k" * (1000 - len(name)), picture("a long key"))

        [message] = messages.wait(uploaded.key)

    place = message["document"]
    assert place["key"].startswith("results-of-long-keys/")
    assert place["key"].endswith(f"/{uploaded.version_id}.json")
    body = stack.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    assert json.loads(body)["key"] == uploaded.key


def test_filters_by_status_label_and_content_work(
    stack: DeployedStack, key: MakeKey, session_rekognition: LocalRekognition
) -> None:
    smoking = {"name": "Smoking", "confidence": 95}
    flagged, zebra, plain, bad = (key(name) for name in ("flagged.jpg", "zebra.jpg", "plain.jpg", "bad.jpg"))
    nothing_else: dict[str, Any] = {"faces": [], "text": []}
    session_rekognition.set_rules(
        [
            {"match": {"key": flagged}, "labels": [{"name": "Person"}], "moderation": [smoking], **nothing_else},
            {"match": {"key": zebra}, "labels": [{"name": "Zebra"}], "moderation": [], **nothing_else},
            {"match": {"key": plain}, "labels": [{"name": "Box"}], "moderation": [], **nothing_else},
        ]
    )
    with (
        inbox(stack) as all_of_them,
        inbox(stack, {"status": ["REJECTED", "FAILED"]}) as failures,
        inbox(stack, {"labels": ["Zebra", "Horse"]}) as zebras,
        inbox(stack, {"flagged": ["true"]}) as flags,
        inbox(stack, {"key": [{"prefix": "elsewhere/"}]}) as elsewhere,
    ):
        for name in (flagged, zebra, plain):
            stack.upload(name, picture(f"{name} {time.monotonic_ns()}"))
        stack.upload(bad, b"This is no picture.")

        for name in (flagged, zebra, plain, bad):
            all_of_them.wait(name)
            stack.wait_until_announced(name)
        for box, expected in ((failures, bad), (zebras, zebra), (flags, flagged)):
            box.wait(expected)
            assert {message["key"] for message in box.messages} == {expected}
        assert elsewhere.of(plain) == []
        assert {"status": "LABELED", "flagged": "true"}.items() <= flags.attributes[0].items()
        assert json.loads(flags.attributes[0]["moderation"])[0] == "Smoking"
    session_rekognition.set_rules([])


def test_events_that_repeat_give_one_message(stack: DeployedStack, key: MakeKey) -> None:
    with inbox(stack) as messages:
        uploaded = stack.upload(key("cat.jpg"), picture("repeated"))
        sequencer = str(stack.wait_for_result(uploaded)["sequencer"])
        for _ in range(50):
            stack.send(event_of(stack, uploaded, sequencer))
        stack.wait_until_announced(uploaded.key)
        stack.wait_until_quiet()

        assert len(messages.of(uploaded.key)) == 1


def test_topic_that_is_gone_costs_no_message_and_no_result(stack: DeployedStack, key: MakeKey) -> None:
    sns, arn = stack.client("sns"), stack.outputs["topicArn"]
    policy = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    with inbox(stack) as messages:
        sns.delete_topic(TopicArn=arn)
        uploaded = [stack.upload(key(f"{n}.jpg"), picture(f"no topic {n}")) for n in range(3)]
        refused = [wait_until_refused(stack, upload) for upload in uploaded]
        assert {item["status"] for item in refused} == {"LABELED"}

        with at_rest(stack):  # else a message may come between the topic and its subscriber
            assert sns.create_topic(Name=arn.rpartition(":")[2])["TopicArn"] == arn
            sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
            messages.subscribe()

        for upload in uploaded:
            [message] = messages.wait(upload.key)
            assert (message["status"], message["versionId"]) == ("LABELED", upload.version_id)
            stack.wait_until_announced(upload.key)
        stack.wait_until_quiet()
        assert [len(messages.of(upload.key)) for upload in uploaded] == [1, 1, 1]
    assert {(stack.result(upload.key) or {})["status"] for upload in uploaded} == {"LABELED"}


@pytest.mark.needs("iam_enforced")
def test_bucket_that_denies_costs_no_document_and_no_result(stack: DeployedStack, key: MakeKey) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["resultsBucket"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    with inbox(stack) as messages:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
        try:
            uploaded = stack.upload(key("cat.jpg"), picture("denied"))
            assert wait_until_refused(stack, uploaded)["status"] == "LABELED"
            assert messages.of(uploaded.key) == []
        finally:
            s3.put_bucket_policy(Bucket=bucket, Policy=policy)

        assert len(messages.wait(uploaded.key)) == 1
    assert document(stack, uploaded)["status"] == "LABELED"
    stack.wait_until_announced(uploaded.key)


@pytest.mark.parametrize("target", ["resultsBucket", "topicArn"])
def test_targets_are_outputs(stack: DeployedStack, target: str) -> None:
    assert stack.outputs[target]
