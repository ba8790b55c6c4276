"""docker-compose.yml and Dockerfile, as far as they can be judged without Docker."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
import yaml

from tests.recording import PROJECT

PINNED = r"[^:@\s]+:\d+\.\d+\.\d+%s@sha256:[0-9a-f]{64}"  # a name, a whole version, its base, and the digest


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    return content


@pytest.fixture(scope="module")
def stages() -> dict[str, str]:
    """Return the Dockerfile's text by stage."""
    parts = re.split(r"^FROM .* AS (\S+)$", (PROJECT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def defaults(text: str) -> str:
    """Return a text with the defaults of its variables in their place."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def copied(stage: str) -> set[str]:
    """Return the project's files that a stage copies."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", stage, flags=re.MULTILINE)
    return {name for line in lines for name in line.split()}


def test_images_are_pinned(composed: dict[str, Any]) -> None:
    assert re.fullmatch(PINNED % "", defaults(composed["services"]["localstack"]["image"]))
    built_on = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", (PROJECT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert len(built_on) == 1
    assert re.fullmatch(PINNED % r"-slim-\w+", built_on[0])


def test_every_port_is_of_this_machine_alone(composed: dict[str, Any]) -> None:
    ports = [port for service in composed["services"].values() for port in service.get("ports", [])]
    assert {defaults(port) for port in ports} == {"127.0.0.1:4566:4566", "127.0.0.1:4570:4570"}


def test_what_others_wait_for_has_a_health_check(composed: dict[str, Any], stages: dict[str, str]) -> None:
    services = composed["services"]
    awaited = {
        name
        for service in services.values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }
    assert awaited == {"localstack", "rekognition"}
    for name in awaited:
        assert "healthcheck" in services[name] or "HEALTHCHECK" in stages[services[name]["build"]["target"]]


def test_a_long_lived_service_tells_wait_that_the_deployment_ends(composed: dict[str, Any]) -> None:
    # Without one, `up --wait` fails as soon as `deploy` has ended, whatever its status.
    waiting = [
        name
        for name, service in composed["services"].items()
        if service.get("depends_on", {}).get("deploy", {}).get("condition") == "service_completed_successfully"
    ]
    assert waiting == ["logs"]


def test_functions_are_in_the_network_of_localstack(composed: dict[str, Any]) -> None:
    localstack = composed["services"]["localstack"]
    assert "networks" not in composed
    assert localstack["environment"]["LAMBDA_DOCKER_NETWORK"] == "${COMPOSE_PROJECT_NAME}_default"
    assert localstack["environment"]["MAIN_CONTAINER_NAME"] == "${COMPOSE_PROJECT_NAME}-localstack-1"


def test_the_reaper_removes_the_containers_that_localstack_labels(composed: dict[str, Any]) -> None:
    localstack, reaper = composed["services"]["localstack"], composed["services"]["reaper"]
    label = json.loads(reaper["environment"]["FUNCTIONS_FILTER"])["label"]
    assert localstack["environment"]["LAMBDA_DOCKER_FLAGS"] == f"--label {label[0]}"
    assert localstack["depends_on"] == {"reaper": {"condition": "service_started"}}, "it starts first and ends last"
    assert reaper["volumes"][0] in localstack["volumes"]
    # A name would match all names that begin with it, and so each function's container that LocalStack stops.
    assert set(json.loads(reaper["environment"]["LOCALSTACK_DIES_FILTER"])) == {"label", "event"}


def test_what_is_deployed_is_what_is_on_disk(composed: dict[str, Any], stages: dict[str, str]) -> None:
    mounts = [mount.split(":") for mount in composed["services"]["deploy"]["volumes"] if mount.startswith("./")]
    assert {source.removeprefix("./") for source, _, _ in mounts} == copied(stages["deploy"])
    assert all(target == f"/project/{source.removeprefix('./')}" for source, target, _ in mounts)
    assert {mode for _, _, mode in mounts} == {"ro"}


def test_what_is_copied_is_there_and_not_ignored(stages: dict[str, str]) -> None:
    needed = set().union(*map(copied, stages.values()))
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert all((PROJECT / name).exists() for name in needed)
    assert {name for name in needed if not any(name == path or name.startswith(f"{path}/") for path in let_in)} == set()


def test_what_the_command_imports_at_its_start_is_in_the_image_that_deploys(stages: dict[str, str]) -> None:
    ours = {path.stem for path in PROJECT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    modules = [ast.parse(path.read_text()) for path in (PROJECT / "labelstack").rglob("*.py")]
    imported = {
        name.split(".")[0]
        for module in modules
        for statement in module.body
        for name in (
            [alias.name for alias in statement.names]
            if isinstance(statement, ast.Import)
            else [statement.module or ""]
            if isinstance(statement, ast.ImportFrom)
            else []
        )
    }
    copied_modules = {name.removesuffix(".py") for name in copied(stages["deploy"])}
    assert imported & ours <= copied_modules


@pytest.mark.parametrize("target", ["rekognition", "deploy"])
def test_images_run_as_a_user_without_rights_from_packages_with_hashes(stages: dict[str, str], target: str) -> None:
    assert re.findall(r"^USER (\S+)$", stages[target], flags=re.MULTILINE) == ["labelstack"]
    assert "pip install" not in stages[target]
    installs = [line for stage in stages.values() for line in stage.splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)


def test_the_local_rekognition_has_the_same_versions_in_its_image_as_here() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (PROJECT / lock).read_text(), flags=re.MULTILINE))

    assert pins("rekognition_local/requirements.txt") <= pins("requirements/dev.txt")
