"""Errors of the Pulumi engine: causes and what to do, never the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pulumi.automation import ConcurrentUpdateError
from starlette.applications import Starlette

from labelstack.engines import PulumiEngine
from labelstack.engines.automation import cli as pulumi_cli
from labelstack.engines.automation.failures import AFTER_FAILED_UP
from labelstack.errors import DeployError, DestroyError, ProgramError, PulumiMissingError, StateError
from tests.labelstack.engines.automation.conftest import PulumiStack, recording, refused
from tests.recording import PROJECT
from tests.serving import served


def test_a_refused_resource_is_named_with_the_provider_s_reason(engine: PulumiEngine, pulumi: PulumiStack) -> None:
    pulumi.failure, pulumi.events = refused(), recording("up-two-refused")
    with pytest.raises(DeployError) as raised:
        engine.up("local")
    lines = str(raised.value).splitlines()
    assert [line.partition(" (")[0] for line in lines] == ["first", "second"]
    assert (raised.value.resource, raised.value.answer) == ("first", lines[0].partition("): ")[2])
    assert raised.value.__notes__ == [AFTER_FAILED_UP]


def test_after_a_failure_the_stack_is_known_and_can_be_destroyed(engine: PulumiEngine, pulumi: PulumiStack) -> None:
    pulumi.failure, pulumi.events = refused(), recording("up-refused")
    with pytest.raises(DeployError):
        engine.up("local")
    with pytest.raises(StateError, match="not deployed"):
        engine.outputs("local")
    pulumi.failure = None
    engine.destroy("local")
    assert not pulumi.exists


def test_a_program_s_own_error_is_told_in_its_words(engine: PulumiEngine, pulumi: PulumiStack) -> None:
    pulumi.failure, pulumi.events = refused(), recording("up-missing-config")
    with pytest.raises(ProgramError) as raised:
        engine.up("local")
    assert str(raised.value).startswith("Missing required configuration variable 'recorded:missing'\n")
    assert "exit code" not in str(raised.value)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (refused("warning: something\nerror: could not load policy pack"), "could not load policy pack"),
        (refused(), "it gave no reason"),
    ],
)
def test_an_error_without_an_event_is_told_in_the_cli_s_words(
    engine: PulumiEngine, pulumi: PulumiStack, failure: Exception, sentence: str
) -> None:
    pulumi.failure = failure  # type: ignore[assignment]  # parameters lose the type
    with pytest.raises(ProgramError) as raised:
        engine.up("local")
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (
            refused("error: getting stack configuration: get stack secrets manager: incorrect passphrase"),
            "passphrase is not that of stack local: set PULUMI_CONFIG_PASSPHRASE",
        ),
        (
            refused("error: the stack is currently locked by 1 lock(s). Either wait", ConcurrentUpdateError),
            r"PULUMI_BACKEND_URL=file://\S+ pulumi cancel --stack local",
        ),
        (
            refused("error: the stack 'local' is newer than what this version of the Pulumi CLI understands."),
            "stack local was written by another version of Pulumi",
        ),
    ],
)
def test_a_stack_that_cannot_be_used_says_what_to_do(
    engine: PulumiEngine, pulumi: PulumiStack, failure: Exception, sentence: str
) -> None:
    engine.up("local")
    pulumi.failure = failure  # type: ignore[assignment]  # parameters lose the type
    for operation in (engine.up, engine.destroy):
        with pytest.raises(StateError, match=sentence):
            operation("local")


def test_what_could_not_be_destroyed_is_named_and_the_stack_kept(engine: PulumiEngine, pulumi: PulumiStack) -> None:
    engine.up("local")
    pulumi.failure, pulumi.events = refused(), recording("up-invalid-argument")
    with pytest.raises(
        DestroyError, match=r"stack local could not be destroyed: queue \(aws:sqs/queue:Queue\)"
    ) as raised:
        engine.destroy("local")
    assert len(raised.value.failures) == 1
    assert engine.outputs("local") == {"uploadBucket": "b"}


def test_a_provider_that_cannot_be_had_is_told_with_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = "error: [resource plugin aws] downloading from : dial tcp: no such host"
    install(tmp_path / "path", f"v{pulumi_cli.CLI_VERSION}", plugin=f"echo '{refusal}' >&2; exit 255")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    with pytest.raises(
        PulumiMissingError, match=r"AWS provider 7\.\S+, .*no such host.*pulumi plugin install"
    ) as raised:
        pulumi_cli.ready(tmp_path / "cli")
    assert "\n" not in str(raised.value)


@pytest.fixture
def installer() -> Iterator[str]:
    """Yield a server that knows no installer."""
    with served(Starlette()) as url:
        yield f"{url}/install.sh"


def install(folder: Path, version: str, plugin: str = "") -> Path:
    """Put a command into a folder that prints a version, as `pulumi version` does, and runs `plugin` for all else."""
    folder.mkdir(parents=True)
    command = folder / "pulumi"
    command.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo {version} && exit\n{plugin}\n')
    command.chmod(0o755)
    return command


@pytest.mark.parametrize(("version", "state"), [(None, "is not installed"), ("v3.100.0", "is older here")])
def test_a_missing_or_old_cli_that_cannot_be_downloaded_is_told_in_a_line(
    installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, state: str
) -> None:
    if version is not None:
        install(tmp_path / "path", version)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    with pytest.raises(PulumiMissingError) as raised:
        pulumi_cli.find(tmp_path / "cli", installer)
    assert all(part in str(raised.value) for part in (state, str(pulumi_cli.CLI_VERSION), pulumi_cli.HOW_TO_INSTALL))
    assert "\n" not in str(raised.value)


def test_a_downloaded_cli_is_used_when_none_is_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    downloaded = install(tmp_path / "cli" / "bin", f"v{pulumi_cli.CLI_VERSION}")
    assert pulumi_cli.find(tmp_path / "cli", "http://127.0.0.1:9/").command == str(downloaded)


def test_the_pinned_cli_is_the_locked_sdk_s() -> None:
    lock = (PROJECT / "requirements.txt").read_text()
    assert f"pulumi=={pulumi_cli.CLI_VERSION} " in lock


def test_a_broken_project_file_is_told(engine: PulumiEngine, project: Path) -> None:
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"runtime": "python"}))
    with pytest.raises(ProgramError, match="has no name"):
        engine.up("local")
