"""Notifications, and what tells ImageProcessor where results are announced, for other languages."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from component_provider.tokens import present, token
from components import announcements, notifications


class Announcements(TypedDict):
    """Where results go beside the table: a results bucket, a topic, both or neither."""

    bucket_name: NotRequired[pulumi.Input[str]]
    """The bucket of the documents, of a ResultsBucket."""
    bucket_arn: NotRequired[pulumi.Input[str]]
    """Its ARN; given where its name is."""
    topic_arn: NotRequired[pulumi.Input[str]]
    """The topic of the messages, of a Notifications."""
    topic_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The key of the topic's messages, where they have one."""
    notify_min_confidence: NotRequired[float]
    """Percent below which labels are no attributes of the messages; 0."""


def announced(given: Announcements | None) -> announcements.Announcements:
    """The same for the components."""
    names = ("bucket_name", "bucket_arn", "topic_arn", "topic_kms_key_arn", "notify_min_confidence")
    return announcements.Announcements(**present(given or {}, *names))


class NotificationsArgs(TypedDict):
    """Arguments of Notifications."""

    emails: NotRequired[Sequence[str]]
    """Addresses that are told; each is asked by mail to confirm."""
    queue_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Queues that are told, whose own policies let the topic send; they get the messages raw."""
    filter_policy: NotRequired[Mapping[str, Any]]
    """SNS's filter policy by the messages' attributes, for all who are told; without it they get every message."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """A key that encrypts the messages; its policy must let CloudWatch use it if alarms publish here."""


class Notifications(pulumi.ComponentResource):
    """A topic over TLS only that tells of results, its subscriptions, and a queue of what they did not take."""

    topic_arn: pulumi.Output[str]
    """The topic's ARN."""
    undelivered_queue_url: pulumi.Output[str] | None
    """The queue of what a subscribed queue did not take, where there is one."""

    def __init__(self, name: str, args: NotificationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("Notifications"), name, {}, opts)
        given = present(args, "emails", "queue_arns", "filter_policy", "kms_key_arn")
        made = notifications.Notifications(
            name, notifications.NotificationsArgs(**given), pulumi.ResourceOptions(parent=self)
        )
        self.topic_arn = made.topic_arn
        self.undelivered_queue_url = made.undelivered.url if made.undelivered else None
        self.register_outputs({"topicArn": self.topic_arn})
