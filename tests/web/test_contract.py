"""The contract is valid, fits what API Gateway takes, and the double keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from tests.serving import served

from .conftest import plain_picture
from .double import Double, application

CONTRACT = Path(__file__).parents[2] / "api" / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
# The double has a picture of this key. To every other key it answers 404, so no other answer would be checked.
KEY = DOCUMENT["paths"]["/relabel"]["post"]["requestBody"]["content"]["application/json"]["example"]["key"]
DOCUMENT["components"]["parameters"]["Key"]["example"] = KEY
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
positive_data_acceptance = CHECKS.get_one("positive_data_acceptance")
METHODS = ("get", "post", "delete")


def keywords(node: Any) -> Iterator[str]:
    """Yield all keys of the schemas below a node."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield name
            if name != "properties":
                yield from keywords(value)
            else:
                yield from (keyword for schema in value.values() for keyword in keywords(schema))
    if isinstance(node, list):
        yield from (keyword for value in node for keyword in keywords(value))


def operations() -> dict[str, dict[str, Any]]:
    """Return each operation by method and path."""
    paths = DOCUMENT["paths"].items()
    return {f"{method} {path}": item[method] for path, item in paths for method in METHODS if method in item}


def test_contract_is_valid() -> None:
    SCHEMA.validate()


def test_has_the_routes() -> None:
    assert set(operations()) == {
        "post /generate-upload-url",
        "post /detect-labels",
        "post /relabel",
        "get /result",
        "get /images",
        "delete /images",
        "get /labels",
        "get /image-url",
        "get /health",
    }
    assert len({operation["operationId"] for operation in operations().values()}) == len(operations())


# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
def test_models_are_what_api_gateway_imports() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert all(re.fullmatch(r"[A-Za-z0-9]+", name) for name in schemas)
    assert not set(keywords(schemas)) & {"nullable", "oneOf", "anyOf", "allOf", "discriminator", "exclusiveMinimum"}
    assert DOCUMENT["openapi"].startswith("3.0.")


def test_bodies_allow_no_unknown_fields() -> None:
    for operation in operations().values():
        if "requestBody" in operation:
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
            assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_every_error_is_a_problem_document() -> None:
    for name, operation in operations().items():
        errors = {status: answer for status, answer in operation["responses"].items() if not status.startswith("2")}
        assert {"401", "403", "429", "default"} <= errors.keys(), name
        for answer in errors.values():
            resolved = (
                DOCUMENT["components"]["responses"][answer["$ref"].split("/")[-1]] if "$ref" in answer else answer
            )
            assert list(resolved["content"]) == ["application/problem+json"], name


def test_deleting_is_never_open() -> None:
    assert {} not in operations()["delete /images"]["security"]


@pytest.fixture
def address() -> Iterator[str]:
    """Yield the double's API."""
    double = Double()
    double.put(KEY, plain_picture())
    with served(application(double)) as url:
        yield f"{url}/api"


@SCHEMA.parametrize()
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
def test_double_keeps_the_contract(case: schemathesis.Case[Any], address: str) -> None:
    # A cursor that no answer has given, and a query that cannot be read, are well-formed and yet refused.
    excluded: Any = [positive_data_acceptance] if {"cursor", "q"} & {*(case.query or ())} else []
    case.call_and_validate(base_url=address, excluded_checks=excluded)
