"""Messages and events: SQS's queues, SNS's topics, EventBridge's rules.

Pulumi has EventBridge in the module `cloudwatch`, by its former name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import AutoName, Provisioner, Recorded, Resource, Target, provisions, text
from labelstack.errors import DeployError


class Attributed(Provisioner):
    """A resource whose settings are attributes, which are texts. `updates` sets one of them.

    Attributes:
        attributes: The API's names of attributes by property.
        reset: The values of attributes that the program does not set any more, by property; empty of all others.
    """

    attributes: Mapping[str, str] = {}
    reset: Mapping[str, str] = {}

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters, with all attributes for a new resource."""
        if operation == self.creates:
            parameters["Attributes"] = self.attributes_of(inputs)
        return super().request(operation, inputs, target, **parameters)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the attributes."""
        for name, value in self.attributes_of(inputs, old).items():
            self.send(self.updates, {self.key: old.id, "AttributeName": name, "AttributeValue": value}, target)
        return self.resource(old.id, {}, inputs, target)

    def attributes_of(self, inputs: Inputs, old: Recorded | None = None) -> dict[str, str]:
        """Return the attributes that are set, and those that are set no more."""
        set_ones = {self.attributes[name]: text(inputs.get(name)) for name in inputs if name in self.attributes}
        gone = [name for name in self.attributes if old and name in old.inputs and name not in inputs]
        return set_ones | {self.attributes[name]: self.reset.get(name, "") for name in gone}


@provisions("aws:sqs/queue:Queue")
class Queue(Attributed):
    """A queue; its id is its URL."""

    service, creates, deletes, finds = "sqs", "CreateQueue", "DeleteQueue", "GetQueueUrl"
    id, key = "{answer[QueueUrl]}", "QueueUrl"
    outputs: Mapping[str, str] = {
        "arn": "arn:aws:sqs:{target.region}:{target.account}:{inputs[name]}",
        "name": "{inputs[name]}",
        "url": "{id}",
    }
    attributes: Mapping[str, str] = {
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
    reset: Mapping[str, str] = {
        "delaySeconds": "0",
        "maxMessageSize": "262144",
        "messageRetentionSeconds": "345600",
        "receiveWaitTimeSeconds": "0",
        "sqsManagedSseEnabled": "true",
        "visibilityTimeoutSeconds": "30",
    }
    names: Mapping[str, str] = {"name": "QueueName", **attributes}
    tagged = True
    auto_name = AutoName("name", 80)
    replaced_by = frozenset({"name"})

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the attributes."""
        target.client("sqs").set_queue_attributes(QueueUrl=old.id, Attributes=self.attributes_of(inputs, old))
        return self.resource(old.id, {}, inputs, target)


class QueueSetting(Provisioner):
    """One attribute of a queue as a resource of its own; its id is the queue's URL."""

    service, id, replaced_by = "sqs", "{inputs[queueUrl]}", frozenset({"queueUrl"})
    creates = updates = "SetQueueAttributes"
    property = ""

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters, with the attribute."""
        attributes = {Queue.attributes[self.property]: inputs.require(self.property)}
        return super().request(operation, inputs, target, **{"Attributes": attributes, **parameters})


@provisions("aws:sqs/queuePolicy:QueuePolicy")
class QueuePolicy(QueueSetting):
    """The policy of a queue."""

    property = "policy"
    cleared: Mapping[str, Any] = {"Attributes": {"Policy": ""}}


@provisions("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
class RedriveAllowPolicy(QueueSetting):
    """The queues that may use a queue as their dead-letter queue."""

    property = "redriveAllowPolicy"
    cleared: Mapping[str, Any] = {"Attributes": {"RedriveAllowPolicy": ""}}


@provisions("aws:sns/topic:Topic")
class Topic(Attributed):
    """A topic; its id is its ARN."""

    service, key, id = "sns", "TopicArn", "arn:aws:sns:{target.region}:{target.account}:{inputs[name]}"
    creates, updates, deletes = "CreateTopic", "SetTopicAttributes", "DeleteTopic"
    finds = "GetTopicAttributes"
    outputs: Mapping[str, str] = {"arn": "{id}", "name": "{inputs[name]}", "owner": "{target.account}"}
    attributes: Mapping[str, str] = {
        "deliveryPolicy": "DeliveryPolicy",
        "displayName": "DisplayName",
        "kmsMasterKeyId": "KmsMasterKeyId",
        "policy": "Policy",
        "signatureVersion": "SignatureVersion",
        "tracingConfig": "TracingConfig",
    }
    names = attributes
    tagged = True
    auto_name = AutoName("name", 256)
    replaced_by = frozenset({"name"})


@provisions("aws:sns/topicPolicy:TopicPolicy")
class TopicPolicy(Provisioner):
    """The policy of a topic; its id is the topic's ARN. Without it, a topic has the one for this account alone."""

    service, id, replaced_by = "sns", "{inputs[arn]}", frozenset({"arn"})
    creates = updates = "SetTopicAttributes"
    outputs: Mapping[str, str] = {"owner": "{target.account}"}
    names: Mapping[str, str] = {"arn": "TopicArn", "policy": "AttributeValue"}
    defaults: Mapping[str, Any] = {"AttributeName": "Policy"}
    cleared: Mapping[str, Any] = {"AttributeValue": ""}


