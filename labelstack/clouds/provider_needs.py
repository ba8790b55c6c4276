"""Answers that Pulumi's AWS provider needs and ministack lacks; imported in ministack's process only.

Each function here is one gap, described for ministack's authors in `docs/emulators.md`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import boto3
from botocore.exceptions import ClientError
from ministack.services import apigateway_v1, cloudfront, s3, stepfunctions

from labelstack.clouds import rest_bodies
from labelstack.errors import UnsupportedError
from labelstack.xml_characters import NOT_XML

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Answer]]
REST_API = re.compile(r"/restapis/([^/]+)/?")
# AWS leaves these out where nothing is set in them; the provider takes an empty one for a setting.
LEFT_OUT_WHEN_EMPTY = frozenset({"quota", "throttle", "accessLogSettings"})
NUMBERS = {"rateLimit": float, "burstLimit": int, "limit": int, "offset": int}
# The parts that `encoding-type=url` encodes in a list of versions.
ENCODED = frozenset({"Key", "Prefix", "Delimiter", "KeyMarker", "NextKeyMarker"})
_url_encoded: ContextVar[bool] = ContextVar("labelstack_url_encoded", default=False)


def importing(original: Handler) -> Handler:
    """Add PutRestApi to ministack's API Gateway: replace an API by one from an OpenAPI document."""
    url = os.environ["AWS_ENDPOINT_URL"]
    client: Any = boto3.client("apigateway", endpoint_url=url)

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
    ) -> Answer:
        match = REST_API.fullmatch(path)
        if method != "PUT" or match is None:
            return await original(method, path, headers, body, query_params)
        if query_params.get("mode", ["merge"]) != ["overwrite"]:
            return _refused("only mode=overwrite is supported")
        try:
            # In a thread, as the calls come back to this process.
            await asyncio.to_thread(_overwrite, client, match[1], json.loads(body))
        except (ClientError, UnsupportedError, ValueError) as error:
            return _refused(str(error))
        return await original("GET", path, headers, b"", {})

    return handle


def _overwrite(client: Any, api_id: str, document: Mapping[str, Any]) -> None:
    rest_bodies.clear(client, api_id)
    rest_bodies.build(client, api_id, document)


def _refused(message: str) -> Answer:
    answer: Answer = apigateway_v1._v1_error("BadRequestException", message, 400)
    return answer


def without_empty_settings(original: Callable[..., Answer]) -> Callable[..., Answer]:
    """Leave settings out of API Gateway's answers that nobody has set."""

    def answer(data: Any, status: int = 200) -> Answer:
        return original(_without_empty(data), status)

    return answer


def _without_empty(data: Any) -> Any:
    if isinstance(data, list):
        return [_without_empty(item) for item in data]
    if not isinstance(data, Mapping):
        return data
    return {k: _without_empty(v) for k, v in data.items() if v or k not in LEFT_OUT_WHEN_EMPTY}


def patching(original: Callable[..., Any]) -> Callable[..., Any]:
    """Keep the numbers of a usage plan numbers when they are changed, and its stages a list."""

    def patch(target: dict[str, Any], operations: Sequence[Mapping[str, Any]]) -> Any:
        others: list[Mapping[str, Any]] = []
        for operation in operations:
            path, value = str(operation["path"]), operation.get("value")
            if path == "/apiStages":
                api, _, stage = str(value).partition(":")
                kept = [
                    api_stage
                    for api_stage in target["apiStages"]
                    if (api_stage["apiId"], api_stage["stage"]) != (api, stage)
                ]
                added = [{"apiId": api, "stage": stage}] if operation["op"] == "add" else []
                target["apiStages"] = kept + added
            elif path.startswith(("/throttle/", "/quota/")) and value is not None:
                number = NUMBERS.get(path.rpartition("/")[2], str)
                others.append({**operation, "value": number(value)})
            else:
                others.append(operation)
        return original(target, others)

    return patch


def making_keys(original: Callable[..., Answer]) -> Callable[..., Answer]:
    """Make an API key's value where the request has an empty one."""

    def create(data: Mapping[str, Any]) -> Answer:
        return original({name: value for name, value in data.items() if name != "value" or value})

    return create


def url_encoding(original: Callable[..., Answer]) -> Callable[..., Answer]:
    """Encode the keys of ListObjectVersions where the request says `encoding-type=url`."""

    def versions(bucket: str, query_params: Mapping[str, Any]) -> Answer:
        token = _url_encoded.set(s3._qp(query_params, "encoding-type", "") == "url")
        try:
            return original(bucket, query_params)
        finally:
            _url_encoded.reset(token)

    return versions


def readable(original: Callable[[ElementTree.Element], bytes]) -> Callable[[ElementTree.Element], bytes]:
    """Encode keys on request, and replace characters that XML cannot carry, such as control characters of a key."""

    def body(root: ElementTree.Element) -> bytes:
        encodes = _url_encoded.get() and root.tag == "ListVersionsResult"
        for element in root.iter():
            if element.text and encodes and element.tag in ENCODED:
                element.text = quote(element.text, safe="/")
            elif element.text:
                element.text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", element.text)
        if encodes:
            ElementTree.SubElement(root, "EncodingType").text = "url"
        return original(root)

    return body


def without_empty_headers(original: Callable[..., None]) -> Callable[..., None]:
    """Leave out of a response headers policy the headers to add or to remove where there are none."""

    def write(parent: ElementTree.Element, config: Mapping[str, Any]) -> None:
        original(parent, config)
        for empty in [
            parent.find(f"{kind}HeadersConfig") for kind in ("Custom", "Remove") if not config[f"{kind}Headers"]
        ]:
            if empty is not None:
                parent.remove(empty)

    return write


def describing_tracing(original: Callable[[Mapping[str, Any]], Answer]) -> Callable[[Mapping[str, Any]], Answer]:
    """Add a state machine's X-Ray tracing to its description, as its creation or last change set it."""

    def set_machine(data: Mapping[str, Any]) -> Answer:
        answer = original(data)
        if answer[0] < 400:
            arn = data.get("stateMachineArn") or json.loads(answer[2])["stateMachineArn"]
            machine = stepfunctions._state_machines[arn]
            before = machine.get("tracingConfiguration", {"enabled": False})
            machine["tracingConfiguration"] = data.get("tracingConfiguration", before)
        return answer

    return set_machine


def install() -> None:
    """Replace ministack's functions."""
    apigateway_v1.handle_request = importing(apigateway_v1.handle_request)
    apigateway_v1._v1_response = without_empty_settings(apigateway_v1._v1_response)
    apigateway_v1._apply_patch = patching(apigateway_v1._apply_patch)
    apigateway_v1._create_api_key = making_keys(apigateway_v1._create_api_key)
    s3._list_object_versions = url_encoding(s3._list_object_versions)
    s3._xml_body = readable(s3._xml_body)
    cloudfront._build_rhp_config_xml = without_empty_headers(cloudfront._build_rhp_config_xml)
    for name in ("_create_state_machine", "_update_state_machine"):
        setattr(stepfunctions, name, describing_tracing(getattr(stepfunctions, name)))
