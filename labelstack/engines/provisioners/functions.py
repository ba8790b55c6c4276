"""Code that runs: Lambda's functions with their triggers and permissions, and Step Functions' state machines."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from typing import Any

from labelstack.engines import archives
from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import AutoName, Provisioner, Recorded, Resource, Target, provisions
from labelstack.errors import DeployError

# An emulator may have to pull the image of the runtime first.
READY_DEADLINE_S = 300.0
POLL_INTERVAL_S = 0.05
INVOKE_ARN = "arn:aws:apigateway:{target.region}:lambda:path/2015-03-31/functions/{answer[FunctionArn]}"
# Parameters of UpdateFunctionConfiguration that undo a property which a program no longer sets.
RESET: dict[str, dict[str, Any]] = {
    "description": {"Description": ""},
    "timeout": {"Timeout": 3},
    "memorySize": {"MemorySize": 128},
    "environment": {"Environment": {"Variables": {}}},
    "layers": {"Layers": []},
    "kmsKeyArn": {"KMSKeyArn": ""},
    "deadLetterConfig": {"DeadLetterConfig": {"TargetArn": ""}},
    "tracingConfig": {"TracingConfig": {"Mode": "PassThrough"}},
    "ephemeralStorage": {"EphemeralStorage": {"Size": 512}},
}


@provisions("aws:lambda/function:Function")
class Function(Provisioner):
    """A function from a zip; its id is its name."""

    service, creates, updates = "lambda", "CreateFunction", "UpdateFunctionConfiguration"
    deletes, finds, id = "DeleteFunction", "GetFunction", "{inputs[name]}"
    outputs: Mapping[str, Any] = {
        "arn": "{answer[FunctionArn]}",
        "name": "{inputs[name]}",
        "invokeArn": f"{INVOKE_ARN}/invocations",
        "qualifiedArn": "{answer[FunctionArn]}:{answer[Version]}",
        "qualifiedInvokeArn": f"{INVOKE_ARN}:{{answer[Version]}}/invocations",
        "version": "{answer[Version]}",
        "lastModified": "{answer[LastModified]}",
        "codeSha256": "{answer[CodeSha256]}",
        "sourceCodeHash": "{answer[CodeSha256]}",
    }
    names: Mapping[str, str] = {"name": "FunctionName"}
    by_hand = ("code",)
    unsent = ("sourceCodeHash",)
    tagged = True
    auto_name = AutoName("name", 64)
    replaced_by = frozenset({"name", "packageType", "architectures"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Create the function, and wait until it can be called."""
        code = archives.archive_bytes(inputs.require("code"))
        self.create_by(self.request(self.creates, inputs, target, Code={"ZipFile": code}), inputs, target)
        return self._ready(inputs, target, code)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the code and configuration."""
        client, code = target.client("lambda"), archives.archive_bytes(inputs.require("code"))
        request = self.request(self.updates, inputs, target)
        for gone in set(old.inputs) & set(RESET) - set(inputs):
            request |= RESET[gone]
        self.send(self.updates, request, target)
        _wait_until_ready(client, old.id)
        publish = bool(inputs.get("publish"))
        if archives.digest(inputs.get("code")) != old.inputs.get("code"):
            client.update_function_code(FunctionName=old.id, ZipFile=code, Publish=publish)
        return self._ready(inputs, target, code)

    def _ready(self, inputs: Inputs, target: Target, code: bytes) -> Resource:
        """Wait until the function can be called, and return it. Raises DeployError when it has other code."""
        name = inputs.require("name")
        configuration = _wait_until_ready(target.client("lambda"), name)
        digest = base64.b64encode(hashlib.sha256(code).digest()).decode()
        if configuration["CodeSha256"] != digest:
            raise DeployError(
                f"the function's code has SHA-256 {configuration['CodeSha256']}, its zip {digest}: deploy again",
                property="code",
            )
        function = self.resource(name, {"Version": "$LATEST", **configuration}, inputs, target)
        function.outputs["sourceCodeSize"] = len(code)
        return function


@provisions("aws:lambda/eventSourceMapping:EventSourceMapping")
class EventSourceMapping(Provisioner):
    """A queue or stream that calls a function; its id is the mapping's UUID."""

    service, key, id = "lambda", "UUID", "{answer[UUID]}"
    creates, updates, deletes = "CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"
    outputs: Mapping[str, Any] = {
        "arn": "arn:aws:lambda:{target.region}:{target.account}:event-source-mapping:{id}",
        "uuid": "{id}",
        "functionArn": "{answer[FunctionArn]}",
        "state": "{answer[State]}",
    }
    tagged = True
    replaced_by = frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp"})

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its function and source."""
        client = target.client("lambda")
        answer = client.list_event_source_mappings(
            FunctionName=inputs.require("functionName"), EventSourceArn=inputs.require("eventSourceArn")
        )
        return next((str(mapping["UUID"]) for mapping in answer["EventSourceMappings"]), None)


@provisions("aws:lambda/permission:Permission")
class Permission(Provisioner):
    """A statement of a function's own policy; its id is the statement's."""

    service, creates, deletes, id = "lambda", "AddPermission", "RemovePermission", "{inputs[statementId]}"
    outputs: Mapping[str, Any] = {"statementId": "{id}"}
    names: Mapping[str, str] = {"function": "FunctionName", "principalOrgId": "PrincipalOrgID"}
    auto_name = AutoName("statementId", 100)


@provisions("aws:sfn/stateMachine:StateMachine")
class StateMachine(Provisioner):
    """A state machine; its id is its ARN. Running executions keep the definition that they began with."""

    service, key, id = "stepfunctions", "stateMachineArn", "{answer[stateMachineArn]}"
    creates, updates, deletes = "CreateStateMachine", "UpdateStateMachine", "DeleteStateMachine"
    outputs: Mapping[str, Any] = {"arn": "{id}", "name": "{inputs[name]}", "status": "ACTIVE"}
    defaults: Mapping[str, Any] = {"type": "STANDARD", "tracingConfiguration": {"enabled": False}}
    by_hand = ("loggingConfiguration", "encryptionConfiguration", "publish", "versionDescription")
    tagged = True
    auto_name = AutoName("name", 80)
    replaced_by = frozenset({"name", "type"})

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters, with the log."""
        logging = inputs.object("loggingConfiguration") or Inputs({})
        level, with_data = logging.get("level", "OFF"), bool(logging.get("includeExecutionData", False))
        log: dict[str, Any] = {"level": level, "includeExecutionData": with_data}
        if destination := logging.get("logDestination"):
            log["destinations"] = [{"cloudWatchLogsLogGroup": {"logGroupArn": destination}}]
        if operation != self.deletes:
            parameters["loggingConfiguration"] = log
        return super().request(operation, inputs, target, **parameters)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        arn = f"arn:aws:states:{target.region}:{target.account}:stateMachine:{inputs.require('name')}"
        target.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        return arn


def _wait_until_ready(client: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + READY_DEADLINE_S
    while True:
        configuration: dict[str, Any] = client.get_function_configuration(FunctionName=name)
        if "Failed" in (configuration.get("State"), configuration.get("LastUpdateStatus")):
            reason = configuration.get("StateReason") or configuration.get("LastUpdateStatusReason")
            raise DeployError(f"the function {name} does not become ready: {reason}")
        if configuration.get("State", "Active") != "Pending" and configuration.get("LastUpdateStatus") != "InProgress":
            return configuration
        if time.monotonic() > deadline:
            raise DeployError(
                f"the function {name} is still {configuration.get('State')} after {READY_DEADLINE_S:.0f} s: try again"
            )
        time.sleep(POLL_INTERVAL_S)  # between two looks of a wait with a deadline
