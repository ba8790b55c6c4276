"""The engine's files and variables for the CLI."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from labelstack.engines import PulumiEngine
from labelstack.engines.automation import provider
from labelstack.engines.automation.workspace import Workspace
from tests.labelstack.engines.automation.conftest import ENDPOINT, Emulator, PulumiStack


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return the folder of the stack that the engine deploys."""
    return Workspace(tmp_path / "stacks" / "local", "local")


def project_file(workspace: Workspace) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((workspace.program / "Pulumi.yaml").read_text())
    return content


def config(workspace: Workspace) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((workspace.program / "Pulumi.local.yaml").read_text())["config"]
    return content


def test_the_checkout_is_not_written_to(engine: PulumiEngine, project: Path) -> None:
    before = {file: file.read_bytes() for file in project.rglob("*")}
    engine.up("local")
    engine.destroy("local")
    assert {file: file.read_bytes() for file in project.rglob("*")} == before


def test_the_program_is_the_checkout_s_run_by_this_python(
    engine: PulumiEngine, workspace: Workspace, project: Path
) -> None:
    engine.up("local")
    described = project_file(workspace)
    assert (described["name"], described["main"]) == ("small", str(project))
    assert described["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}


def test_outside_a_virtual_environment_the_interpreter_is_named(
    engine: PulumiEngine, workspace: Workspace, pulumi: PulumiStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    engine.up("local")
    assert project_file(workspace)["runtime"]["options"] == {"toolchain": "pip"}
    assert pulumi.options.env_vars["PULUMI_PYTHON_CMD"] == sys.executable


def test_the_caller_s_settings_go_before_the_cloud_s_and_those_before_the_stack_s(
    engine: PulumiEngine, workspace: Workspace
) -> None:
    engine.up("local", {"count": "4", "small:extra": "x"})
    assert {key: value for key, value in config(workspace).items() if key.startswith("small:")} == {
        "small:detectors": ["labels", "faces"],
        "small:architecture": "x86_64",
        "small:count": "4",
        "small:extra": "x",
    }


def test_everything_goes_to_the_emulator_and_nothing_to_aws(
    engine: PulumiEngine, workspace: Workspace, pulumi: PulumiStack
) -> None:
    engine.up("local")
    written = config(workspace)
    assert {key: value for key, value in written.items() if key.startswith("aws:")} == {
        "aws:region": "us-east-1",
        "aws:defaultTags": {"tags": {"team": "a"}},
        **provider.emulator_settings(ENDPOINT),
    }
    assert pulumi.options.env_vars["AWS_ENDPOINT_URL"] == ENDPOINT
    assert pulumi.options.env_vars["AWS_ACCESS_KEY_ID"] == "of-the-emulator"
    assert pulumi.options.env_vars["AWS_PROFILE"] == ""


def test_on_aws_the_stack_s_own_provider_settings_hold(
    engine: PulumiEngine, workspace: Workspace, pulumi: PulumiStack, cloud: Emulator
) -> None:
    cloud.endpoint_url = None
    engine.up("local")
    assert config(workspace)["aws:profile"] == "work"
    assert "aws:endpoints" not in config(workspace)
    assert "AWS_ENDPOINT_URL" not in pulumi.options.env_vars


def test_state_and_passphrase_are_in_the_engine_s_folder_and_stay(
    engine: PulumiEngine, workspace: Workspace, pulumi: PulumiStack
) -> None:
    engine.up("local")
    passphrase = workspace.passphrase.read_text()
    engine.up("local")

    assert pulumi.options.env_vars["PULUMI_BACKEND_URL"] == f"file://{workspace.folder}/state"
    assert pulumi.options.env_vars["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(workspace.passphrase)
    assert stat.S_IMODE(workspace.passphrase.stat().st_mode) == 0o600
    assert len(passphrase) > 30
    assert workspace.passphrase.read_text() == passphrase


def test_the_salt_that_the_cli_wrote_survives_the_next_up(engine: PulumiEngine, workspace: Workspace) -> None:
    engine.up("local")
    file = workspace.program / "Pulumi.local.yaml"
    file.write_text(f"encryptionsalt: v1:salt\n{file.read_text()}")
    engine.up("local")
    assert yaml.safe_load(file.read_text())["encryptionsalt"] == "v1:salt"


def test_the_user_s_own_passphrase_is_respected(
    engine: PulumiEngine, workspace: Workspace, pulumi: PulumiStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")  # set, though to nothing: Pulumi takes it
    engine.up("local")
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in pulumi.options.env_vars
    assert not workspace.passphrase.exists()
