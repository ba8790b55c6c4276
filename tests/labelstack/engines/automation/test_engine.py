"""The engine's record of a stack, and its treatment of stacks that exist, are lost or are protected."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from labelstack.engines import PulumiEngine
from labelstack.engines.automation import record
from labelstack.errors import DestroyError, ProgramError, StateError
from tests.labelstack.engines.automation.conftest import Emulator, PulumiStack, recording


def test_up_deploys_and_counts(engine: PulumiEngine, pulumi: PulumiStack) -> None:
    pulumi.events = recording("up-creates")
    deployment = engine.up("local")
    assert (deployment.outputs, deployment.created) == ({"uploadBucket": "b"}, 2)


def test_a_stack_without_a_file_is_named(engine: PulumiEngine, pulumi: PulumiStack) -> None:
    with pytest.raises(ProgramError, match=r"there is no stack nowhere: .*Pulumi\.nowhere\.yaml.*stacks: local"):
        engine.up("nowhere")
    assert not pulumi.exists


def test_outputs_are_known_without_the_cli_and_kept_from_others(engine: PulumiEngine, tmp_path: Path) -> None:
    engine.up("local")
    assert engine.outputs("local") == {"uploadBucket": "b"}
    assert stat.S_IMODE(record.file_of(tmp_path / "stacks", "local").stat().st_mode) == 0o600


def test_outputs_of_a_stack_that_is_not_deployed_say_how_to_deploy_it(engine: PulumiEngine) -> None:
    with pytest.raises(
        StateError, match=r"stack local is not deployed on localstack by Pulumi: deploy it \(labelstack"
    ):
        engine.outputs("local")


@pytest.mark.parametrize("operation", ["up", "destroy", "outputs"])
def test_a_record_of_another_version_is_refused_and_kept(engine: PulumiEngine, tmp_path: Path, operation: str) -> None:
    engine.up("local")
    file = record.file_of(tmp_path / "stacks", "local")
    file.write_text('{"format": 99}')
    with pytest.raises(StateError, match="was written by another version of labelstack"):
        getattr(engine, operation)("local")
    assert file.read_text() == '{"format": 99}'


def test_destroy_removes_the_resources_the_stack_and_the_folder(
    engine: PulumiEngine, pulumi: PulumiStack, tmp_path: Path
) -> None:
    engine.up("local")
    pulumi.events = [event for event in recording("destroy-protected") if event.res_outputs_event]
    assert engine.destroy("local") == 2
    assert not pulumi.exists
    assert not (tmp_path / "stacks" / "local").exists()
    assert engine.destroy("local") == 0


def test_destroy_removes_nothing_where_something_is_protected(engine: PulumiEngine, pulumi: PulumiStack) -> None:
    engine.up("local")
    pulumi.protected, pulumi.events = (
        ["urn:pulumi:local::small::aws:s3/bucket:Bucket::uploads"],
        recording("up-removes"),
    )
    with pytest.raises(DestroyError, match=r"uploads \(aws:s3/bucket:Bucket\) is protected; nothing was removed"):
        engine.destroy("local")
    assert pulumi.exists
    assert engine.outputs("local") == {"uploadBucket": "b"}


def test_a_deployment_that_failed_before_the_stack_was_made_can_be_destroyed(
    engine: PulumiEngine, pulumi: PulumiStack, tmp_path: Path
) -> None:
    engine.up("local")
    pulumi.exists = False
    assert engine.destroy("local") == 0
    assert not (tmp_path / "stacks" / "local").exists()


def test_what_was_on_a_cloud_that_lost_it_is_forgotten(
    engine: PulumiEngine, pulumi: PulumiStack, cloud: Emulator, tmp_path: Path
) -> None:
    engine.up("local")
    passphrase = tmp_path / "stacks" / "local" / "passphrase"
    before = passphrase.read_text()
    cloud.instance = "second"
    with pytest.raises(StateError, match="not deployed"):
        engine.outputs("local")
    engine.up("local")
    assert passphrase.read_text() != before, "nothing of the lost stack is used again"
    cloud.instance = "third"
    assert engine.destroy("local") == 0
    assert pulumi.exists, "what belonged to another instance is not asked about"


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
