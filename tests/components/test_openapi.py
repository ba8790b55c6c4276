"""The contract, and the gateway's body that is derived from it."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import openapi
from components.errors import InvalidArgumentError
from tests.recording import PROJECT, record

CONTRACT = openapi.load(PROJECT / "api" / "openapi.yaml")
SITE, OTHER = "https://site.example", "https://other.example"


def body(access: openapi.ApiAccess = "open", origins: tuple[str, ...] = (SITE,)) -> dict[str, Any]:
    """Return the body with its outputs resolved."""

    def program() -> None:
        arns = {operation.id: pulumi.Output.from_input(f"arn:{operation.id}") for operation in CONTRACT.operations}
        pulumi.export("body", pulumi.Output.json_dumps(openapi.rest_body(CONTRACT, "pictures", arns, access, origins)))

    document: dict[str, Any] = json.loads(record(program).outputs["body"])
    return document


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations of the contract in a body, by id."""
    items = [operation for item in document["paths"].values() for operation in item.values()]
    return {operation["operationId"]: operation for operation in items if "operationId" in operation}


def mock(operation: dict[str, Any]) -> dict[str, Any]:
    """Return a mock's answer."""
    answer: dict[str, Any] = operation["x-amazon-apigateway-integration"]["responses"]["default"]
    return answer


def test_every_operation_of_the_contract_calls_its_function() -> None:
    by_operation = operations(body())

    assert set(by_operation) == {operation.id for operation in CONTRACT.operations}
    assert len(by_operation) == 9
    for name, operation in by_operation.items():
        integration = operation["x-amazon-apigateway-integration"]
        assert (integration["type"], integration["httpMethod"]) == ("aws_proxy", "POST")
        assert integration["uri"] == f"arn:{name}"


def test_open_api_wants_a_signature_for_deleting_and_labelling_anew_alone() -> None:
    security = {name: operation["security"] for name, operation in operations(body("open")).items()}

    assert security.pop("deleteImage") == [{"sigV4": []}]
    assert security.pop("relabelImage") == [{"sigV4": []}]
    assert set(map(str, security.values())) == {"[]"}


@pytest.mark.parametrize(("access", "scheme"), [("api_key", "apiKey"), ("iam", "sigV4")])
def test_closed_api_wants_the_same_for_everything(access: openapi.ApiAccess, scheme: str) -> None:
    assert {str(operation["security"]) for operation in operations(body(access)).values()} == {f"[{{'{scheme}': []}}]"}


def test_signatures_are_checked_by_iam() -> None:
    schemes = body()["components"]["securitySchemes"]

    assert schemes["sigV4"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert schemes["apiKey"]["name"] == "x-api-key"


def test_required_parameters_and_bodies_are_checked() -> None:
    document = body()

    result, upload = operations(document)["getResult"], operations(document)["generateUploadUrl"]
    assert [(p["name"], p["in"], p["required"]) for p in result["parameters"]] == [("key", "query", True)]
    assert upload["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/UploadRequest"
    }
    validator = document["x-amazon-apigateway-request-validators"][upload["x-amazon-apigateway-request-validator"]]
    assert validator == {"validateRequestBody": True, "validateRequestParameters": True}


def test_models_are_those_of_requests_and_what_they_refer_to() -> None:
    schemas = body()["components"]["schemas"]

    assert set(schemas) == {"UploadRequest", "KeyRequest", "Key"}
    assert schemas["UploadRequest"]["additionalProperties"] is False
    assert schemas["UploadRequest"]["required"] == ["fileName", "contentType", "sizeBytes"]


def test_which_values_are_taken_is_left_to_the_function() -> None:
    properties = body()["components"]["schemas"]["UploadRequest"]["properties"]

    assert "enum" not in properties["contentType"]
    assert "maximum" not in properties["sizeBytes"]
    assert properties["sizeBytes"]["minimum"] == 1


def test_a_property_may_be_called_as_a_keyword_is() -> None:
    schema = {"type": "object", "properties": {"maximum": {"type": "integer", "maximum": 3}}}

    assert openapi.loosened(schema) == {"type": "object", "properties": {"maximum": {"type": "integer"}}}


def test_every_answer_of_the_gateway_is_a_problem_document_for_the_site() -> None:
    answers = body()["x-amazon-apigateway-gateway-responses"]

    assert len(answers) == 21
    for name, answer in answers.items():
        headers = answer["responseParameters"]
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'", name
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == f"'{SITE}'"
        text = answer["responseTemplates"]["application/json"].replace("$context.error.messageString", '"said"')
        problem = json.loads(text)
        assert str(problem["status"]) == answer["statusCode"]
        assert re.fullmatch(r"[A-Z_]+", problem["code"])
        assert {"title", "status", "code", "detail"} <= set(problem)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("BAD_REQUEST_PARAMETERS", 400, "INVALID_REQUEST"),
        ("MISSING_AUTHENTICATION_TOKEN", 401, "UNAUTHORIZED"),
        ("INVALID_API_KEY", 403, "FORBIDDEN"),
        ("REQUEST_TOO_LARGE", 413, "BODY_TOO_LARGE"),
        ("THROTTLED", 429, "TOO_MANY_REQUESTS"),
        ("INTEGRATION_TIMEOUT", 504, "TIMEOUT"),
        ("DEFAULT_5XX", 500, "INTERNAL_ERROR"),
    ],
)
def test_gateway_answers_have_stable_codes(kind: str, status: int, code: str) -> None:
    assert openapi.GATEWAY_ANSWERS[kind][:2] == (status, code)


