"""The schema that other languages' programs are typed by."""

import json
from typing import Any

import pytest

from component_provider import schema
from components.arguments import members
from components.component import args_of

SCHEMA: dict[str, Any] = json.loads(schema.FILE.read_text())


def resource(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = SCHEMA["resources"][f"labelstack:index:{name}"]
    return definition


def test_committed_schema_is_what_the_components_say() -> None:
    assert schema.text() == schema.FILE.read_text(), "run `make generated`"


def test_every_component_is_offered() -> None:
    assert {name.rpartition(":")[2] for name in SCHEMA["resources"]} == {
        *("GuestAccess", "ImageProcessor", "LabelApi", "LabelWorkflow", "Monitoring", "Notifications"),
        *("Previews", "PythonFunction", "ResultsBucket", "ResultsStore", "UploadBucket", "Website", "WebsiteFiles"),
    }


@pytest.mark.parametrize("name", sorted(schema.COMPONENTS))
def test_everything_has_a_type_and_a_description(name: str) -> None:
    component = resource(name)
    properties = {
        **component["inputProperties"],
        **{f"output {key}": value for key, value in component.get("properties", {}).items()},
    }

    assert component["description"]
    assert len(component["inputProperties"]) == len(members(args_of(schema.COMPONENTS[name])))
    assert {key for key, value in properties.items() if not value.get("description")} == set()
    assert {key for key, value in properties.items() if not ("type" in value or "$ref" in value)} == set()


@pytest.mark.parametrize("name", sorted(SCHEMA["types"]))
def test_every_part_of_a_structure_has_a_type_and_a_description(name: str) -> None:
    for part in SCHEMA["types"][name].get("properties", {}).values():
        assert part["description"]
        assert "type" in part or "$ref" in part


def test_references_lead_to_types_that_are_there() -> None:
    references = {part.split('"')[0] for part in schema.FILE.read_text().split('"#/types/')[1:]}

    assert references
    assert references <= set(SCHEMA["types"])


def test_arguments_that_are_chosen_from_a_few_values_are_enums() -> None:
    assert [value["value"] for value in SCHEMA["types"]["labelstack:index:ApiKind"]["enum"]] == ["rest", "http"]
    assert resource("LabelApi")["inputProperties"]["kind"]["$ref"] == "#/types/labelstack:index:ApiKind"


def test_a_bucket_and_a_table_are_all_that_a_pipeline_needs() -> None:
    assert resource("ImageProcessor")["requiredInputs"] == ["bucket", "table"]


def test_outputs_of_other_resources_are_taken_where_the_program_need_not_know_them() -> None:
    inputs = resource("ImageProcessor")["inputProperties"]

    decide = {
        "buildDir",
        "sourceDir",
        "runtime",
        "architecture",
        "events",
        "eventbridge",
        "detectors",
        "imageProperties",
        "keepLocation",
    }
    decide |= {"onCostBound", "labelBlocklist", "labelAllowlist", "labelAliases", "minConfidenceByLabel"}
    assert {key for key, value in inputs.items() if value.get("plain")} == decide
    reference = SCHEMA["types"]["labelstack:index:BucketReference"]
    assert set(reference["properties"]) == {"name", "arn", "kmsKeyArn"}
    assert not [key for key, value in reference["properties"].items() if value.get("plain")]


def test_defaults_are_the_components() -> None:
    inputs = resource("ImageProcessor")["inputProperties"]

    assert inputs["maxLabels"]["description"].endswith(" Default: 10.")
    assert inputs["detectors"]["description"].endswith(' Default: ["labels"].')


def test_what_monitoring_asks_for_other_components_give() -> None:
    for component, reference in (("LabelWorkflow", "PipelineReference"), ("LabelApi", "ApiReference")):
        required_members = set(SCHEMA["types"][f"labelstack:index:{reference}"]["properties"])
        assert required_members <= set(resource(component)["properties"])
