"""Step Functions: state machines."""

from __future__ import annotations

from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Target, provisions, tag_list

NOT_LOGGED = {"level": "OFF", "includeExecutionData": False}


@provisions("aws:sfn/stateMachine:StateMachine")
class StateMachine(Provisioner):
    """A state machine; its id is its ARN."""

    tagged = "stepfunctions"
    auto_name = AutoName("name", 80)
    replaced_by = frozenset({"name", "type"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        tags = target.tags(inputs)
        answer = target.client("stepfunctions").create_state_machine(
            name=inputs.require("name"),
            type=inputs.get("type", "STANDARD"),
            tags=tag_list(tags, "key", "value"),
            **self._request(inputs),
        )
        return self._resource(answer["stateMachineArn"], inputs)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the state machine. Running executions keep the old definition."""
        states = target.client("stepfunctions")
        states.update_state_machine(stateMachineArn=old.id, **self._request(inputs))
        return self._resource(old.id, inputs)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("stepfunctions").delete_state_machine(stateMachineArn=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        arn = target.arn("states", f"stateMachine:{inputs.require('name')}")
        target.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        return arn

    @staticmethod
    def _request(inputs: Inputs) -> dict[str, Any]:
        request: dict[str, Any] = {"definition": inputs.require("definition"), "roleArn": inputs.require("roleArn")}
        request["loggingConfiguration"] = NOT_LOGGED
        if (logging := inputs.object("loggingConfiguration")) is not None:
            request["loggingConfiguration"] = {
                "level": logging.get("level", "OFF"),
                "includeExecutionData": bool(logging.get("includeExecutionData", False)),
            }
            if destination := logging.get("logDestination"):
                group = {"cloudWatchLogsLogGroup": {"logGroupArn": destination}}
                request["loggingConfiguration"]["destinations"] = [group]
        tracing = inputs.object("tracingConfiguration")
        request["tracingConfiguration"] = {"enabled": bool(tracing and tracing.get("enabled", False))}
        return request

    @staticmethod
    def _resource(arn: str, inputs: Inputs) -> Resource:
        return Resource(arn, {"arn": arn, "name": inputs.require("name"), "status": "ACTIVE"})
