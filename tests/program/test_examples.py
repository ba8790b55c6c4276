"""What `pulumi up` in an example's folder finds; integration_tests/test_examples.py runs their programs."""

from pathlib import Path

import pytest
import yaml

from tests.recording import PROJECT

EXAMPLES = sorted(file.parent for file in (PROJECT / "examples").glob("*/Pulumi.yaml"))


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
