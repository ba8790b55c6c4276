"""The files of each example; integration_tests/test_examples.py runs their programs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.recording import PROJECT

EXAMPLES = sorted(file.parent for file in (PROJECT / "examples").glob("*/__main__.py"))
OTHER_LANGUAGES = ("typescript", "yaml")
SCHEMA = json.loads((PROJECT / "component_provider" / "schema.json").read_text())


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_example_installs_this_repositorys_components(folder: Path) -> None:
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    requirements = [line for line in (folder / "requirements.txt").read_text().splitlines() if not line.startswith("#")]

    assert project["name"] == f"labelstack-example-{folder.name}"
    assert project["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}
    assert [requirement.split() for requirement in requirements] == [["-e", "../.."]]
    assert (folder / "../..").resolve() == PROJECT


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_example_is_explained(folder: Path) -> None:
    readme = (folder / "README.md").read_text()
    program = (folder / "__main__.py").read_text()
    outputs = [line.split('"')[1] for line in program.splitlines() if line.startswith("pulumi.export(")]

    assert outputs
    assert not [name for name in outputs if f"`{name}`" not in readme]
    assert f"({folder.name})" in (folder.parent / "README.md").read_text()


def test_there_is_no_other_example() -> None:
    folders = {file.parent for file in (PROJECT / "examples").glob("*/Pulumi.yaml")}

    assert folders == {*EXAMPLES, *(PROJECT / "examples" / name for name in OTHER_LANGUAGES)}


def test_the_yaml_program_fits_the_plugins_schema() -> None:
    program = yaml.safe_load((PROJECT / "examples" / "yaml" / "Pulumi.yaml").read_text())
    kinds = {}
    for name, resource in program["resources"].items():
        kinds[name] = SCHEMA["resources"][resource["type"].replace(":", ":index:")]
        assert fits(resource["properties"], kinds[name]["inputProperties"], kinds[name].get("requiredInputs", []))
    outputs = re.findall(r"\$\{(\w+)\.(\w+)\}", json.dumps(program))

    assert len(outputs) == 6
    assert [(name, output) for name, output in outputs if output not in kinds[name].get("properties", {})] == []
    assert (
        PROJECT / "examples" / "yaml" / program["packages"]["labelstack"]
    ).resolve() == PROJECT / "component_provider"


def fits(document: dict[str, Any], properties: dict[str, Any], required: list[str]) -> bool:
    """Return whether the schema has these properties and their parts, and the properties have all that it requires."""
    for name, value in document.items():
        if isinstance(value, dict) and "$ref" in properties.get(name, {}):
            part = SCHEMA["types"][properties[name]["$ref"].removeprefix("#/types/")]
            if not fits(value, part["properties"], part.get("required", [])):
                return False
    return set(required) <= set(document) <= set(properties)


def test_the_typescript_program_names_what_the_plugin_has() -> None:
    program = (PROJECT / "examples" / "typescript" / "index.ts").read_text()
    constants = re.findall(r"const (\w+) = new labelstack\.(\w+)\(", program)
    kinds = {name: SCHEMA["resources"][f"labelstack:index:{kind}"] for name, kind in constants}
    outputs = [(name, output) for name, output in re.findall(r"\b(\w+)\.(\w+)\b", program) if name in kinds]

    assert set(re.findall(r"new labelstack\.(\w+)", program)) > {kind for _, kind in constants}
    assert len(outputs) > 10
    assert [(name, output) for name, output in outputs if output not in kinds[name].get("properties", {})] == []