def test_other_methods_and_paths_are_refused_without_a_function() -> None:
    paths = body()["paths"]

    refused = mock(paths["/images"]["x-amazon-apigateway-any-method"])
    assert refused["statusCode"] == "405"
    assert refused["responseParameters"]["method.response.header.Allow"] == "'GET, DELETE'"
    assert json.loads(refused["responseTemplates"]["application/json"])["code"] == "METHOD_NOT_ALLOWED"
    for path in ("/", "/{proxy+}"):
        unknown = mock(paths[path]["x-amazon-apigateway-any-method"])
        assert json.loads(unknown["responseTemplates"]["application/json"])["code"] == "UNKNOWN_ROUTE"


def test_preflight_names_the_site_and_the_paths_methods() -> None:
    preflight = body()["paths"]["/images"]["options"]

    headers = mock(preflight)["responseParameters"]
    assert headers["method.response.header.Access-Control-Allow-Origin"] == f"'{SITE}'"
    assert headers["method.response.header.Access-Control-Allow-Methods"] == "'GET,DELETE'"
    assert "x-api-key" in headers["method.response.header.Access-Control-Allow-Headers"]
    assert mock(preflight)["responseTemplates"]["application/json"] == ""
    assert set(preflight["responses"]["204"]["headers"]) == {
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "Access-Control-Max-Age",
        "Vary",
    }


def test_preflight_names_the_asking_origin_if_it_is_one_of_several() -> None:
    template = mock(body(origins=(SITE, OTHER))["paths"]["/labels"]["options"])["responseTemplates"]["application/json"]

    assert f'$origin == "{OTHER}"' in template
    assert "responseOverride.header.Access-Control-Allow-Origin = $origin" in template
    assert SITE not in template


def test_no_page_may_call_it_without_an_origin() -> None:
    document = body(origins=())

    assert "options" not in document["paths"]["/images"]
    assert "Access-Control" not in json.dumps(document)


def test_no_preflight_and_no_refusal_wants_a_key() -> None:
    paths = body("api_key")["paths"]

    names = ("options", "x-amazon-apigateway-any-method")
    operations_without_key = [item[name] for item in paths.values() for name in names if name in item]
    assert len(operations_without_key) == 8 + 10
    assert all(operation["security"] == [] for operation in operations_without_key)


def test_another_kind_of_document_is_told(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("swagger: '2.0'\n")

    with pytest.raises(InvalidArgumentError, match="is no OpenAPI 3 document"):
        openapi.load(tmp_path / "old.yaml")
