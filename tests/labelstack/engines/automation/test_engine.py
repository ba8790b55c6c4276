"""The Pulumi engine's conversation with the CLI: what it is told, what it reads and writes, what is reported."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from labelstack.engines import PulumiEngine
from labelstack.engines.automation import provider, record
from labelstack.errors import ProgramError, StateError
from tests.labelstack.engines.automation.conftest import ENDPOINT, Cli, Emulator, step

STACK_TYPE = "pulumi:pulumi:Stack"


def test_up_makes_the_stack_gets_the_provider_and_deploys(engine: PulumiEngine, cli: Cli) -> None:
    assert engine.up("local").outputs == {"uploadBucket": "b"}

    told = [call["arguments"] for call in cli.calls()]
    assert told[:3] == [
        ["stack", "select", "--stack", "local"],
        ["stack", "init", "local", "--secrets-provider", "passphrase"],
        ["plugin", "install", "resource", "aws", f"v{provider.plugin_version()}"],
    ]
    assert told[3][:3] == ["up", "--yes", "--skip-preview"]
    assert told[3][-2:] == ["--stack", "local"]


def test_a_second_up_selects_the_stack_that_is_there(engine: PulumiEngine, cli: Cli) -> None:
    engine.up("local")
    cli.plan(events=[step("same"), step("same", "aws:s3/bucket:Bucket", "uploads")])
    deployment = engine.up("local")

    assert [call["arguments"][:2] for call in cli.calls()].count(["stack", "init"]) == 1
    assert (deployment.unchanged, deployment.created, deployment.updated, deployment.deleted) == (2, 0, 0, 0)


def test_steps_are_reported_as_the_in_process_engine_reports_them(engine: PulumiEngine, cli: Cli) -> None:
    cli.plan(
        events=[
            step("create", STACK_TYPE, "small-local"),
            step("create", "pulumi:providers:aws", "default_7_51_1"),
            step("create", "labelstack:components:Bucket", "uploads", custom=False),
            step("create", "aws:s3/bucket:Bucket", "uploads"),
            step("create-replacement", name="jobs"),
            step("replace", name="jobs"),
            step("delete-replaced", name="jobs"),
            step("delete", name="old"),
        ]
    )
    seen: list[tuple[str, str, str]] = []
    deployment = engine.up("local", on_step=lambda *told: seen.append(told))

    assert seen == [
        ("created", "aws:s3/bucket:Bucket", "uploads"),
        ("replaced", "aws:sqs/queue:Queue", "jobs"),
        ("deleted", "aws:sqs/queue:Queue", "old"),
    ]
    assert (deployment.created, deployment.replaced, deployment.deleted) == (1, 1, 1)


def test_the_checkout_is_not_written_to(engine: PulumiEngine, project: Path) -> None:
    before = {file: file.read_bytes() for file in project.rglob("*")}
    engine.up("local")
    engine.destroy("local")
    assert {file: file.read_bytes() for file in project.rglob("*")} == before


def test_the_program_is_the_checkout_s_run_by_this_python(engine: PulumiEngine, cli: Cli, project: Path) -> None:
    engine.up("local")
    call = cli.call("up")
    described = call["files"]["Pulumi.yaml"]
    assert described["name"] == "small"
    assert described["main"] == str(project)
    assert described["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    assert (Path(sys.prefix) / "bin" / "python").exists()


def test_outside_a_virtual_environment_the_interpreter_is_named(
    engine: PulumiEngine, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    engine.up("local")
    call = cli.call("up")
    assert call["files"]["Pulumi.yaml"]["runtime"]["options"] == {"toolchain": "pip"}
    assert call["environment"]["PULUMI_PYTHON_CMD"] == sys.executable


def test_the_stack_s_file_has_the_stack_s_settings_the_cloud_s_and_the_caller_s(engine: PulumiEngine, cli: Cli) -> None:
    engine.up("local", {"count": "4", "small:extra": "x"})
    config = cli.call("up")["files"]["Pulumi.local.yaml"]["config"]
    assert {key: value for key, value in config.items() if key.startswith("small:")} == {
        "small:detectors": ["labels", "faces"],
        "small:architecture": "x86_64",
        "small:count": "4",
        "small:extra": "x",
    }


def test_everything_goes_to_the_emulator_and_nothing_to_aws(engine: PulumiEngine, cli: Cli) -> None:
    engine.up("local")
    call = cli.call("up")
    config = call["files"]["Pulumi.local.yaml"]["config"]
    [endpoints] = config["aws:endpoints"]
    assert set(endpoints.values()) == {ENDPOINT}
    assert {"s3", "s3control", "sts", "lambda", "logs", "events"} <= set(endpoints)
    assert {key: value for key, value in config.items() if key.startswith("aws:") and key != "aws:endpoints"} == {
        "aws:region": "us-east-1",
        "aws:accessKey": "test",
        "aws:secretKey": "test",
        "aws:s3UsePathStyle": True,
        "aws:skipCredentialsValidation": True,
        "aws:skipMetadataApiCheck": True,
        "aws:defaultTags": {"tags": {"team": "a"}},
    }
    assert call["environment"]["AWS_ENDPOINT_URL"] == ENDPOINT
    assert call["environment"]["AWS_PROFILE"] == ""


def test_on_aws_the_stack_s_own_provider_settings_hold(engine: PulumiEngine, cli: Cli, cloud: Emulator) -> None:
    cloud.endpoint_url = None
    engine.up("local")
    call = cli.call("up")
    config = call["files"]["Pulumi.local.yaml"]["config"]
    assert config["aws:profile"] == "work"
    assert "aws:endpoints" not in config
    assert "AWS_ENDPOINT_URL" not in call["environment"]


def test_the_state_is_in_the_engine_s_folder_under_a_passphrase_of_its_own(
    engine: PulumiEngine, cli: Cli, tmp_path: Path
) -> None:
    engine.up("local")
    environment = cli.call("up")["environment"]
    passphrase = tmp_path / "stacks" / "local" / "passphrase"
    assert environment["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/stacks/local/state"
    assert environment["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(passphrase)
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert len(passphrase.read_text()) > 30
    first = passphrase.read_text()
    engine.up("local")
    assert passphrase.read_text() == first


def test_the_salt_that_the_cli_wrote_survives_the_next_up(engine: PulumiEngine, cli: Cli) -> None:
    engine.up("local")
    engine.up("local")
    assert cli.call("up")["files"]["Pulumi.local.yaml"]["encryptionsalt"] == "v1:salt"


def test_the_user_s_own_passphrase_is_respected(
    engine: PulumiEngine, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")  # set, though to nothing: Pulumi takes it
    engine.up("local")
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in cli.call("up")["environment"]
    assert not (tmp_path / "stacks" / "local" / "passphrase").exists()


def test_another_passphrase_is_told(engine: PulumiEngine, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.up("local")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    with pytest.raises(StateError, match="passphrase is not the one that stack local was made with: set PUL"):
        engine.up("local")


def test_a_stack_without_a_file_is_told(engine: PulumiEngine, cli: Cli) -> None:
    with pytest.raises(ProgramError, match=r"there is no stack nowhere: .*Pulumi\.nowhere\.yaml.*stacks: local"):
        engine.up("nowhere")
    assert cli.calls() == []


def test_outputs_are_known_without_the_cli(engine: PulumiEngine, cli: Cli, tmp_path: Path) -> None:
    engine.up("local")
    calls = len(cli.calls())
    assert engine.outputs("local") == {"uploadBucket": "b"}
    assert len(cli.calls()) == calls
    assert stat.S_IMODE(record.file_of(tmp_path / "stacks", "local").stat().st_mode) == 0o600


def test_outputs_of_a_stack_that_is_not_deployed_are_told(engine: PulumiEngine) -> None:
    with pytest.raises(StateError, match="stack local is not deployed on localstack by Pulumi"):
        engine.outputs("local")


@pytest.mark.parametrize("operation", ["up", "destroy", "outputs"])
def test_a_record_of_another_version_is_told_and_kept(engine: PulumiEngine, tmp_path: Path, operation: str) -> None:
    engine.up("local")
    file = record.file_of(tmp_path / "stacks", "local")
    file.write_text('{"format": 99}')
    with pytest.raises(StateError, match="was written by another version of labelstack"):
        getattr(engine, operation)("local")
    assert file.read_text() == '{"format": 99}'


def test_destroy_removes_the_resources_the_stack_and_the_folder(engine: PulumiEngine, cli: Cli, tmp_path: Path) -> None:
    engine.up("local")
    cli.plan(events=[step("delete"), step("delete", name="other"), step("delete", STACK_TYPE, "small-local")])
    assert engine.destroy("local") == 2

    told = [call["arguments"][:2] for call in cli.calls()]
    assert told[-4:] == [["stack", "select"], ["destroy", "--skip-preview"], ["stack", "history"], ["stack", "rm"]]
    assert not (tmp_path / "stacks" / "local").exists()
    assert engine.destroy("local") == 0


def test_destroy_of_a_stack_that_is_not_there_needs_no_cli(engine: PulumiEngine, cli: Cli) -> None:
    assert engine.destroy("local") == 0
    assert cli.calls() == []


def test_a_deployment_that_failed_before_the_stack_was_made_can_be_destroyed(engine: PulumiEngine, cli: Cli) -> None:
    cli.plan(refused={"stack init": "error: no space left"})
    with pytest.raises(ProgramError, match="no space left"):
        engine.up("local")
    cli.plan(refused={})
    assert engine.destroy("local") == 0


def test_what_was_on_a_cloud_that_lost_it_is_forgotten(engine: PulumiEngine, cli: Cli, cloud: Emulator) -> None:
    engine.up("local")
    cloud.instance = "another"
    with pytest.raises(StateError, match="not deployed"):
        engine.outputs("local")
    engine.up("local")
    assert [call["arguments"][:2] for call in cli.calls()].count(["stack", "init"]) == 2
    cloud.instance = "a third"
    calls = len(cli.calls())
    assert engine.destroy("local") == 0
    assert len(cli.calls()) == calls


@pytest.mark.parametrize("operation", ["up", "destroy"])
def test_what_is_on_aws_in_another_region_is_never_forgotten(
    engine: PulumiEngine, cloud: Emulator, tmp_path: Path, operation: str
) -> None:
    cloud.endpoint_url, cloud.instance = None, "aws:us-east-1"
    engine.up("local")
    cloud.instance = "aws:eu-central-1"
    with pytest.raises(StateError, match="deployed on aws:us-east-1, and this is aws:eu-central-1"):
        getattr(engine, operation)("local")
    assert (tmp_path / "stacks" / "local" / "state").exists()
