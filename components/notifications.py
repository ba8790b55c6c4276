"""Notifications: the topic that tells of results, and who is told."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.errors import InvalidArgumentError
from components.policies import Statement, deny_insecure_transport, document
from components.tagging import tags

# The attributes of the messages (api/notification.schema.json).
ATTRIBUTES = ("status", "code", "key", "labels", "moderation", "flagged")
MAX_FILTER_ATTRIBUTES = 5  # AWS: a filter policy names at most five
UNDELIVERED_RETENTION_S = 14 * 24 * 60 * 60


@dataclass(frozen=True)
class NotificationsArgs:
    """Arguments of Notifications.

    `emails` are asked by mail to confirm. `queue_arns` are queues whose own policies let the topic send; they get the
    messages raw: the body as it is, and the attributes as the queue's.
    `filter_policy` is SNS's JSON, by the messages' attributes, for all of them; None: they get every message.
    `kms_key_arn` encrypts the messages; its policy must let CloudWatch use it if alarms publish here.
    """

    emails: Sequence[str] = ()
    queue_arns: Sequence[pulumi.Input[str]] = ()
    filter_policy: Mapping[str, Any] | None = None
    kms_key_arn: pulumi.Input[str] | None = None


class Notifications(pulumi.ComponentResource):
    """A topic over TLS only, to which roles of this account that may, and its alarms, publish; and its subscriptions.

    Messages have no key of their own unless one is given: with AWS's own key for SNS, alarms could not publish.
    What a queue does not take, because it is gone or its policy refuses, is kept for 14 days in a queue of its own.
    """

    topic: aws.sns.Topic
    topic_arn: pulumi.Output[str]
    undelivered: aws.sqs.Queue | None

    def __init__(self, name: str, args: NotificationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:Notifications", name, None, opts)
        check_filter(args.filter_policy)
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        self.topic = aws.sns.Topic(name, kms_master_key_id=args.kms_key_arn, tags=tags(name), opts=self._child)
        self.topic_arn = self.topic.arn
        account = aws.get_caller_identity_output().account_id
        alarms = Statement(
            actions=["sns:Publish"],
            resources=[self.topic_arn],
            principal={"Service": "cloudwatch.amazonaws.com"},
            condition={"StringEquals": {"aws:SourceAccount": account}},
        )
        topic_policy = aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=self.topic_arn,
            policy=document([alarms, deny_insecure_publishing(self.topic_arn)]),
            opts=self._child,
        )
        self.undelivered = self._undelivered_queue() if args.queue_arns else None
        for email in args.emails:
            self._subscribe("email", email, email, topic_policy)
        for number, arn in enumerate(args.queue_arns):
            # An ARN that is known names its subscription, so that another order of them changes nothing.
            self._subscribe("sqs", arn, arn if isinstance(arn, str) else str(number), topic_policy)
        self.register_outputs({"topicArn": self.topic_arn})

    def _subscribe(self, protocol: str, endpoint: pulumi.Input[str], label: str, policy: pulumi.Resource) -> None:
        filter_policy = self._args.filter_policy
        redrive = None
        if protocol == "sqs" and self.undelivered is not None:
            target = {"deadLetterTargetArn": self.undelivered.arn}
            redrive = pulumi.Output.json_dumps(target, separators=(",", ":"))
        aws.sns.TopicSubscription(
            f"{self._name}-{protocol}-{hashlib.sha256(label.encode()).hexdigest()[:8]}",
            topic=self.topic_arn,
            protocol=protocol,
            endpoint=endpoint,
            raw_message_delivery=True if protocol == "sqs" else None,
            filter_policy=json.dumps(filter_policy, separators=(",", ":")) if filter_policy else None,
            redrive_policy=redrive,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _undelivered_queue(self) -> aws.sqs.Queue:
        queue = aws.sqs.Queue(
            f"{self._name}-undelivered",
            message_retention_seconds=UNDELIVERED_RETENTION_S,
            sqs_managed_sse_enabled=True,
            tags=tags(self._name),
            opts=self._child,
        )
        from_topic = Statement(
            actions=["sqs:SendMessage"],
            resources=[queue.arn],
            principal={"Service": "sns.amazonaws.com"},
            condition={"ArnEquals": {"aws:SourceArn": self.topic_arn}},
        )
        aws.sqs.QueuePolicy(
            f"{self._name}-undelivered-policy",
            queue_url=queue.url,
            policy=document([from_topic, deny_insecure_transport("sqs", [queue.arn])]),
            opts=self._child,
        )
        return queue


def deny_insecure_publishing(topic_arn: pulumi.Input[str]) -> Statement:
    """TLS only, for the action that carries data, as AWS's own example (sns-security-best-practices.html)."""
    return Statement(
        effect="Deny",
        principal="*",
        actions=["sns:Publish"],
        resources=[topic_arn],
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )


def check_filter(policy: Mapping[str, Any] | None) -> None:
    """Raise InvalidArgumentError for a filter policy that SNS would refuse, or that no message could ever pass."""
    if policy is None:
        return
    if unknown := sorted(set(policy) - set(ATTRIBUTES)):
        raise InvalidArgumentError(f"The filter policy asks for {unknown}: messages have {', '.join(ATTRIBUTES)}.")
    if not 1 <= len(policy) <= MAX_FILTER_ATTRIBUTES:
        raise InvalidArgumentError(
            f"The filter policy names {len(policy)} attributes: expected 1 to {MAX_FILTER_ATTRIBUTES}."
        )
    if wrong := sorted(name for name, values in policy.items() if not isinstance(values, list) or not values):
        raise InvalidArgumentError(
            f'The filter policy of {wrong} is no list: expected one, as {{"status": ["FAILED"]}}.'
        )