@provisions("aws:sns/topicSubscription:TopicSubscription")
class TopicSubscription(Attributed):
    """A subscription; its id is its ARN. A mail address must confirm, which an emulator does by itself."""

    service, key, id = "sns", "SubscriptionArn", "{answer[SubscriptionArn]}"
    creates, updates, deletes = "Subscribe", "SetSubscriptionAttributes", "Unsubscribe"
    outputs: Mapping[str, Any] = {"arn": "{id}", "ownerId": "{target.account}", "pendingConfirmation": False}
    attributes: Mapping[str, str] = {
        "deliveryPolicy": "DeliveryPolicy",
        "filterPolicy": "FilterPolicy",
        "filterPolicyScope": "FilterPolicyScope",
        "rawMessageDelivery": "RawMessageDelivery",
        "redrivePolicy": "RedrivePolicy",
        "subscriptionRoleArn": "SubscriptionRoleArn",
    }
    reset: Mapping[str, str] = {"filterPolicy": "{}"}
    names: Mapping[str, str] = {"topic": "TopicArn", **attributes}
    defaults: Mapping[str, Any] = {"ReturnSubscriptionArn": True}
    replaced_by = frozenset({"topic", "protocol", "endpoint"})


@provisions("aws:cloudwatch/eventRule:EventRule")
class EventRule(Provisioner):
    """A rule; its id is its name. The engine removes its targets before it."""

    service, deletes, finds, id = "events", "DeleteRule", "DescribeRule", "{inputs[name]}"
    creates = updates = "PutRule"
    outputs: Mapping[str, str] = {"arn": "{answer[RuleArn]}", "name": "{inputs[name]}"}
    tagged = True
    auto_name = AutoName("name", 64)
    replaced_by = frozenset({"name", "eventBusName"})


@provisions("aws:cloudwatch/eventTarget:EventTarget")
class EventTarget(Provisioner):
    """A rule's target. Its id is that of the rule and its own, joined by a hyphen."""

    service = "events"
    auto_name = AutoName("targetId", 64)
    replaced_by = frozenset({"rule", "targetId", "eventBusName"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Put the target. Raises DeployError when EventBridge refuses it."""
        rule, target_id = str(inputs.require("rule")), str(inputs.require("targetId"))
        entry: dict[str, Any] = {"Id": target_id, "Arn": inputs.require("arn")}
        if (dead := inputs.object("deadLetterConfig")) is not None:
            entry["DeadLetterConfig"] = {"Arn": dead.require("arn")}
        answer = self.send("PutTargets", self.request("PutTargets", inputs, target, Targets=[entry]), target)
        if failed := answer["FailedEntries"]:
            raise DeployError(f"the rule {rule} refused its target {entry['Arn']}: {failed[0].get('ErrorMessage')}")
        return Resource(f"{rule}-{target_id}", {"targetId": target_id})

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Put the target again."""
        return self.create(inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        request = self.request("RemoveTargets", Inputs(old.inputs), target, Ids=[old.inputs["targetId"]])
        self.send("RemoveTargets", request, target)
