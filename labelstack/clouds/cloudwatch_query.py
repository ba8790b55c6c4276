"""Alarms of the embedded cloud as AWS keeps and describes them; imported in ministack's process only.

Pulumi's AWS provider speaks CloudWatch's Query protocol. ministack takes and describes by it half of an alarm only, so
each such request is handed to ministack as JSON, and its answer is given back as XML, both by botocore's own model.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import botocore.session
from ministack.services import cloudwatch

OPERATIONS = ("PutMetricAlarm", "DescribeAlarms")
NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"
# AWS describes these only where the request had them; ministack fills in defaults of its own.
AS_REQUESTED = ("Namespace", "MetricName", "Statistic", "Period")
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Answer]]


def translating(original: Handler) -> Handler:
    """Wrap ministack's CloudWatch: the two operations on alarms by the Query protocol go through as JSON."""
    model = botocore.session.get_session().get_service_model("cloudwatch")

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
    ) -> Answer:
        form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        fields = parse_qs(body.decode(), keep_blank_values=True) if form else {}
        action = fields.get("Action", [""])[0]
        if action not in OPERATIONS:
            return await original(method, path, headers, body, query_params)
        operation = model.operation_model(action)
        request = read({name: values[0] for name, values in fields.items()}, "", operation.input_shape)
        as_json = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"GraniteServiceVersion20100801.{action}",
        }
        status, _, answer = await original(
            method, path, {**headers, **as_json}, json.dumps(request).encode(), query_params
        )
        answered = json.loads(answer or b"{}")
        if status >= 400:
            code = str(answered.get("__type", "InternalFailure")).rpartition("#")[2]
            return cloudwatch._error(code, answered.get("message", ""), status)  # type: ignore[no-any-return]
        root = ElementTree.Element(f"{action}Response", xmlns=NAMESPACE)
        if operation.output_shape is not None:
            write(root, f"{action}Result", answered, operation.output_shape)
        return status, {"Content-Type": "text/xml"}, ElementTree.tostring(root, encoding="utf-8")

    return handle


def read(fields: Mapping[str, str], path: str, shape: Any) -> Any:
    """Read a value out of a form: `Dimensions.member.1.Name` is a member of a structure in a list."""
    if shape.type_name == "structure":
        prefix = f"{path}." if path else ""
        present = {name.removeprefix(prefix).partition(".")[0] for name in fields if name.startswith(prefix)}
        return {name: read(fields, prefix + name, shape.members[name]) for name in shape.members if name in present}
    if shape.type_name == "list":
        prefix = f"{path}.member."
        numbers = {int(name.removeprefix(prefix).partition(".")[0]) for name in fields if name.startswith(prefix)}
        return [read(fields, f"{prefix}{number}", shape.member) for number in sorted(numbers)]
    text = fields[path]
    if shape.type_name == "boolean":
        return text == "true"
    return {"integer": int, "double": float}.get(shape.type_name, str)(text)


def write(parent: ElementTree.Element, name: str, value: Any, shape: Any) -> None:
    """Write a value as an element, without unknown members."""
    if value is None:
        return
    element = ElementTree.SubElement(parent, name)
    if shape.type_name == "structure":
        for member, inner in shape.members.items():
            write(element, member, value.get(member), inner)
    elif shape.type_name == "list":
        for item in value:
            write(element, "member", item, shape.member)
    elif shape.type_name == "timestamp":
        element.text = datetime.fromtimestamp(value, UTC).isoformat()
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)


def keeping(original: Callable[..., Answer]) -> Callable[..., Answer]:
    """Wrap ministack's PutMetricAlarm, which forgets metric math."""

    def put(params: Any, request: Mapping[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
        answer = original(params, request, is_cbor, is_json)
        if answer[0] < 400 and (is_cbor or is_json):
            alarm = cloudwatch._alarms[request["AlarmName"]]
            for name in set(AS_REQUESTED) - set(request):
                alarm.pop(name, None)
            if "Metrics" in request:
                alarm["Metrics"] = request["Metrics"]
        return answer

    return put


def install() -> None:
    """Replace ministack's two functions."""
    cloudwatch._put_metric_alarm = keeping(cloudwatch._put_metric_alarm)
    cloudwatch.handle_request = translating(cloudwatch.handle_request)
