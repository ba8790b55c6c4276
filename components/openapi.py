"""The API's contract (OpenAPI 3), read once, and the document that API Gateway builds a REST API from."""

import functools
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import pulumi
import yaml

from .errors import InvalidArgumentError

ApiAccess = Literal["open", "api_key", "iam"]
Headers = Mapping[str, pulumi.Input[str]]
METHODS = ("get", "put", "post", "delete", "patch", "head")
# Headers that the page may send: the body's type, an API key, and those of SigV4.
CORS_HEADERS = (
    "authorization",
    "content-type",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
)
CORS_MAX_AGE_S = 3600
PROBLEM = "application/problem+json"
SCHEMAS = "#/components/schemas/"
# Once for all APIs of a program, and by libyaml where PyYAML has it: it takes longer than the rest of an API.
_parse = functools.cache(functools.partial(yaml.load, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
# Examples, and limits that the functions check: a gateway's validator could only say that a value is another.
LEFT_OUT = {"enum", "maximum", "example", "default"}


@dataclass(frozen=True)
class Operation:
    """One operation of the contract.

    `parameters` are its query parameters and whether each is required. `body_schema` is the name of its body's schema.
    `never_open` is true where the contract always requires an identified caller.
    """

    id: str
    method: str
    path: str
    parameters: Mapping[str, bool]
    body_schema: str | None
    never_open: bool

    def access(self, access: ApiAccess) -> ApiAccess:
        """Return the access to this operation if `access` is the API's."""
        return "iam" if access == "open" and self.never_open else access


@dataclass(frozen=True)
class Contract:
    """The contract's operations and the schemas of their bodies."""

    version: str
    operations: Sequence[Operation]
    schemas: Mapping[str, Mapping[str, Any]]


def load(path: Path) -> Contract:
    """Read a contract. Raises InvalidArgumentError."""
    document = _parse(path.read_text(encoding="utf-8"))
    if not str(document.get("openapi", "")).startswith("3."):
        raise InvalidArgumentError(f"{path} is no OpenAPI 3 document: API Gateway needs one.")
    operations = [
        _operation(document, address, method, item[method])
        for address, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]
    schemas: dict[str, Mapping[str, Any]] = {}
    used = [operation.body_schema for operation in operations if operation.body_schema]
    while used:
        if (name := used.pop()) not in schemas:
            schemas[name] = document["components"]["schemas"][name]
            used += re.findall(rf'"{SCHEMAS}(\w+)"', json.dumps(schemas[name]))
    return Contract(str(document["info"]["version"]), operations, schemas)


def rest_body(
    contract: Contract,
    title: pulumi.Input[str],
    invoke_arns: Mapping[str, pulumi.Input[str]],
    access: ApiAccess,
    origins: Sequence[pulumi.Input[str]],
) -> dict[str, Any]:
    """Return the document that builds a REST API: each operation calls the function with the invoke ARN of its id.

    The gateway checks required parameters and bodies, writes its own answers as problem documents, and answers CORS
    preflights of `origins` alone. It answers every other path or method without a function.
    """
    cors = _cors_headers(origins)
    content: Headers = {"Content-Type": f"'{PROBLEM}'"}
    paths: dict[str, Any] = {}
    for address, group in itertools.groupby(contract.operations, lambda operation: operation.path):
        operations = list(group)
        allowed = [operation.method.upper() for operation in operations]
        item: dict[str, Any] = {o.method: _rest_operation(o, invoke_arns[o.id], access) for o in operations}
        if origins:
            item["options"] = _preflight(allowed, origins)
        refusal = problem(405, "METHOD_NOT_ALLOWED", f"This path takes {' and '.join(allowed)} only.")
        item[_ANY] = _mock(405, {**content, "Allow": f"'{', '.join(allowed)}'", **cors}, refusal)
        paths[address] = item
    unknown = _mock(404, {**content, **cors}, problem(*_UNKNOWN))
    paths["/"] = {_ANY: unknown}
    paths["/{proxy+}"] = {_ANY: unknown | {"parameters": [_parameter("proxy", "path", True)]}}
    return {
        "openapi": "3.0.1",
        "info": {"title": title, "version": contract.version},
        "paths": paths,
        "components": {
            "schemas": {name: loosened(schema) for name, schema in contract.schemas.items()},
            "securitySchemes": _SECURITY_SCHEMES,
        },
        "x-amazon-apigateway-request-validators": {
            _VALIDATOR: {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-gateway-responses": {
            name: {
                "statusCode": str(answer[0]),
                "responseParameters": {
                    f"gatewayresponse.header.{header}": value
                    for header, value in {**content, "Cache-Control": "'no-store'", **cors}.items()
                },
                "responseTemplates": {"application/json": problem(*answer)},
            }
            for name, answer in GATEWAY_ANSWERS.items()
        },
    }


def problem(status: int, code: str, detail: str) -> str:
    """Return a problem document (RFC 9457) as the contract has it."""
    title = HTTPStatus(status).phrase.replace("Request Entity", "Content")  # as Python says from 3.13 on
    quoted = detail if detail.startswith("$context.") else f'"{detail}"'
    return f'{{"type":"about:blank","title":"{title}","status":{status},"code":"{code}","detail":{quoted}}}'


def loosened(schema: Any, *, is_by_name: bool = False) -> Any:
    """Return a schema without examples and without the limits that the functions check.

    `is_by_name` is true for a mapping of properties, whose names may be those of limits.
    """
    if isinstance(schema, list):
        return [loosened(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: loosened(value, is_by_name=key == "properties" and not is_by_name)
        for key, value in schema.items()
        if is_by_name or key not in LEFT_OUT
    }


_UNSIGNED = (401, "UNAUTHORIZED", "Sign the request (AWS Signature Version 4, service execute-api).")
_FORBIDDEN = (403, "FORBIDDEN", "This needs a valid API key or signature.")
_BUSY = (429, "TOO_MANY_REQUESTS", "Too many requests at once. Wait a moment and try again.")
_BROKEN = (500, "INTERNAL_ERROR", "Something went wrong on our side. Try again in a moment.")
_UNKNOWN = (404, "UNKNOWN_ROUTE", "The API has no such path.")
_LATE = (504, "TIMEOUT", "The service took too long to answer. Try again in a moment.")
# All response types of API Gateway, because the two DEFAULT_ ones cannot have their status in a body; each with the
# status, code and detail of its problem. The gateway's own sentence, a JSON string, stands where it says more, such as
# the missing parameter.
GATEWAY_ANSWERS: Mapping[str, tuple[int, str, str]] = {
    "ACCESS_DENIED": _FORBIDDEN,
    "API_CONFIGURATION_ERROR": _BROKEN,
    "AUTHORIZER_CONFIGURATION_ERROR": _BROKEN,
    "AUTHORIZER_FAILURE": _BROKEN,
    "BAD_REQUEST_BODY": (400, "INVALID_REQUEST", "The body does not follow the API's contract."),
    "BAD_REQUEST_PARAMETERS": (400, "INVALID_REQUEST", "$context.error.messageString"),
    "DEFAULT_4XX": _FORBIDDEN,
    "DEFAULT_5XX": _BROKEN,
    "EXPIRED_TOKEN": _FORBIDDEN,
    "INTEGRATION_FAILURE": _LATE,
    "INTEGRATION_TIMEOUT": _LATE,
    "INVALID_API_KEY": _FORBIDDEN,
    "INVALID_SIGNATURE": _FORBIDDEN,
    # Unknown paths are answered by the catch-all path, so this is a request without a signature.
    "MISSING_AUTHENTICATION_TOKEN": _UNSIGNED,
    "QUOTA_EXCEEDED": (429, "QUOTA_EXCEEDED", "Your key's daily quota is used up. Try again tomorrow (UTC)."),
    "REQUEST_TOO_LARGE": (413, "BODY_TOO_LARGE", "The request is too large for the API."),
    "RESOURCE_NOT_FOUND": _UNKNOWN,
    "THROTTLED": _BUSY,
    "UNAUTHORIZED": _UNSIGNED,
    "UNSUPPORTED_MEDIA_TYPE": (415, "UNSUPPORTED_MEDIA_TYPE", "Send JSON, as application/json."),
    "WAF_FILTERED": _BUSY,  # the one rule of AWS WAF is the limit of an address
}

_ANY = "x-amazon-apigateway-any-method"
_VALIDATOR = "contract"
_SECURITY: Mapping[str, list[dict[str, list[str]]]] = {"open": [], "api_key": [{"apiKey": []}], "iam": [{"sigV4": []}]}
_SECURITY_SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "sigV4": {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"},
}


def _operation(document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]) -> Operation:
    parameters = [_resolve(document, parameter) for parameter in item.get("parameters", [])]
    body = item.get("requestBody")
    return Operation(
        id=item["operationId"],
        method=method,
        path=path,
        parameters={p["name"]: bool(p.get("required")) for p in parameters if p["in"] == "query"},
        body_schema=body["content"]["application/json"]["schema"]["$ref"].removeprefix(SCHEMAS) if body else None,
        never_open={} not in item.get("security", document.get("security", [{}])),
    )


def _resolve(document: Mapping[str, Any], item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the target of a reference."""
    steps = item["$ref"].removeprefix("#/").split("/") if "$ref" in item else []
    return functools.reduce(lambda node, step: node[step], steps, document if steps else item)


def _rest_operation(operation: Operation, invoke_arn: pulumi.Input[str], access: ApiAccess) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "parameters": [_parameter(name, "query", required) for name, required in operation.parameters.items()],
        "responses": {"200": {"description": "As the contract says."}},
        "security": _SECURITY[operation.access(access)],
        "x-amazon-apigateway-request-validator": _VALIDATOR,
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",  # of the call of Lambda, whatever the operation's is
            "uri": invoke_arn,
            "passthroughBehavior": "when_no_match",
        },
    }
    if operation.body_schema:
        schema = {"$ref": SCHEMAS + operation.body_schema}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _parameter(name: str, where: str, required: bool) -> dict[str, Any]:
    # The gateway looks at no more than whether a parameter is there; its value is the function's matter.
    return {"name": name, "in": where, "required": required, "schema": {"type": "string"}}


def _preflight(methods: Sequence[str], origins: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    """Return the answer to a browser that asks whether a page of another origin may send a request."""
    headers = {
        **_cors_headers(origins),
        "Access-Control-Allow-Methods": f"'{','.join(methods)}'",
        "Access-Control-Allow-Headers": f"'{','.join(CORS_HEADERS)}'",
        "Access-Control-Max-Age": f"'{CORS_MAX_AGE_S}'",
    }
    return _mock(204, headers, _name_asking_origin(origins[1:]) if len(origins) > 1 else "")


def _mock(status: int, headers: Headers, template: pulumi.Input[str]) -> dict[str, Any]:
    """Return an answer that the gateway gives without a function."""
    declared = {name: {"schema": {"type": "string"}} for name in headers}
    return {
        "responses": {str(status): {"description": "Always the same.", "headers": declared}},
        "security": [],
        "x-amazon-apigateway-integration": {
            "type": "mock",
            # Any other type of body would reach the mock as it is, which then fails for want of a status code.
            "passthroughBehavior": "never",
            "requestTemplates": {"application/json": f'{{"statusCode":{status}}}'},
            "responses": {
                "default": {
                    "statusCode": str(status),
                    "responseParameters": {f"method.response.header.{name}": value for name, value in headers.items()},
                    "responseTemplates": {"application/json": template},
                }
            },
        },
    }


def _name_asking_origin(others: Sequence[pulumi.Input[str]]) -> pulumi.Output[str]:
    """Return a template that names the asking origin if it is one of `others`.

    The header itself names the first origin.
    """
    tests = pulumi.Output.all(*others).apply(lambda urls: " || ".join(f'$origin == "{url}"' for url in urls))
    return pulumi.Output.concat(
        '#set($origin = $input.params().header.get("Origin"))',
        '#if(!$origin)#set($origin = $input.params().header.get("origin"))#end',
        "#if(",
        tests,
        ")#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)#end",
    )


def _cors_headers(origins: Sequence[pulumi.Input[str]]) -> Headers:
    """Return the headers, as API Gateway's literals, that let the first origin read an answer, if there is one."""
    if not origins:
        return {}
    return {"Access-Control-Allow-Origin": pulumi.Output.concat("'", origins[0], "'"), "Vary": "'Origin'"}
