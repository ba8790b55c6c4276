"""Build a REST API call by call from an OpenAPI document with API Gateway's extensions, as AWS's import does at once.

The embedded cloud's own import drops most of a document. Unknown parts of a document are errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labelstack.errors import UnsupportedError

METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
ANY = "x-amazon-apigateway-any-method"
VALIDATORS = "x-amazon-apigateway-request-validators"
ANSWERS = "x-amazon-apigateway-gateway-responses"
SCHEMAS = "#/components/schemas/"
EMPTY_MODELS = {"Empty", "Error"}  # every API has them from the beginning


def build(client: Any, api_id: str, document: Mapping[str, Any]) -> None:
    """Make a document's models, validators, paths, methods and gateway responses in an API that has none of them.

    Raises:
        UnsupportedError: The document says something that is not known here.
    """
    _only(document, "the body", "openapi", "info", "servers", "tags", "paths", "components", VALIDATORS, ANSWERS)
    components = document.get("components", {})
    _only(components, "components", "schemas", "securitySchemes")
    schemas = components.get("schemas", {})
    for name, schema in schemas.items():
        client.create_model(
            restApiId=api_id, name=name, contentType="application/json", schema=json.dumps(_whole(schema, schemas))
        )
    validators = {
        name: client.create_request_validator(restApiId=api_id, name=name, **settings)["id"]
        for name, settings in document.get(VALIDATORS, {}).items()
    }
    for kind, answer in document.get(ANSWERS, {}).items():
        _only(answer, kind, "statusCode", "responseParameters", "responseTemplates")
        client.put_gateway_response(restApiId=api_id, responseType=kind, **answer)
    resources = {"/": client.get_rest_api(restApiId=api_id)["rootResourceId"]}
    for path, item in document["paths"].items():
        _only(item, path, *METHODS, ANY)
        resource_id = _resource(client, api_id, path, resources)
        for name, operation in item.items():
            method = "ANY" if name == ANY else name.upper()
            where = {"restApiId": api_id, "resourceId": resource_id, "httpMethod": method}
            _method(client, where, f"{method} {path}", operation, components.get("securitySchemes", {}), validators)


def clear(client: Any, api_id: str) -> None:
    """Take everything out of an API that a document puts in."""
    for page in client.get_paginator("get_resources").paginate(restApiId=api_id):
        for resource in page["items"]:
            if resource["path"].count("/") == 1 and resource["path"] != "/":
                client.delete_resource(restApiId=api_id, resourceId=resource["id"])
            for method in resource.get("resourceMethods", {}) if resource["path"] == "/" else ():
                client.delete_method(restApiId=api_id, resourceId=resource["id"], httpMethod=method)
    for page in client.get_paginator("get_models").paginate(restApiId=api_id):
        for model in page["items"]:
            if model["name"] not in EMPTY_MODELS:
                client.delete_model(restApiId=api_id, modelName=model["name"])
    for page in client.get_paginator("get_request_validators").paginate(restApiId=api_id):
        for validator in page["items"]:
            client.delete_request_validator(restApiId=api_id, requestValidatorId=validator["id"])
    for answer in client.get_gateway_responses(restApiId=api_id)["items"]:
        if not answer.get("defaultResponse"):
            client.delete_gateway_response(restApiId=api_id, responseType=answer["responseType"])


def _only(members: Mapping[str, Any], what: str, *known: str) -> None:
    if unknown := sorted(set(members) - set(known)):
        raise UnsupportedError(
            f"{what} has {', '.join(unknown)}, which ministack cannot apply: leave it out", property="body"
        )


def _whole(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """Return a schema with its references replaced by their targets: references would need the API's address."""
    if isinstance(schema, list):
        return [_whole(item, schemas) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return _whole(schemas[str(schema["$ref"]).removeprefix(SCHEMAS)], schemas)
    return {key: _whole(value, schemas) for key, value in schema.items()}


def _resource(client: Any, api_id: str, path: str, known: dict[str, str]) -> str:
    """Return the id of a path's resource, and create it and missing ones above it."""
    address = ""
    for part in [part for part in path.split("/") if part]:
        parent, address = address or "/", f"{address}/{part}"
        if address not in known:
            resource = client.create_resource(restApiId=api_id, parentId=known[parent], pathPart=part)
            known[address] = resource["id"]
    return known[address or "/"]


def _method(
    client: Any,
    where: Mapping[str, str],
    what: str,
    operation: Mapping[str, Any],
    schemes: Mapping[str, Any],
    validators: Mapping[str, str],
) -> None:
    integration = "x-amazon-apigateway-integration"
    validator = "x-amazon-apigateway-request-validator"
    _only(
        operation,
        what,
        *("operationId", "summary", "description", "tags", "parameters", "requestBody", "responses", "security"),
        *(integration, validator),
    )
    request: dict[str, Any] = {"authorizationType": "NONE", "apiKeyRequired": False}
    for requirement in operation.get("security", []):
        for name in requirement:
            if schemes[name].get("x-amazon-apigateway-authtype") == "awsSigv4":
                request["authorizationType"] = "AWS_IAM"
            else:
                request["apiKeyRequired"] = True
    if "operationId" in operation:
        request["operationName"] = operation["operationId"]
    if validator in operation:
        request["requestValidatorId"] = validators[operation[validator]]
    places = {"query": "querystring", "header": "header", "path": "path"}
    request["requestParameters"] = {
        f"method.request.{places[parameter['in']]}.{parameter['name']}": bool(parameter.get("required"))
        for parameter in operation.get("parameters", [])
    }
    request["requestModels"] = {
        content_type: str(content["schema"]["$ref"]).removeprefix(SCHEMAS)
        for content_type, content in operation.get("requestBody", {}).get("content", {}).items()
    }
    client.put_method(**where, **request)
    for status, response in operation.get("responses", {}).items():
        headers = {f"method.response.header.{name}": False for name in response.get("headers", {})}
        client.put_method_response(**where, statusCode=status, responseParameters=headers)
    _integration(client, where, what, operation[integration])


def _integration(client: Any, where: Mapping[str, str], what: str, integration: Mapping[str, Any]) -> None:
    _only(
        integration,
        f"the integration of {what}",
        *("type", "httpMethod", "uri", "passthroughBehavior", "requestTemplates", "timeoutInMillis", "responses"),
    )
    request = {
        name: integration[name]
        for name in ("uri", "requestTemplates", "timeoutInMillis")
        if integration.get(name) is not None
    }
    if "httpMethod" in integration:
        request["integrationHttpMethod"] = integration["httpMethod"]
    if "passthroughBehavior" in integration:
        request["passthroughBehavior"] = integration["passthroughBehavior"].upper()
    client.put_integration(**where, type=integration["type"].upper(), **request)
    for pattern, answer in integration.get("responses", {}).items():
        _only(answer, f"an answer of {what}", "statusCode", "responseParameters", "responseTemplates")
        selected = {} if pattern == "default" else {"selectionPattern": pattern}
        client.put_integration_response(**where, **answer, **selected)
