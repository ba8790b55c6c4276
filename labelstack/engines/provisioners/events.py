"""EventBridge: rules and their targets. Pulumi has them in the module `cloudwatch`, by their former name."""

from __future__ import annotations

from typing import Any

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Setting, Target, provisions, tag_list
from labelstack.errors import DeployError

DEFAULT_BUS = "default"


@provisions("aws:cloudwatch/eventRule:EventRule")
class EventRule(Provisioner):
    """A rule; its id is its name, after that of its bus if it is not the default one."""

    tagged = "events"
    auto_name = AutoName("name", 64)
    replaced_by = frozenset({"name", "eventBusName"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        tags = target.tags(inputs)
        rule = target.client("events").put_rule(**self._request(inputs, target), Tags=tag_list(tags))
        return self._resource(rule["RuleArn"], inputs)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Replace the rule by one of the same name."""
        target.client("events").put_rule(**self._request(inputs, target))
        return self._resource(old.outputs["arn"], inputs)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the rule, after the engine has removed its targets."""
        target.client("events").delete_rule(Name=old.inputs["name"], EventBusName=_bus(old.inputs))

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        target.client("events").describe_rule(Name=inputs.require("name"), EventBusName=_bus(inputs.plain()))
        return _rule_id(inputs)

    @staticmethod
    def _request(inputs: Inputs, target: Target) -> dict[str, Any]:
        return requests.build(target.client("events"), "PutRule", inputs, by_hand=("tags",))

    @staticmethod
    def _resource(arn: str, inputs: Inputs) -> Resource:
        return Resource(_rule_id(inputs), {"arn": arn, "name": inputs.require("name")})


@provisions("aws:cloudwatch/eventTarget:EventTarget")
class EventTarget(Setting):
    """A rule's target. Its id is that of the rule and its own, joined by a hyphen."""

    auto_name = AutoName("targetId", 64)
    replaced_by = frozenset({"rule", "targetId", "eventBusName"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Put the target. Raises DeployError when EventBridge refuses it."""
        rule, target_id = str(inputs.require("rule")), str(inputs.require("targetId"))
        entry: dict[str, Any] = {"Id": target_id, "Arn": inputs.require("arn")}
        if (dead := inputs.object("deadLetterConfig")) is not None:
            entry["DeadLetterConfig"] = {"Arn": dead.require("arn")}
        inputs.get("eventBusName")
        answer = target.client("events").put_targets(Rule=rule, EventBusName=_bus(inputs.plain()), Targets=[entry])
        if failed := answer["FailedEntries"]:
            raise DeployError(f"the rule {rule} refused its target {entry['Arn']}: {failed[0].get('ErrorMessage')}")
        return Resource(f"{rule}-{target_id}", {"targetId": target_id})

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("events").remove_targets(
            Rule=old.inputs["rule"], EventBusName=_bus(old.inputs), Ids=[old.inputs["targetId"]]
        )


def _bus(inputs: dict[str, Any]) -> str:
    return str(inputs.get("eventBusName") or DEFAULT_BUS)


def _rule_id(inputs: Inputs) -> str:
    bus, name = _bus(inputs.plain()), str(inputs.require("name"))
    return name if bus == DEFAULT_BUS else f"{bus}/{name}"
