"""Notifications: the topic that announces results, and its subscribers."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from pydantic import Field

from .component import Component, TaggedArgs
from .errors import Problem
from .policies import compact_json, deny_insecure_transport, document, let_service
from .queues import set_policy

# The attributes of the messages (api/notification.schema.json).
ATTRIBUTES = ("status", "code", "key", "labels", "moderation", "flagged")
MAX_FILTER_ATTRIBUTES = 5  # AWS: a filter policy names at most five
UNDELIVERED_RETENTION_S = 14 * 24 * 60 * 60
FILTER = (
    f"a filter policy of SNS by 1 to {MAX_FILTER_ATTRIBUTES} of the attributes {', '.join(ATTRIBUTES)}, as "
    '{"status": ["REJECTED", "FAILED"]}'
)
Email = Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$", description="an e-mail address")]
QueueArn = Annotated[
    str,
    Field(
        pattern=r"^arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}$",
        description="the ARN of an SQS queue such as arn:aws:sqs:eu-west-1:123456789012:name",
    ),
]


class NotificationsArgs(TaggedArgs, total=False):
    """Arguments of Notifications."""

    emails: Annotated[Sequence[Email], Field(())]
    """Subscribers by e-mail. Each must confirm."""
    queue_arns: Annotated[Sequence[pulumi.Input[QueueArn]], Field(())]
    """SQS queues that get raw messages. Their policies must let the topic send."""
    filter_policy: Annotated[Mapping[str, Any] | None, Field(None, description=FILTER)]
    """A filter policy for all subscribers. Without it they get every message."""
    kms_key_arn: pulumi.Input[str] | None
    """The ARN of a KMS key that encrypts the messages. Its policy lets CloudWatch use it if alarms publish here."""


class Notifications(Component):
    """A topic, over TLS only, to which this account's alarms and roles with the right publish; and its subscriptions.

    Messages have no KMS key by default, because alarms could not publish with AWS's own key for SNS. A queue of
    undelivered messages keeps for 14 days what a subscribed queue refuses.
    """

    topic_arn: pulumi.Output[str]
    """The topic's ARN."""
    kms_key_arn: pulumi.Output[str] | None
    """The key that encrypts the messages, if any."""
    undelivered_queue_url: pulumi.Output[str] | None
    """The queue of messages that a subscribed queue did not take, if there are subscribed queues."""

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        policy = args["filter_policy"]
        if policy is None:
            return
        if not set(policy) <= set(ATTRIBUTES) or not 1 <= len(policy) <= MAX_FILTER_ATTRIBUTES:
            yield Problem("filter_policy", policy, FILTER)
        for name, values in policy.items():
            if not isinstance(values, list | tuple) or not values:
                yield Problem(f"filter_policy.{name}", values, 'a list of values, as ["FAILED"]')

    def __init__(
        self, name: str, args: NotificationsArgs | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self._args = self._start(name, args, opts)
        key = self._args["kms_key_arn"]
        self.topic, topic_policy = make_topic(self, name, key)
        self.topic_arn = self.arn = self.topic.arn  # `arn` is its name in a TopicReference
        self.kms_key_arn = None if key is None else pulumi.Output.from_input(key)
        self.undelivered = self._undelivered_queue() if self._args["queue_arns"] else None
        self.undelivered_queue_url = self.undelivered.url if self.undelivered else None
        for email in self._args["emails"]:
            self._subscribe("email", email, email, topic_policy)
        for number, arn in enumerate(self._args["queue_arns"]):
            # An ARN that is known names its subscription, so that another order of them changes nothing.
            self._subscribe("sqs", arn, arn if isinstance(arn, str) else str(number), topic_policy)
        self.register_outputs({"topicArn": self.topic_arn})

    def _subscribe(self, protocol: str, endpoint: pulumi.Input[str], label: str, policy: pulumi.Resource) -> None:
        filter_policy = self._args["filter_policy"]
        redrive = None
        if protocol == "sqs" and self.undelivered is not None:
            redrive = compact_json({"deadLetterTargetArn": self.undelivered.arn})
        aws.sns.TopicSubscription(
            f"{self._name}-{protocol}-{hashlib.sha256(label.encode()).hexdigest()[:8]}",
            topic=self.topic_arn,
            protocol=protocol,
            endpoint=endpoint,
            raw_message_delivery=True if protocol == "sqs" else None,
            filter_policy=json.dumps(filter_policy, separators=(",", ":")) if filter_policy else None,
            redrive_policy=redrive,
            opts=self._with(self.topic, policy),
        )

    def _undelivered_queue(self) -> aws.sqs.Queue:
        queue = aws.sqs.Queue(
            f"{self._name}-undelivered",
            message_retention_seconds=UNDELIVERED_RETENTION_S,
            sqs_managed_sse_enabled=True,
            opts=self._child,
        )
        set_policy(self, queue, "undelivered", [let_service("sns", "sqs:SendMessage", queue.arn, self.topic_arn)])
        return queue


def make_topic(
    component: Component, name: str, kms_key_arn: pulumi.Input[str] | None = None
) -> tuple[aws.sns.Topic, aws.sns.TopicPolicy]:
    """Make a topic of a component, and its policy: alarms of this account may publish, and nobody without TLS."""
    topic = aws.sns.Topic(name, kms_master_key_id=kms_key_arn, opts=component._child)
    by_alarms = let_service("cloudwatch", "sns:Publish", topic.arn, account=component._account())
    policy = aws.sns.TopicPolicy(
        f"{name}-policy",
        arn=topic.arn,
        policy=document([by_alarms, deny_insecure_transport("sns:Publish", [topic.arn])]),
        opts=component._with(topic),
    )
    return topic, policy
