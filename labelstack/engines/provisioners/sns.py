"""SNS: topics, their policies and subscriptions."""

from __future__ import annotations

from collections.abc import Mapping

from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import (
    Provisioner,
    Recorded,
    Resource,
    Setting,
    Target,
    provisions,
    tag_list,
    text,
)

TOPIC_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
SUBSCRIPTION_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}


@provisions("aws:sns/topic:Topic")
class Topic(Provisioner):
    """A topic; its id is its ARN."""

    tagged = "sns"
    auto_name = AutoName("name", 256)
    replaced_by = frozenset({"name"})
    api_names = TOPIC_ATTRIBUTES

    def create(self, inputs: Inputs, target: Target) -> Resource:
        tags = target.tags(inputs)
        answer = target.client("sns").create_topic(
            Name=inputs.require("name"), Attributes=_attributes(inputs, TOPIC_ATTRIBUTES), Tags=tag_list(tags)
        )
        return self._resource(answer["TopicArn"], inputs, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the attributes."""
        sns = target.client("sns")
        attributes = _attributes(inputs, TOPIC_ATTRIBUTES)
        for gone in set(old.inputs) & set(TOPIC_ATTRIBUTES) - set(inputs):
            attributes[TOPIC_ATTRIBUTES[gone]] = ""
        for name, value in attributes.items():
            sns.set_topic_attributes(TopicArn=old.id, AttributeName=name, AttributeValue=value)
        return self._resource(old.id, inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the topic with its subscriptions."""
        target.client("sns").delete_topic(TopicArn=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        arn = target.arn("sns", inputs.require("name"))
        target.client("sns").get_topic_attributes(TopicArn=arn)
        return arn

    @staticmethod
    def _resource(arn: str, inputs: Inputs, target: Target) -> Resource:
        return Resource(arn, {"arn": arn, "name": inputs.require("name"), "owner": target.account})


@provisions("aws:sns/topicPolicy:TopicPolicy")
class TopicPolicy(Setting):
    """The policy of a topic; its id is the topic's ARN."""

    replaced_by = frozenset({"arn"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        arn = str(inputs.require("arn"))
        target.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=inputs.require("policy")
        )
        return Resource(arn, {"owner": target.account})

    def delete(self, old: Recorded, target: Target) -> None:
        """Put the policy that a new topic has, for this account alone."""
        target.client("sns").set_topic_attributes(TopicArn=old.id, AttributeName="Policy", AttributeValue="")


@provisions("aws:sns/topicSubscription:TopicSubscription")
class TopicSubscription(Provisioner):
    """A subscription; its id is its ARN."""

    replaced_by = frozenset({"topic", "protocol", "endpoint"})
    api_names = SUBSCRIPTION_ATTRIBUTES

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Subscribe. A mail address must confirm, which an emulator does by itself."""
        answer = target.client("sns").subscribe(
            TopicArn=inputs.require("topic"),
            Protocol=inputs.require("protocol"),
            Endpoint=inputs.require("endpoint"),
            Attributes=_attributes(inputs, SUBSCRIPTION_ATTRIBUTES),
            ReturnSubscriptionArn=True,
        )
        return self._resource(answer["SubscriptionArn"], target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the attributes."""
        attributes = _attributes(inputs, SUBSCRIPTION_ATTRIBUTES)
        for gone in set(old.inputs) & set(SUBSCRIPTION_ATTRIBUTES) - set(inputs):
            attributes[SUBSCRIPTION_ATTRIBUTES[gone]] = "{}" if gone == "filterPolicy" else ""
        for name, value in attributes.items():
            target.client("sns").set_subscription_attributes(
                SubscriptionArn=old.id, AttributeName=name, AttributeValue=value
            )
        return self._resource(old.id, target)

    def delete(self, old: Recorded, target: Target) -> None:
        """Unsubscribe."""
        target.client("sns").unsubscribe(SubscriptionArn=old.id)

    @staticmethod
    def _resource(arn: str, target: Target) -> Resource:
        return Resource(arn, {"arn": arn, "ownerId": target.account, "pendingConfirmation": False})


def _attributes(inputs: Inputs, names: Mapping[str, str]) -> dict[str, str]:
    attributes = {names[name]: inputs.get(name) for name in inputs if name in names}
    return {name: text(value) for name, value in attributes.items()}
