"""SQS: queues and the resources beside them that configure them."""

from __future__ import annotations

from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Setting, Target, provisions, text

ATTRIBUTES = {
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}


@provisions("aws:sqs/queue:Queue")
class Queue(Provisioner):
    """A queue; its id is its URL."""

    tagged = "sqs"
    auto_name = AutoName("name", 80)
    replaced_by = frozenset({"name"})
    api_names = ATTRIBUTES

    def create(self, inputs: Inputs, target: Target) -> Resource:
        name, sqs, tags = inputs.require("name"), target.client("sqs"), target.tags(inputs)
        url = sqs.create_queue(QueueName=name, Attributes=self._attributes(inputs), tags=tags)["QueueUrl"]
        return self._resource(url, name, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the attributes."""
        name, sqs = inputs.require("name"), target.client("sqs")
        attributes = self._attributes(inputs)
        for gone in set(old.inputs) & set(ATTRIBUTES) - set(inputs):
            attributes[ATTRIBUTES[gone]] = DEFAULTS.get(gone, "")
        sqs.set_queue_attributes(QueueUrl=old.id, Attributes=attributes)
        return self._resource(old.id, name, target)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the queue with its messages."""
        target.client("sqs").delete_queue(QueueUrl=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        return str(target.client("sqs").get_queue_url(QueueName=inputs.require("name"))["QueueUrl"])

    @staticmethod
    def _attributes(inputs: Inputs) -> dict[str, str]:
        return {ATTRIBUTES[name]: text(inputs.get(name)) for name in inputs if name in ATTRIBUTES}

    @staticmethod
    def _resource(url: str, name: str, target: Target) -> Resource:
        return Resource(url, {"arn": target.arn("sqs", name), "name": name, "url": url})


# The defaults of attributes that a program no longer sets.
DEFAULTS = {
    "delaySeconds": "0",
    "maxMessageSize": "262144",
    "messageRetentionSeconds": "345600",
    "receiveWaitTimeSeconds": "0",
    "sqsManagedSseEnabled": "true",
    "visibilityTimeoutSeconds": "30",
}


class QueueSetting(Setting):
    """One attribute of a queue as a resource of its own; its id is the queue's URL."""

    replaced_by = frozenset({"queueUrl"})
    property = ""

    def create(self, inputs: Inputs, target: Target) -> Resource:
        url = str(inputs.require("queueUrl"))
        value = {ATTRIBUTES[self.property]: inputs.require(self.property)}
        target.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=value)
        return Resource(url)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the setting."""
        target.client("sqs").set_queue_attributes(QueueUrl=old.id, Attributes={ATTRIBUTES[self.property]: ""})


@provisions("aws:sqs/queuePolicy:QueuePolicy")
class QueuePolicy(QueueSetting):
    """The policy of a queue."""

    property = "policy"


@provisions("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
class RedriveAllowPolicy(QueueSetting):
    """The queues that may use a queue as their dead-letter queue."""

    property = "redriveAllowPolicy"
