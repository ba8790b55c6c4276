"""Lambda: functions, their triggers and permissions."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

from labelstack.engines import archives, requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Target, provisions
from labelstack.errors import DeployError

# An emulator may have to pull the image of the runtime first.
READY_DEADLINE_S = 300.0
POLL_INTERVAL_S = 0.05
_BY_HAND = ("code", "tags", "sourceCodeHash", "name")


@provisions("aws:lambda/function:Function")
class Function(Provisioner):
    """A function from a zip; its id is its name."""

    tagged = "lambda"
    auto_name = AutoName("name", 64)
    replaced_by = frozenset({"name", "packageType", "architectures"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Create the function, and wait until it can be called."""
        client, tags, code = target.client("lambda"), target.tags(inputs), _zip(inputs)
        request = requests.build(client, "CreateFunction", inputs, by_hand=_BY_HAND)
        client.create_function(FunctionName=inputs.require("name"), Code={"ZipFile": code}, Tags=tags, **request)
        return self._configured(inputs, target, code)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the code and configuration."""
        client, code = target.client("lambda"), _zip(inputs)
        request = requests.build(client, "UpdateFunctionConfiguration", inputs, by_hand=(*_BY_HAND, "publish"))
        for gone in set(old.inputs) & set(_RESET) - set(inputs):
            request |= _RESET[gone]
        client.update_function_configuration(FunctionName=old.id, **request)
        _wait_until_ready(client, old.id)
        if archives.digest(inputs.get("code")) != old.inputs.get("code"):
            client.update_function_code(FunctionName=old.id, ZipFile=code, Publish=bool(inputs.get("publish")))
        return self._configured(inputs, target, code)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("lambda").delete_function(FunctionName=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        answer = target.client("lambda").get_function(FunctionName=inputs.require("name"))
        return str(answer["Configuration"]["FunctionName"])

    @staticmethod
    def _configured(inputs: Inputs, target: Target, code: bytes) -> Resource:
        client, name = target.client("lambda"), inputs.require("name")
        inputs.get("sourceCodeHash")  # only shows a change
        configuration = _wait_until_ready(client, name)
        digest = base64.b64encode(hashlib.sha256(code).digest()).decode()
        if configuration["CodeSha256"] != digest:
            raise DeployError(
                f"the function's code has SHA-256 {configuration['CodeSha256']}, its zip {digest}: deploy again",
                property="code",
            )
        arn, version = str(configuration["FunctionArn"]), str(configuration.get("Version", "$LATEST"))
        invoke = f"arn:aws:apigateway:{target.region}:lambda:path/2015-03-31/functions/"
        outputs = {
            "arn": arn,
            "name": name,
            "invokeArn": f"{invoke}{arn}/invocations",
            "qualifiedArn": f"{arn}:{version}",
            "qualifiedInvokeArn": f"{invoke}{arn}:{version}/invocations",
            "version": version,
            "lastModified": configuration["LastModified"],
            "codeSha256": digest,
            "sourceCodeHash": digest,
            "sourceCodeSize": len(code),
        }
        return Resource(name, outputs)


@provisions("aws:lambda/eventSourceMapping:EventSourceMapping")
class EventSourceMapping(Provisioner):
    """A queue or stream that calls a function; its id is the mapping's UUID."""

    tagged = "lambda"
    replaced_by = frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client, tags = target.client("lambda"), target.tags(inputs)
        request = requests.build(client, "CreateEventSourceMapping", inputs, by_hand=("tags",))
        return self._resource(client.create_event_source_mapping(**request, Tags=tags), target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        client = target.client("lambda")
        request = requests.build(client, "UpdateEventSourceMapping", inputs, by_hand=("tags",))
        return self._resource(client.update_event_source_mapping(UUID=old.id, **request), target)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("lambda").delete_event_source_mapping(UUID=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its function and source."""
        client = target.client("lambda")
        answer = client.list_event_source_mappings(
            FunctionName=inputs.require("functionName"), EventSourceArn=inputs.require("eventSourceArn")
        )
        return next((str(mapping["UUID"]) for mapping in answer["EventSourceMappings"]), None)

    @staticmethod
    def _resource(answer: dict[str, Any], target: Target) -> Resource:
        uuid = answer["UUID"]
        outputs = {
            "arn": answer.get("EventSourceMappingArn") or target.arn("lambda", f"event-source-mapping:{uuid}"),
            "uuid": uuid,
            "functionArn": answer["FunctionArn"],
            "state": answer.get("State", ""),
        }
        return Resource(uuid, outputs)


@provisions("aws:lambda/permission:Permission")
class Permission(Provisioner):
    """A statement of a function's own policy; its id is the statement's."""

    auto_name = AutoName("statementId", 100)

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client = target.client("lambda")
        names = {"function": "FunctionName", "principalOrgId": "PrincipalOrgID"}
        client.add_permission(**requests.build(client, "AddPermission", inputs, names=names))
        return Resource(inputs.require("statementId"), {"statementId": inputs.require("statementId")})

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("lambda").remove_permission(FunctionName=old.inputs["function"], StatementId=old.id)


# Values of UpdateFunctionConfiguration that undo a property which a program no longer sets.
_RESET: dict[str, dict[str, Any]] = {
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


def _zip(inputs: Inputs) -> bytes:
    return archives.archive_bytes(inputs.require("code"))


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
