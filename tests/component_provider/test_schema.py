"""The schema that other languages' programs are typed by."""

import inspect
import json
from typing import Any

import pulumi
import pytest

from component_provider import host
from components import (
    alarms,
    announcements,
    guest_access,
    image_processor,
    label_api,
    label_workflow,
    monitoring,
    notifications,
    python_function,
    results_bucket,
    results_store,
    upload_bucket,
    website,
)

MODULES = (
    *(guest_access, image_processor, label_api, label_workflow, monitoring, notifications, python_function),
    *(results_bucket, results_store, upload_bucket, website),
)
# Structures that arguments are made of.
STRUCTURES = (announcements.Announcements, alarms.WatchedApi, alarms.WatchedFunction)
SCHEMA: dict[str, Any] = json.loads(host.SCHEMA.read_text())
# Arguments of the components that the plugin decides itself: the sources are its own, and so is where it builds.
ITS_OWN = {
    "ImageProcessor": {"source_dir", "build_dir"},
    "LabelApi": {"source_dir", "build_dir"},
    "LabelWorkflow": {"source_dir", "build_dir"},
    "PythonFunction": {"build_dir"},
}


def component_classes() -> dict[str, type[pulumi.ComponentResource]]:
    """The components of `components`, by name."""
    return {
        name: found
        for module in MODULES
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, pulumi.ComponentResource) and found.__module__ == module.__name__
    }


def resource(name: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["resources"][f"labelstack:index:{name}"]
    return found


def test_committed_schema_is_what_the_components_say() -> None:
    assert host.schema() == SCHEMA, "run `make provider-schema`"


def test_every_component_is_offered() -> None:
    assert {name.rpartition(":")[2] for name in SCHEMA["resources"]} == set(component_classes())


@pytest.mark.parametrize("name", sorted(component_classes()))
def test_every_argument_of_a_component_is_offered(name: str) -> None:
    module = inspect.getmodule(component_classes()[name])
    fields = set(inspect.get_annotations(getattr(module, f"{name}Args"))) - ITS_OWN.get(name, set())

    assert_offers(resource(name)["inputProperties"], fields)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.__name__)
def test_every_part_of_a_structure_is_offered(structure: type) -> None:
    offered = SCHEMA["types"][f"labelstack:index:{structure.__name__}"]

    assert_offers(offered["properties"], set(inspect.get_annotations(structure)))
    assert not [key for key, value in offered["properties"].items() if not value.get("description")]


def assert_offers(offered: dict[str, Any], fields: set[str]) -> None:
    """Each field by its name, or with its unit spelt out, and nothing else."""
    missing = {field for field in fields if _camel(field) not in offered}
    spelt_out = {field for field in missing if _camel(field.removesuffix("_s") + "_seconds") in offered}
    assert missing - spelt_out == set()
    assert len(offered) == len(fields)


@pytest.mark.parametrize("name", sorted(component_classes()))
def test_everything_has_a_type_and_a_description(name: str) -> None:
    found = resource(name)
    properties = {**found["inputProperties"], **{f"output {key}": value for key, value in found["properties"].items()}}

    assert found["description"]
    assert {key for key, value in properties.items() if not value.get("description")} == set()
    assert {key for key, value in properties.items() if not ("type" in value or "$ref" in value)} == set()


def test_arguments_that_are_chosen_from_a_few_values_are_enums() -> None:
    assert [value["value"] for value in SCHEMA["types"]["labelstack:index:ApiKind"]["enum"]] == ["rest", "http"]
    assert resource("LabelApi")["inputProperties"]["kind"]["$ref"] == "#/types/labelstack:index:ApiKind"


def test_names_and_arns_may_be_outputs_of_other_resources() -> None:
    inputs = resource("ImageProcessor")["inputProperties"]

    assert not [key for key in ("bucketName", "bucketArn", "tableName", "tableArn") if inputs[key].get("plain")]


@pytest.mark.parametrize(
    ("structure", "plain"),
    [
        ("Announcements", {"notifyMinConfidence"}),
        ("WatchedFunction", {"timeoutSeconds", "isStep"}),
        ("WatchedApi", {"kind"}),
    ],
)
def test_structures_hold_outputs_of_other_resources(structure: str, plain: set[str]) -> None:
    parts = SCHEMA["types"][f"labelstack:index:{structure}"]["properties"]

    assert {key for key, value in parts.items() if value.get("plain")} == plain


def test_what_monitoring_asks_for_other_components_give() -> None:
    given = {name: set(resource(name)["properties"]) for name in ("ImageProcessor", "LabelApi")}

    assert {"queueName", "deadLetterQueueName", "functionName", "failureRecorderName"} <= given["ImageProcessor"]
    assert {"metricDimensions", "functionNames"} <= given["LabelApi"]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
